"""The command line, called in this process: what is printed, written and refused."""

from __future__ import annotations

import csv
import functools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simlib
from simlib.cli import main
from simlib.cli.options.parser import COMMANDS
from simlib.cli.output import progress
from simlib.cli.output.forecast_text import columns, count
from simlib.machine.report_times import daily_steps
from simlib.results import Forecast
from tests.cli.world import write_bridge
from tests.worlds import World


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show no progress, which depends on how busy the machine is."""
    monkeypatch.setattr(progress, "PROGRESS_DELAY", 3600.0)


@pytest.fixture
def bridge(tmp_path: Path) -> str:
    return str(write_bridge(tmp_path))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]):
    """Call the command and return (exit code, standard output, standard error)."""

    def call(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        return code, *capsys.readouterr()

    return call


def forecast_of(cli, *argv: str) -> dict[str, Any]:
    code, out, _ = cli("run", *argv, "--json", "-")
    assert code == 0
    return json.loads(out)


# What run prints


@pytest.mark.parametrize(
    ("horizon", "words"),
    [("12 hours", "0.5 days, to 1 April 2031, 12:00 UTC."), ("1 day", "1 day, to the end of 1 April 2031.")],
)
def test_a_forecast_that_ends_inside_a_day_says_the_hour(bridge, cli, horizon, words):
    path = Path(bridge, "scenario.yaml")
    path.write_text(path.read_text().replace("horizon: 60 days", f"horizon: {horizon}"))
    assert words in cli("run", bridge)[1]


def test_run_prints_dated_tables_and_the_answer(cli, bridge) -> None:
    code, out, err = cli("run", bridge)
    assert (code, err) == (0, "")
    assert "As of 1 April 2031, 60 days, to the end of 30 May 2031." in out
    assert re.search(r"Exact, because its 14 states fit; error at most \d", out)
    assert re.search(r"^ +12 Apr +24 Apr +6 May +18 May +30 May$", out, re.MULTILINE)
    assert re.search(r"^  Cleared by force( +[\d.]+%){5}$", out, re.MULTILINE)
    assert re.search(r"^  No ending yet( +[\d.]+%){5}$", out, re.MULTILINE)
    assert re.search(r"^  An offer is refused( +[\d.]+%){5}$", out, re.MULTILINE)
    assert re.search(r"^  all closed( +[\d.]+%){5}$", out, re.MULTILINE)
    assert re.search(r"^  Offer talks( +[\d.]+){5}$", out, re.MULTILINE)
    assert re.search(r"^At the stated values\. “Agreed” by 30 May 2031: \d+%; ", out, re.MULTILINE)


def test_what_is_printed_is_what_the_engine_says(cli, bridge) -> None:
    exact = simlib.solve(simlib.load(bridge), times=[12.0, 24.0, 36.0, 48.0, 60.0])
    _, out, _ = cli("run", bridge)
    row = re.search(r"^  Agreed +(.*)$", out, re.MULTILINE)
    assert [float(cell.rstrip("%")) / 100 for cell in row[1].split()] == pytest.approx(
        exact.endings["agreement"].probability, abs=0.006
    )


@pytest.mark.parametrize("draws", ["0", "10"])
def test_an_impact_has_its_distribution_with_and_without_draws(cli, bridge, draws) -> None:
    with Path(bridge, "scenario.yaml").open("a", encoding="utf-8") as file:
        file.write("impacts:\n  cost:\n    label: Cost of a full blockade\n    unit: crowns\n")
        file.write("    per_day: [{when: {blockade: full}, amount: {value: 7, because: assumed}}]\n")
    code, out, err = cli("run", bridge, "--draws", draws)
    assert code == 0, err
    assert "Cost of a full blockade (crowns): probability" in out
    assert re.search(r"more than \d+", out)


def test_monte_carlo_prints_intervals_and_needs_no_runs(cli, bridge) -> None:
    code, out, _ = cli("run", bridge, "--engine", "montecarlo", "--runs", "400", "--seed", "0")
    assert code == 0
    assert "Monte Carlo: 400 replicates, seed 0. In brackets: the 95% interval of each simulated number." in out
    assert re.search(r"^  Agreed( +[\d.]+% \[[\d.]+–[\d.]+%\]){5}$", out, re.MULTILINE)
    assert re.search(r"^  Offer talks( +[\d.]+ ±[\d.]+){5}$", out, re.MULTILINE)


def test_draws_print_both_numbers_and_the_doubt(cli, bridge) -> None:
    code, out, _ = cli("run", bridge, "--draws", "10")
    assert code == 0
    for title in (
        "Endings: probability by the end of the date, over the priors (10 draws)",
        "Endings: probability by the end of the date, at the stated values",
        "Endings: 5th to 95th percentile over the draws (uncertainty about the assumptions)",
        "Lanes: probability of each rung at the end of the date, over the priors (10 draws)",
        "Moves: expected number by the end of the date, over the priors (10 draws); ±: 95% error of this mean",
    ):
        assert f"\n{title}\n" in out
    assert re.search(
        r"^Over the priors\. “.+” by 30 May 2031: .*\nAt the stated values\. “.+” by 30 May", out, re.MULTILINE
    )


def test_rarer_moves_are_counted_and_top_0_lists_all(cli, bridge) -> None:
    few, every = (cli("run", bridge, "--top", top)[1] for top in ("2", "0"))
    assert "and 2 other moves (--top 0 lists all)" in few
    assert "rarer" not in every
    counts = [float(row.split()[-1]) for row in every.split("Moves: ")[1].split("\n\n")[0].splitlines()[3:]]
    assert len(counts) == 4
    assert counts == sorted(counts, reverse=True)


def test_one_of_a_kind_is_not_told_in_the_plural(cli, bridge) -> None:
    out = cli("run", bridge, "--horizon", "1", "--top", "3")[1]
    assert "As of 1 April 2031, 1 day, to the end of 1 April 2031." in out
    assert "horizon 1 day instead of 60" in out
    assert "and 1 other move (--top 0 lists all)" in out
    assert re.search(r"^ +1 Apr$", out, re.MULTILINE)


def test_an_exact_answer_promises_no_more_than_rounding_leaves(cli) -> None:
    assert "error at most 1e-12" in cli("run", "two-islands", "--horizon", "0.01")[1]


@pytest.mark.slow
def test_a_rung_that_is_an_ending_has_the_interval_of_the_ending(cli, tmp_path) -> None:
    for options in (
        ["--draws", "10"],
        ["--engine", "montecarlo", "--runs", "400"],
        ["--engine", "montecarlo", "--runs", "400", "--draws", "10"],
    ):
        target = tmp_path / "answer.json"
        assert cli("run", "two-islands", *options, "--json", str(target))[0] == 0
        found = Forecast.load(target)
        ending, rung = found.endings["open-war"], found.part("ladders", "standard", "war")
        for side in ("probability", "low", "high"):
            assert getattr(rung, side) == pytest.approx(getattr(ending, side), abs=2e-9)


def test_changes_are_told(cli, bridge) -> None:
    code, out, err = cli(
        "run",
        bridge,
        "--view",
        "hopeful",
        "--set",
        "pressure=9",
        "--horizon",
        "30",
        "--ignore-windows",
        "--forbid",
        "clear@2031-04-10",
        "--force",
        "meet:accepted@2031-04-05",
        "--pin",
        "blockade=full@2031-04-05",
    )
    assert code == 0
    assert "Seen through the view hopeful." in out
    told = out.split("Changed:\n")[1].split("\n\n")[0]
    assert [line.strip().split(": without effect in ")[0] for line in told.splitlines()][:5] == [
        "pressure = ×9 instead of ×3",
        "horizon 30 days instead of 60",
        "“Clear it” forbidden from 10 April 2031",
        "“Offer talks” (accepted) forced on 5 April 2031",
        "The blockade set to full on 5 April 2031",
    ]
    assert "calendar windows are left out" in told
    assert err == "note: pressure = ×9 lies outside its 90% range, ×1.5 to ×6\n"


def test_a_forced_move_that_cannot_happen_is_reported(cli, bridge) -> None:
    _, out, _ = cli("run", bridge, "--force", "sign@2031-04-01")
    assert "forced on 1 April 2031: without effect in 100%" in out


# The JSON contract

KEYS = {
    "state",
    "format",
    "answer",
    "question",
    "scenario",
    "title",
    "as_of",
    "horizon_days",
    "engine",
    "times",
    "endings",
    "variables",
    "ladders",
    "moves",
    "firings",
    "questions",
    "error",
    "assumptions",
    "labels",
    "interventions",
    "provenance",
}


def is_band(band: Any, times: int) -> bool:
    parts = [band[part] for part in ("probability", "low", "high")]
    return set(band) == {"probability", "low", "high"} and all(
        len(part) == times and all(0 <= p <= 1 for p in part) for part in parts
    )


def shape(part: Any) -> Any:
    return {key: shape(inner) for key, inner in part.items()} if isinstance(part, dict) else len(part)


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
@pytest.mark.parametrize("draws", [0, 10])
def test_the_json_keeps_its_contract(cli, bridge, engine: str, draws: int) -> None:
    data = forecast_of(
        cli,
        bridge,
        "--engine",
        engine,
        "--times",
        "4",
        "--draws",
        str(draws),
        "--set",
        "closing=every 10 days",
        *(["--runs", "300"] if engine == "montecarlo" else []),
    )
    assert set(data) == KEYS | ({"states"} if engine == "exact" else set()) | ({"stated", "leads"} if draws else set())
    assert (data["scenario"], data["as_of"], data["horizon_days"]) == ("bridge", "2031-04-01", 60.0)
    assert (data["engine"], data["times"]) == (engine, [0.0, 15.0, 30.0, 45.0, 60.0])
    assert set(data["endings"]) == {"agreement", "cleared-away", "ongoing"}
    assert set(data["questions"]) == {"full-blockade", "refusal"}
    assert all(is_band(band, 5) for band in [*data["endings"].values(), *data["questions"].values()])
    assert shape(data["variables"]) == {
        "blockade": {"lifted": 5, "partial": 5, "full": 5},
        "talks": {"none": 5, "open": 5, "signed": 5},
        "mood": {"calm": 5, "hot": 5},
    }
    assert shape(data["ladders"]) == {"lanes": {"some closed": 5, "all closed": 5}}
    assert shape(data["moves"]) == {"close": 5, "meet": 5, "sign": 5, "clear": 5}
    for told in data["firings"].values():
        assert set(told) == {"points", "none", "at_least"}
        assert all(low <= number and (high is None or number <= high) for number, low, high in told["points"].values())
    doubtful = engine == "montecarlo" or draws
    assert (shape(data["error"]) if data["error"] else None) == (
        {key: shape(data[key]) for key in ("variables", "ladders", "moves")} if doubtful else None
    )
    assert data["assumptions"]["closing"] == pytest.approx(0.1)
    assert data["assumptions"]["yes"] == 0.6
    assert {"scenario_sha256", "seed", "runs", "version"} <= set(data["provenance"])
    assert re.fullmatch("[0-9a-f]{64}", data["provenance"]["scenario_sha256"])
    assert ("states" in data) == (engine == "exact")
    if draws:
        assert data["stated"]["provenance"]["scenario_sha256"] == data["provenance"]["scenario_sha256"]


def test_probabilities_of_the_endings_sum_to_one(cli, bridge) -> None:
    endings = forecast_of(cli, bridge)["endings"]
    assert np.sum([band["probability"] for band in endings.values()], axis=0) == pytest.approx(1, abs=1e-8)


def test_json_on_standard_output_is_alone_there(cli, bridge, tmp_path: Path) -> None:
    code, out, err = cli("run", bridge, "--json", "-", "--out", str(tmp_path / "out"), "--set", "pressure=9")
    assert code == 0
    printed = json.loads(out)
    assert (printed["scenario"], printed["answer"]) == ("bridge", "forecast")
    assert "note: pressure" in err
    assert f"files in {tmp_path / 'out'}" in err


def test_what_an_earlier_answer_left_in_the_folder_is_told(cli, bridge, tmp_path: Path) -> None:
    argv = ("compare", bridge, "--runs", "0", "--out", str(tmp_path / "out"), "--forbid", "clear", "--measure")
    assert cli(*argv, "agreement")[2].count("this answer did not write") == 0
    assert "holds 2 files that this command did not write: effects-" in cli(*argv, "cleared-away")[2]


def test_the_same_command_gives_the_same_bits_on_one_thread_or_two(cli, bridge) -> None:
    one, two = (
        forecast_of(cli, bridge, "--engine", "montecarlo", "--runs", "500", "--seed", "3", "--threads", threads)
        for threads in ("1", "2")
    )
    assert one["endings"] == two["endings"]
    assert one["moves"] == two["moves"]
    assert one["provenance"]["seed"] == 3


def test_a_forecast_written_by_run_is_a_saved_forecast(cli, bridge, tmp_path: Path) -> None:
    code, out, err = cli("run", bridge, "--json", str(tmp_path / "new" / "forecast.json.gz"))
    assert code == 0
    assert "Agreed" in out
    assert err == f"written: {tmp_path / 'new' / 'forecast.json.gz'}\n"
    assert Forecast.load(tmp_path / "new" / "forecast.json.gz").horizon_days == 60


# Files


def test_out_writes_figures_tables_and_the_forecast(cli, bridge, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("run", bridge, "--draws", "10", "--times", "6", "--out", str(out))[0] == 0
    tables = ["endings", "questions", "levels", "rungs", "moves", "firings"]
    assert {path.name for path in out.iterdir()} == {
        "forecast.json",
        "doubt.csv",
        *(f"{name}{kind}.csv" for name in tables for kind in ("", "-stated")),
        *(f"{name}.{form}" for name in ("endings", "ladder-lanes", "moves") for form in ("png", "svg")),
    }
    rows = list(csv.DictReader((out / "endings.csv").read_text("utf-8-sig").splitlines()))
    assert len(rows) == 3 * 7
    assert list(rows[6]) == ["day", "by", "ending", "label", "probability", "low", "high"]
    assert list(rows[6].values())[:4] == ["60.0", "2031-05-30", "agreement", "Agreed"]
    assert 0 < float(rows[6]["low"]) < float(rows[6]["probability"]) < float(rows[6]["high"]) < 1
    doubt = [
        row
        for row in csv.DictReader((out / "doubt.csv").read_text("utf-8-sig").splitlines())
        if row["name"] == "agreement"
    ]
    assert float(doubt[-1]["p05"]) < float(doubt[-1]["p50"]) < float(doubt[-1]["p95"])
    assert (out / "moves.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "moves.svg").read_text()


@pytest.mark.slow
def test_figures_are_the_same_bytes_again(cli, bridge, tmp_path: Path) -> None:
    for folder in ("first", "second"):
        cli("run", bridge, "--times", "6", "--out", str(tmp_path / folder))
    first, second = ((tmp_path / folder / "endings.svg").read_bytes() for folder in ("first", "second"))
    assert first == second


# What is refused


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "closng=every 5 days"], "closng: there is no such assumption; did you mean 'closing'?"),
        (["--set", "closing=5"], "closing: '5' is a number without a unit; expected a rate"),
        (["--set", "yes=130%"], "yes: '130%' is not between 0 and 1"),
        (["--set", "pressure"], "'pressure': cannot be read; expected NAME=VALUE"),
        (["--horizon", "soon"], "horizon: 'soon' is not a quantity; expected a length of time"),
        (["--horizon", "0"], "horizon:"),
        (["--forbid", "clos"], "clos: unknown move 'clos'; did you mean 'close'?"),
        (["--force", "meet:maybe@2031-04-09"], "no outcome 'maybe'"),
        (["--force", "meet"], "expected MOVE[:OUTCOME]@DATE"),
        (["--pin", "talks=signd@2031-04-09"], "'talks' has no level 'signd'; did you mean 'signed'?"),
        (["--pin", "talks=open@2031-09-09"], "2031-09-09 is after the horizon"),
        (
            ["--draws", "1"],
            "--draws: 1, too few to estimate the error of the mean over the draws; expected at least 10, or 0",
        ),
        (["--view", "hopefull"], "has no view 'hopefull'; did you mean 'hopeful'?"),
    ],
)
def test_bad_options_are_refused_with_the_reason(cli, bridge, options: list[str], words: str) -> None:
    code, out, err = cli("run", bridge, *options)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_all_bad_options_are_told_at_once(cli, bridge) -> None:
    code, _, err = cli(
        "run",
        bridge,
        "--set",
        "closng=1 per day",
        "--set",
        "yes=2",
        "--forbid",
        "x",
        "--pin",
        "talks=x@2031-04-03",
        "--horizon",
        "never",
    )
    assert code == 2
    assert [line.split(": ")[1] for line in err.splitlines()] == ["closng", "yes", "horizon", "x", "talks=x@2031-04-03"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run"], "the following arguments are required: PATH"),
        (["run", "x", "--runs", "0"], "--runs: expected a whole number of at least 1, not '0'"),
        (["run", "x", "--seed", "-1"], "--seed: expected"),
        (["run", "x", "--engine", "fast"], "invalid choice: 'fast'"),
        (["run", "x", "--colour"], "unrecognized arguments: --colour"),
        (["export", "x"], "the following arguments are required: --to"),
        (["export", "x", "--to", "jani"], "invalid choice: 'jani'"),
        (["export", "x", "--to", "prism", "--forbid", "close"], "unrecognized arguments: --forbid close"),
        (["forecast"], "invalid choice: 'forecast'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(cli, argv: list[str], words: str) -> None:
    code, out, err = cli(*argv)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_scenario_that_is_not_there_is_refused(cli) -> None:
    code, _, err = cli("run", "no-such-world")
    assert code == 2
    assert err.startswith("no-such-world: there is no such scenario; expected a scenario folder or file, or the name")


def test_places_that_cannot_be_written_are_refused_before_anything_is_computed(cli, bridge, tmp_path: Path) -> None:
    code, out, err = cli("run", bridge, "--out", f"{bridge}/scenario.yaml", "--json", str(tmp_path))
    assert (code, out) == (2, "")
    assert "--out: " in err
    assert "is a file; expected a folder" in err
    assert "is a folder; expected a file, or - for output" in err


# What fails


@pytest.mark.parametrize("options", [[], ["--engine", "exact"], ["--draws", "10"]])
def test_too_many_states_is_1_with_the_count_and_the_other_engine(cli, bridge, monkeypatch, options) -> None:
    from simlib.engines import ensemble
    from simlib.engines.exact import forecast as exact

    monkeypatch.setattr(exact, "solve", functools.partial(exact.solve, cap=5))
    monkeypatch.setattr(ensemble, "Solver", functools.partial(exact.Solver, cap=5))
    code, out, err = cli("run", bridge, *options)
    assert (code, out) == (1, "")
    assert re.search(r"would need (at least )?\d+ reachable states, more than its cap of 5; .*--engine montecarlo", err)
    assert len(err.splitlines()) == 1


def test_a_world_beyond_numbering_is_1(cli, tmp_path: Path) -> None:
    world, levels = World("vast"), [f"step-{letter}" for letter in "abcdefgh"]
    for number in range(22):
        world.variable(f"dial-{number}", *levels, start=levels[0]).move(f"turn-{number}", 1.0, {f"dial-{number}": +1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simlib.cli.options.world.load", lambda *_, **__: world.scenario())
        code, out, err = cli("run", "vast")
    assert (code, out) == (1, "")
    assert "--engine montecarlo" in err


@pytest.mark.slow
def test_a_missing_package_is_1_and_says_what_to_install(bridge) -> None:
    code = "import sys; sys.modules['numba'] = None; from simlib.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "run", bridge]
    done = subprocess.run([*command, "--engine", "montecarlo"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search("Numba.*install", done.stderr)
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_an_unexpected_error_is_one_line_and_traceback_shows_more(cli, bridge, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect\nwith two lines")

    monkeypatch.setattr("simlib.engines.ensemble.forecast", broken)
    code, _, err = cli("run", bridge)
    assert (code, len(err.splitlines())) == (1, 1)
    assert "unexpected error, please report it: ZeroDivisionError: a defect" in err
    code, _, err = cli("--traceback", "run", bridge)
    assert code == 1
    assert "Traceback (most recent call last)" in err


def test_a_place_that_cannot_be_is_refused_first(cli, bridge, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("simlib.cli.commands.run.compute", lambda *_: pytest.fail("computed first"))
    code, _, err = cli("run", bridge, "--out", str(tmp_path / "file" / "out"))
    assert code == 2
    assert err.startswith(
        f"simlib: --out: {tmp_path / 'file'}: Not a directory; expected a folder that can be written to"
    )
    code, _, err = cli("run", bridge, "--json", str(tmp_path / "file" / "a.json"))
    assert code == 2
    assert err.startswith(f"simlib: --json: {tmp_path / 'file'}: Not a directory")
    code, _, err = cli("report", bridge, "--out", str(tmp_path))
    assert code == 2
    assert "is a folder; expected a file" in err


def test_a_full_disk_is_noticed_before_anything_is_computed(cli, bridge, tmp_path: Path, monkeypatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    monkeypatch.setattr("simlib.cli.commands.run.compute", lambda *_: pytest.fail("computed first"))
    code, _, err = cli("run", bridge, "--out", str(tmp_path / "new" / "out"))
    assert (code, err.count("No space left on device")) == (2, 1)
    assert not (tmp_path / "new").exists()


def test_runs_without_monte_carlo_is_noted(cli, bridge) -> None:
    code, _, err = cli("run", bridge, "--runs", "5")
    assert code == 0
    assert "note: --runs is for --engine montecarlo" in err


# The other commands


def test_explain_tells_every_part_in_a_line(cli, bridge) -> None:
    code, out, err = cli("explain", bridge, "--set", "pressure=4")
    assert (code, err) == (0, "")
    for name in ("blockade", "closing", "meet", "agreement", "refusal", "lanes"):
        assert re.search(rf"^  {name}: \S", out, re.MULTILINE)
    assert "4 times as often" in out


def test_export_writes_the_model_and_the_starts(cli, bridge, tmp_path: Path) -> None:
    code, out, err = cli("export", bridge, "--to", "prism", "--out", str(tmp_path / "p"))
    assert code == 0
    assert out == f"{tmp_path}/p/bridge.sm\n{tmp_path}/p/bridge.start.json\n"
    assert "note: questions.refusal: asks whether the move 'meet' fires" in err
    assert 'label "cleared_away"' in (tmp_path / "p" / "bridge.sm").read_text()


def test_export_refuses_what_prism_cannot_say(cli, bridge, tmp_path: Path) -> None:
    view = tmp_path / "open.yaml"
    view.write_text("format: 1\nid: open\ntitle: Never closed\ninterventions:\n- {forbid: close}\n")
    code, out, err = cli("export", bridge, "--to", "prism", "--out", str(tmp_path / "p"), "--view", str(view))
    assert (code, out) == (2, "")
    assert err.startswith("simlib: forbid close: the export writes the scenario itself, without interventions")
    assert not (tmp_path / "p").exists()


def test_export_takes_the_values_of_a_view_and_of_set(cli, bridge, tmp_path: Path) -> None:
    cli("export", bridge, "--to", "prism", "--out", str(tmp_path), "--view", "hopeful", "--set", "pressure=4.5")
    text = (tmp_path / "bridge.sm").read_text()
    assert "// view: hopeful" in text
    assert "const double pressure = 4.5;" in text
    assert f"const double meeting = {2 * 12 / 365.25!r};" in text


def test_check_of_a_right_file_counts_what_is_in_it(cli, bridge) -> None:
    code, out, _ = cli("check", bridge)
    assert code == 0
    assert out.startswith("bridge: the file fits the format. 3 actors, 3 variables, ")
    assert "1 view: hopeful.\n" in out


def test_check_reads_twice(cli, bridge) -> None:
    file = Path(bridge, "scenario.yaml")
    unused = "  idle: {label: Nobody uses it, value: 2, low: 1, high: 4, because: assumed}\n"
    file.write_text(file.read_text().replace("assumptions:\n", f"assumptions:\n{unused}"))
    code, out, _ = cli("check", bridge)
    assert code == 0
    assert re.search(r"^warning: assumptions\.idle: ", out, re.MULTILINE)
    assert re.search(r"^ +within +stated +implied\n  clearing: clear +30 days +5\.0% +\d", out, re.MULTILINE)
    assert "Base rates" not in out
    code, out, _ = cli("check", bridge, "--quick")
    assert (code, len(out.splitlines())) == (0, 1)


def test_check_finds_an_error_on_the_second_reading(cli, bridge) -> None:
    file = Path(bridge, "scenario.yaml")
    certain = "  certain: {label: It is so, when: [{blockade: partial}, {blockade: full}], resolves: the radio}\n"
    file.write_text(file.read_text() + certain)
    code, out, _ = cli("check", bridge)
    assert code == 2
    assert re.search(r"^error: questions\.certain: ", out, re.MULTILINE)


def test_check_compares_with_base_rates_where_a_class_is_named(cli, bridge) -> None:
    file = Path(bridge, "scenario.yaml")
    file.write_text(file.read_text().replace("horizon: 60 days", "horizon: 60 days\nreference_class: mid-disputes"))
    code, out, _ = cli("check", bridge)
    assert code == 0
    assert re.search(r"^Base rates:\n- militarised disputes", out, re.MULTILINE)


def test_check_sets_the_log_beside_the_model(cli, bridge) -> None:
    rows = "".join(f"2031-03-{day},meet\n" for day in range(10, 31))
    Path(bridge, "events.csv").write_text(f"date,move\n2031-03-04,thaw\n{rows}")
    code, out, _ = cli("check", bridge)
    assert code == 0
    assert re.search(r"^  meet +21\* +\d / \d / \d+ ", out, re.MULTILINE)
    assert "- “Offer talks”: the number of times is 21 in the log, above the range of the model (" in out


def test_check_shows_what_the_priors_imply_in_their_own_units(cli, bridge) -> None:
    code, out, _ = cli("check", bridge, "--quick", "--priors")
    assert code == 0
    assert re.search(r"^  closing( +every [\d.]+ days){5}$", out, re.MULTILINE)
    assert re.search(r"^  yes( +[\d.]+%){5}$", out, re.MULTILINE)


def test_check_tells_every_problem_of_the_scenario_with_its_line(cli, bridge) -> None:
    file = Path(bridge, "scenario.yaml")
    text = file.read_text().replace("rate: closing,", "rate: closng,").replace("{talks: signed}", "{talks: done}")
    file.write_text(text)
    code, out, err = cli("check", bridge)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(re.match(rf"{re.escape(str(file))}:\d+: \S+: ", line) for line in lines)
    assert "did you mean 'closing'?" in err


def test_check_reads_the_views_as_well(cli, bridge) -> None:
    file = Path(bridge, "views", "hopeful.yaml")
    file.write_text(file.read_text().replace("2 per month", "200%"))
    code, _, err = cli("check", bridge)
    assert code == 2
    assert re.match(rf"{re.escape(str(file))}:\d+: assumptions.meeting", err)


def test_lab_passes_options_on_to_jupyter(cli, monkeypatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr("simlib._jupyter.lab.open_lab", lambda options: seen.append(list(options)) or 0)
    assert cli("lab", "--no-browser", "--port", "8890", "--ServerApp.token=x")[0] == 0
    assert cli("lab")[0] == 0
    assert seen == [["--no-browser", "--port=8890", "--ServerApp.token=x"], []]


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_has_help(cli, command: str) -> None:
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: simlib {command}")
    assert not {"%%", "%("} & {out[place : place + 2] for place in range(len(out))}
    assert "None" not in out


def test_the_help_tells_the_true_defaults(cli) -> None:
    told = {command.name: " ".join(cli(command.name, "--help")[1].split()) for command in COMMANDS}
    assert "default: the headline" in told["discover"]
    assert "default: every ending and question" in told["compare"]
    assert "if there are too many states for that engine, nothing is computed" in told["run"]
    for command in ("compare", "pool"):
        assert "default: 0, which means the stated values" in told[command]
    assert "default: 0, as many as needed" in told["uncertainty"]
    assert "default: report.html" in told["report"]
    assert "default: 512; 0 means the stated values" in told["report"]


def test_check_warns_of_interventions_without_a_reason(cli, bridge) -> None:
    view = "format: 1\nid: bold\ntitle: Bold\ninterventions:\n- {force: close, on: 2031-04-10BECAUSE}\n"
    file = Path(bridge, "views", "bold.yaml")
    file.write_text(view.replace("BECAUSE", ""))
    code, out, _ = cli("check", bridge)
    assert code == 0
    assert "warning: views.bold.interventions: 1 intervention without a reason (force close@2031-04-10); " in out
    file.write_text(view.replace("BECAUSE", ", because: they said so"))
    assert "without a reason" not in cli("check", bridge)[1]


@pytest.mark.slow
def test_the_examples_of_the_help_run(cli, tmp_path: Path, monkeypatch) -> None:
    """Every example of `simlib run --help` that needs no other program; Monte Carlo with few replicates."""
    import shlex

    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^  simlib (run .*)$", cli("run", "--help")[1], re.MULTILINE)
    assert len(examples) > 5
    for example in examples:
        argv = shlex.split(example.split("|")[0].replace("100000", "500").replace("200", "10"))
        assert cli(*argv)[0] == 0, example


# Small parts


def test_report_times_are_whole_days_where_they_can_be() -> None:
    wanted = {90.0: 90, 180.0: 90, 365.0: 73, 30.0: 30, 97.0: 97, 101.0: 60, 7.0: 60, 45.5: 60}
    assert {days: daily_steps(days) for days in wanted} == wanted


def test_columns_are_spread_evenly_and_end_at_the_horizon() -> None:
    assert columns(np.linspace(0, 90, 91)) == [18, 36, 54, 72, 90]
    assert columns(np.linspace(0, 90, 61)) == [12, 24, 36, 48, 60]
    assert columns(np.array([0.0, 1.0, 2.0])) == [1, 2]
    assert columns(np.array([0.0])) == [0]
    assert columns(np.linspace(0, 1, 61)) == [60]
    assert columns(np.array([0.0, 0.5, 1.0, 1.5, 2.0])) == [2, 4]


def test_a_column_within_a_day_is_marked(cli, bridge) -> None:
    out = cli("run", bridge, "--times", "7")[1]
    assert re.search(r"^ +~\d+ Apr.* 30 May$", out, re.MULTILINE)


def test_small_counts_are_no_false_zeros() -> None:
    assert [count(n) for n in (0.0, 3e-7, 0.0312, 0.96, 12.44, 99.96, 1234.5)] == [
        "0",
        "3e-07",
        "0.031",
        "0.96",
        "12.4",
        "100",
        "1,234",
    ]


def test_help_needs_no_heavy_package() -> None:
    heavy = "{'numpy', 'numba', 'matplotlib', 'pydantic', 'pandas'}"
    code = f"import sys; from simlib.cli import main; main(['run', '--help']); assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_explain_says_who_set_a_number_and_what_the_file_states(cli, bridge) -> None:
    code, out, _ = cli("explain", bridge, "--set", "closing=every 4 days", "--set", "meeting=2 per month")
    assert code == 0
    assert out.startswith("This is a what-if, not the scenario as it stands. Changed:\n  Closing a lane: every 20 days")
    assert "because: set on the command line; the file states every 20 days for this reason: two so far" in out
    assert "because: set on the command line; the file states 1 per month, assumed" in out
