"""Worlds with one very fast move: a job of hours is refused at once, and what underflows is not solved again."""

from __future__ import annotations

import pytest

import simlib
from simlib.control import Control
from simlib.engines.exact.solver import Solver
from simlib.errors import Unsupported
from tests.published.models import move, world

MOVES = {
    "up": ({"x": "low"}, {"x": "high"}),
    "down": ({"x": "high"}, {"x": "low"}),
    "go": ({"x": "high"}, {"y": "gone"}),
}


def fast(per_day, horizon=10, **rates):
    moves = {name: move(when, rates.get(name, per_day), then) for name, (when, then) in MOVES.items()}
    endings = {"gone": {"when": {"y": "gone"}, "label": "It is gone", "because": "the end"}}
    variables = {"x": ["low", "high"], "y": ["staying", "gone"]}
    return world(variables, {"x": "low", "y": "staying"}, moves, horizon=horizon, endings=endings)


@pytest.mark.parametrize("per_day", [2.88e9, 1e200])
def test_a_job_of_hours_is_refused_with_what_to_do(per_day):
    with pytest.raises(Unsupported, match=r"would need .* steps, .* look for a rate per minute or hour") as refused:
        simlib.solve(fast(per_day, go=0.1))
    assert len(str(refused.value)) < 400


def test_a_job_of_minutes_is_begun():
    assert simlib.solve(fast(2000.0, go=0.1), times=1).endings["gone"].probability[-1] > 0


def test_what_underflows_is_solved_once(monkeypatch):
    passes = []
    run = Solver._run
    monkeypatch.setattr(Solver, "_run", lambda *args: passes.append(1) or run(*args))
    forecast = simlib.solve(fast(3e3), times=1)
    assert forecast.endings["ongoing"].probability[-1] == 0.0
    assert len(passes) == 1


def test_a_rare_ending_that_needs_many_jumps_is_solved_again():
    forecast = simlib.solve(fast(1e-12, horizon=1), times=1)
    assert forecast.endings["gone"].probability[-1] == pytest.approx(0.5e-24, rel=1e-3)


@pytest.mark.slow
def test_progress_never_runs_backwards():
    told = []
    simlib.solve(fast(3e3, go=1e-20), times=1, control=Control(progress=told.append))
    assert len(told) > 5
    assert told == sorted(told)
