"""Comparisons: differences, flips and divergences known in closed form, and changes that change nothing."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

import simlib
from simlib.analysis.whatif.comparison import compare
from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.divergence import diverge
from simlib.analysis.whatif.paired_intervals import paired
from simlib.analysis.whatif.variants import bookings, delay, repeat, vary
from simlib.control import Control
from simlib.engines.ensemble import over_priors
from simlib.engines.montecarlo.replay import histories
from simlib.errors import Cancelled, MissingDependency, ScenarioError, Unsupported
from simlib.machine.measures import find
from simlib.scenario.model import Assume, Change, Condition, Forbid, Force, Hold, Pin, Policy, Variable, View
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.scenario.views.variation import with_values
from tests import oracle
from tests.strategies import _Drawing, seeded_world
from tests.worlds import World, date, tempo_world, two_states, unreachable_rung, windows

T, A, B = 30.0, 0.02, 0.05
RARE = two_states(A, ends=True)
LEFT = Condition(((("bank", ("left",)),),))


def ends(comparison, name="variant", measure="ending:across"):
    return comparison.effects[name].differences[measure]


def last(comparison, name="variant", measure="ending:across"):
    d = ends(comparison, name, measure)
    return float(d.change[-1]), float(d.low[-1]), float(d.high[-1])


@pytest.mark.parametrize(("low", "high", "moved"), [(-1e-9, 9e-7, False), (1e-9, 9e-7, True), (-1e-9, 1.1e-6, True)])
def test_a_change_within_the_truncation_error_is_none(low, high, moved):
    before, after, change = np.array([0.3]), np.array([0.3 + 4e-7]), np.array([4e-7])
    (measure,) = find(RARE, "across")
    assert Difference(measure, before, after, change, np.array([low]), np.array([high])).moved == moved


# ---------------------------------------------------------------- closed forms

CASES = {
    "a faster rate": ({"cross.rate": B}, 1 - np.exp(-B * T)),
    "forbidden": (Forbid("cross"), 0.0),
    "forbidden from the tenth day": (Forbid("cross", date(10)), 1 - np.exp(-A * 10)),
    "delayed to the tenth day": (delay("cross", date(10)), 1 - np.exp(-A * 20)),
    "forbidden for ten days": (Forbid("cross", date(5), until=date(15)), 1 - np.exp(-A * 20)),
    "forbidden while it would happen": (Forbid("cross", when=LEFT), 0.0),
    "forced": (Force("cross", date(20)), 1.0),
    "set": (Pin("bank", "right", date(20)), 1.0),
    "a policy": (Policy("cross", B), 1 - np.exp(-B * T)),
    "a policy for ten days": (Policy("cross", B, LEFT, date(5), until=date(15)), 1 - np.exp(-A * 20 - B * 10)),
    "a policy and a prohibition": ([Policy("cross", 9.0), Forbid("cross", date(10))], 1 - np.exp(-90.0)),
    "held for ten days": (Hold("bank", "left", date(5), until=date(15)), 1 - np.exp(-A * 20)),
    "held on the other side": (Hold("bank", "right", date(20)), 1.0),
    "held, and set meanwhile": ([Hold("bank", "left"), Pin("bank", "right", date(9))], 1.0),
    "held, and forced meanwhile": ([Hold("bank", "left"), Force("cross", date(9))], 0.0),
    "another rate for ten days": (Assume("cross.rate", B, LEFT, date(5), until=date(15)), 1 - np.exp(-A * 20 - B * 10)),
    "of two other rates the later": ([Assume("cross.rate", 9.0), Assume("cross.rate", B)], 1 - np.exp(-B * T)),
    "a rule above another rate": ([Policy("cross", B), Assume("cross.rate", 9.0)], 1 - np.exp(-B * T)),
    "a view": (View("v", "V", changes=(Change("cross.rate", B),)), 1 - np.exp(-B * T)),
    "several at once": ([{"cross.rate": B}, delay("cross", date(10))], 1 - np.exp(-B * 20)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_exact_difference_is_the_closed_form(name):
    spec, after = CASES[name]
    change, low, high = last(compare(RARE, {"variant": spec}, runs=0))
    expected = after - (1 - np.exp(-A * T))
    assert change == pytest.approx(expected, abs=3e-9)
    assert low <= expected + 1e-12
    assert expected <= high + 1e-12
    assert high - low < 1e-8


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", CASES)
def test_common_random_numbers_give_the_closed_form_and_no_flip_too_many(name):
    """One 95% interval each, seeds fixed; a rate that only rises or falls flips exactly what the forecasts enforce."""
    spec, after = CASES[name]
    comparison = compare(RARE, {"variant": spec}, engine="montecarlo", runs=20_000, seed=4)
    change, low, high = last(comparison)
    expected = after - (1 - np.exp(-A * T))
    assert low <= expected <= high
    assert change == pytest.approx(expected, abs=0.02)
    gone = last(comparison, measure="ending:ongoing")
    assert gone == pytest.approx((-change, -high, -low), abs=1e-9)
    flips = comparison.effects["variant"].flips
    assert flips.share == pytest.approx(abs(change))
    assert flips.bounds[0] == pytest.approx(flips.share)


def test_what_the_forecasts_enforce_is_exact_where_they_are():
    """Few pairs do not blur the bounds: with one ending they are |p₁ - p₀| and min(p₀ + p₁, 2 - p₀ - p₁)."""
    spec, after = CASES["a faster rate"]
    flips = compare(RARE, {"variant": spec}, runs=64, measures="across").effects["variant"].flips
    before = 1 - np.exp(-A * T)
    known = (after - before, min(before + after, 2 - before - after))
    assert flips.bounds == pytest.approx(known, abs=1e-8)
    row = flips.by_ending()[0]
    assert (row["before"], row["after"], row["least"], row["most"]) == pytest.approx((before, after, *known), abs=1e-8)


def test_no_flip_is_told_with_what_could_not_be_seen():
    told = compare(RARE, {"v": Pin("bank", "left", date(0))}, runs=3000).sentences()
    assert "None of 3,000 simulated histories changes its ending (95% interval: at most 0.1%)." in told
    assert any(line.endswith("“crossed” stays at 45% by 30 April 2031.") for line in told)


def test_flips_can_exceed_what_the_forecasts_enforce():
    """At a crossroads both roads become faster: many take the other road though the shares stay as they were."""
    world = World("crossroads", 200.0).variable("place", "here", "east", "west", start="here")
    world.move("go-east", 0.1, {"place": "east"}, when={"place": "here"})
    world.move("go-west", 0.1, {"place": "west"}, when={"place": "here"})
    scenario = world.ending("east", {"place": "east"}).ending("west", {"place": "west"}).scenario()
    # East is shut at first: who goes west then would often have gone east.
    comparison = compare(
        scenario, {"delay": [delay("go-east", date(5)), Policy("go-east", 0.3)]}, engine="montecarlo", runs=20_000
    )
    flips = comparison.effects["delay"].flips
    least, most = flips.bounds
    assert least + 0.05 < flips.share < most
    assert flips.share == pytest.approx(sum(share for _, _, share in flips.pairs()))
    assert {(a, b) for a, b, _ in flips.pairs()} == {("east", "west"), ("west", "east")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_flips_keep_within_their_bounds_on_random_worlds(seed):
    scenario = seeded_world(seed, interventions=False)
    drawing = _Drawing(random.Random(seed), 48, True, False)
    drawing.variables, drawing.horizon = scenario.variables, int(scenario.horizon_days) - 1
    drawing.assumptions = dict(scenario.assumptions)
    timed = {name: move for name, move in scenario.moves.items() if move.at is None}
    acts = [drawing._intervention(timed) for _ in range(2)]
    flips = compare(scenario, {"v": acts}, engine="montecarlo", runs=500).effects["v"].flips
    assert flips.bounds[0] - 1e-12 <= flips.share <= flips.bounds[1] + 1e-12
    for row in flips.by_ending():
        assert row["least"] - 1e-12 <= row["flips"] <= row["most"] + 1e-12
    assert flips.matrix.sum() == 500


# ---------------------------------------------------------------- what changes nothing

NOTHING = {
    "forbidding what never fires": Forbid("repaint"),
    "forbidding for a while what never fires": Forbid("repaint", date(3), until=date(9)),
    "a policy under a condition that never holds": Policy("light", 40.0, Condition(((("lamp", ("green",)),),))),
    "forcing under a false guard": Force("repaint", date(4)),
    "setting what already holds": Pin("lamp", "off", date(0)),
    "a policy to do what is done anyway": Policy("light", 0.2, Condition(((("lamp", ("off",)),),))),
    "holding what nobody moves": Hold("idle", "on", date(3)),
    "another rate that is the same": Assume("light.rate", 0.2, date=date(4), until=date(9)),
    "another rate in a state that never is": Assume("light.rate", 9.0, Condition(((("lamp", ("green",)),),))),
    "the stated value": {"light.rate": 0.2},
    "nothing": [],
}


def lamp():
    """The lamp that cannot turn green, and beside it a variable that no move touches."""
    scenario = unreachable_rung()
    idle = Variable("idle", "Idle", ("off", "on"), (("on", None),))
    return scenario.replace(variables={**scenario.variables, "idle": idle})


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTHING)
def test_what_would_have_happened_anyway_changes_no_bit(name):
    comparison = compare(lamp(), {"v": NOTHING[name]}, engine="montecarlo", runs=3000)
    effect = comparison.effects["v"]
    assert all(np.all(d.change == 0) and np.array_equal(d.before, d.after) for d in effect.differences.values())
    assert effect.flips.share == 0
    assert effect.divergences == ()
    exact = compare(lamp(), {"v": NOTHING[name]}, runs=0).effects["v"]
    assert all(np.max(np.abs(d.change)) < 3e-9 for d in exact.differences.values())


def test_rare_differences_are_told_as_ratios_and_rounding_as_none():
    rare = two_states(1e-12, ends=True)
    (told,) = [line for line in compare(rare, {"v": {"cross.rate": 2e-12}}, runs=0).sentences() if "“across”" in line]
    assert "“across” rises from 1 in 33 billion to 1 in 17 billion (×2)" in told
    near = compare(two_states(0.04, ends=True), {"v": {"cross.rate": 0.0402}}, runs=0).sentences()[0]
    assert "“crossed” rises slightly from 70% (+0.2 points)" in near
    sure = two_states(5.0, ends=True)
    assert "“crossed” stays at 100%" in compare(sure, {"v": {"cross.rate": 5.1}}, runs=0).sentences()[0]


def test_histories_that_share_nothing_diverge_on_a_date():
    found = compare(RARE, {"v": {"cross.rate": B}}, engine="montecarlo", runs=200).effects["v"].divergences[0]
    assert found.day > 0
    assert f"the same in both versions until {found.date.day} {found.date:%B %Y}: it ends with" in found.sentence()
    started = dataclasses.replace(found, day=0.0)
    assert "different from the start: it ends with" in started.sentence()


def test_monte_carlo_needs_a_pair():
    with pytest.raises(ScenarioError, match="runs: 0 pairs of histories; expected at least 1"):
        compare(RARE, {"v": Forbid("cross")}, engine="montecarlo", runs=0)


@pytest.mark.parametrize("measure", ["ending:across", "rung:banks=far", "moves:cross"])
def test_no_difference_seen_still_leaves_the_rule_of_three(measure):
    _, low, high = last(compare(RARE, {"variant": []}, engine="montecarlo", runs=1000), measure=measure)
    z2 = Z_TWO_SIDED_95**2
    assert (-low, high) == (pytest.approx(z2 / (1000 + z2), rel=1e-3),) * 2


# ---------------------------------------------------------------- what lasts, by both engines


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_an_outcome_has_another_chance_for_ten_days(engine):
    """A coin is tossed at a rate of 0.2; for ten days heads, which ends the story, has a chance of 0.9, not 0.25."""
    world = World("coin", 30).variable("coin", "none", "heads", start="none")
    world.move("toss", 0.2, outcomes={"heads": (0.25, {"coin": "heads"}), "tails": (None, {})})
    scenario = world.ending("won", {"coin": "heads"}).question("tails", move="toss", outcome="tails").scenario()
    lucky = Assume("toss.heads.chance", 0.9, date=date(5), until=date(15))
    found = compare(scenario, {"v": lucky}, engine=engine, runs=20_000).effects["v"]
    expected = 1 - np.exp(-0.2 * (0.25 * 20 + 0.9 * 10))
    difference = found.differences["ending:won"]
    assert difference.after[-1] == pytest.approx(expected, abs=1e-8 if engine == "exact" else 0.015)
    always = compare(scenario, {"v": Assume("toss.heads.chance", 0.9)}, engine=engine, runs=20_000).effects["v"]
    changed = compare(scenario, {"v": {"toss.heads.chance": 0.9}}, engine=engine, runs=20_000).effects["v"]
    for name, one in always.differences.items():
        assert np.array_equal(one.after, changed.differences[name].after)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
@pytest.mark.parametrize("name", ["patrol.rate", "clash.times.1", "clash.small.chance"])
def test_assumed_from_the_start_is_the_changed_assumption_at_every_draw(engine, name):
    scenario = tempo_world()
    stated = scenario.assumptions[name]
    high = min(1.2 * stated.value, 0.97) if stated.kind == "chance" else 1.2 * stated.value
    spread = dataclasses.replace(stated, low=stated.value / 1.2, high=high)
    scenario = scenario.replace(assumptions={**scenario.assumptions, name: spread})
    value = 0.7 if stated.kind == "chance" else 1.5 * stated.value
    runs = {"engine": engine, "draws": 8, "seed": 3} | ({"runs": 400} if engine == "montecarlo" else {})
    assumed = over_priors(scenario.replace(interventions=(Assume(name, value),)), **runs)
    changed = over_priors(with_values(scenario, {name: value}), **runs)
    for ending in scenario.endings:
        np.testing.assert_allclose(assumed.values(ending), changed.values(ending), atol=2e-9)


def test_what_is_kept_and_forced_keeps_its_other_effects():
    """A shove opens a shut door and rings; kept shut from the day of the shove, though listed later, it only rings."""
    world = World("door", 20).variable("door", "shut", "open", start="open")
    world.variable("bell", "still", "rung", start="still")
    scenario = world.move("shove", 0.0001, {"door": "open", "bell": "rung"}, when={"door": "shut"}).scenario()
    shut = scenario.replace(interventions=(Force("shove", date(4)), Hold("door", "shut", date(4), until=date(9))))
    for answer in (simlib.solve(shut, times=[10.0]), simlib.simulate(shut, runs=500, times=[10.0])):
        assert answer.variables["bell"]["rung"][-1] == pytest.approx(1, abs=1e-9)
        assert answer.variables["door"]["open"][-1] < 0.01
        assert answer.moves["shove"][-1] == pytest.approx(1, abs=0.02)
        assert [act["without_effect"] for act in answer.interventions] == [0.0, None]


# ---------------------------------------------------------------- policies, by both engines


def test_a_policy_stands_above_rate_factors_and_windows():
    """A gate falls at 0.1 a day, three times as fast while a window is open; a policy says 0.2 for ten days."""
    scenario = windows(rate=0.1, opens=5, closes=12, factor=3.0)
    policy = Policy("drop", 0.2, date=date(4), until=date(14))
    expected = 1 - np.exp(-(0.1 * 4 + 0.2 * 10 + 0.1 * 16))
    for engine, tolerance in (("exact", 1e-8), ("montecarlo", 0.02)):
        difference = ends(compare(scenario, {"variant": policy}, engine=engine, runs=10_000), measure="ending:fallen")
        assert difference.after[-1] == pytest.approx(expected, abs=tolerance)
    shut = windows(rate=0.1, opens=5, closes=12)  # possible only while the window is open
    opened = ends(compare(shut, {"variant": policy}, runs=0), measure="ending:fallen").after[-1]
    assert opened == pytest.approx(1 - np.exp(-(0.2 * 10)), abs=1e-8)


def standing_worlds(count):
    """Return seeds of random worlds with a policy, or a conditional prohibition, on a move that has factors."""
    seeds = []
    for seed in range(400):
        world = seeded_world(seed, max_states=27)
        standing = [i for i in world.interventions if isinstance(i, Forbid | Policy) and not i.when.always]
        if any(world.moves[i.move].factors for i in standing):
            seeds.append(seed)
        if len(seeds) == count:
            break
    return seeds


@pytest.mark.slow
@pytest.mark.parametrize("seed", standing_worlds(25))
def test_standing_interventions_agree_with_the_dense_computation(seed):
    scenario = seeded_world(seed, max_states=27)
    times = [0.4 * scenario.horizon_days, scenario.horizon_days]
    answer, forecast = oracle.solve(scenario, times), simlib.solve(scenario, times=times)
    for name, expected in answer.endings.items():
        assert forecast.endings[name].probability == pytest.approx(expected, abs=3e-9)
    for name, expected in answer.moves.items():
        assert forecast.moves[name] == pytest.approx(expected, abs=1e-7, rel=1e-8)


# ---------------------------------------------------------------- intervals


def multinomial_score(b, c, n, d):
    """Tango's statistic with the constrained likelihood maximised numerically."""
    from scipy.optimize import minimize_scalar

    def minus_log(q):
        p, rest = q + d, 1 - 2 * q - d
        return -(b * np.log(max(p, 1e-300)) + c * np.log(max(q, 1e-300)) + (n - b - c) * np.log(max(rest, 1e-300)))

    found = minimize_scalar(minus_log, bounds=(max(0, -d), (1 - d) / 2), method="bounded", options={"xatol": 1e-12})
    return (b - c - n * d) / np.sqrt(n * (2 * found.x + d * (1 - d)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 2, 50), (3, 9, 40), (1, 1, 30), (20, 0, 200)])
