"""The reference engine against closed forms, and the Monte Carlo engine against it, in law.

*When* and *which* are tested apart: the time of the first event (and of the ending) by a two-sample
Kolmogorov-Smirnov test, the ending given that there is one by chi-squared, counts and levels by standard scores. Each
test has an error rate of 1e-5 to 2e-6 for another choice of seeds. Null controls give one engine rates that are 15%
too high, an outcome chance that is 0.12 off, or one factor that is wrong, and the same tests must find out.
"""

import random

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, kstest

from simlib.engines.montecarlo.replay import histories
from simlib.engines.montecarlo.simulator import Simulator
from simlib.engines.reference import Reference, sample
from simlib.scenario.model import Forbid, Force
from tests import worlds
from tests.engines.chance import P_LIMIT, Z_LIMIT, scores, two_scores

pytestmark = pytest.mark.statistical

RUNS, MANY = 4_000, 40_000


WORLDS = {"tempo": worlds.tempo_world, "intervened": worlds.intervened_world, "branching": worlds.branching_world}


def state_at(run, day):
    """The state at a time. An event at that very time has happened."""
    return next((event.state for event in reversed(run.events) if event.time <= day), run.start)


def firings(run, move, day=np.inf):
    """How often a move fired by a time."""
    return sum(event.move == move and event.time <= day for event in run.events)


def first_time(run, question):
    """The first time of what a question asks about. Infinity when it did not happen."""
    if question.when is not None and question.when.holds(run.start):
        return 0.0

    def answers(event):
        if question.when is not None:
            return question.when.holds(event.state)
        return event.move == question.move and question.outcome in (None, event.outcome)

    return next((event.time for event in run.events if answers(event)), np.inf)


@pytest.fixture(scope="module")
def stories():
    return {name: sample(make(), RUNS, seed=8) for name, make in WORLDS.items()}


# ---------------------------------------------------------------- closed forms


def test_the_time_of_a_crossing_is_exponential():
    times = [first_time(run, worlds.two_states().questions["sailed"]) for run in sample(worlds.two_states(0.5), 2000)]
    assert kstest(np.minimum(times, 1e9), "expon", args=(0, 2)).pvalue > P_LIMIT


def test_exits_share_by_rate():
    rates = np.array([0.2, 0.5, 0.8])
    endings = [run.ending for run in sample(worlds.competing_exits(rates), RUNS)]
    seen = [endings.count(f"exit-{road}") for road in range(3)]
    assert np.max(np.abs(scores(seen, RUNS, rates / rates.sum()))) < Z_LIMIT


@pytest.mark.parametrize("factor", [None, 4.0])
def test_windows(factor):
    ended = [run.ending_time for run in sample(worlds.windows(0.1, 5, 12, factor), RUNS)]
    for day, inside in ((5.0, 0), (9.0, 4), (13.0, 8), (25.0, 8)):
        spent = inside if factor is None else day + (factor - 1) * inside
        assert abs(float(scores(np.sum(np.array(ended) <= day), RUNS, -np.expm1(-0.1 * spent)))) < Z_LIMIT


def test_a_window_can_be_ignored():
    ended = [run.ending_time for run in sample(worlds.windows(0.5), 500, ignore_windows=True)]
    assert min(ended) < 1


def test_a_hidden_spread_start():
    starts = [run.start["fuse"] for run in sample(worlds.hidden_spread(0.3), RUNS)]
    assert abs(float(scores(starts.count("dry"), RUNS, 0.3))) < Z_LIMIT


def test_an_absorbing_start_and_a_saturated_shift():
    run = Reference(worlds.absorbing_start()).run(random.Random(0))
    assert (run.ending, run.ending_time, run.events) == ("shut", 0.0, [])
    marks = Reference(worlds.birth_death(5.0, 0.001, 3)).run(random.Random(1))
    assert firings(marks, "rise") > 100
    assert state_at(marks, 30.0) == {"water": "mark-c"}
    assert state_at(marks, 0.0) == {"water": "mark-a"}


def test_a_forced_move_asks_its_guard_and_nothing_else():
    items = (Forbid("drop"), Force("drop", worlds.date(20)), Force("drop", worlds.date(21)))
    (run,) = sample(worlds.windows(0.1, 5, 12).replace(interventions=items, endings={}), 1)
    assert [(event.time, event.move, event.intervention) for event in run.events] == [(20.0, "drop", 1)]
    assert run.without_effect == {1: False, 2: True}


def test_shifts_stop_at_the_end_levels():
    for shift, level in ((-9, "a"), (+9, "c")):
        world = worlds.World("shift").variable("v", "a", "b", "c", start="b").move("jump", 50.0, {"v": shift})
        assert state_at(sample(world.scenario(), 1)[0], 30.0) == {"v": level}


