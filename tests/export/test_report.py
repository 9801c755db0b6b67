"""Reports: whole, self-contained, escaped, and with the words of ICD 203."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pytest

from simlib.cli import main
from simlib.engines.exact import solve
from simlib.export.report import Answers, ask, blocks, icd203, to_html, to_markdown
from simlib.scenario.model import Window
from tests import worlds

HEADINGS = ["The answer", "What drives it", "By which path", "What to watch for", "The assumptions", "Sources",
            "Limits", "Provenance"]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "word"),
    [(0.003, "remote"), (0.03, "almost no chance"), (0.1, "very unlikely"), (0.3, "unlikely"),
     (0.5, "roughly even chance"), (0.7, "likely"), (0.9, "very likely"), (1.0, "almost certain")],
)  # fmt: skip
def test_words_of_probability(p, word):
    assert icd203(p) == word


def test_a_whole_report_as_html(tmp_path, capsys):
    target = tmp_path / "report.html"
    assert main(["report", "two-islands", "--out", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    page = target.read_text()
    assert re.findall("<h2>(.*?)</h2>", page) == HEADINGS
    assert page.count('src="data:image/png;base64,') >= 5
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "four patrols in the two weeks" in page


def test_what_a_scenario_says_is_never_markup():
    scenario = worlds.two_states(0.05, ends=True).replace(title="<script>alert(1)</script> *bold*")
    pieces = list(blocks(Answers(scenario, solve(scenario, times=5))))
    assert "<script>" not in to_html(pieces)
    assert "&lt;script&gt;" in to_html(pieces)
    assert to_markdown(pieces).startswith("# \\<script\\>alert(1)\\</script\\> \\*bold\\*")


def test_numbers_carry_words():
    scenario = worlds.two_states(0.05, ends=True)
    text = to_markdown(blocks(Answers(scenario, solve(scenario, times=5))))
    assert "- across: likely, 78%." in text
    assert "at the stated values of the assumptions" in text


def test_an_unknown_ending_of_the_file_is_refused(capsys):
    assert main(["report", "two-islands", "--out", "report.docx"]) == 2
    assert "expected .html or .md" in capsys.readouterr().err


def page(tmp_path, capsys, *argv):
    """Return a report of the teaching world as Markdown, its figures left out."""
    target = tmp_path / "report.md"
    assert main(["report", *argv, "--out", str(target)]) == 0
    capsys.readouterr()
    return re.sub(r"\(data:[^)]*\)", "()", target.read_text())


def test_a_changed_world_is_told_as_a_what_if(tmp_path, capsys):
    changes = ["--set", "patrol_rate=2 per day", "--forbid", "patrol@2031-04-10", "--ignore-windows"]
    text = page(tmp_path, capsys, "two-islands", *changes)
    head = text[: text.index("## The answer")]
    assert "This is a what-if, not the scenario as it stands. Changed:" in head
    assert re.search(r"- [^\n]*: \S+ per \w+ → 2 per day", head)
    assert "forbidden from 10 April 2031" in head
    assert "- calendar windows are left out" in head
    was = r"set on the command line; the file states \S+ per \w+ because four patrols in the two weeks"
    assert re.search(was, text)


def test_a_view_is_named_and_its_reasons_stay(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--view", "hawks")
    assert "This is a what-if, seen through the view “hawks”. Changed from the scenario as it stands:" in text
    assert "set on the command line" not in text


def test_a_report_says_over_what_it_is(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands")
    assert "what-if" not in text
    answer = text[text.index("## The answer") : text.index("## What drives it")]
    assert answer.index("No ending yet") < answer.index("ask for the report with --draws 200")
    assert "the assumptions above" in text
    assert "| watch list | Over the priors (200 draws, 8,000 histories, seed 0) |" in text


def test_everything_beside_the_answer_leaves_the_windows_out_too():
    scenario = worlds.World("season", 30.0).variable("bank", "left", "right", start="left")
    scenario.move("cross", scenario.uncertain("rate", "rate", 0.05, 0.01, 0.2), {"bank": "right"})
    world = scenario.ending("across", {"bank": "right"}).ladder("banks", near=None, far={"bank": "right"}).scenario()
    shut = Window(world.as_of + dt.timedelta(days=400), world.as_of + dt.timedelta(days=500))
    world = world.replace(moves={"cross": dataclasses.replace(world.moves["cross"], between=shut)})
    answers = ask(world, solve(world, times=1, ignore_windows=True))
    open_always = solve(world, times=1, ignore_windows=True).endings["across"].probability[-1]
    assert answers.tornado.stated[0] == pytest.approx(open_always)
    assert answers.indicators[0].before[0] > 0.1
    assert sum(one.probability for one in answers.paths.classes) == pytest.approx(1.0, abs=1e-6)