def test_the_paired_interval_is_where_the_score_is_plus_or_minus_z(b, c, n):
    difference, low, high = paired(b, c, n)
    assert difference == (b - c) / n
    assert multinomial_score(b, c, n, float(low)) == pytest.approx(Z_TWO_SIDED_95, abs=2e-3)
    assert multinomial_score(b, c, n, float(high)) == pytest.approx(-Z_TWO_SIDED_95, abs=2e-3)


def test_the_paired_interval_ends_at_one_where_all_pairs_change_in_one_direction():
    _, low, high = paired([0, 7], [7, 0], 7)
    assert low[0] == -1
    assert -1 < high[0] < low[1] < 1
    assert high[1] == 1


@pytest.mark.statistical
@pytest.mark.parametrize(("gain", "loss", "n"), [(0.1, 0.3, 300), (0.01, 0.004, 2000), (0.002, 0.0, 1000)])
def test_the_paired_interval_covers_as_often_as_it_says(gain, loss, n):
    """20,000 draws of pairs; 95% intervals must cover 94 to 99% of the time (rare pairs: conservative)."""
    b, c, _ = np.random.default_rng(3).multinomial(n, [gain, loss, 1 - gain - loss], size=20_000).T
    _, low, high = paired(b, c, n)
    assert 0.94 < np.mean((low <= gain - loss) & (gain - loss <= high)) < 0.99


