"""A distribution carried from one time to another: against whole solutions, in parts, and with what stops a history."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from simlib.control import Control
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.states import Taboo
from simlib.errors import Cancelled
from simlib.machine import priors
from simlib.results import ONGOING
from simlib.scenario.model import Force, Pin
from tests import worlds
from tests.strategies import seeded_world

SEEDS = range(0, 60, 3)


def firsts(solver):
    """The taboo sets of the questions that one state or firing answers, by question."""
    return {q.id: solver.passages.taboo(q) for q in solver.scenario.questions.values() if not q.count}


def solver_and_times(scenario):
    """A solver that reports at every cut and in the middle of every segment."""
    cuts = sorted({s.start for s in Solver(scenario, times=1).segments} | {scenario.horizon_days})
    times = sorted({*cuts, *((a + b) / 2 for a, b in itertools.pairwise(cuts))})
    return Solver(scenario, times=times), times


def endings(solver, vector):
    names = [*solver.scenario.endings, ONGOING]
    places = np.where(solver.space.ended, solver.space.ending, len(names) - 1)
    return dict(zip(names, np.bincount(places, weights=vector, minlength=len(names)), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_it_says_at_every_time_what_a_whole_solution_says(seed):
    solver, times = solver_and_times(seeded_world(seed))
    forecast, chain = solver.solve(), solver.chain()
    for place, day in enumerate(times):
        passage = chain.propagate(chain.start(), 0, day)
        for name, p in endings(solver, passage.vector).items():
            assert forecast.endings[name].probability[place] == pytest.approx(p, abs=2e-9)
        for index, (variable, levels) in enumerate(forecast.variables.items()):
            for level, p in enumerate(levels.values()):
                mine = passage.vector[solver.space.levels[:, index] == level].sum()
                assert p[place] == pytest.approx(mine, abs=2e-9), f"{variable} on day {day}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_taboo_stops_as_much_as_the_question_has_been_answered(seed):
    solver, times = solver_and_times(seeded_world(seed))
    forecast, chain = solver.solve(), solver.chain()
    for name, taboo in firsts(solver).items():
        for place, day in enumerate(times):
            passage = chain.propagate(chain.start(), 0, day, taboo=taboo)
            assert passage.stopped == pytest.approx(forecast.questions[name].probability[place], abs=2e-9)
            assert passage.stopped + passage.vector.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_two_passes_are_one(seed):
    solver, times = solver_and_times(seeded_world(seed))
    taboos = [Taboo(), *firsts(solver).values()]
    chain = solver.chain()
    for taboo in taboos:
        whole = chain.propagate(chain.start(), 0, solver.horizon, taboo=taboo)
        vector, stopped, first = chain.start(), 0.0, 0.0
        for last in times[1:]:
            part = chain.propagate(vector, first, last, taboo=taboo)
            vector, stopped, first = part.vector, stopped + part.stopped, last
        np.testing.assert_allclose(vector, whole.vector, atol=1e-12)
        assert stopped == pytest.approx(whole.stopped, abs=1e-12)


@pytest.mark.parametrize("day", [0, 10, 30])
def test_interventions_at_a_time_have_acted_by_then(day):
    scenario = worlds.two_states(0.1, horizon=30.0).replace(interventions=(Pin("bank", "right", worlds.date(day)),))
    solver = Solver(scenario, times=1)
    chain, right = solver.chain(), solver.space.levels[:, 0] == 1
    assert chain.propagate(chain.start(), 0, day).vector[right].sum() == pytest.approx(1)
    if day:
        before = chain.propagate(chain.start(), 0, day - 1e-9).vector[right].sum()
        assert before == pytest.approx(-np.expm1(-0.1 * day), abs=1e-8)


def test_a_forced_firing_of_a_taboo_move_stops():
    scenario = worlds.two_states(0.1, horizon=30.0).replace(interventions=(Force("cross", worlds.date(10)),))
    solver = Solver(scenario, times=1)
    chain = solver.chain()
    passage = chain.propagate(chain.start(), 0, 30, taboo=Taboo(None, ((solver.tables.move("cross"), -1),)))
    assert passage.stopped == pytest.approx(1)
    assert passage.vector.sum() == pytest.approx(0, abs=1e-15)


def test_at_other_values_than_the_stated_ones():
    solver = Solver(worlds.two_states(0.1, horizon=30.0), times=1)
    theta = priors.theta(solver.scenario, {"cross.rate": 0.4})
    chain = solver.chain(theta)
    left = chain.propagate(chain.start(), 0, 5).vector[solver.space.levels[:, 0] == 0]
    assert left.sum() == pytest.approx(np.exp(-2))


def test_times_that_cannot_be_are_refused_and_work_can_be_stopped():
    solver = Solver(worlds.two_states(horizon=30.0), times=1)
    chain = solver.chain()
    start = chain.start()
    for first, last in ((5, 4), (-1, 3), (0, 31)):
        with pytest.raises(ValueError, match="0 ≤ start ≤ stop ≤ 30 days"):
            chain.propagate(start, first, last)
    with pytest.raises(Cancelled):
        chain.propagate(start, 0, 30, control=Control(cancel=lambda: True))
    shares = []
    chain.propagate(start, 0, 30, control=Control(progress=shares.append))
    assert shares[-1] == pytest.approx(1)
