"""Questions about worlds too large for the exact engine, and the tables beside the sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from simlib.analysis.samples import sample, selected
from simlib.cli import main
from simlib.errors import TooManyStates
from simlib.scenario.loader import load
from tests.cli.world import write_bridge


@pytest.fixture
def bridge(tmp_path):
    return str(write_bridge(tmp_path))


@pytest.fixture
def large(bridge, monkeypatch):
    """The bridge, with an exact engine that has no room for it."""

    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    return bridge


QUESTIONS = {
    "compare": ["--forbid", "close", "--runs", "500"],
    "drivers": ["--measure", "ending:agreement", "--top", "2"],
    "paths": ["--runs", "500", "--given", "agreement", "--waypoints"],
    "pool": ["--runs", "500"],
}


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_where_the_exact_engine_does_not_fit_monte_carlo_answers_and_says_so(question, large, tmp_path, capsys):
    assert main([question, large, *QUESTIONS[question], "--json", "-", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    assert re.search("note: the exact engine would need at least 14 reachable states.*by Monte Carlo", told.err)
    assert "--engine" not in told.err
    assert json.loads(told.out)


def test_a_forecast_is_simulated_if_auto_is_asked_for(large, capsys):
    assert main(["run", large]) == 1
    assert "--engine montecarlo" in capsys.readouterr().err
    assert main(["run", large, "--engine", "auto", "--runs", "500", "--json", "-"]) == 0
    told = capsys.readouterr()
    assert re.fullmatch("note: the exact engine would need at least 14 reachable states.*by Monte Carlo\n", told.err)
    assert json.loads(told.out)["provenance"]["runs"] == 500


@pytest.mark.parametrize("question", ["drivers", "paths", "compare"])
def test_the_engine_named_is_the_one_taken(question, large, capsys):
    assert main([question, large, *QUESTIONS[question], "--engine", "exact"]) == 1
    assert "--engine montecarlo" in capsys.readouterr().err
    assert main([question, large, *QUESTIONS[question], "--engine", "montecarlo"]) == 0
    assert "note: the exact engine" not in capsys.readouterr().err


def test_indicators_are_counted_and_forced_in_histories(large, capsys):
    few = ["--measure", "ending:agreement", "--draws", "10", "--runs", "200", "--doing", "2", "--json", "-"]
    assert main(["indicators", large, *few]) == 0
    told, err = capsys.readouterr()
    assert "the effect of forcing a move is estimated from pairs of histories with common random numbers" in err
    found = json.loads(told)["indicators-ending-agreement"]["indicators"]
    forced = [row for row in found if row["doing"] is not None]
    assert len(forced) == 2
    assert all(row["doing_low"] < row["doing"] < row["doing_high"] for row in forced)


def test_what_forcing_does_is_the_same_by_both_engines(bridge, monkeypatch):
    from simlib.analysis.indicators.watch_list import indicators

    def done():
        rows = indicators(load(bridge), "agreement", engine="montecarlo", draws=0, seed=2).with_forcing(2).rows
        return [row.if_forced for row in rows if row.if_forced is not None]

    exact = done()

    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    monkeypatch.setattr("simlib.engines.exact.forecast.solve", refuse)
    for (value, low, high), (expected, _, _) in zip(done(), exact, strict=True):
        assert low <= expected <= high
        assert value == pytest.approx(expected, abs=0.02)


def test_check_names_the_reason_where_a_table_needs_states_that_cannot_be_numbered(bridge, capsys):
    file = Path(bridge, "scenario.yaml")
    lamps = "".join(f"  lamp-{n}: {{levels: [dark, lit], start: dark}}\n" for n in range(61))
    file.write_text(file.read_text(encoding="utf-8").replace("variables:\n", f"variables:\n{lamps}"), encoding="utf-8")
    assert main(["check", bridge]) == 0
    assert "note: some tables are not shown: the levels of all variables combine to" in capsys.readouterr().err


def test_a_difference_is_told_without_what_it_does(large, capsys):
    assert main(["diff", large, "--other-view", "hopeful"]) == 0
    told = capsys.readouterr()
    assert "The assumption “Meeting” changes from 1 per month" in told.out
    assert "the forecasts are not compared" in told.err


# Tables


def test_compare_prints_a_table_and_how_many_pairs(bridge, capsys):
    assert main(["compare", bridge, "--forbid", "close", "--runs", "300"]) == 0
    out = capsys.readouterr().out
    assert "exact, and 300 pairs of histories" in out
    assert re.search(r"^ +baseline +forbid close$", out, re.MULTILINE)
    assert re.search(r"^  Every lane is closed +[\d.]+% +0% \(-[\d.]+\)$", out, re.MULTILINE)


def test_drivers_print_what_happens_at_low_and_high(bridge, capsys):
    assert main(["drivers", bridge, "--measure", "ending:agreement"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ +low +at low +high +at high +if 1% higher$", out, re.MULTILINE)
    assert re.search(r"^  An offer is accepted +30% +[\d.]+% +80% +[\d.]+% +\+[\d.]+ points$", out, re.MULTILINE)


def test_indicators_print_a_table(bridge, capsys):
    assert main(["indicators", bridge, "--draws", "10", "--runs", "200", "--doing", "0"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ +seen +stated values +ratio +bits +time +seen +alarms +misses$", out, re.MULTILINE)
    assert re.search(r"^  Offer talks +\S+ points +- +\S+ +[\d.]+ +\d+ days( +\S+%){3}$", out, re.MULTILINE)


@pytest.mark.slow
def test_passages_are_a_table_with_labels_and_a_date(large, capsys, monkeypatch):
    argv = ["paths", large, "--runs", "2000", "--given", "agreement", "--waypoints"]
    title = "Rungs and moves in the histories that end in “Agreed” by 30 May 2031, as a share of these histories"
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert re.search(rf"^{title}, counted in [\d,]+ of them$", out, re.MULTILINE)
    assert re.search(r"^  Sign +move +100% +\S+ to 100%$", out, re.MULTILINE)
    assert re.search(r"of 2,000 simulated histories that end in “Agreed”", out)
    assert err.count("note:") == 1
    monkeypatch.undo()
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert f"{title}\n" in out
    assert re.search(r"^  Sign +move +100%$", out, re.MULTILINE)
    assert "e-" not in out


def test_histories_to_a_rare_ending_are_drawn(bridge, capsys):
    """Clearing by force is rare: of a few hundred histories hardly any ends so."""
    assert main(["paths", bridge, "--given", "cleared-away", "--runs", "300"]) == 0
    out = capsys.readouterr().out
    assert "in 300 histories simulated under the condition that they end in “Cleared by force”" in out
    rows = re.findall(r"^  .* → .*?( +[\d,]+)( +\S+){3}$", out, re.MULTILINE)
    assert sum(int(row[0].replace(",", "")) for row in rows) >= 300


def test_paths_tell_the_times_between_rungs(bridge, capsys):
    argv = ["paths", bridge, "--runs", "400"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert "Days from entering a rung to entering the next, in 400 histories" in out
    assert re.search(r"^  some closed → all closed( +[\d.]+){4}$", out, re.MULTILINE)
    assert main([*argv, "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)["times"]["rows"]
    assert {"rung", "to", "count", "p50"} <= set(rows[0])


@pytest.mark.slow
def test_uncertainty_ranks_what_could_be_seen(bridge, tmp_path, capsys):
    argv = ["uncertainty", bridge, "--measure", "ending:agreement", "--draws", "128", "--look-by", "14"]
    assert main([*argv, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "What to watch for until 14 April 2031, to forecast “Agreed”" in out
    assert re.search(r"^  Offer talks( +\S+%){3} ", out, re.MULTILINE)
    stored = json.loads((tmp_path / "out" / "uncertainty.json").read_text())
    assert {row["observation"] for row in stored["evsi-ending-agreement"]["observations"]} >= {"meet", "close"}
    assert (tmp_path / "out" / "evsi-ending-agreement.png").exists()


def test_histories_kept_by_their_ending_are_the_same_histories(bridge):
    played = sample(load(bridge), runs=200).histories
    some = selected(played, np.flatnonzero(played.ending == 0)[:5])
    assert len(some) == 5
    assert np.all(some.ending == 0)
    for number in some.replicates:
        assert some.story(int(number)) == played.story(int(number))