@pytest.mark.slow
@pytest.mark.statistical
def test_paired_intervals_cover_the_exact_difference():
    """60 seeds x 5 measures; of 95% intervals, at least 90% cover (fails by chance less than once in 10,000)."""
    scenario, variant = tempo_world(), {"v": [{"clash.rate": 0.06}, delay("invite", date(12))]}
    names = ["war", "any-clash", "invited", "rung:height=arms", "moves:patrol"]
    exact = compare(scenario, variant, measures=names, runs=0)
    covered = np.zeros((60, len(names)))
    for seed in range(60):
        sample = compare(scenario, variant, measures=names, engine="montecarlo", runs=1000, seed=seed)
        for place, measure in enumerate(find(scenario, names)):
            _, low, high = last(sample, "v", measure.name)
            covered[seed, place] = low <= last(exact, "v", measure.name)[0] <= high
    assert covered.mean() > 0.90
    assert covered.mean(axis=0).min() > 0.83


def test_common_random_numbers_narrow_the_interval():
    scenario = tempo_world()
    comparison = compare(scenario, {"v": {"clash.rate": 0.0505}}, engine="montecarlo", runs=4000)
    _, low, high = last(comparison, "v", "ending:war")
    p = float(ends(comparison, "v", "ending:war").before[-1])
    independent = 2 * 1.96 * np.sqrt(2 * p * (1 - p) / 4000)
    assert high - low < independent / 4


