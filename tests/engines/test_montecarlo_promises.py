"""The same dice: what must not change by a bit, and what may change in bits but not in law."""

import dataclasses

import numpy as np
import pytest

from simlib.control import Control
from simlib.engines.montecarlo.replay import histories
from simlib.engines.montecarlo.simulator import Counts, Simulator, simulate
from simlib.engines.montecarlo.streams import stream_hash
from simlib.scenario.model import Assumption, Forbid, Force, Move, Outcome, Pin, Policy, Variable
from tests import worlds
from tests.engines.chance import Z_LIMIT, draws, exponentials, stream_keys, two_scores, uniforms

SUMMED = ("levels", "rungs", "endings", "questions", "moves", "squares", "tried", "void", "firings")
EACH = ("ending", "ending_time", "question_time", "events")


def assert_same_bits(first: Counts, second: Counts, but=()):
    for name in {*SUMMED, *EACH} - set(but):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def times_of(scenario, move, replicates=40):
    """Return when a move fired in each of some replicates, with the outcome."""
    told = histories(scenario, replicates).frame()
    told = told[told["move"] == move]
    return [list(zip(part["day"], part["outcome"], strict=True)) for _, part in told.groupby("replicate")]


def tempo(*interventions):
    return worlds.tempo_world().replace(interventions=interventions)


# ---------------------------------------------------------------- threads, chunks, runs, seeds


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_changes_no_bit(threads):
    simulator = Simulator(tempo(Force("invite", worlds.date(3))))
    assert_same_bits(
        simulator.run(runs=3000, control=Control(threads=1)), simulator.run(runs=3000, control=Control(threads=threads))
    )


def test_the_first_1000_of_10000_runs_are_the_same_replicates():
    simulator = Simulator(worlds.tempo_world())
    few, many = simulator.run(runs=1000), simulator.run(runs=10_000)
    for name in EACH:
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:1000], err_msg=name)
    assert_same_bits(few + simulator.run(runs=9000, first=1000), many)


def test_counts_that_do_not_follow_each_other_are_not_joined():
    simulator = Simulator(worlds.two_states())
    with pytest.raises(ValueError, match="the added replicates start at number 20; expected 10"):
        simulator.run(runs=10) + simulator.run(runs=10, first=20)


def test_the_same_seed_again_is_the_same_forecast_and_another_is_not():
    first, again, other = (simulate(worlds.tempo_world(), runs=500, seed=seed) for seed in (0, 0, 1))
    for name, band in first.endings.items():
        np.testing.assert_array_equal(band.probability, again.endings[name].probability)
    assert any(np.any(band.probability != other.endings[name].probability) for name, band in first.endings.items())


def test_seed_0_is_the_default_and_a_seed_like_any_other():
    simulator = Simulator(worlds.two_states())
    default, zero, one = simulator.run(runs=200), simulator.run(runs=200, seed=0), simulator.run(runs=200, seed=1)
    assert_same_bits(default, zero)
    assert np.all(default.question_time[:, 0] != one.question_time[:, 0])


def test_every_draw_is_where_its_address_says():
    """Draws 0, 2, 4, ... are the waits of a move and 1, 3, 5, ... its outcomes; a start and a forced firing use 0."""
    world = worlds.World("coin").variable("v", "a", "b", start={"a": 0.4, "b": None})
    world.move("toss", 0.5, outcomes={"heads": (0.3, {}), "tails": (None, {})})
    force = Force("toss", worlds.date(4))
    told = histories(world.scenario().replace(interventions=(force,)), 50, seed=7)
    number = np.arange(100)
    for replicate in range(50):
        rows = told.rows(replicate)
        own = told.intervention[rows] < 0
        (toss, start, forced) = (
            stream_keys(7, replicate, stream_hash(kind, name))
            for kind, name in (("move", "toss"), ("start", "v"), ("force", str(force)))
        )
        times = np.cumsum(exponentials(draws(toss, 2 * number)) / 0.5)
        seen = told.time[rows][own][1:]
        np.testing.assert_allclose(seen, times[: len(seen)], rtol=1e-12)
        heads = uniforms(draws(toss, 2 * number + 1)) < 0.3
        np.testing.assert_array_equal(told.outcome[rows][own][1:] == 0, heads[: len(seen)])
        assert told.levels[rows.start, 0] == (uniforms(draws(start, 0)) >= 0.4)
        assert (told.outcome[rows][~own] == 0).tolist() == (uniforms(draws(forced, 0)) < 0.3).tolist()


