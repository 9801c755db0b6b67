"""The questions on the command line: sentences, JSON, tables, and clear refusals. On the teaching world."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from functools import partial

import pandas as pd
import pytest

from simlib.cli import main
from simlib.cli.output.progress import Task
from simlib.scenario.loader import load
from simlib.scenario.model import Forbid, Pin
from simlib.scenario.views.variation import with_horizon, with_interventions, with_values

CASES = {
    "compare": ["--forbid", "patrol", "--runs", "500", "--measure", "ending:open-war"],
    "drivers": ["--measure", "ending:open-war", "--top", "3"],
    "uncertainty": ["--measure", "ending:open-war", "--draws", "128"],
    "paths": ["--given", "open-war", "--waypoints"],
    "indicators": ["--measure", "open-war", "--draws", "20", "--runs", "20", "--doing", "1"],
    "discover": ["--measure", "ending:settlement", "--draws", "60", "--runs", "60"],
    "pool": ["--views", "baseline,hawks"],
    "diff": ["--other-view", "hawks"],
}

FIGURES = {
    "compare": {"effects-ending-open-war", "flips-forbid-patrol", "calendar"},
    "drivers": {"tornado-ending-open-war"},
    "uncertainty": {"uncertainty-ending-open-war", "split", "nested-fan", "evppi-ending-open-war"},
    "paths": {"classes", "tree", "sankey", "histories"},
    "indicators": {"indicators-ending-open-war"},
    "discover": {"box-ending-settlement"},
    "pool": {"pool"},
    "diff": {"forecasts"},
}


@pytest.mark.slow
@pytest.mark.parametrize("question", CASES)
def test_a_question_is_told_stored_and_tabled(question, tmp_path, capsys):
    assert main([question, "two-islands", *CASES[question], "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip()
    stored = json.loads((tmp_path / f"{question}.json").read_text())
    assert stored
    tables = sorted(path.stem for path in tmp_path.glob("*.csv"))
    assert set(tables) - {"flips", "tree"} == set(stored)
    assert all(len(pd.read_csv(tmp_path / f"{name}.csv").columns) > 1 for name in tables)
    for form, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        assert {path.stem for path in tmp_path.glob(f"*.{form}")} == FIGURES[question]
        assert all(path.read_bytes().startswith(begins) for path in tmp_path.glob(f"*.{form}"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


HEADS = {
    "compare": "exact, at the stated values",
    "drivers": "exact, at the stated values",
    "uncertainty": "exact, over the priors (128 draws, seed 0)",
    "paths": "exact, at the stated values",
    "indicators": "Monte Carlo, over the priors (20 draws of 20 histories, seed 0)",
    "discover": "exact, over the priors (40 draws, seed 0)",
}


@pytest.mark.slow
@pytest.mark.parametrize("question", HEADS)
def test_an_answer_says_what_it_is_an_answer_about(question, door, capsys):
    path = door(fixed=False)
    assert main([question, path, *SMALL[question]]) == 0
    told = capsys.readouterr().out.splitlines()
    assert f"A door (door), as of 1 April 2031: {HEADS[question]}." in told
    assert "door" in told[0].lower()


def test_the_line_below_an_answer_tells_of_views_changes_and_replicates(capsys):
    asked = ["--view", "hawks", "--forbid", "patrol", "--measure", "ending:open-war"]
    assert main(["drivers", "two-islands", *asked, "--engine", "montecarlo", "--top", "1"]) == 0
    told = capsys.readouterr().out
    assert "as of 1 April 2031, through the view hawks, with the requested changes: Monte Carlo, at the stated" in told
    assert "values (20,000 replicates, seed 0).\n\n" in told


def test_shares_of_the_doubt_are_told_to_be_over_the_priors(door, monkeypatch, capsys):
    from simlib.analysis.sensitivity import sobol_indices as sobol

    monkeypatch.setattr(sobol, "sobol", partial(sobol.sobol, draws=64))
    assert main(["drivers", door(fixed=False), "--sobol"]) == 0
    told = capsys.readouterr().out
    assert "values; Sobol indices exact, over the priors (64 draws, seed 0).\n\n" in told
    assert re.search(r"^ +low +at low +high +at high +if 1% higher +share of spread +with others$", told, re.MULTILINE)
    assert re.search(r"^  Opening .* points +\d+% \[\d+–100%\] +not known$", told, re.MULTILINE)


@pytest.mark.slow
def test_what_is_worth_finding_out_is_told_of_the_headline_or_of_what_is_asked_for(capsys):
    argv = ["uncertainty", "two-islands", "--draws", "128"]
    assert main(argv) == 0
    told = capsys.readouterr().out
    assert "of a forecast of “A ship of North Island is hit” by" in told
    assert "of a forecast of “A treaty is signed”" not in told
    assert main([*argv, "--measure", "ending:settlement"]) == 0
    assert "of a forecast of “A treaty is signed” by" in capsys.readouterr().out


def test_a_map_of_every_ending_is_drawn_where_none_is_asked_for(tmp_path, capsys):
    few = ["--draws", "20", "--runs", "100", "--doing", "0"]
    assert main(["indicators", "two-islands", *few, "--out", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.glob("*.png")} == {"indicators-question-ship-hit", "indicator-map"}
    capsys.readouterr()


# A world with the least there can be: one ending, no question, no ladder, nothing hidden, perhaps nothing in doubt

DOOR = """\
format: 1
id: door
title: A door
as_of: 2031-04-01
horizon: 10 days
actors: {guard: The guard}
variables:
  door: {levels: [shut, open], start: shut}
