"""The Monte Carlo engine against closed forms, and what it refuses.

Every statistical check here compares counts of 40,000 replicates with exact probabilities at a few times, at a limit
that chance passes with probability 2e-6 each. A null control shows that a rate 5% too high is found out.
"""

import builtins
import sys

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import gamma, poisson

from simlib.control import Control
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo import kernel_call
from simlib.engines.montecarlo import simulator as montecarlo
from simlib.engines.montecarlo.simulator import Simulator, simulate
from simlib.errors import Cancelled, MissingDependency, ScenarioError, SimlibError
from simlib.results import ONGOING, Band
from simlib.scenario.model import Forbid, Force, Pin
from tests import worlds
from tests.engines.chance import Z_LIMIT, mean_scores, scores

RUNS = 40_000
DAYS = np.array([0.0, 1.0, 7.5, 15.0, 30.0])

law = pytest.mark.statistical


def counts(scenario, runs=RUNS, times=DAYS, seed=11, **options):
    return Simulator(scenario, times=times).run(runs=runs, seed=seed, **options)


def worst(*many):
    return max(float(np.max(np.abs(z))) for z in many)


# ---------------------------------------------------------------- closed forms


@law
def test_two_states_there_and_back():
    a, b = 0.1, 0.25
    seen = counts(worlds.two_states(a, b))
    right = a / (a + b) * -np.expm1(-(a + b) * DAYS)
    crossed = -np.expm1(-a * DAYS)
    assert (
        worst(
            scores(seen.levels[:, 1], RUNS, right),
            scores(seen.rungs[:, 1], RUNS, right),
            scores(seen.questions[:, 0], RUNS, crossed),
            scores(seen.questions[:, 1], RUNS, crossed),
        )
        < Z_LIMIT
    )


@law
def test_a_rate_5_percent_too_high_is_found_out():
    """Null control of this file: the same check of the same size, on the wrong world."""
    wrong = counts(worlds.two_states(0.1 * 1.05, 0.25))
    right = 0.1 / 0.35 * -np.expm1(-0.35 * DAYS)
    assert worst(scores(wrong.levels[:, 1], RUNS, right)) > Z_LIMIT


@law
def test_birth_and_death():
    birth, death, size = 0.3, 0.2, 5
    seen = counts(worlds.birth_death(birth, death, size))
    generator = np.diag([birth] * (size - 1), 1) + np.diag([death] * (size - 1), -1)
    generator -= np.diag(generator.sum(axis=1))
    expected = np.array([expm(generator * day)[0] for day in DAYS])
    above = np.cumsum(expected[:, ::-1], axis=1)[:, ::-1]
    assert worst(scores(seen.levels, RUNS, expected), scores(seen.rungs, RUNS, expected)) < Z_LIMIT
    assert np.allclose(above[:, 0], 1)


@law
def test_moves_that_change_nothing_still_fire_and_count():
    """Both moves of the ladder world are always possible: their counts are Poisson, saturated or not."""
    seen = counts(worlds.birth_death(0.3, 0.2, 2))
    expected = np.outer(DAYS, [0.3, 0.2])
    z = mean_scores(seen.moves, seen.squares, RUNS, expected)[1:]
    variance = seen.squares / RUNS - (seen.moves / RUNS) ** 2
    assert worst(z) < Z_LIMIT
    np.testing.assert_allclose(variance[1:], expected[1:], rtol=0.05)
    assert not seen.moves[0].any()


@law
def test_competing_exits_which_and_when_apart():
    """Which road is rate / sum whatever the day, and when is exponential whatever the road."""
    rates = np.array([0.02, 0.05, 0.08])
    seen = counts(worlds.competing_exits(rates), seed=3)
    expected = rates / rates.sum() * -np.expm1(-rates.sum() * DAYS)[:, None]
    assert worst(scores(seen.endings, RUNS, expected)) < Z_LIMIT
    done = seen.ending >= 0
    by_road = np.array([np.sum(seen.ending == road) for road in range(3)])
    assert worst(scores(by_road, int(done.sum()), rates / rates.sum())) < Z_LIMIT
    late = seen.ending_time[done] > np.median(seen.ending_time[done])
    for road in range(3):
        share = np.sum(late & (seen.ending[done] == road))
        assert abs(share / by_road[road] - 0.5) < Z_LIMIT * np.sqrt(0.25 / by_road[road])


