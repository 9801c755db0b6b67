"""Everything that a command writes as JSON can be loaded again, with its provenance."""

from __future__ import annotations

import argparse
import io
import json

import pytest

import simlib
from simlib.cli import main
from simlib.cli.options.parser import build
from simlib.cli.output.files import slug
from tests.cli.world import write_bridge
from tests.data.test_reader import MIDI

WAR = ["--measure", "ending:open-war"]
FEW = ["--draws", "64"]
CASES = {
    "check": [],
    "run": [],
    "compare": [*WAR, "--forbid", "patrol", "--runs", "100"],
    "drivers": [*WAR, "--top", "2"],
    "uncertainty": [*WAR, "--draws", "128", "--look-by", "14"],
    "paths": ["--given", "open-war", "--waypoints", "--runs", "50"],
    "indicators": [*WAR, "--draws", "20", "--runs", "20", "--doing", "1"],
    "discover": [*WAR, *FEW, "--runs", "64"],
    "pool": ["--views", "baseline,hawks"],
    "diff": ["--other-view", "hawks"],
    "update": [*WAR, *FEW, "--rows", "--series", "monthly"],
    "learn": FEW,
    "score": [],
    "backtest": ["--every", "30", "--draws", "4"],
}
"""Each command that writes answers about a scenario, with options that make it quick."""

NO_ANSWER = {"rates"}
"""Commands whose results are about no scenario."""


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    for module in ("answers", "files"):
        monkeypatch.setattr(f"simlib.cli.output.{module}.draw_all", lambda *_: None)


def answers_in(text: str) -> dict[str | None, dict[str, object]]:
    """Return the answers in a JSON text by name. An answer that stands alone has the name None."""
    data = json.loads(text)
    return {None: data} if "answer" in data else data


@pytest.mark.parametrize("command", CASES)
def test_what_a_command_writes_can_be_traced_and_loaded(command, tmp_path, capsys):
    file, out = tmp_path / "answer.json", tmp_path / "out"
    argv = [command, "two-islands", *CASES[command]]
    assert main([*argv, "--json", str(file), "--out", str(out)]) == 0
    (beside,) = out.glob("*.json")
    assert beside.read_bytes() == file.read_bytes()
    found = answers_in(file.read_text(encoding="utf-8"))
    for name, data in found.items():
        assert data["provenance"]["version"] == simlib.__version__
        again = simlib.load_answer(file, name)
        assert again.to_dict() == {key: value for key, value in data.items() if key != "state"}
    if len(found) == 1:
        assert simlib.load_answer(file).to_dict() == again.to_dict()


def test_every_command_that_writes_json_is_asked():
    (commands,) = (each for each in build()._actions if isinstance(each, argparse._SubParsersAction))
    writes = {name for name, parser in commands.choices.items() if "--json" in parser._option_string_actions}
    assert writes == {*CASES, *NO_ANSWER, "report"}


def test_the_forecast_of_a_report_can_be_loaded(tmp_path, capsys):
    file = tmp_path / "now.json"
    argv = ["report", "two-islands", "--draws", "0", "--out", str(tmp_path / "report.md"), "--json", str(file)]
    assert main(argv) == 0
    assert isinstance(simlib.load_answer(file, "forecast"), simlib.Forecast)
    assert main([*argv, "--since", str(file)]) == 0


@pytest.mark.parametrize("argv", [["run"], ["diff", "--other-view", "hawks", "--no-forecast"]])
def test_standard_output_has_the_same_json_as_a_file(argv, tmp_path, capsys):
    assert main([argv[0], "two-islands", *argv[1:], "--json", "-", "--out", str(tmp_path / "out")]) == 0
    (stored,) = (tmp_path / "out").glob("*.json")
    assert capsys.readouterr().out == stored.read_text(encoding="utf-8")


