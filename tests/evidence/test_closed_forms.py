"""The filter on the world `clocks`, where everything can be worked out by hand."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import gamma, poisson

from simlib.errors import Unsupported
from simlib.evidence.exact_filter import Filter
from simlib.evidence.walk import ImpossibleRow
from simlib.machine.priors import values_from_scores
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage, Evidence, RowRule
from simlib.scenario.row_meaning import read_rows
from tests.engines.test_dated_moves import fair
from tests.engines.test_waits import PACE, STAGES, ship
from tests.worlds import World, clocks, date

FIRST = 0.2  # a day: the file covers `first`, and it is not seen


def row(word, day, **more):
    return LogRow(word, date(day), **more)


def weigh(scenario, rows, days, *, seen=(("event", 1.0),), rules=(), **options):
    """The filter of a log over some days, with the moves `seen` covered by chance and delay."""
    coverage = tuple(Coverage(move, None, *how) for move, *how in seen)
    world = scenario.replace(evidence=Evidence(seen=coverage, rules=rules))
    return Filter(world, read_rows(world, rows), date(days), **options)


def hot(filtered):
    """The probability that the clock is hot at the end of the log."""
    share = filtered.run().end
    return share[filtered.end_levels[:, 0] == 1].sum()


def test_nothing_seen_in_ten_days():
    quiet = weigh(clocks(), [], 10)
    assert quiet.run().log_likelihood == pytest.approx(-1.562770 - 10 * FIRST, abs=1e-6)
    assert hot(quiet) == pytest.approx(0.0302562, abs=1e-7)


def test_one_event_on_day_four():
    """The closed form has a density at t = 4: with a thousand short days to the day, a day is as good as a moment."""
    one = weigh(clocks(per_day=1000.0), [row("event", 4000)], 10_000)
    assert one.run().log_likelihood == pytest.approx(-3.577495 - 10 * FIRST - math.log(1000), abs=3e-5)
    assert hot(one) == pytest.approx(0.0748706, abs=2e-5)


def test_an_event_that_only_a_nearly_vanished_state_explains():
    """Two weeks of silence leave the hot state exp(-43.75) of its share, and only that state has events."""
    world = World("flicker", 60.0).variable("tempo", "quiet", "hot", start={"quiet": None, "hot": 0.6}, hidden=True)
    world.move("cool", 0.125, {"tempo": "quiet"}, when={"tempo": "hot"}, covert=True)
    world.move("event", 3.0, when={"tempo": "hot"})
    leave = math.exp(-3.125)
    within = 3 * 0.04 * (1 - leave) / 3.125 + 3 * 0.96 * leave
    wanted = math.log(0.6) - 3.125 * 14 + math.log(within)
    assert weigh(world.scenario(), [row("event", 14)], 15).run().log_likelihood == pytest.approx(wanted, abs=1e-10)


def test_first_and_second_on_the_same_day():
    """1 - (b exp(-a) - a exp(-b)) / (b - a), with nothing known of the order, times the chance of no event."""
    both = weigh(clocks(hot=None), [row("second", 3), row("first", 3)], 4, seen=(("event", 0.0),))
    wait = math.log(0.0398025) - 3 * FIRST
    assert both.run().log_likelihood == pytest.approx(wait, abs=3e-6)


def test_second_seen_and_first_never():
    alone = weigh(clocks(hot=None), [row("second", 3)], 4, seen=(("event", 0.0), ("first", 0.0)))
    assert math.exp(alone.run().log_likelihood) == pytest.approx(0.1072745, abs=1e-7)


def test_two_in_a_week_seen_with_a_chance():
    week = [row("event", 3, precision="week", times=2)]
    two = weigh(clocks(hot=None), week, 7, seen=(("event", 0.4),))
    assert math.exp(two.run().log_likelihood + 7 * FIRST) == pytest.approx(0.0348585, abs=1e-7)


def test_the_first_assumption_may_be_the_chance_that_a_move_is_seen():
    """An event a day, each seen with an uncertain chance: an empty log tells of chance and rate."""
    world = World("seen", 10.0).variable("sea", "calm", start="calm")
    seen = world.uncertain("seen", "chance", 0.4, 0.2, 0.6)
    scenario = world.move("event", world.uncertain("rate", "rate", 1.0, 0.5, 2.0)).scenario()
    quiet = weigh(scenario, [], 5, seen=(("event", seen),))
    assert list(quiet.world.assumptions) == ["seen", "rate"]
    assert quiet.run().log_likelihood == pytest.approx(-0.4 * 5)
    assert quiet.free.tolist() == [True, True]


def test_two_rows_of_one_week_are_one_row_of_two():
    rows = [row("event", 3, precision="week")] * 2
    two = weigh(clocks(hot=None), rows, 7, seen=(("event", 0.4),))
    assert math.exp(two.run().log_likelihood + 7 * FIRST) == pytest.approx(0.0348585, abs=1e-7)


def test_second_before_first_is_impossible_and_names_the_row():
    with pytest.raises(ImpossibleRow, match="2031-04-01 second") as refused:
        weigh(clocks(), [row("first", 1), row("second", 0)], 2)
    assert refused.value.day == 1
    assert set(refused.value.levels[:, 1]) == {0}


def test_a_rate_learnt_from_eight_events_in_two_months():
    """The posterior of the score z of the rate, by quadrature over z: its mean and its standard deviation."""
    rows = [row("event", day) for day in range(8)]
    eight = weigh(clocks(hot=None, uncertain=True), rows, 62)
    z = np.linspace(-6, 6, 481)
    place = list(eight.world.assumptions).index("event.rate")
    scores = np.zeros((len(z), len(eight.world.assumptions)))
    scores[:, place] = z
    log = np.array([eight.run(theta).log_likelihood for theta in values_from_scores(eight.world, scores)])
    weight = np.exp(log - log.max() - z**2 / 2)
    weight /= weight.sum()
    mean = weight @ z
    assert mean == pytest.approx(0.16193, abs=1e-5)
    assert math.sqrt(weight @ (z - mean) ** 2) == pytest.approx(0.60885, abs=1e-5)


def test_a_doubtful_row_weighs_one_against_none():
    """Odds of one firing against none: r λ, here 10 x .1."""
    world = clocks(hot=None)
    rate = {"event.rate": world.assumptions["event.rate"].__class__("event.rate", "rate", "rate", 0.1, 0.1, 0.1, "x")}
    world = world.replace(assumptions={**world.assumptions, **rate})
    doubtful = RowRule(("event",), ratio=10.0)
    both = weigh(world, [row("event", 0)], 1, rules=(doubtful,)).run().log_likelihood
    none = weigh(world, [], 1).run().log_likelihood
    assert math.exp(none - both) == pytest.approx(0.5)


def test_what_may_not_yet_show_is_no_evidence():
    """Nothing over three days, with a delay of up to two: log L is -.11 x (0 + .5 + 1)."""
    world = clocks(hot=None)
    delayed = weigh(world, [], 3, seen=(("event", 1.0, 2), ("first", 0.0), ("second", 0.0)))
    assert delayed.run().log_likelihood == pytest.approx(-0.165, abs=1e-12)
    at_once = weigh(world, [], 3, seen=(("event", 1.0), ("first", 0.0), ("second", 0.0)))
    assert at_once.run().log_likelihood == pytest.approx(-0.33, abs=1e-12)


def test_a_wait_is_seen_to_end_or_not_to_have_ended():
    """A ship of six stages that arrives on day 9: F(10) - F(9). One that has not by day 9 may be at any stage."""
    calm = ship()
    wait = gamma(STAGES, scale=1 / PACE)
    arrived = weigh(calm, [row("arrive", 9)], 10, seen=(("arrive", 1.0),))
    assert arrived.run().log_likelihood == pytest.approx(math.log(wait.cdf(10) - wait.cdf(9)), abs=1e-9)
    still = weigh(calm, [], 9, seen=(("arrive", 1.0),))
    passed = still.run()
    assert passed.log_likelihood == pytest.approx(math.log(wait.sf(9)), abs=1e-9)
    stage = poisson(9 * PACE).pmf(np.arange(STAGES)) / wait.sf(9)
    np.testing.assert_allclose(passed.end[np.argsort(still.end_levels[:, 2])], stage, atol=1e-9)


def test_the_gradient_in_a_median_wait_is_that_of_finite_differences():
    calm = ship()
    doubtful = dataclasses.replace(calm.assumptions["arrive.takes"], low=6.0, high=24.0)
    calm = calm.replace(assumptions=dict(calm.assumptions) | {"arrive.takes": doubtful})
    arrived = weigh(calm, [row("arrive", 9)], 10, seen=(("arrive", 1.0),))
    z, step = np.zeros(len(arrived.world.assumptions)), 1e-5
    place = list(arrived.world.assumptions).index("arrive.takes")
    ahead, behind = (values_from_scores(arrived.world, z + sign * step * np.eye(len(z))[place]) for sign in (1, -1))
    slope = (arrived.run(ahead).log_likelihood - arrived.run(behind).log_likelihood) / (2 * step)
    assert arrived.gradient(z)[1][place] == pytest.approx(slope, rel=1e-5)


def test_a_move_on_a_date_inside_the_log_is_refused():
    with pytest.raises(
        Unsupported,
        match="happens on 2031-04-06, before 2031-04-08, and a log cannot be used across a move with a fixed date",
    ):
        weigh(fair(), [], 7, seen=(("open", 1.0),))
    assert weigh(fair(), [], 5, seen=(("open", 1.0), ("rain", 1.0))).run().log_likelihood == pytest.approx(-1.0)