@law
def test_erlang_stages():
    stages, rate = 4, 0.3
    seen = counts(worlds.erlang(stages, rate))
    assert worst(scores(seen.endings[:, 0], RUNS, gamma.cdf(DAYS, stages, scale=1 / rate))) < Z_LIMIT
    passed = [poisson.pmf(k, rate * DAYS) for k in range(stages)]
    assert worst(scores(seen.levels[:, :stages], RUNS, np.column_stack(passed))) < Z_LIMIT


@law
def test_branches_of_one_move():
    rate, chances = 0.2, np.array([0.5, 0.2])
    seen = counts(worlds.branches(rate, chances))
    over = -np.expm1(-rate * chances.sum() * DAYS)[:, None]
    assert worst(scores(seen.endings, RUNS, chances / chances.sum() * over)) < Z_LIMIT
    assert worst(scores(seen.questions[:, 1], RUNS, (chances[0] / chances.sum() * over)[:, 0])) < Z_LIMIT
    assert worst(mean_scores(seen.moves, seen.squares, RUNS, over / chances.sum())[1:]) < Z_LIMIT


def test_shifts_stop_at_the_end_levels():
    for shift, level in ((-2, "a"), (-9, "a"), (+2, "d"), (+9, "d")):
        world = worlds.World("shift").variable("v", "a", "b", "c", "d", start="b")
        world.variable("done", "no", "yes", start="no")
        world.move("jump", 50.0, {"v": shift, "done": "yes"}, when={"done": "no"})
        assert simulate(world.scenario(), runs=20).variables["v"][level][-1] == 1


@law
@pytest.mark.parametrize("factor", [None, 4.0])
def test_calendar_windows_are_exact(factor):
    """Open from day 5 to the end of day 12, looked at just before and after either end."""
    rate, days = 0.1, np.array([4.999, 5.0, 5.5, 12.999, 13.0, 20.0, 30.0])
    seen = counts(worlds.windows(rate, 5, 12, factor), times=days)
    inside = np.clip(days - 5, 0, 8)
    spent = inside if factor is None else days + (factor - 1) * inside
    assert worst(scores(seen.endings[:, 0], RUNS, -np.expm1(-rate * spent))) < Z_LIMIT
    if factor is None:
        assert seen.ending_time[seen.ending == 0].min() >= 5
        assert seen.ending_time[seen.ending == 0].max() < 13


def test_windows_can_be_ignored():
    open_all_along = Simulator(worlds.windows(), ignore_windows=True).run(runs=500)
    plain = Simulator(worlds.windows(opens=0, closes=40)).run(runs=500)
    np.testing.assert_array_equal(open_all_along.ending_time, plain.ending_time)


@law
def test_a_hidden_spread_start_mixes():
    share, slow, fast = 0.3, 0.02, 0.2
    seen = counts(worlds.hidden_spread(share, slow, fast))
    expected = share * -np.expm1(-fast * DAYS) + (1 - share) * -np.expm1(-slow * DAYS)
    assert worst(scores(seen.endings[:, 0], RUNS, expected), scores(seen.levels[:, 1], RUNS, share)) < Z_LIMIT


@law
def test_a_draw_from_the_priors_uses_its_own_chances():
    """θ away from the centre: two stated branches are drawn jointly, as log-weights against the rest."""
    scenario = worlds.branches(0.2, (0.5, 0.3))
    simulator = Simulator(scenario, times=DAYS)
    theta = simulator.stated.copy()
    theta[list(scenario.assumptions).index("toss.side-0.chance")] = 0.75
    seen = simulator.run(theta, centre=simulator.stated, runs=RUNS)
    weights = np.array([0.5 * 3, 0.3, 0.2])
    chances = weights[:2] / weights.sum()
    over = -np.expm1(-0.2 * chances.sum() * DAYS)[:, None]
    assert worst(scores(seen.endings, RUNS, chances / chances.sum() * over)) < Z_LIMIT


