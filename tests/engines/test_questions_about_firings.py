"""Questions about what does not happen (a lull) or happens often (a count), against closed forms and each other."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import comb
from scipy.stats import poisson

import simlib
from simlib.analysis.samples import question_times
from simlib.engines.ensemble import over_priors
from simlib.engines.exact.solver import Solver
from simlib.engines.montecarlo.replay import replayed
from simlib.engines.montecarlo.simulator import Simulator, simulate
from simlib.engines.reference import Reference, sample
from simlib.errors import Unsupported
from simlib.export import prism
from simlib.machine.measures import find, of_forecast
from simlib.scenario.loader import load_text
from simlib.scenario.model import Forbid, Lull, Question, Repeats
from tests.engines.chance import Z_LIMIT, scores, two_scores
from tests.properties.comparing import drawn
from tests.strategies import random_world
from tests.worlds import World

HOME = Path(__file__).parents[2]

RUNS = 40_000


def strikes(rate: float = 0.2, horizon: float = 40.0) -> World:
    """Two moves of equal rates that change nothing: their firings are Poisson processes."""
    world = World("strikes", horizon).variable("sea", "calm", "rough", start="calm")
    return world.move("strike", rate / 2).move("raid", rate / 2)


def no_gap(rate: float, days: float, horizon: float) -> float:
    """The probability that no gap of a Poisson process, ends included, is as long: spacings of uniform points."""
    total = 0.0
    for points in range(200):
        j = np.arange(points + 2)
        covered = np.maximum(1 - j * days / horizon, 0.0) ** points * (j * days < horizon)
        total += poisson.pmf(points, rate * horizon) * float(np.sum((-1.0) ** j * comb(points + 1, j) * covered))
    return total


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6])
def test_a_lull_is_the_longest_gap_of_a_poisson_process(rate):
    scenario = strikes(rate).lull("pause", 15, "strike", "raid").scenario()
    counts = Simulator(scenario, times=[20.0, 40.0]).run(runs=RUNS, seed=3)
    expected = [1 - no_gap(rate, 15, horizon) for horizon in (20.0, 40.0)]
    assert np.abs(scores(counts.questions[:, 0], RUNS, expected)).max() < Z_LIMIT


def test_a_lull_is_sure_where_nothing_fires_and_impossible_where_it_is_longer_than_the_horizon():
    scenario = strikes().lull("pause", 15, "strike", "raid").lull("long", 41, "strike").scenario()
    quiet = scenario.replace(interventions=(Forbid("strike"), Forbid("raid")))
    forecast = simlib.simulate(quiet, times=[14.9, 15.0, 40.0], runs=200)
    assert forecast.questions["pause"].probability.tolist() == [0, 1, 1]
    assert forecast.questions["long"].probability.tolist() == [0, 0, 0]


def test_a_lull_must_be_over_before_the_story_ends():
    world = World("short").variable("door", "open", "shut", start="open").move("close", 1 / 5, {"door": "shut"})
    scenario = world.ending("shut", {"door": "shut"}).lull("pause", 8, "close").scenario()
    forecast = simulate(scenario, times=1, runs=RUNS)
    assert abs(scores(forecast.questions["pause"].probability[-1] * RUNS, RUNS, np.exp(-8 / 5))) < Z_LIMIT


def test_the_number_of_firings_in_replicates_has_the_error_of_a_poisson_mean():
    scenario = strikes().scenario()
    value, low, high = (
        x[-1] for x in of_forecast(simlib.simulate(scenario, times=1, runs=4000), find(scenario, "moves:strike")[0])
    )
    half = 1.96 * np.sqrt(0.1 * 40 / 4000)
    assert [value - low, high - value] == pytest.approx([half, half], rel=0.05)


@pytest.mark.parametrize("goal", [1, 3, 12])
def test_a_count_is_the_tail_of_a_poisson_law_in_both_engines(goal):
    scenario = strikes().count("often", goal, "strike", "raid").scenario()
    times = np.array([5.0, 40.0])
    expected = poisson.sf(goal - 1, 0.2 * times)
    np.testing.assert_allclose(simlib.solve(scenario, times=times).questions["often"].probability, expected, atol=1e-9)
    counts = Simulator(scenario, times=times).run(runs=RUNS)
    assert np.abs(scores(counts.questions[:, 0], RUNS, expected)).max() < Z_LIMIT


def test_the_slope_of_a_count_is_that_of_the_poisson_law():
    scenario = strikes(0.1).count("often", 3, "strike").scenario()
    table = simlib.elasticities(scenario, "question:often").frame().set_index("assumption")
    # d/dλ P(N ≥ 3) = T · P(N = 2)
    assert table.derivative["strike.rate"] == pytest.approx(40 * poisson.pmf(2, 0.05 * 40), rel=1e-8)
    assert table.derivative["raid.rate"] == pytest.approx(0, abs=1e-12)


def test_exact_answers_a_lull_by_histories_and_says_so():
    scenario = strikes().lull("pause", 15, "strike", "raid").question("any", move="strike").scenario()
    forecast = simlib.solve(scenario, times=[40.0])
    assert forecast.by_histories == ("pause",)
    assert "Monte Carlo" in forecast.histories_note
    assert list(forecast.questions) == ["pause", "any"]
    band = forecast.questions["pause"]
    assert band.low[0] < 1 - no_gap(0.2, 15, 40) < band.high[0]
    assert band.high[0] - band.low[0] > 0.01
    assert forecast.questions["any"].high[0] - forecast.questions["any"].low[0] < 1e-8
    same = simlib.simulate(scenario, times=[40.0])
    assert same.questions["pause"].probability[0] == band.probability[0]


def test_over_the_priors_a_lull_has_the_error_of_all_its_histories():
    world = strikes(0.2).lull("pause", 15, "strike")
    world.uncertain("strike.rate", "rate", 0.1, 0.05, 0.2)
    scenario = world.scenario()
    ensemble = over_priors(scenario, draws=50, times=[40.0])
    mixture = ensemble.mixture()
    band = mixture.questions["pause"]
    assert mixture.provenance["histories"] == 10_000
    assert 0.01 < band.high[0] - band.low[0] < 0.4
    low, high = ensemble.spread("pause", "questions")[[0, -1], 0]
    raw = np.quantile(ensemble.values("pause", "questions")[:, 0], [0.05, 0.95])
    assert raw[0] < low < high < raw[1], "the noise of 200 histories a draw is taken out of the spread"


def test_every_verb_takes_both():
    scenario = strikes(0.1).lull("pause", 15, "strike", "raid").count("often", 3, "strike").scenario()
    numbers = {
        name: a.__class__(**{f: getattr(a, f) for f in a.__slots__} | {"low": a.value / 2, "high": a.value * 2})
        for name, a in scenario.assumptions.items()
    }
    scenario = scenario.replace(assumptions=numbers)
    measures = ["question:pause", "question:often"]
    bars = simlib.drivers(scenario, measures, runs=400)
    assert bars.provenance["engine"] == "montecarlo"
    assert simlib.drivers(scenario, "question:often").provenance["engine"] == "exact"
    spread = simlib.uncertainty(scenario, measures, draws=32, runs=64)
    assert spread.provenance["engine"] == "montecarlo"
    shift = simlib.compare(scenario, Forbid("strike"), measures=measures, runs=2000)
    only = next(iter(shift.effects.values())).differences
    assert only["question:pause"].change[-1] > 0.1
    assert only["question:often"].after[-1] == 0
    with pytest.raises(Unsupported, match="needs simulated histories"):
        simlib.uncertainty(scenario, measures, engine="exact", draws=32)
    with pytest.raises(Unsupported, match="asks for a lull"):
        simlib.elasticities(scenario, "question:pause")


def test_too_many_states_for_a_count_send_it_to_histories():
    scenario = strikes().count("often", 3, "strike").scenario()
    solver = Solver(scenario, times=1, cap=2)
    assert list(solver.by_histories) == ["often"]


@pytest.mark.slow
@drawn(40)
@given(st.randoms(use_true_random=False))
def test_a_replayed_history_answers_as_the_run_did(dice):
    scenario = random_world(dice, lulls=True)
    simulator = Simulator(scenario, times=3)
    counts, played = simulator.run(runs=40, seed=5), replayed(simulator, range(40), seed=5)
    for place, question in enumerate(scenario.questions.values()):
        np.testing.assert_array_equal(question_times(played, question), counts.question_time[:, place])
        by_then = (counts.question_time[:, place, None] <= simulator.times).sum(axis=0)
        np.testing.assert_array_equal(by_then, counts.questions[:, place])


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(4))
def test_the_reference_agrees(seed):
    scenario = random_world(random.Random(seed), lulls=True)
    reference, runs = Reference(scenario), sample(scenario, 2000, seed=seed)
    counts = Simulator(scenario, times=1).run(runs=RUNS)
    for place, question in enumerate(scenario.questions.values()):
        hits = sum(reference.first_time(run, question) <= scenario.horizon_days for run in runs)
        assert abs(two_scores(hits, 2000, counts.questions[-1, place], RUNS)) < Z_LIMIT, question


def test_the_example_of_the_guide_can_be_answered(tmp_path):
    guide = (HOME / "scenarios" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"## Questions about .*?```yaml\n(.*?)```", guide, re.DOTALL)[1]
    text = (HOME / "tests" / "scenario" / "bridge" / "scenario.yaml").read_text(encoding="utf-8")
    scenario = load_text(text[: text.index("questions:")] + example)
    forecast = simlib.solve(scenario, times=1)
    assert forecast.by_histories == ("pause",)
    assert 0.7 < forecast.questions["pause"].probability[-1] < 0.9
    assert 0.5 < forecast.questions["third-time"].probability[-1] < 0.6
    words = {line.id: line.sentence for line in simlib.explain(scenario) if line.section == "questions"}
    assert "yes once 7 days pass without block" in words["pause"]
    assert "yes once block has happened 3 times" in words["third-time"]
    assert len(prism.notes(scenario)) == 2


def test_the_first_time_of_a_lull_and_of_a_count():
    pause = Question("pause", "pause", lull=Lull(("a",), 5.0))
    assert pause.first_time([], 5.0) == 5.0
    assert pause.first_time([], 4.9) == np.inf
    assert pause.first_time([1.0, 5.5, 11.0], 20.0) == 10.5
    often = Question("often", "often", count=Repeats(("a",), 2))
    assert often.first_time([1.0], 20.0) == np.inf
    assert often.first_time([1.0, 3.0, 4.0], 20.0) == 3.0