# ---------------------------------------------------------------- over the priors


def uncertain_ferry() -> World:
    world = World("ferry", T).variable("bank", "left", "right", start="left")
    world.uncertain("pace", "rate", 0.03, 0.03 / np.e, 0.03 * np.e)
    return world.move("cross", "pace", {"bank": "right"}, when={"bank": "left"}).ending("across", {"bank": "right"})


def mean_over_prior(function):
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    return float(function(0.03 * np.exp(z / 1.6448536)) @ weight / weight.sum())


@pytest.mark.statistical
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_over_the_priors_every_draw_is_played_in_both_worlds(engine):
    comparison = compare(
        uncertain_ferry().scenario(), {"variant": delay("cross", date(10))}, engine=engine, draws=128, runs=100
    )
    expected = mean_over_prior(lambda theta: np.exp(-theta * T) - np.exp(-theta * (T - 10)))
    change, low, high = last(comparison)
    assert low <= expected <= high
    assert change == pytest.approx(expected, abs=0.01)
    assert "Computed over 128 draws of the assumptions." in comparison.sentences()
    flips = comparison.effects["variant"].flips
    assert flips.interval[0] <= flips.share < flips.interval[1]
    if engine == "exact":  # a delay only takes away: nothing flips but what the two forecasts enforce
        assert flips.share >= flips.bounds[0] == pytest.approx(-change)
    else:
        assert flips.interval[0] < flips.share