def test_what_can_never_happen_never_does_and_keeps_an_interval():
    forecast = simulate(worlds.unreachable_rung(), runs=1000)
    never = [forecast.endings["green"], forecast.questions["ever-green"]]
    assert all(not band.probability.any() for band in never)
    assert all(0.003 < band.high[-1] < 0.004 for band in never)
    assert not forecast.ladders["signal"]["go"].any()
    assert not forecast.moves["repaint"].any()
    assert forecast.error["moves"]["repaint"][-1] > 0
    assert forecast.error["ladders"]["signal"]["go"][-1] == pytest.approx(never[0].high[-1])


def test_an_absorbing_start_ends_at_once():
    forecast = simulate(worlds.absorbing_start(), runs=100)
    assert np.all(forecast.endings["shut"].probability == 1)
    assert not forecast.endings["locked"].probability.any()
    assert not forecast.moves["push"].any()
    assert np.all(forecast.variables["door"]["shut"] == 1)
    assert np.all(forecast.questions["was-shut"].probability == 1)
    assert not forecast.questions["pushed"].probability.any()


# ---------------------------------------------------------------- interventions


def test_interventions_after_an_ending_do_nothing():
    items = (Force("push", worlds.date(3)), Pin("door", "open", worlds.date(0)))
    forecast = simulate(worlds.absorbing_start().replace(interventions=items), runs=50)
    assert np.all(forecast.variables["door"]["shut"] == 1)
    assert [line["without_effect"] for line in forecast.interventions] == [None, None]


def test_a_forced_move_on_the_first_day_and_at_the_horizon():
    for day, days in ((0, [0.0, 30.0]), (30, [29.99, 30.0])):
        scenario = worlds.two_states(1e-9).replace(interventions=(Force("cross", worlds.date(day)),))
        forecast = simulate(scenario, runs=20, times=days)
        before = [1.0, 1.0] if day == 0 else [0.0, 1.0]
        assert forecast.variables["bank"]["right"].tolist() == before
        assert forecast.moves["cross"].tolist() == before
        assert forecast.questions["sailed"].probability.tolist() == before


@pytest.mark.parametrize("engine", [simulate, solve])
def test_a_forced_move_asks_its_guard_and_nothing_else(engine):
    """Outside its calendar window, and forbidden all along, it still fires."""
    items = (Forbid("drop"), Force("drop", worlds.date(20)))
    forecast = engine(worlds.windows(0.1, 5, 12).replace(interventions=items), times=[19.99, 20.0])
    np.testing.assert_allclose(forecast.endings["fallen"].probability, [0, 1], atol=1e-8)


def test_interventions_of_one_day_act_in_the_order_listed():
    there, back = Pin("bank", "right", worlds.date(2)), Pin("bank", "left", worlds.date(2))
    for items, level in (((there, back), "left"), ((back, there), "right")):
        scenario = worlds.two_states(1e-12).replace(interventions=items)
        forecast = simulate(scenario, runs=10, times=[2.0])
        assert forecast.variables["bank"][level][0] == 1.0
        assert forecast.questions["crossed"].probability[0] == 1.0


@law
def test_a_forced_move_draws_its_outcome_by_chance_or_takes_the_one_named():
    free, named = (Force("toss", worlds.date(0), outcome) for outcome in (None, "side-1"))
    scenario = worlds.branches(1e-9, (0.5, 0.2))
    seen = counts(scenario.replace(interventions=(free,)))
    assert worst(scores(seen.endings[0], RUNS, [0.5, 0.2])) < Z_LIMIT
    assert counts(scenario.replace(interventions=(named,)), runs=50).endings[0].tolist() == [0, 50]