# ---------------------------------------------------------------- interventions that change nothing


@pytest.mark.parametrize("day", [None, worlds.date(0), worlds.date(7), worlds.date(30)])
def test_forbidding_a_move_that_never_fires_changes_no_bit(day):
    scenario = worlds.unreachable_rung()
    forbidden = scenario.replace(interventions=(Forbid("repaint", day),))
    assert_same_bits(Simulator(scenario).run(runs=500), Simulator(forbidden).run(runs=500))


def test_forcing_under_a_false_guard_changes_no_bit():
    scenario = worlds.unreachable_rung()
    forced = scenario.replace(interventions=tuple(Force("repaint", worlds.date(day)) for day in (0, 3, 30)))
    before, after = Simulator(scenario).run(runs=500), Simulator(forced).run(runs=500)
    assert_same_bits(before, after, but=("tried", "void"))
    assert after.tried.tolist() == after.void.tolist() == [500, 500, 500]


def test_setting_a_level_that_already_holds_changes_no_bit():
    scenario = worlds.absorbing_start().replace(endings={})
    pinned = scenario.replace(interventions=tuple(Pin("lock", "locked", worlds.date(day)) for day in (0, 9)))
    before, after = Simulator(scenario).run(runs=500), Simulator(pinned).run(runs=500)
    assert_same_bits(before, after, but=("tried", "void"))
    assert after.void.tolist() == [500, 500]


def test_a_policy_that_nobody_needs_changes_no_bit():
    scenario = worlds.unreachable_rung()
    ruled = scenario.replace(interventions=(Policy("repaint", 9.0, date=worlds.date(4)),))
    assert_same_bits(Simulator(scenario).run(runs=500), Simulator(ruled).run(runs=500))


def test_a_forced_firing_leaves_the_clock_of_its_move_alone():
    """The move fires by itself at the times it would have, and with the same outcomes, forced or not."""
    world = worlds.World("coin").variable("coin", "spinning", "flat", start="spinning")
    own = world.move("toss", 0.3, outcomes={"heads": (0.5, {}), "tails": (None, {})}).scenario()
    forced = own.replace(interventions=(Force("toss", worlds.date(5)), Force("toss", worlds.date(9))))
    expected = times_of(own, "toss")
    seen = [[pair for pair in firings if pair[0] not in (5.0, 9.0)] for firings in times_of(forced, "toss")]
    assert [len(firings) for firings in times_of(forced, "toss")] == [len(firings) + 2 for firings in expected]
    assert seen == expected


def test_before_an_intervention_everything_is_as_without_it():
    day = 10
    days = np.linspace(0, day - 0.001, 20)
    changed = tempo(Force("clash", worlds.date(day)), Forbid("patrol", worlds.date(day)))
    before, after = (Simulator(scenario, times=days).run(runs=800) for scenario in (tempo(), changed))
    for name in ("levels", "rungs", "endings", "questions", "moves"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name), err_msg=name)


# ---------------------------------------------------------------- structure


def with_bystander(scenario, place):
    """Add a variable and a move that have nothing to do with the rest, the move at some place in the list."""
    weather = Variable("weather", "weather", ("dry", "wet"), (("dry", "fair"), ("wet", None)))
    rain = Move("rain", "nature", "rain", "rain-rate", outcomes=(Outcome("done", "done", None),))
    numbers = (("fair", "chance", 0.5), ("rain-rate", "rate", 2.0))
    moves = list(scenario.moves.items())
    moves.insert(place, ("rain", rain))
    return scenario.replace(
        variables={"weather": weather} | dict(scenario.variables),
        assumptions=dict(scenario.assumptions) | {n: Assumption(n, n, k, v, v, v, "assumed") for n, k, v in numbers},
        moves=dict(moves),
    )