# ---------------------------------------------------------------- divergences


def test_histories_diverge_where_something_is_forced():
    comparison = compare(RARE, {"strike": Force("cross", date(20))}, engine="montecarlo", runs=200)
    (divergence,) = comparison.effects["strike"].divergences
    assert (divergence.endings, divergence.shared, divergence.day) == (("ongoing", "across"), 0, 20.0)
    assert divergence.rows == (("21 April 2031", "", "cross (forced)"), ("in the end", *divergence.labels))


def test_a_divergence_says_what_was_shared_and_forgets_what_changes_nothing():
    scenario = tempo_world()
    effect = compare(scenario, {"v": Forbid("patrol", date(20))}, engine="montecarlo", runs=2000).effects["v"]
    assert effect.flips.share > 0
    assert [p.endings for p in effect.divergences] == [(a, b) for a, b, _ in effect.flips.pairs()[:2]]
    for divergence in effect.divergences:
        assert divergence.day >= 20
        assert len(divergence.rows) >= 2
        assert not any("rumour" in words for row in divergence.rows for words in row)
        first, last = divergence.rows[0], divergence.rows[-1]
        assert first[1] != first[2]
        assert last == ("in the end", *divergence.labels)


def test_events_beyond_the_table_are_counted_and_none_is_a_blank():
    """A clock ticks for months in one world. In the other it never starts."""
    world = World("clock", 400.0).counter("ticks", 0, 60, start=0).move("tick", 0.1, {"ticks": +1})
    scenario = world.ending("struck", {"ticks": "60"}).scenario()
    never = scenario.replace(interventions=(Forbid("tick"),))
    baseline, stopped = (histories(each, 1, seed=1) for each in (scenario, never))
    number = len(baseline.time) - 1
    assert number > 20
    for one, other, side in ((baseline, stopped, 1), (stopped, baseline, 2)):
        *table, later, _ = diverge(one, other, int(baseline.replicates[0]), "stopped").rows
        told = sum(row[side].count("tick") for row in table)
        assert later[side] == f"{number - told} more events"
        assert later[0] == "later"
        assert later[3 - side] == ""