assumptions:
  opening: {label: Opening, value: every 20 days, low: every 50 days, high: every 8 days, because: assumed}
moves:
  open: {actor: guard, label: Open the door, when: {door: shut}, rate: opening, then: {door: open}}
endings:
  opened: {when: {door: open}, label: The door is open}
"""

SMALL = {
    "run": [],
    "compare": ["--set", "opening=every 5 days", "--runs", "200"],
    "drivers": [],
    "uncertainty": ["--draws", "128"],
    "paths": ["--over", "door", "--given", "opened", "--waypoints"],
    "indicators": ["--draws", "20", "--runs", "20"],
    "discover": ["--draws", "40", "--runs", "200"],
    "diff": [],
}


@pytest.fixture
def door(tmp_path):
    def written(*, fixed: bool) -> str:
        file = tmp_path / "scenario.yaml"
        file.write_text(DOOR.replace(", low: every 50 days, high: every 8 days", "") if fixed else DOOR)
        return str(file)

    return written


@pytest.mark.slow
@pytest.mark.parametrize("question", SMALL)
def test_the_smallest_world_is_answered(question, door, tmp_path, capsys):
    argv = [question, door(fixed=False), *SMALL[question], "--out", str(tmp_path / "out"), "--json", "-"]
    assert main(argv) == 0
    assert json.loads(capsys.readouterr().out)
    assert list((tmp_path / "out").glob("*.csv"))


def test_over_a_variable_its_levels_make_the_paths(door, capsys):
    assert main(["paths", door(fixed=False), "--over", "door", "--json", "-"]) == 0
    classes = json.loads(capsys.readouterr().out)["paths"]["classes"]
    opened = next(found for found in classes if found["ending"] == "opened")
    assert opened["path"] == "shut → open"
    assert opened["probability"] == pytest.approx(1 - math.exp(-10 / 20), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("question", ["drivers", "uncertainty", "indicators", "discover"])
def test_a_question_is_asked_of_the_world_with_its_changes(question, door, capsys):
    path = door(fixed=False)
    made = with_interventions(with_horizon(load(path), 8.0), [Forbid("open", dt.date(2031, 4, 6))])
    for changes, world in ([], load(path)), (["--horizon", "8 days", "--forbid", "open@2031-04-06"], made):
        assert main([question, path, *SMALL[question], *changes, "--json", "-"]) == 0
        assert set(re.findall(r'"scenario_sha256": "(\w+)"', capsys.readouterr().out)) == {world.sha256}


def test_a_move_forbidden_from_a_day_on_makes_no_path_after_it(door, capsys):
    changes = ["--horizon", "8 days", "--forbid", "open@2031-04-06"]
    assert main(["paths", door(fixed=False), "--over", "door", *changes, "--json", "-"]) == 0
    classes = json.loads(capsys.readouterr().out)["paths"]["classes"]
    opened = next(found for found in classes if found["ending"] == "opened")
    assert opened["probability"] == pytest.approx(1 - math.exp(-5 / 20), abs=1e-6)


def test_without_doubt_the_slopes_are_told_and_the_rest_is_refused(door, capsys):
    path = door(fixed=True)
    assert main(["drivers", path, "--json", "-"]) == 0
    told = capsys.readouterr()
    assert set(json.loads(told.out)) == {"elasticities"}
    assert "all assumptions are fixed" in told.err
    for question in ("uncertainty", "discover"):
        assert main([question, path]) == 1
        assert "is fixed: give at least one a low and a high value" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_of_a_short_forecast(door, tmp_path, capsys):
    assert main(["report", door(fixed=False), "--out", str(tmp_path / "page.md")]) == 0
    assert "The door is open" in (tmp_path / "page.md").read_text()
    capsys.readouterr()


# Whole or not at all


def test_nothing_is_left_where_drawing_is_stopped(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Task, "cancelled", lambda task: task.what == "drawing")
    assert main(["diff", "two-islands", "--other-view", "hawks", "--out", str(tmp_path / "a" / "b")]) == 130
    assert "stopped" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_where_writing_fails(monkeypatch, tmp_path, capsys):
    (tmp_path / "diff.json").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")

    def full(frame, file):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("simlib.cli.output.answers.write_table", full)
    assert main(["diff", "two-islands", "--no-forecast", "--out", str(tmp_path)]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"diff.json": "old", "notes.txt": "mine"}


def test_each_part_of_the_paths_has_its_provenance(capsys):
    argv = ["paths", "two-islands", "--given", "settlement", "--waypoints", "--draws", "4", "--runs", "50"]
    assert main([*argv, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    sources = {name: told[name]["provenance"] for name in ("paths", "waypoints", "times")}
    assert {source["draws"] for source in sources.values()} == {4}
    assert sources["times"]["given"] == "ending:settlement"
    assert sources["times"]["histories"] == 50
    assert told["waypoints"]["rows"]
    assert told["times"]["rows"]


def test_json_to_standard_output_is_only_json(capsys):
    assert main(["diff", "two-islands", "--no-forecast", "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)["diff"]
    assert told["changes"] == []
    assert told["before"] == told["after"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["compare", "two-islands"], 2, "nothing to compare the scenario with"),
        (["paths", "two-islands", "--given", "open-wor"], 2, "did you mean 'open-war'"),
        (["paths", "two-islands", "--ladder", "nolad"], 2, "'nolad' is not known"),
        (["indicators", "two-islands", "--measure", "peace"], 2, "--measure: measure 'peace': is no ending"),
        (["indicators", "two-islands", "--look-by", "90"], 2, "--look-by: 90; expected a day after the start and bef"),
        (["drivers", "two-islands", "--by", "91"], 2, "--by: 91; expected a day after the start and up to day 90"),
        (["drivers", "two-islands", "--by", "2031-07-01"], 2, "--by: 2031-07-01; expected a day after the start"),
        (["drivers", "two-islands", "--by", "soon"], 2, "--by: expected a date such as 2031-05-01 or a number of days"),
        (["uncertainty", "two-islands", "--draws", "9"], 2, "--draws: 9; expected at least 128, or 0"),
        (["paths", "two-islands", "--over", "standof"], 2, "--over: unknown variable 'standof'; did you mean"),
        (["paths", "two-islands", "--over", "talks", "--ladder", "standard"], 2, "--over: it cannot be used"),
        (["diff", "two-islands", "--out", __file__], 2, "is a file; expected a folder"),
        (["drivers", "two-islands", "--measure", "ending:wor"], 2, "wor"),
        (
            ["sweep", "two-islands", "--out", "x"],
            2,
            "expected exactly one of --sobol, --grid and --views, or only plans",
        ),
        (["sweep", "two-islands", "--out", "x", "--grid", "patrol_rate"], 2, "cannot be read"),
        (
            ["sweep", "two-islands", "--out", "x", "--sobol", "4", "--seeds", "3"],
            2,
            "--seeds: --sobol uses the same random numbers",
        ),
        (
            ["sweep", "two-islands", "--out", "x", "--views", "baseline,hawks", "--view", "hawks"],
            2,
            "--view: it cannot be used with --views",
        ),
        (["discover", "two-islands", "--threshold", "2"], 2, "--threshold: 2; expected a probability above 0 and up"),
        (["discover", "two-islands", "--threshold", "0"], 2, "--threshold: 0; expected a probability above 0 and up"),
        (
            ["indicators", "two-islands", "--look-by", "200"],
            2,
            "--look-by: 200; expected a day after the start and bef",
        ),
        (["indicators", "two-islands", "--look-by", "-3"], 2, "--look-by: -3; expected a day after the start and bef"),
        (["uncertainty", "two-islands", "--draws", "16"], 2, "--draws: 16; expected at least 128, or 0"),
        (["uncertainty", "two-islands", "--tolerance", "0"], 2, "--tolerance: 0; expected percentage points above"),
        (["uncertainty", "two-islands", "--tolerance", "nan"], 2, "--tolerance: nan; expected percentage points"),
        (["uncertainty", "two-islands", "--most-draws", "64"], 2, "--most-draws: 64; expected at least 128"),
        (["uncertainty", "two-islands", "--quantile", "95"], 2, "--quantile: 95; expected a number strictly between"),
        (["uncertainty", "two-islands", "--draws", "256", "--tolerance", "2"], 2, "--tolerance: it cannot be used"),
        (["uncertainty", "two-islands", "--look-by", "90"], 2, "--look-by: 90; expected a day after the start"),
    ],
)
def test_a_bad_question_is_refused_in_words(argv, code, words, capsys):
    assert main(argv) == code
    assert words in capsys.readouterr().err


@pytest.mark.slow
def test_signs_are_exact_where_that_is_asked_for(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["indicators", "two-islands", "--engine", "exact", "--horizon", "30 days", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "as of 1 April 2031, with the requested changes: exact, at the stated values.\n" in told
    assert told.startswith("If nothing has ended and “A ship of North Island is hit” has not happened by ")
    assert "95% interval" not in told
    assert (out / "indicator-map.png").stat().st_size
    assert main(["indicators", "two-islands", "--engine", "exact", "--times-seen", "2"]) == 2
    assert "--times-seen: 2; expected 1 with --engine exact" in capsys.readouterr().err


def test_when_to_stop_drawing_and_what_to_tell_can_be_said(door, capsys):
    argv = [
        "uncertainty",
        door(fixed=False),
        "--quantile",
        "0.9",
        "--quantile",
        "0.1",
        "--tolerance",
        "20",
        "--most-draws",
        "256",
    ]
    assert main([*argv, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)["uncertainty"]
    assert (told["draws"], told["tolerance"], told["reached"]) == (128, 0.2, True)
    assert all(list(measure["quantiles"]) == ["0.1", "0.9"] for measure in told["measures"].values())


@pytest.mark.slow
def test_what_is_done_after_the_day_asked_about_is_left_out_of_its_pictures_too(tmp_path, capsys):
    argv = [
        "uncertainty",
        "two-islands",
        "--measure",
        "open-war",
        "--forbid",
        "patrol@2031-06-01",
        "--by",
        "30",
        "--draws",
        "128",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(argv) == 0
    assert (tmp_path / "out" / "nested-fan.png").exists(), capsys.readouterr().err


def test_a_sweep_is_done_once(tmp_path, capsys):
    pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')
    argv = ["sweep", "two-islands", "--out", str(tmp_path / "s"), "--grid", "hot_factor=2,4", "--runs", "50"]
    assert main(argv) == 0
    assert "2 of 2 points" in capsys.readouterr().out
    assert main(argv) == 0
    assert "(0 now, 2 before)" in capsys.readouterr().out


def swept(tmp_path, capsys, *argv):
    """Return the design of a sweep, a row for each point."""
    pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')
    assert main(["sweep", "two-islands", "--out", str(tmp_path / "s"), "--runs", "10", *argv]) == 0
    capsys.readouterr()
    return pd.read_parquet(tmp_path / "s" / "design.parquet", engine="pyarrow")


def test_changes_hold_in_every_view_of_a_sweep(tmp_path, capsys):
    design = swept(tmp_path, capsys, "--views", "baseline,hawks", "--set", "patrol_rate=2 per day")
    assert list(design["view"]) == ["baseline", "hawks"]
    assert list(design["patrol_rate"]) == [2.0, 2.0]


def test_the_dice_of_a_sweep_begin_at_the_seed(tmp_path, capsys):
    design = swept(tmp_path, capsys, "--grid", "hot_factor=2,4", "--seed", "5", "--seeds", "2")
    assert list(design["seed"]) == [5, 6, 5, 6]


def test_draws_of_a_sweep_have_the_dice_of_the_seed(tmp_path, capsys):
    assert set(swept(tmp_path, capsys, "--sobol", "4", "--seed", "5")["seed"]) == {5}


PLANS = ["--as", "no patrols", "--forbid", "patrol", "--as", "truce", "--delay", "patrol@2031-05-01"]


def test_plans_of_a_sweep_are_crossed_with_views_and_dice(tmp_path, capsys):
    design = swept(tmp_path, capsys, "--views", "baseline,hawks", "--seeds", "2", *PLANS)
    cases = [("baseline", 0), ("baseline", 1), ("hawks", 0), ("hawks", 1)]
    assert design[["view", "seed", "case", "plan"]].to_numpy().tolist() == [
        [view, seed, case, plan]
        for case, (view, seed) in enumerate(cases)
        for plan in ("baseline", "no patrols", "truce")
    ]
    world = load("two-islands")
    wanted = with_interventions(world, [Forbid("patrol", None, until=dt.date(2031, 5, 1))])
    assert design["scenario_sha256"][2] == wanted.sha256


@pytest.mark.parametrize(
    ("argv", "points"), [(["--sobol", "4"], 12), (["--grid", "hot_factor=2,4"], 6), (["--view", "hawks"], 3), ([], 3)]
)
def test_every_design_of_a_sweep_takes_plans(argv, points, tmp_path, capsys):
    design = swept(tmp_path, capsys, *argv, *PLANS)
    assert list(design["plan"]) == ["baseline", "no patrols", "truce"] * (points // 3)
    if "--view" in argv:
        assert set(design["view"]) == {"hawks"}


FREEZE = "format: 1\nid: freeze\ntitle: F\ninterventions:\n  - pin: standoff\n    level: calm\n    on: 2031-04-20\n"


def test_a_plan_of_a_sweep_is_a_file_or_part_of_a_named_one(tmp_path, capsys):
    file = tmp_path / "freeze.yaml"
    file.write_text(FREEZE)
    both = [
        "--plan",
        str(file),
        "--set",
        "hot_factor=2",
        "--forbid",
        "land-troops",
        "--as",
        "both",
        "--plan",
        str(file),
        "--forbid",
        "patrol",
    ]
    design = swept(tmp_path, capsys, *both)
    assert list(design["plan"]) == ["baseline", "freeze", "both"]
    assert set(design["hot_factor"]) == {2.0}
    world = with_interventions(with_values(load("two-islands"), {"hot_factor": 2}), [Forbid("land-troops")])
    calm = Pin("standoff", "calm", dt.date(2031, 4, 20))
    worlds = [with_interventions(world, items) for items in ([], [calm], [calm, Forbid("patrol")])]
    assert list(design["scenario_sha256"]) == [each.sha256 for each in worlds]


def test_a_changed_plan_of_a_sweep_is_refused(tmp_path, capsys):
    argv = ["sweep", "two-islands", "--out", str(tmp_path / "s"), "--runs", "10", "--plan", str(tmp_path / "f.yaml")]
    (tmp_path / "f.yaml").write_text(FREEZE)
    swept(tmp_path, capsys, *argv[-2:])
    assert main(argv) == 0
    assert "(0 now, 2 before)" in capsys.readouterr().out
    (tmp_path / "f.yaml").write_text(FREEZE.replace("04-20", "04-21"))
    assert main(argv) == 1
    assert "holds another sweep: plan 'freeze' has other interventions there; choose" in capsys.readouterr().err


def test_what_is_wrong_with_plans_of_a_sweep_is_told_at_once(tmp_path, capsys):
    (tmp_path / "f.yaml").write_text(FREEZE.replace("calm", "calmer"))
    file = str(tmp_path / "f.yaml")
    argv = [
        "--plan",
        file,
        "--plan",
        "hawks",
        "--as",
        "a",
        "--set",
        "hot_factor=2",
        "--plan",
        "none.yaml",
        "--as",
        "b",
        "--as",
        "a",
        "--forbid",
        "patrl",
    ]
    assert main(["sweep", "two-islands", "--out", str(tmp_path / "s"), *argv]) == 2
    told = capsys.readouterr().err
    for words in (
        f"{file}:6: interventions.1.level: 'standoff' has no level 'calmer'; did you mean 'calm'?",
        "hawks.yaml:9: assumptions: a plan cannot change assumptions; expected interventions, such as `assume`",
        "--as a: --set hot_factor=2: a plan cannot change assumptions; expected --assume, or --set before the first",
        "none.yaml: --as a: there is no such file; expected a view file, or the id of a view",
        "--as b: no intervention follows it; expected --plan, or an intervention",
        "two plans are called 'a'; expected another name",
        "--as a: patrl: unknown move 'patrl'; did you mean 'patrol'?",
    ):
        assert words in told
    assert not (tmp_path / "s").exists()


def test_a_stopped_sweep_says_what_is_kept(tmp_path, capsys, monkeypatch):
    pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')
    argv = ["sweep", "two-islands", "--out", str(tmp_path / "s"), "--sobol", "4", "--runs", "10", "--block", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(Task, "cancelled", lambda task: task.share > 0)
        assert main(argv) == 130
    assert (
        f"stopped; {tmp_path / 's'} keeps the finished part; the same command continues the sweep"
        in capsys.readouterr().err
    )
    assert main(argv) == 0
    assert "4 of 4 points" in capsys.readouterr().out