@law
def test_the_same_move_forced_twice_on_one_day_draws_twice():
    scenario = worlds.branches(1e-9, (0.5,)).replace(interventions=(Force("toss", worlds.date(0)),) * 2)
    assert worst(scores(counts(scenario).endings[0], RUNS, [0.75])) < Z_LIMIT


@law
def test_how_often_an_intervention_had_no_effect_is_reported():
    rate, day = 0.1, 10
    items = (Force("cross", worlds.date(day)), Forbid("cross", worlds.date(20)))
    forecast = simulate(worlds.two_states(rate).replace(interventions=items), runs=RUNS, seed=4)
    first, second = forecast.interventions
    assert first["intervention"] == f"force cross@{worlds.date(day)}"
    already = round(first["without_effect"] * RUNS)
    assert worst(scores(already, RUNS, -np.expm1(-rate * day))) < Z_LIMIT
    assert second["without_effect"] is None


@law
def test_forbidden_from_a_day_on():
    rate, day = 0.1, 10
    seen = counts(worlds.two_states(rate).replace(interventions=(Forbid("cross", worlds.date(day)),)))
    assert worst(scores(seen.levels[:, 1], RUNS, -np.expm1(-rate * np.minimum(DAYS, day)))) < Z_LIMIT


def test_an_intervention_outside_the_forecast_is_refused():
    scenario = worlds.two_states().replace(interventions=(Force("cross", worlds.date(31)),))
    with pytest.raises(ScenarioError, match="is after the horizon; expected a day from"):
        simulate(scenario)


# ---------------------------------------------------------------- the forecast


def test_the_forecast_adds_up():
    forecast = simulate(worlds.tempo_world(), runs=3000)
    total = sum(band.probability for band in forecast.endings.values())
    np.testing.assert_allclose(total, 1, atol=1e-12)
    for parts in [*forecast.variables.values(), *forecast.ladders.values()]:
        np.testing.assert_allclose(sum(parts.values()), 1, atol=1e-12)
    for name, band in forecast.endings.items():
        if name != ONGOING:
            assert np.all(np.diff(band.probability) >= 0)
    assert list(forecast.endings) == ["war", "treaty", "quiet", ONGOING]
    assert forecast.engine == "montecarlo"
    assert forecast.provenance["seed"] == 0
    assert forecast.provenance["runs"] == 3000


def test_intervals_are_wilson_and_half_widths_cover_them():
    forecast = simulate(worlds.tempo_world(), runs=400)
    war = forecast.endings["war"]
    expected = Band.wilson(war.probability * 400, 400)
    np.testing.assert_allclose(war.low, expected.low)
    calm, half = forecast.variables["standoff"]["calm"], forecast.error["variables"]["standoff"]["calm"]
    band = Band.wilson(calm * 400, 400)
    assert np.all(calm - half <= band.low + 1e-12)
    assert np.all(calm + half >= band.high - 1e-12)


@law
def test_the_half_width_of_a_count_is_that_of_its_mean():
    """1.96 standard deviations over the root of the runs: Poisson counts with mean 9, and one crossing or none."""
    rises = simulate(worlds.birth_death(0.3), runs=RUNS, times=[30.0])
    assert rises.error["moves"]["rise"][0] == pytest.approx(1.96 * np.sqrt(9 / RUNS), rel=0.05)
    crossings, p = simulate(worlds.two_states(0.1), runs=RUNS, times=[30.0]), -np.expm1(-3)
    assert crossings.error["moves"]["cross"][0] == pytest.approx(1.96 * np.sqrt(p * (1 - p) / RUNS), rel=0.05)


def test_values_by_name_and_all_at_once_are_the_same():
    scenario = worlds.two_states(0.1)
    by_name = simulate(scenario, values={"cross.rate": 0.4}, runs=200)
    simulator = Simulator(scenario)
    at_once = simulator.forecast(simulator.run(np.array([0.4]), runs=200))
    np.testing.assert_array_equal(by_name.moves["cross"], at_once.moves["cross"])
    assert by_name.assumptions == {"cross.rate": 0.4}