def test_worlds_that_begin_differently_diverge_at_the_start():
    from tests.worlds import hidden_spread

    scenario = hidden_spread(share=0.3)
    effect = compare(scenario, {"v": {"fuse.start.dry": 0.9}}, engine="montecarlo", runs=500).effects["v"]
    divergence = next(p for p in effect.divergences if p.shared == 0)
    assert divergence.day == 0
    date, before, after = divergence.rows[0]
    assert date == "1 April 2031"
    assert before != after
    assert "(hidden)" in before
    assert "(hidden)" in after


# ---------------------------------------------------------------- the face


def test_a_comparison_tells_itself():
    comparison = compare(
        RARE, {"faster": {"cross.rate": "1 per week"}, "strike": Force("cross", date(20), because="a test")}, runs=500
    )
    frame = comparison.frame()
    assert list(frame["variant"].unique()) == ["faster", "strike"]
    assert len(comparison.frame("times")) == 61 * len(frame)
    assert set(comparison.frame("flips")["coupling"]) == {"common random numbers"}
    with pytest.raises(ValueError, match="no table 'moves'; expected measures, times or flips"):
        comparison.frame("moves")
    text = "\n".join(comparison.sentences())
    assert "“cross” forced on 21 April 2031" in text
    assert "cross.rate: 7.3 per year → 1 per week" in text
    assert "has no effect in" not in text.splitlines()[0]
    assert "simulated histories end differently, most often from “No ending yet” to" in text
    assert "Others react to the new situation, not to a motive" in text
    data = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert data["variants"]["strike"]["flips"]["coupling"] == "common random numbers"
    assert data["provenance"]["variants"].keys() == {"faster", "strike"}
    assert len(data["variants"]["faster"]["measures"]["ending:across"]["change"]) == 61


