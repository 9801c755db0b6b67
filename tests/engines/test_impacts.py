"""What accumulates: closed forms, the engines against each other, and the promises of the dice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm, poisson

import simlib
from simlib.cli.output.impact_text import impact_tables
from simlib.control import Control
from simlib.engines.exact.forecast import Solver
from simlib.engines.reference import sample
from simlib.plots import impact_bars, impact_fan
from simlib.results import Accumulation, AmountSample, Forecast
from simlib.scenario.model import Assume, Forbid, Force, Pin, Scenario
from simlib.scenario.views.intervention_rules import wrong_intervention
from simlib.widgets.kit.status_line import sentence
from tests import worlds
from tests.properties.comparing import assert_same_bits, numbers
from tests.worlds import World, date

DAYS = [0.0, 7.0, 30.0]
T = np.array(DAYS)


def marked(each: float = 2.5, spread: float = 1.5, rate: float = 0.3) -> Scenario:
    """Water that rises at one rate for ever, and hurts so many people each time: a Poisson process with marks."""
    return World.of(worlds.birth_death(birth=rate)).impact("hurt", on=[("rise", None, each, spread)]).scenario()


def fallen(world: Scenario) -> Scenario:
    """A world of rivals with an impact of every kind."""
    rewards = {
        "on": [("clash", None, 4.0, 3.0), ("clash", "large", 20.0, 0.0), ("rumour", None, 0.1, 0.0)],
        "per_day": [({"standoff": "clashes"}, 0.7), ([{"tempo": "hot"}, {"talks": "none"}], 0.2)],
        "at": [(next(iter(world.endings)), 100.0, 50.0)],
    }
    return World.of(world).impact("hurt", **rewards).scenario().replace(interventions=world.interventions)


# -------------------------------------------------------------------- closed forms


def test_a_poisson_process_with_marks():
    """Mean λtμ, variance λt(μ² + s²); firings that change nothing, at the highest mark, count."""
    hurt = simlib.solve(marked(), times=DAYS).impacts["hurt"]
    np.testing.assert_allclose(hurt.mean, 0.3 * T * 2.5, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(hurt.chance**2, 0.3 * T * (2.5**2 + 1.5**2), rtol=1e-7, atol=1e-12)
    assert not hurt.doubt.any()


def test_the_compound_distribution_of_equal_amounts():
    """Without a spread the amount is μ times a Poisson number: its points and its tail are known."""
    hurt = simlib.simulate(marked(spread=0.0), runs=20_000, times=DAYS, seed=5).impacts["hurt"]
    law = poisson(9.0)
    assert hurt.sample is not None
    for share in (0.05, 0.5, 0.95):
        assert hurt.sample.quantile(share).value == 2.5 * law.ppf(share)
    for amount in (15.0, 30.0):
        p, low, high = hurt.sample.exceeds(amount)
        assert low < law.sf(amount / 2.5) < high
        assert p == pytest.approx(law.sf(amount / 2.5), rel=0.1)
    k = np.arange(200)
    threshold = law.ppf(0.95)
    worst = 2.5 * (threshold + np.sum(np.maximum(k - threshold, 0) * law.pmf(k)) / 0.05)
    assert hurt.sample.worst().low < worst < hurt.sample.worst().high
    np.testing.assert_allclose(hurt.fan[:, -1], 2.5 * law.ppf([0.05, 0.5, 0.95]))


def test_amounts_with_a_spread_are_lognormal_with_that_mean_and_standard_deviation():
    """One firing, forced on the first day, so that the amount itself is seen."""
    scenario = marked(each=4.0, spread=3.0, rate=1e-12).replace(interventions=(Force("rise", date(0)),))
    amounts = simlib.simulate(scenario, runs=40_000, times=[1.0], seed=2).impacts["hurt"].sample.amounts[:, 0]
    variance = np.log(1 + (3 / 4) ** 2)
    u = norm(np.log(4) - variance / 2, np.sqrt(variance)).cdf(np.log(amounts))
    assert amounts.mean() == pytest.approx(4.0, abs=4 * 3 / 200)
    assert np.abs(np.sort(u) - (np.arange(len(u)) + 0.5) / len(u)).max() < 1.95 / 200  # Kolmogorov, p below 0.001


def test_days_on_one_bank():
    """A rate reward in a chain of two states: the mean and the variance of the time spent in one of them."""
    a, b, r = 0.1, 0.3, 2.0
    scenario = World.of(worlds.two_states(a, b)).impact("cost", per_day=[({"bank": "right"}, r)]).scenario()
    cost = simlib.solve(scenario, times=DAYS).impacts["cost"]
    k, share = a + b, a / (a + b)
    mean = r * share * (T - (1 - np.exp(-k * T)) / k)
    np.testing.assert_allclose(cost.mean, mean, rtol=1e-9, atol=1e-12)

    def square(t: float) -> float:
        stay = lambda s: share * s + (1 - share) * (1 - np.exp(-k * s)) / k  # noqa: E731 - time on the right from there
        return 2 * quad(lambda s: share * (1 - np.exp(-k * s)) * stay(t - s), 0, t, epsabs=1e-12)[0]

    np.testing.assert_allclose(cost.chance**2 + cost.mean**2, [r**2 * square(t) for t in T], rtol=1e-8, atol=1e-9)


def test_a_birth_and_death_process_with_both_kinds_of_reward():
    """Falling costs 1 each time, also at the lowest mark; standing at the brim costs 3 a day."""
    base = worlds.birth_death()
    brim = {"water": list(base.variables["water"].levels)[-1]}
    world = World.of(base).impact("cost", on=[("fall", None, 1.0, 0.0)], per_day=[(brim, 3.0)])
    forecast = simlib.solve(world.scenario(), times=np.linspace(0, 30, 301))
    at_the_brim = forecast.variables["water"][brim["water"]]
    days = np.trapezoid(at_the_brim, forecast.times)
    assert forecast.impacts["cost"].mean[-1] == pytest.approx(0.2 * 30 + 3 * days, rel=1e-4)


def test_only_the_outcome_named_gains():
    scenario = World.of(worlds.branches()).impact("won", on=[("toss", "side-0", 2.0, 0.0)]).scenario()
    forecast = simlib.solve(scenario, times=DAYS)
    np.testing.assert_allclose(forecast.impacts["won"].mean, 2 * forecast.endings["side-0"].probability, rtol=1e-9)
    np.testing.assert_allclose(forecast.impacts["won"].given["side-1"][1:], 0.0, atol=1e-12)


def test_the_mean_given_an_ending_and_nothing_after_it():
    """Each of four offices costs 1 and arrival 10: whoever has arrived has paid 14, whatever the date."""
    world = World.of(worlds.erlang()).impact("cost", on=[("forward", None, 1.0, 0.0)], at=[("arrived", 10.0, 4.0)])
    cost = simlib.solve(world.scenario(), times=DAYS).impacts["cost"]
    assert np.isnan(cost.given["arrived"][0])
    np.testing.assert_allclose(cost.given["arrived"][1:], 14.0, rtol=1e-9)
    simulated = simlib.simulate(world.scenario(), runs=4000, times=DAYS, seed=1).impacts["cost"]
    assert abs(simulated.given["arrived"][-1] - 14) < 1.5 * simulated.given_error["arrived"][-1]


@pytest.mark.parametrize("engine", [simlib.solve, simlib.simulate])
def test_a_story_that_has_ended_at_the_start_has_reached_its_ending_and_gains_nothing_else(engine):
    world = World.of(worlds.absorbing_start())
    world.impact("cost", on=[("push", None, 5.0, 0.0)], per_day=[(None, 1.0)], at=[("shut", 7.0, 0.0)])
    np.testing.assert_allclose(engine(world.scenario(), times=DAYS).impacts["cost"].mean, 7.0)


@pytest.mark.parametrize("engine", [simlib.solve, simlib.simulate])
def test_forced_firings_count_and_a_pinned_ending_pays(engine):
    world = World.of(worlds.two_states(1e-12, ends=True)).impact("cost", on=[("cross", None, 2.0, 0.0)])
    world.impact("toll", at=[("across", 3.0, 0.0)], per_day=[(None, 0.5)])
    forced = world.scenario().replace(interventions=(Force("cross", date(7)),))
    forecast = engine(forced, times=[6.0, 7.0, 30.0])
    np.testing.assert_allclose(forecast.impacts["cost"].mean, [0, 2, 2], atol=1e-9)
    np.testing.assert_allclose(forecast.impacts["toll"].mean, [3, 6.5, 6.5], atol=1e-9)
    assert sample(forced, 1)[0].impacts == pytest.approx({"cost": 2.0, "toll": 6.5})
    pinned = world.scenario().replace(interventions=(Pin("bank", "right", date(7)),))
    forecast = engine(pinned, times=[6.0, 7.0, 30.0])
    np.testing.assert_allclose(forecast.impacts["cost"].mean, 0, atol=1e-9)
    np.testing.assert_allclose(forecast.impacts["toll"].mean, [3, 6.5, 6.5], atol=1e-9)


# -------------------------------------------------------------------- over the priors


@pytest.mark.slow
def test_chance_and_doubt_add_up_over_the_priors():
    """With μ uncertain the variance is λt E[μ²] (chance) plus (λt)² Var μ (doubt)."""
    scenario = marked(spread=0.0)
    prior = replace(scenario.assumptions["hurt.on.1"], low=1.25, high=5.0)
    scenario = scenario.replace(assumptions=scenario.assumptions | {"hurt.on.1": prior})
    spread = np.log(2) / norm.ppf(0.95)
    mean, square = 2.5 * np.exp(spread**2 / 2), 2.5**2 * np.exp(2 * spread**2)
    for engine in ("exact", "montecarlo"):
        hurt = simlib.forecast(scenario, draws=512, engine=engine, runs=20, times=DAYS, seed=3).impacts["hurt"]
        assert hurt.mean[-1] == pytest.approx(9 * mean, rel=0.03)
        assert hurt.chance[-1] == pytest.approx(np.sqrt(9 * square), rel=0.05)
        assert hurt.doubt[-1] == pytest.approx(9 * np.sqrt(square - mean**2), rel=0.08)
        sample = hurt.sample
        shares = 1 / sample.amounts.shape[1] if sample.shares is None else sample.shares
        each = np.broadcast_to(sample.weights[:, None] * shares, sample.amounts.shape)
        whole = np.sqrt(np.sum(each * (sample.amounts - np.sum(each * sample.amounts)) ** 2))
        assert whole == pytest.approx(np.hypot(hurt.chance[-1], hurt.doubt[-1]), rel=0.05)


def test_the_error_of_a_point_counts_draws_and_not_histories():
    """Histories of one draw that are all alike say no more than one of them."""
    values = np.random.default_rng(4).normal(size=100)
    alone, repeated = (
        AmountSample(np.repeat(values[:, None], n, axis=1), np.full(100, 0.01)).exceeds(0.5) for n in (1, 50)
    )
    np.testing.assert_allclose(alone, repeated, rtol=0.02)


# -------------------------------------------------------------------- engines against each other


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("make", [worlds.tempo_world, worlds.intervened_world], ids=lambda make: make.__name__)
def test_the_reference_agrees_with_the_exact_moments(make):
    scenario = fallen(make())
    exact = simlib.solve(scenario, times=1).impacts["hurt"]
    amounts = np.array([run.impacts["hurt"] for run in sample(scenario, 4000, seed=8)])
    assert abs(amounts.mean() - exact.mean[-1]) < 3.5 * exact.chance[-1] / np.sqrt(len(amounts))
    assert amounts.std() == pytest.approx(exact.chance[-1], rel=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("make", [worlds.tempo_world, worlds.intervened_world], ids=lambda make: make.__name__)
def test_the_gradient_with_respect_to_every_assumption(make):
    scenario = fallen(make())
    slopes = simlib.elasticities(scenario, "impact:hurt").frame().set_index("assumption")
    solver, step = Solver(scenario, times=1), 1e-4
    moved = {item.assumption for item in scenario.interventions if isinstance(item, Assume)}
    for name in scenario.assumptions.keys() - moved:
        value = scenario.assumptions[name].value
        up, down = (
            solver.run(simlib.machine.priors.theta(scenario, {name: value * (1 + side)}), tolerance=1e-13)
            for side in (step, -step)
        )
        wanted = (up.moments.given[-1, 0, -1] - down.moments.given[-1, 0, -1]) / (2 * step)
        assert slopes.derivative[name] * value == pytest.approx(wanted, rel=1e-6, abs=1e-6), name
    assert slopes.answer.iloc[0] == pytest.approx(simlib.solve(scenario, times=1).impacts["hurt"].mean[-1], rel=1e-8)


# -------------------------------------------------------------------- the dice


def others(forecast: Forecast) -> Forecast:
    return replace(forecast, impacts={})


def test_an_impact_changes_no_other_draw():
    plain = worlds.intervened_world()
    one, other = (simlib.simulate(world, runs=300, times=DAYS) for world in (plain, fallen(plain)))
    assert_same_bits(others(one), others(other))


def test_the_same_bits_whatever_the_threads_and_more_runs_keep_the_earlier_ones():
    scenario = fallen(worlds.tempo_world())
    few, many, again = (
        simlib.simulate(scenario, runs=runs, times=DAYS, control=Control(threads=threads)).impacts["hurt"].sample
        for runs, threads in ((300, 1), (900, 2), (900, 1))
    )
    np.testing.assert_array_equal(few.amounts, many.amounts[:300])
    np.testing.assert_array_equal(many.amounts, again.amounts)


def test_another_mean_moves_every_amount_and_not_the_noise():
    one, other = (simlib.simulate(marked(each=x, spread=0.6 * x), runs=200, times=DAYS) for x in (2.0, 3.0))
    np.testing.assert_allclose(one.impacts["hurt"].sample.amounts * 1.5, other.impacts["hurt"].sample.amounts)


# -------------------------------------------------------------------- kept, and refused


def test_a_forecast_with_impacts_comes_back_bit_for_bit(tmp_path):
    forecast = simlib.forecast(fallen(worlds.tempo_world()), engine="exact", times=DAYS)
    back = Forecast.load(forecast.save(tmp_path / "forecast.json"))
    assert_same_bits(forecast, back)
    np.testing.assert_array_equal(forecast.impacts["hurt"].sample.amounts, back.impacts["hurt"].sample.amounts)
    assert dict(numbers(back)).keys() >= {"impacts.hurt", "chances.hurt"}
    assert forecast.to_dict()["impacts"] == back.to_dict()["impacts"]
    assert set(forecast.frame("impacts").unit) == {"people"}


def test_an_amount_is_not_assumed_for_a_while():
    wrong = list(wrong_intervention(marked(), Assume("hurt.on.1", 5.0, date=date(3)), 30.0))
    assert [what for _, what, _ in wrong] == ["'hurt.on.1' is an amount"]


# -------------------------------------------------------------------- what people read


def told(forecast: Forecast) -> list[str]:
    """The sentences about every impact of a forecast."""
    return [
        sentence
        for name, impact in forecast.impacts.items()
        for sentence in impact.sentences(forecast.label("impacts", name), forecast.by_words)
    ]


def test_every_sentence_about_an_impact_has_its_unit_and_its_limit():
    forecast = simlib.forecast(fallen(worlds.tempo_world()), engine="exact", times=DAYS)
    mean, tail = told(forecast)
    *_, given = impact_tables(forecast, [-1], [["by then"]], "")
    assert f"{forecast.impacts['hurt'].mean[-1]:.2g} people on average" in mean
    assert "people in nine of ten histories" in tail
    title, head, *rows = given.strip().splitlines()
    assert title.endswith("What happens after an ending is not counted.")
    assert "(people)" in head
    assert len(rows) == sum(np.isfinite(x[-1]) for x in forecast.impacts["hurt"].given.values())


def test_one_of_a_plural_unit_is_never_a_bare_one():
    forecast = simlib.forecast(marked(each=1.0, spread=0.0, rate=1 / 30), times=1)
    text = " ".join(told(forecast))
    assert "1.0 people on average" in text
    assert " 1 people" not in text
    assert "1.0 people on" in "".join(
        part["text"] for part in sentence(simlib.solve(marked(1.0, 0.0, 1 / 30), times=1))
    )


def accumulated(unit: str, *amounts: float) -> Accumulation:
    """A hundred equally likely amounts: those given, and otherwise 0."""
    values = np.pad(np.array(amounts), (0, 100 - len(amounts)))[:, None]
    zero = np.zeros(1)
    sample = AmountSample(values, np.full(100, 0.01))
    return Accumulation(unit, values.mean(axis=0), zero, zero, zero, {}, {}, np.zeros((3, 1)), sample)


@pytest.mark.parametrize(
    ("unit", "amounts", "told"),
    [
        ("craft", (0.9, 1.2, 1.3), "3.0% for at least one."),
        ("people", (1.0, 4.0, 12.0), "3.0% for at least one, 2.0% for more than 3 people."),
        (
            "billion dollars",
            (0.02, 0.2, 2.0),
            "3.0% for more than 0.01 billion dollars, 2.0% for more than 0.1 billion dollars.",
        ),
        ("crowns", (1.2, 1.2, 1.2), "3.0% for more than 1.0 crowns."),
        ("people", (*[1.0] * 50, *[2.0] * 49, 3.0), "100% for at least one, 1.0% for more than 2 people."),
        ("crowns", (*[1.0] * 50, *[2.0] * 49, 3.0), "50% for more than 1.5 crowns, 1.0% for more than 2 crowns."),
        ("people", (*[1.2] * 50, *[1.9] * 50), ""),
        ("people", (), ""),
    ],
)
def test_things_that_are_counted_have_at_least_one_and_no_two_amounts_mean_the_same(unit, amounts, told):
    impact = accumulated(unit, *amounts)
    assert impact.sentences("Loss", "May")[1].partition("Probability: ")[2].partition(" This")[0] == told
    for amount, p, *_ in impact.data()["by_the_end"]["more_than"]:
        assert p == pytest.approx(sum(one > amount for one in amounts) / 100)


@pytest.mark.parametrize(("engine", "words"), [(simlib.solve, "standard deviation"), (simlib.simulate, "nine of ten")])
def test_the_sentence_of_the_explorer_has_the_mean_and_the_range(engine, words):
    told = "".join(part["text"] for part in sentence(engine(fallen(worlds.tempo_world()), times=DAYS)))
    assert " people on average (" in told
    assert words in told.partition("hurt: ")[2]


@pytest.mark.parametrize("draw", [impact_fan, impact_bars], ids=lambda draw: draw.__name__)
def test_a_picture_of_an_impact_says_its_unit(draw):
    from matplotlib.figure import Figure

    forecast = simlib.forecast(fallen(worlds.tempo_world()), engine="exact", times=DAYS)
    ax = draw(forecast, Figure(figsize=(9, 6), dpi=100).add_subplot())
    texts = [text.get_text() for text in ax.figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    assert any("people" in text for text in texts)


def test_a_comparison_has_the_difference_of_the_means_with_its_error():
    scenario = fallen(worlds.tempo_world())
    exact, simulated = (
        simlib.compare(scenario, Forbid("clash"), measures="impact:hurt", engine=engine, runs=2000).frame()
        for engine in ("exact", "montecarlo")
    )
    assert exact.change.iloc[0] < 0
    assert simulated.low.iloc[0] < exact.change.iloc[0] < simulated.high.iloc[0]