def test_report_times_are_ours_to_choose():
    forecast = simulate(worlds.erlang(), times=[3.0, 4.5], runs=500)
    whole = simulate(worlds.erlang(), times=60, runs=500)
    assert forecast.times.tolist() == [3.0, 4.5]
    assert forecast.endings["arrived"].probability[1] == whole.endings["arrived"].probability[9]


def test_a_longer_horizon_keeps_what_happened_before():
    short = simulate(worlds.tempo_world(), times=[10.0, 30.0], by=30, runs=500)
    long = simulate(worlds.tempo_world(), times=[10.0, 30.0], by=60, runs=500)
    for name in short.endings:
        np.testing.assert_array_equal(short.endings[name].probability, long.endings[name].probability)


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [({"runs": 0}, "runs is 0; expected"), ({"seed": -1}, "seed is -1"), ({"times": []}, "times is ")],
)
def test_bad_numbers_are_refused_in_words(options, words):
    with pytest.raises(ValueError, match=words):
        simulate(worlds.two_states(), **options)


def test_values_must_be_one_for_each_assumption():
    with pytest.raises(ValueError, match="one per assumption"):
        Simulator(worlds.two_states()).run(np.array([0.1, 0.2]), runs=10)


@pytest.mark.parametrize("by", [0, 31, float("nan"), "2031-05-01", "soon"])
@pytest.mark.parametrize("engine", [simulate, solve])
def test_a_target_outside_the_forecast_is_refused(engine, by):
    with pytest.raises(ScenarioError, match="by"):
        engine(worlds.two_states(horizon=30.0), by=by)


def test_an_unknown_assumption_is_refused():
    with pytest.raises(ScenarioError, match="no assumption of this scenario"):
        simulate(worlds.two_states(), values={"cros.rate": 1.0})


def test_runaway_rates_stop_with_a_reason(monkeypatch):
    monkeypatch.setattr(kernel_call, "MAX_EVENTS", 1000)
    with pytest.raises(SimlibError, match=r"replicate 0 had more than 1,000 events within 30 days.*rates are far too"):
        simulate(worlds.birth_death(1e6, 1.0), runs=10)


def test_progress_and_cancel():
    told = []
    simulate(worlds.two_states(), runs=2000, control=Control(progress=told.append))
    assert told[-1] == 1.0
    asked = iter([False, False, True])
    for threads in (1, 2):
        asked = iter([False, False, True])
        with pytest.raises(Cancelled, match="cancelled"):
            simulate(
                worlds.two_states(),
                runs=200_000,
                control=Control(threads=threads, cancel=lambda calls=asked: next(calls)),
            )


def test_a_failure_on_another_thread_is_heard(monkeypatch):
    def broken(simulator, values, output, key, first, history=None):
        raise SimlibError(f"replicate {first} broke")

    monkeypatch.setattr(montecarlo, "call", broken)
    with pytest.raises(SimlibError, match="broke"):
        simulate(worlds.two_states(), runs=2000, control=Control(threads=3))


def test_without_numba_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def no_numba(name, *rest):
        if name.startswith("numba"):
            raise ImportError("no Numba for this machine")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_numba)
    monkeypatch.delitem(sys.modules, "simlib.engines.montecarlo._kernel", raising=False)
    monkeypatch.delattr("simlib.engines.montecarlo._kernel", raising=False)
    with pytest.raises(MissingDependency, match="pip install numba"):
        simulate(worlds.two_states())


def test_one_signature_serves_every_world():
    from simlib.engines.montecarlo import _kernel

    whole = worlds.two_states().replace(horizon_days=30)  # a whole number, where others are floating-point
    for scenario in (whole, worlds.two_states(), worlds.absorbing_start(), worlds.tempo_world(), worlds.windows()):
        simulate(scenario, runs=10)
    assert len(_kernel.run.signatures) == 1