def test_how_often_an_intervention_had_no_effect_is_told():
    scenario = windows(rate=0.1, opens=0, closes=12).replace(endings={})
    comparison = compare(scenario, {"v": Force("drop", date(5))}, runs=0)
    share = comparison.effects["v"].without_effect["“drop” forced on 6 April 2031"]
    assert share == pytest.approx(1 - np.exp(-0.5))
    assert "has no effect in 39% of the histories that have not ended by then" in "\n".join(comparison.sentences())


def test_values_alone_need_no_word_on_interventions():
    assert compare(RARE, {"v": {"cross.rate": B}}, runs=0).note == ""


def test_a_variant_may_have_several_changes():
    one = {"cross.rate": B}
    comparison = compare(RARE, {"one": one, "two": [one, delay("cross", date(10))]}, runs=0)
    base = 1 - np.exp(-A * T)
    assert last(comparison, "one")[0] == pytest.approx(1 - np.exp(-B * T) - base, abs=1e-8)
    assert last(comparison, "two")[0] == pytest.approx(1 - np.exp(-B * 20) - base, abs=1e-8)


def test_a_repeated_move_is_forced_on_each_date():
    forced = vary(RARE, repeat("cross", [date(3), date(6)]))
    assert [item.date for item in forced.interventions] == [date(3), date(6)]