@pytest.mark.parametrize("place", [0, 3, 99])
def test_adding_a_move_and_a_variable_changes_no_other_draw(place):
    plain, more = (Simulator(s).run(runs=800) for s in (tempo(), with_bystander(tempo(), place)))
    for name in ("rungs", "endings", "questions", "ending", "ending_time", "question_time"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(more, name), err_msg=name)


def test_dropping_a_move_that_changes_nothing_changes_no_other_draw():
    without = tempo().replace(moves={name: move for name, move in tempo().moves.items() if name != "rumour"})
    for move in ("patrol", "clash", "cool"):
        assert times_of(tempo(), move) == times_of(without, move)


def test_reordering_moves_variables_and_questions_changes_no_draw():
    scenario = tempo()
    parts = ("moves", "variables", "questions", "assumptions")
    turned = scenario.replace(**{name: dict(reversed(getattr(scenario, name).items())) for name in parts})
    here, there = Simulator(scenario).run(runs=800), Simulator(turned).run(runs=800)
    for name in ("endings", "ending", "ending_time", "events", "rungs"):
        np.testing.assert_array_equal(getattr(here, name), getattr(there, name), err_msg=name)
    np.testing.assert_array_equal(here.moves, there.moves[:, ::-1])
    np.testing.assert_array_equal(here.question_time, there.question_time[:, ::-1])


@pytest.mark.statistical
def test_renaming_a_move_changes_bits_but_not_law():
    """Endings, questions and levels at five times, 40,000 replicates each; wrong once in 10,000."""
    scenario, runs, days = tempo(), 40_000, [3.0, 10.0, 20.0, 40.0, 60.0]
    renamed = scenario.replace(
        moves={f"{name}-x": dataclasses.replace(move, id=f"{name}-x") for name, move in scenario.moves.items()},
        questions={
            name: dataclasses.replace(q, move=f"{q.move}-x" if q.move else None)
            for name, q in scenario.questions.items()
        },
    )
    here, there = (Simulator(s, times=days).run(runs=runs) for s in (scenario, renamed))
    assert np.any(here.ending != there.ending)
    for name in ("levels", "endings", "questions", "rungs"):
        z = two_scores(getattr(here, name), runs, getattr(there, name), runs)
        assert np.max(np.abs(z)) < Z_LIMIT, name


def test_a_change_of_one_rate_leaves_the_times_of_unrelated_moves():
    faster = simulate(worlds.birth_death(0.6, 0.2), runs=400)
    slower = simulate(worlds.birth_death(0.3, 0.2), runs=400)
    np.testing.assert_array_equal(faster.moves["fall"], slower.moves["fall"])
    assert np.any(faster.moves["rise"] != slower.moves["rise"])


def test_twice_the_rates_is_half_the_time_to_the_bit():
    """Doubling is exact in binary: every event comes at exactly half its time."""
    scenario = worlds.tempo_world()
    moves = {name: dataclasses.replace(move, between=None) for name, move in scenario.moves.items()}
    moves = {
        name: dataclasses.replace(m, factors=tuple(dataclasses.replace(f, between=None) for f in m.factors))
        for name, m in moves.items()
    }
    scenario = scenario.replace(moves=moves)
    doubled = {a.id: 2 * a.value for a in scenario.assumptions.values() if a.kind == "rate"}
    slow = histories(scenario, 200, by=60)
    fast = histories(scenario, 200, by=30, values=doubled)
    np.testing.assert_array_equal(slow.time, 2 * fast.time)
    np.testing.assert_array_equal(slow.outcome, fast.outcome)
    np.testing.assert_array_equal(slow.ending, fast.ending)


@pytest.mark.statistical
def test_common_dice_shrink_the_variance_of_a_difference():
    """A rate 5% higher: the difference of the two counts varies at least 20 times less than with other dice."""
    scenario = worlds.tempo_world()
    simulator = Simulator(scenario)
    more = simulator.stated.copy()
    more[list(scenario.assumptions).index("clash.rate")] *= 1.05
    base = simulator.run(runs=20_000).ending == 0
    paired = (simulator.run(more, runs=20_000).ending == 0).astype(float) - base
    other = (simulator.run(more, runs=20_000, seed=99).ending == 0).astype(float) - base
    assert np.var(other) / np.var(paired) > 20