# ---------------------------------------------------------------- one law


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_when_the_first_event_and_the_ending_come(name, stories):
    told = histories(WORLDS[name](), MANY)
    first = told.time[np.minimum(told.start[:-1] + 1, len(told.time) - 1)]
    assert ks_2samp([run.events[0].time for run in stories[name] if run.events], first).pvalue > P_LIMIT
    endings = [run.ending_time for run in stories[name] if run.ending]
    assert ks_2samp(endings, told.ending_time[told.ending >= 0]).pvalue > P_LIMIT


@pytest.mark.parametrize("name", WORLDS)
def test_which_ending_given_that_there_is_one(name, stories):
    names = list(WORLDS[name]().endings)
    slow = [sum(run.ending == ending for run in stories[name]) for ending in names]
    fast = np.bincount(Simulator(WORLDS[name]()).run(runs=MANY).ending + 1, minlength=len(names) + 1)[1:]
    assert chi2_contingency([slow, fast]).pvalue > P_LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_levels_endings_questions_and_rungs(name, stories):
    scenario, days = WORLDS[name](), [2.0, 8.0, 26.0, 60.0]
    fast = Simulator(scenario, times=days).run(runs=MANY)
    for place, day in enumerate(days):
        states = [state_at(run, day) for run in stories[name]]
        levels = [sum(s[v.id] == level for s in states) for v in scenario.variables.values() for level in v.levels]
        endings = [sum(run.ending == e and run.ending_time <= day for run in stories[name]) for e in scenario.endings]
        asked = [sum(first_time(run, q) <= day for run in stories[name]) for q in scenario.questions.values()]
        rungs = [
            sum(max(i for i, step in enumerate(ladder.rungs) if step.when.holds(s)) == rung for s in states)
            for ladder in scenario.ladders.values()
            for rung in range(len(ladder.rungs))
        ]
        for slow, counts in (
            (levels, fast.levels),
            (endings, fast.endings),
            (asked, fast.questions),
            (rungs, fast.rungs),
        ):
            assert np.max(np.abs(two_scores(slow, RUNS, counts[place], MANY))) < Z_LIMIT


@pytest.mark.parametrize("name", WORLDS)
def test_how_often_each_move_fires(name, stories):
    scenario = WORLDS[name]()
    fast = Simulator(scenario, times=[15.0, 60.0]).run(runs=MANY)
    for place, day in enumerate((15.0, 60.0)):
        for index, move in enumerate(scenario.moves):
            slow = np.array([firings(run, move, day) for run in stories[name]], float)
            mean = fast.moves[place, index] / MANY
            variance = fast.squares[place, index] / MANY - mean**2
            z = (slow.mean() - mean) / np.sqrt(variance * (1 / RUNS + 1 / MANY))
            assert abs(z) < Z_LIMIT, move


def test_how_often_an_intervention_has_no_effect(stories):
    fast = Simulator(worlds.intervened_world()).run(runs=MANY)
    for place, number in enumerate((0, 1, 2)):
        came_up = [run.without_effect[number] for run in stories["intervened"] if number in run.without_effect]
        assert abs(float(two_scores(len(came_up), RUNS, fast.tried[place], MANY))) < Z_LIMIT
        z = two_scores(sum(came_up), len(came_up), fast.void[place], int(fast.tried[place]))
        assert abs(float(z)) < Z_LIMIT


# ---------------------------------------------------------------- null controls


def wrong(name, factor):
    """Return the fast engine's answer with one assumption wrong."""
    scenario = worlds.tempo_world()
    simulator = Simulator(scenario)
    theta = simulator.stated.copy()
    theta[list(scenario.assumptions).index(name)] *= factor
    return simulator.run(theta, runs=MANY)


def test_when_notices_a_rate_15_percent_too_high(stories):
    scenario = worlds.tempo_world()
    faster = {a.id: 1.15 * a.value for a in scenario.assumptions.values() if a.kind == "rate"}
    told = histories(scenario, MANY, values=faster)
    assert ks_2samp([run.events[0].time for run in stories["tempo"]], told.time[told.start[:-1] + 1]).pvalue < P_LIMIT


def test_which_notices_a_chance_that_is_off(stories):
    names = list(worlds.tempo_world().endings)
    slow = [sum(run.ending == ending for run in stories["tempo"]) for ending in names]
    fast = np.bincount(wrong("patrol.challenged.chance", 1.4).ending + 1, minlength=len(names) + 1)[1:]
    assert chi2_contingency([slow, fast]).pvalue < P_LIMIT


def test_scores_notice_a_wrong_factor(stories):
    seen = wrong("invite.times.1", 3.0)
    slow = [sum(first_time(run, q) <= 60 for run in stories["tempo"]) for q in worlds.tempo_world().questions.values()]
    assert np.max(np.abs(two_scores(slow, RUNS, seen.questions[-1], MANY))) > Z_LIMIT
