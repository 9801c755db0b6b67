"""What holds of every forecast, whatever the world: sums, monotone times, and files that give back every bit."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import simlib
from simlib.engines.exact.generator import Generator
from simlib.engines.exact.lanes import Lanes
from simlib.engines.exact.passes import Histograms, carry
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import EMPTY_TABOO
from simlib.machine.tables import Tables
from simlib.results import ONGOING, Forecast
from tests.properties.comparing import assert_same_bits, drawn, numbers, probabilities, report_times
from tests.strategies import seeded_world, worlds

TIMES = 12


@pytest.mark.slow
@drawn(25)
@given(worlds())
def test_every_distribution_sums_to_one_at_every_time(scenario):
    forecast = simlib.solve(scenario, times=TIMES)
    whole = {"endings": sum(band.probability for band in forecast.endings.values())}
    whole |= {name: sum(levels.values()) for name, levels in forecast.variables.items()}
    whole |= {name: sum(rungs.values()) for name, rungs in forecast.ladders.items()}
    for name, total in whole.items():
        np.testing.assert_allclose(total, 1.0, atol=2e-9, err_msg=name)
    for name, values in probabilities(forecast):
        assert np.all((values >= 0) & (values <= 1 + 1e-12)), name


@pytest.mark.slow
@drawn(25)
@given(worlds())
def test_what_has_happened_by_a_time_has_happened_by_a_later_one(scenario):
    forecast = simlib.solve(scenario, times=TIMES)
    for name, values in numbers(forecast):
        kind, _, rest = name.partition(".")
        if kind in ("questions", "moves") or (kind == "endings" and rest != ONGOING):
            assert np.all(np.diff(values) >= -1e-9 * max(1.0, values[-1])), name
    assert np.all(np.diff(forecast.endings[ONGOING].probability) <= 1e-9)


@pytest.mark.slow
@drawn(25)
@given(worlds(), st.integers(1, 30))
def test_a_longer_horizon_never_lowers_what_happens_by_its_end(scenario, longer):
    short = simlib.solve(scenario, times=1)
    days = scenario.horizon_days, scenario.horizon_days + longer
    long = simlib.solve(scenario.replace(horizon_days=days[1]), times=days)
    for kind in ("endings", "questions"):
        for name in set(getattr(short, kind)) - {ONGOING}:
            before, after = getattr(short, kind)[name].probability, getattr(long, kind)[name].probability
            assert after[0] == pytest.approx(before[-1], abs=2e-9), f"{kind}.{name} at the same day"
            assert after[-1] >= before[-1] - 2e-9, f"{kind}.{name}"


@pytest.mark.slow
@drawn(25)
@given(worlds())
def test_an_answer_lies_between_its_own_bounds(scenario):
    forecast = simlib.solve(scenario, times=report_times(scenario))
    for bands in (forecast.endings, forecast.questions):
        for name, band in bands.items():
            assert np.all(band.low <= band.probability), name
            assert np.all(band.probability <= band.high), name
            assert np.all(band.high - band.low <= 1e-9), name


@pytest.mark.slow
@drawn(40)
@given(worlds())
def test_rows_of_the_generator_sum_to_zero(scenario):
    """What leaves a state arrives somewhere: the columns of the uniformised chain sum to one."""
    solver = Solver(scenario, times=1)
    theta = simlib.machine.priors.theta(scenario)
    for segment in solver.segments:
        rates = solver.space.pair_rates(solver.tables.rates(theta, segment), solver.tables.chances(theta))
        generator = Generator.build(solver.space.incoming, rates, None, segment.end - segment.start)
        arriving = np.zeros(len(solver.space))
        np.add.at(arriving, solver.space.incoming.source, generator.values)
        np.testing.assert_allclose(arriving + generator.diagonal, 1.0, atol=1e-12)
        assert np.all(generator.diagonal >= -1e-12)
        assert np.all(arriving[solver.space.ended] == 0), "nothing leaves an ending"


@pytest.mark.slow
@drawn(25)
@given(worlds(interventions=False, windows=False), st.floats(0.5, 60))
def test_days_spent_in_all_states_sum_to_the_time(scenario, days):
    solver = Solver(scenario, times=1)
    theta = simlib.machine.priors.theta(scenario)
    chain, each = solver.chain(theta), np.arange(len(solver.space), dtype=np.uint32)[:, None]
    block = Lanes(chain, solver.segments[0], days, [EMPTY_TABOO])
    times = days * np.array([0.0, 0.25, 1.0])
    counted = Histograms(each, scipy.sparse.eye_array(len(each), format="csr"), len(times))
    carry(block, chain.start()[:, None], times, watchers=[counted])
    spent = counted.until / block.uniform
    np.testing.assert_allclose(spent.sum(axis=1), times, atol=1e-8 * days)
    assert np.all(np.diff(spent, axis=0) >= -1e-12)


@pytest.mark.slow
@drawn(40)
@given(worlds(), st.integers(0, 2**31 - 1))
def test_chances_of_a_draw_are_shares_of_one(scenario, seed):
    """Jointly normalised: whatever the priors give, no draw exceeds one and none is negative."""
    tables = Tables(scenario)
    centre = simlib.machine.priors.theta(scenario)
    for theta in simlib.machine.priors.draws(scenario, 4, seed=seed):
        for share, starts in (
            (tables.chances(theta, centre), tables.branches.start),
            (tables.start_shares(theta, centre), tables.start_start),
        ):
            assert np.all(share >= 0)
            np.testing.assert_allclose(np.add.reduceat(share, starts[:-1]), 1.0, atol=1e-12)


@pytest.mark.slow
@drawn(40)
@given(worlds(), st.integers(0, 2**31 - 1))
def test_one_uncertain_branch_beside_the_rest_gets_exactly_its_drawn_chance(scenario, seed):
    tables = Tables(scenario)
    theta = simlib.machine.priors.draws(scenario, 1, seed=seed)[0]
    share = tables.chances(theta, simlib.machine.priors.theta(scenario))
    for move in scenario.moves.values():
        stated = [outcome for outcome in move.outcomes if outcome.chance is not None]
        factors = [factor for outcome in move.outcomes for factor in outcome.factors]
        if len(stated) == 1 and len(move.outcomes) == 2 and not factors:
            drawn_chance = theta[tables.assumption(stated[0].chance)]
            own = tables.branches.outcome == tables.outcome(move.id, stated[0].id)
            assert share[own] == pytest.approx(drawn_chance, abs=1e-12)


@pytest.mark.slow
@drawn(30)
@given(worlds())
def test_a_draw_at_the_stated_values_is_the_stated_values(scenario):
    tables = Tables(scenario)
    theta = simlib.machine.priors.theta(scenario)
    np.testing.assert_allclose(tables.chances(theta, theta), tables.chances(theta), atol=1e-12)
    np.testing.assert_allclose(tables.start_shares(theta, theta), tables.start_shares(theta), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
@drawn(10)
@given(world=worlds())
def test_a_forecast_comes_back_from_its_file_bit_for_bit(tmp_path_factory, suffix, world):
    forecast = simlib.solve(world, times=report_times(world))
    path = forecast.save(tmp_path_factory.mktemp("forecast") / f"answer{suffix}")
    again = Forecast.load(path)
    assert again.to_dict() == forecast.to_dict()
    assert_same_bits(again, forecast)


def test_a_simulated_forecast_comes_back_from_its_file_bit_for_bit(tmp_path):
    forecast = simlib.simulate(seeded_world(3), runs=500, seed=1, times=5)
    again = Forecast.load(forecast.save(tmp_path / "answer.json"))
    assert again.to_dict() == forecast.to_dict()
    assert_same_bits(again, forecast)
