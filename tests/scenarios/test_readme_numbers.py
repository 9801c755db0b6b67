"""The numbers in the READMEs of the shipped scenarios are those of today (`docs/readme_numbers.py`)."""

import importlib.util
import re
from pathlib import Path

import pytest

from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load

SCRIPT = Path(__file__).parents[2] / "docs" / "readme_numbers.py"
STALE = "the numbers in {} are not of today; run: python docs/readme_numbers.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("readme_numbers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", shipped_scenarios())
def test_the_numbers_are_of_this_scenario(name, script):
    folder = shipped_scenarios()[name]
    written = re.search(r"<!-- hash -->`(\w+)`<!-- end -->", (folder / "README.md").read_text(encoding="utf-8"))
    assert written, f"{folder / 'README.md'} does not say from which scenario its numbers are"
    assert written[1] == script.hash_of(folder), STALE.format(folder / "README.md")


def test_the_decision_on_what_fits_counts_the_numbers_of_the_caribbean_world():
    numbers = load("caribbean-2025").assumptions.values()
    named = sum(not number.inline for number in numbers)
    decision = (SCRIPT.parents[1] / "decisions" / "caribbean-what-fits.md").read_text(encoding="utf-8")
    assert f"the scenario still has {len(numbers)} numbers, {named} of them" in " ".join(decision.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_scenarios())
def test_the_numbers_are_those_that_are_computed_today(name, script):
    folder = shipped_scenarios()[name]
    today = script.Numbers(folder).text()
    assert (folder / "README.md").read_text(encoding="utf-8") == today, STALE.format(folder / "README.md")


@pytest.mark.slow
def test_the_table_of_all_past_worlds_is_that_of_today(script):
    assert script.page_of_backtests() == script.PAGE.read_text(encoding="utf-8"), STALE.format(script.PAGE)


def test_each_mark_is_filled_up_to_its_end(tmp_path, script):
    world = (shipped_scenarios()["two-islands"] / "scenario.yaml").read_text(encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(world, encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text("At <!-- implied happens:patrol at 30 -->old<!-- end --> of <!-- hash --><!-- end -->.", "utf-8")
    numbers = script.Numbers(tmp_path)
    text = numbers.text()
    assert re.fullmatch(r"At <!-- implied happens:patrol at 30 -->\d+%, \d+%<!-- end --> of .*`\w{12}`.*\.", text)
    readme.write_text(text, encoding="utf-8")
    assert numbers.text() == text
    readme.write_text("<!-- sizes -->3<!-- end -->", encoding="utf-8")
    with pytest.raises(ValueError, match="unknown mark 'sizes'; expected one of size, "):
        numbers.text()