def test_a_file_whose_name_ends_in_gz_is_compressed_by_every_command(tmp_path, capsys):
    file = tmp_path / "diff.json.gz"
    assert main(["diff", "two-islands", "--no-forecast", "--json", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x1f\x8b")
    assert simlib.load_answer(file).kind == "diff"


def test_one_of_several_answers_is_loaded_by_its_name(tmp_path, capsys):
    file = tmp_path / "drivers.json"
    assert main(["drivers", "two-islands", *WAR, "--top", "2", "--json", str(file)]) == 0
    assert simlib.load_answer(file, "drivers").kind == "drivers"
    with pytest.raises(simlib.SimlibError, match=r"drivers\.json: holds 2 answers; name one of: elasticities, drivers"):
        simlib.load_answer(file)
    with pytest.raises(simlib.SimlibError, match=r"holds no answer 'sobol'; expected one of: elasticities, drivers"):
        simlib.load_answer(file, "sobol")


def test_the_one_answer_of_a_file_needs_no_name(tmp_path):
    file = simlib.solve(simlib.load("two-islands"), times=1).save(tmp_path / "now.json")
    assert simlib.load_answer(file, "forecast").to_dict() == simlib.load_answer(file).to_dict()
    with pytest.raises(simlib.SimlibError, match="holds no answer 'drivers'; expected one of: forecast"):
        simlib.load_answer(file, "drivers")


def test_rates_say_that_they_hold_no_answer(tmp_path, capsys):
    (data := tmp_path / "MIDI.csv").write_text(MIDI, encoding="utf-8")
    file = tmp_path / "rates.json"
    assert main(["rates", str(data), "--event", "category=strike", "--json", str(file)]) == 0
    with pytest.raises(simlib.SimlibError, match=r"rates\.json: holds no saved answer"):
        simlib.load_answer(file)


def test_check_writes_an_error_and_still_refuses(tmp_path, capsys):
    file = write_bridge(tmp_path) / "scenario.yaml"
    certain = "  certain: {label: It is so, when: [{blockade: partial}, {blockade: full}], resolves: the radio}\n"
    file.write_text(file.read_text() + certain)
    assert main(["check", str(file), "--json", "-"]) == 2
    findings = json.loads(capsys.readouterr().out)["lint"]["findings"]
    assert ("error", "questions.certain") in {(each["severity"], each["where"]) for each in findings}
    assert main(["check", str(file), "--quick", "--json", "-"]) == 2
    assert "--quick: it gives no answer to write; expected no --json and no --out" in capsys.readouterr().err


def test_json_on_a_terminal_without_its_letters_is_still_json(tmp_path, monkeypatch):
    """Python's own escape of an é is no JSON."""
    file = write_bridge(tmp_path) / "scenario.yaml"
    file.write_text(file.read_text().replace("title: A blockade", "title: La vallée, a blockade"), encoding="utf-8")
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding="ascii", write_through=True))
    assert main(["diff", str(file), "--no-forecast", "--json", "-"]) == 0
    assert json.loads(out.getvalue())["diff"]["title"].startswith("La vallée, ")


@pytest.fixture
def twins(tmp_path):
    """The bridge, with a question that has the id of an ending."""
    file = write_bridge(tmp_path) / "scenario.yaml"
    file.write_text(
        file.read_text() + "  agreement: {label: The talks begin, when: {talks: open}, resolves: the radio}\n"
    )
    return str(file)


SIGNS = ["--draws", "10", "--runs", "100", "--doing", "0"]
OF_BOTH = {"indicators": SIGNS, "discover": ["--draws", "64"], "uncertainty": ["--draws", "128"]}


@pytest.mark.parametrize("command", OF_BOTH)
def test_an_ending_and_a_question_of_one_id_are_two_answers(command, twins, tmp_path, capsys):
    both = ["--measure", "ending:agreement", "--measure", "question:agreement"]
    assert main([command, twins, *both, *OF_BOTH[command], "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / f"{command}.json").read_text(encoding="utf-8"))
    of = [each["measure"] for each in found.values() if "measure" in each]
    assert of == ["ending:agreement", "question:agreement"]
    assert len(list((tmp_path / "out").glob("*-agreement.csv"))) == 2


def test_long_names_of_files_differ_where_the_texts_differ():
    long = "question:a-question-with-a-long-id|level:a-variable-with-a-long-id=a-level-with-a-long-id@2031-05-"
    assert slug(f"{long}01") != slug(f"{long}15")
    assert len(slug(f"{long}01")) == len(slug(f"{long}15")) == 80
    assert slug("ending:open-war") == "ending-open-war"
