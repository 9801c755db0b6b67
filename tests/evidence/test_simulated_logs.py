"""The filter against simulated stories: forecasts are martingales, and hidden levels are met as often as said."""

import itertools
import math
import random

import numpy as np
import pytest

from simlib.engines.reference import Reference
from simlib.evidence.exact_filter import Filter
from simlib.machine import priors
from simlib.scenario.event_log import LogRow
from simlib.scenario.row_meaning import read_rows
from tests.evidence.test_closed_forms import row, weigh
from tests.evidence.test_posterior import quiet_world
from tests.worlds import clocks, date

DAYS, FROM, LOGS, SEED = 6, 3, 400, 10_000
COOL, QUIET, HOT = 0.125, 0.11, 0.33  # per day, as `clocks` has them


@pytest.fixture(scope="module")
def stories():
    """Each simulated story: was it hot at the end, the days of its events, and its log weighed day by day."""
    world = quiet_world()
    values = dict(zip(world.assumptions, priors.theta(world).tolist(), strict=True))
    result = []
    for seed in range(LOGS):
        story = Reference(world, values=values, horizon=float(DAYS)).run(random.Random(SEED + seed))
        rows = [LogRow(e.move, date(int(e.time)), line=n) for n, e in enumerate(story.events) if e.move != "cool"]
        weighed = Filter(world, read_rows(world, rows), date(DAYS), also=range(1, DAYS))
        passed = weighed.run()
        places = [passed.days().tolist().index(float(day)) for day in range(DAYS)]
        warm = weighed.walk.levels[:, 0] == 1
        share = [float(passed.filtered(place)[warm].sum()) for place in places]
        share.append(float(passed.end[weighed.end_levels[:, 0] == 1].sum()))
        hot = story.start["tempo"] == "hot" and all(e.move != "cool" for e in story.events)
        result.append((hot, [e.time for e in story.events if e.move == "event"], share))
    return result


def chance(hot, left):
    """The probability of an event within some days, given the probability that it is hot now."""
    both = math.exp(-(COOL + HOT) * left)
    later = COOL / (COOL + HOT - QUIET) * (math.exp(-QUIET * left) - both)
    return 1 - hot * (both + later) - (1 - hot) * math.exp(-QUIET * left)


def forecasts(events, share):
    """The forecast on each day of an event within the last days of the story."""
    for day in range(DAYS + 1):
        if any(FROM <= time < day for time in events):
            yield 1.0
        elif day < FROM:
            yield chance(share[day] * math.exp(-COOL * (FROM - day)), DAYS - FROM)
        else:
            yield chance(share[day], DAYS - day)


@pytest.mark.slow
def test_the_squared_changes_of_a_forecast_sum_to_its_variance(stories):
    """E Σ(Δp)² = p₀ (1 - p₀) once the question is resolved, whatever happens on the way."""
    first, sums, ends = None, [], []
    for _, events, share in stories:
        path = list(forecasts(events, share))
        first = path[0]
        sums.append(sum((after - before) ** 2 for before, after in itertools.pairwise(path)))
        ends.append(path[-1])
    assert set(ends) <= {0.0, 1.0}
    error = np.std(sums) / math.sqrt(LOGS)
    assert np.mean(sums) == pytest.approx(first * (1 - first), abs=3 * error)
    assert error < 0.02
    assert np.mean(ends) == pytest.approx(first, abs=3 * math.sqrt(first * (1 - first) / LOGS))


def test_hidden_levels_are_met_as_often_as_said(stories):
    said = np.array([share[-1] for _, _, share in stories])
    met = np.array([hot for hot, _, _ in stories], dtype=float)
    for low, high in ((0.0, 0.3), (0.3, 0.6), (0.6, 1.0), (0.0, 1.0)):
        here = (low <= said) & (said < high)
        spread = math.sqrt(np.sum(said[here] * (1 - said[here])))
        assert abs(np.sum(met[here] - said[here])) < 3 * spread + 1e-9, (low, high)
    assert np.mean((met - said) ** 2) < 0.95 * np.var(met)


@pytest.mark.slow
def test_stories_with_the_same_days_have_the_likelihood_and_the_states_of_the_log():
    """Matched simulation: the stories in which nothing happens but on the third day, and something does then."""
    world, count = clocks(), 6000
    told = [Reference(world, horizon=4.0).run(random.Random(SEED + seed)) for seed in range(count)]
    days = [[int(e.time) for e in story.events if e.move == "event"] for story in told]
    matched = [story for story, own in zip(told, days, strict=True) if own == [2]]
    log = weigh(world, [row("event", 2)], 4, seen=(("event", 1.0), ("first", 0.0), ("second", 0.0)))
    likely = math.exp(log.run().log_likelihood)
    assert len(matched) / count == pytest.approx(likely, abs=3 * math.sqrt(likely * (1 - likely) / count))
    hot = float(log.run().end[log.end_levels[:, 0] == 1].sum())
    met = [s.start["tempo"] == "hot" and all(e.move != "cool" for e in s.events) for s in matched]
    assert np.mean(met) == pytest.approx(hot, abs=3 * math.sqrt(hot * (1 - hot) / len(met)))


def test_the_order_of_the_rows_of_a_day_does_not_matter():
    rows = [row("event", 3), row("first", 3), row("second", 3), row("event", 5)]
    weighed = [weigh(clocks(), order, 8).run() for order in itertools.permutations(rows)]
    assert {round(each.log_likelihood, 11) for each in weighed} == {round(weighed[0].log_likelihood, 11)}


@pytest.mark.parametrize("day", range(1, 8))
def test_a_log_split_at_any_date_has_the_same_bits_of_information(day):
    rows = [row("event", 1), row("event", 3, precision="day"), row("first", 5)]
    whole = weigh(clocks(), rows, 8)
    first = weigh(clocks(), [each for each in rows if each.date < date(day)], day)
    world = first.scenario.replace(as_of=date(day), joint_start=first.start_after(first.run()))
    later = Filter(world, read_rows(world, [each for each in rows if each.date >= date(day)]), date(8))
    total = first.run().log_likelihood + later.run().log_likelihood
    assert total == pytest.approx(whole.run().log_likelihood, abs=1e-10)