def test_a_target_day_is_the_same_for_all():
    view = View("v", "V", changes=(Change("cross.rate", B),), horizon_days=90.0)
    comparison = compare(RARE, {"variant": view}, by=10.0, runs=0)
    assert comparison.by == date(9)
    assert last(comparison)[0] == pytest.approx(np.exp(-A * 10) - np.exp(-B * 10), abs=1e-8)


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (Forbid("crawl"), ScenarioError, "unknown move 'crawl'; expected one of: cross"),
        ({"cross": 2.0}, ScenarioError, "no such assumption"),
        (Assume("cross.rat", 1.0), ScenarioError, "unknown assumption 'cross.rat'; did you mean 'cross.rate'"),
        (Assume("cross.rate", -1.0), ScenarioError, "-1.0 is not above zero; expected a rate"),
        (Hold("bank", "middle"), ScenarioError, "'bank' has no level 'middle'"),
        (Hold("bank", "left", date(9), until=date(9)), ScenarioError, "it ends .* before it begins"),
        (Policy("cross", 0.0), ScenarioError, "a rate of 0 per day; expected a rate above zero"),
        (Policy("cross", 1.0, Condition(((("bank", ("middle",)),),))), ScenarioError, "'bank' has no level 'middle'"),
        (Forbid("cross", date(9), until=date(9)), ScenarioError, r"it ends \(2031-04-10\) before it begins"),
        ("forbid cross", TypeError, "is not a variant; expected a scenario, a view"),
        (tempo_world(), Unsupported, "has other variables than 'two-states'"),
    ],
)
def test_what_does_not_fit_is_refused(spec, error, words):
    with pytest.raises(error, match=words):
        compare(RARE, {"v": spec}, runs=0)


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(ValueError, match="expected at least one variant"):
        compare(RARE, {})


def test_every_unknown_measure_is_named_at_once():
    with pytest.raises(ScenarioError, match=r"'acros': is no ending(.|\n)*'crosed' is not known; did you mean"):
        compare(RARE, {"v": []}, measures=["acros", "question:crosed"])


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_progress_rises_to_one_and_cancel_stops(engine):
    reports: list[float] = []
    compare(RARE, {"v": {"cross.rate": B}}, engine=engine, runs=2000, control=Control(reports.append))
    assert reports == sorted(reports)
    assert reports[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled):
        compare(RARE, {"v": {"cross.rate": B}}, engine=engine, runs=2000, control=Control(cancel=lambda: True))


def test_without_numba_the_exact_answer_stands_without_flips(monkeypatch):
    def missing():
        raise MissingDependency("needs Numba")

    monkeypatch.setattr("simlib.engines.montecarlo.simulator.load_kernel", missing)
    comparison = compare(RARE, {"variant": {"cross.rate": B}})
    assert comparison.effects["variant"].flips is None
    assert last(comparison)[0] == pytest.approx(np.exp(-A * T) - np.exp(-B * T), abs=1e-8)
    with pytest.raises(MissingDependency, match="needs Numba"):
        compare(RARE, {"variant": {"cross.rate": B}}, engine="montecarlo")


def test_a_move_forced_again_and_again_is_one_booking():
    world = RARE
    changed = vary(world, [*repeat("cross", [date(3), date(9), date(15)]), Forbid("cross", date(20), when=LEFT)])
    often, refrain = bookings(world, changed)
    assert (often.first, often.last, often.again, often.waits) == (3.0, 3.0, (9.0, 15.0), False)
    assert often.words.endswith("and 2 times more")
    assert (refrain.first, refrain.last, refrain.waits) == (20.0, world.horizon_days, True)
