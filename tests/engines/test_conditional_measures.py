"""Events, conditional probabilities and days at a level: both engines, the gradient, and closed forms."""

import dataclasses
import random
import re
import shlex
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import simlib
from simlib.analysis.evaluator import Responses
from simlib.analysis.uncertainty.fans import measure_fan
from simlib.analysis.uncertainty.propagation import Precision, uncertainty_of
from simlib.cli import main as cli
from simlib.control import Control
from simlib.engines.ensemble import over_priors
from simlib.engines.exact.forecast import Solver, solve
from simlib.engines.montecarlo.simulator import Simulator, simulate
from simlib.errors import ScenarioError, SimlibError, Unsupported
from simlib.machine import priors
from simlib.machine.asked_events import with_events
from simlib.machine.belief import Belief
from simlib.machine.measures import find, of_forecast
from simlib.plots.uncertainty_charts import distribution
from simlib.results import Band
from simlib.scenario.model import Forbid, Force, Scenario, StartState
from tests import worlds
from tests.properties.test_gradients import along
from tests.strategies import random_world
from tests.worlds import World, date

HOME = Path(__file__).parents[2]
RUNS = 40_000


def chain(a: float = 0.1, b: float = 0.3, horizon: float = 20.0) -> World:
    """Two moves in a row: calm to tense at rate a, tense to war at rate b."""
    world = World("chain", horizon).variable("mood", "calm", "tense", "war", start="calm")
    world.move("provoke", a, {"mood": "tense"}, when={"mood": "calm"})
    world.move("attack", b, {"mood": "war"}, when={"mood": "tense"})
    return world.ending("war", {"mood": "war"}).ladder("steps", peace=None, crisis={"mood": ["tense", "war"]})


def by_then(a: float, b: float, t: float) -> float:
    """The probability of war by t: the sum of two exponential times."""
    return 1 - (b * np.exp(-a * t) - a * np.exp(-b * t)) / (b - a)


def given_by(a: float, b: float, t: float, horizon: float) -> float:
    """P(war by the horizon | tense by t), by integration over when it became tense."""
    s = np.linspace(0, t, 20_001)
    density = a * np.exp(-a * s)
    return float(np.trapezoid(density * (1 - np.exp(-b * (horizon - s))), s) / np.trapezoid(density, s))


def value(scenario, name, engine, by=None, runs=RUNS):
    responses = Responses(scenario, find(scenario, name), engine=engine, runs=runs, by=by)
    return float(responses(responses.centre[None, :]).mean())


@pytest.mark.parametrize("condition", ["fired:provoke", "reached:mood=tense", "reached:steps=crisis", "question:seen"])
def test_a_conditional_probability_in_a_chain_of_three_states(condition):
    scenario = chain().question("seen", {"mood": ["tense", "war"]}).scenario()
    name = f"war|{condition}@{date(4)}"
    expected = given_by(0.1, 0.3, 5, 20)
    assert value(scenario, name, "exact") == pytest.approx(expected, abs=1e-7)
    assert value(scenario, name, "montecarlo") == pytest.approx(expected, abs=0.01)
    assert 1 - 1e-12 < value(scenario, "fired:provoke|war", "exact") <= 1
    whole = value(scenario, f"war|{condition}", "exact")
    assert whole == pytest.approx(by_then(0.1, 0.3, 20) / (1 - np.exp(-0.1 * 20)), abs=1e-8)


@pytest.mark.parametrize("name", ["reached:mood=tense", "reached:steps=tense"])
def test_reached_means_that_level_or_rung_or_one_above(name):
    world = World("leap", 20.0).variable("mood", "calm", "tense", "war", start="calm")
    world.move("leap", 0.1, {"mood": "war"}, when={"mood": "calm"}).move("relax", 1.0, {"mood": "calm"})
    scenario = world.ladder("steps", peace=None, tense={"mood": "tense"}, war={"mood": "war"}).scenario()
    for engine in ("exact", "montecarlo"):
        assert value(scenario, name, engine) == pytest.approx(1 - np.exp(-0.1 * 20), abs=0.01)
    assert value(scenario, "fired:leap", "exact") == pytest.approx(1 - np.exp(-0.1 * 20), abs=1e-8)


def test_days_at_a_level_end_with_the_story():
    scenario = chain().scenario()
    calm = (1 - np.exp(-0.1 * 20)) / 0.1
    assert value(scenario, "days:mood=calm", "exact") == pytest.approx(calm, abs=1e-7)
    assert value(scenario, "days:mood=calm", "montecarlo") == pytest.approx(calm, abs=0.15)
    assert value(scenario, "days:mood=war", "exact") == value(scenario, "days:mood=war", "montecarlo") == 0
    assert find(scenario, "days:mood=calm")[0].words == "“Days at mood: calm”"
    going = value(scenario, "days:mood=tense", "exact") + calm
    t = np.linspace(0, 20, 20_001)
    assert going == pytest.approx(np.trapezoid([1 - by_then(0.1, 0.3, x) for x in t], t), abs=1e-4)


def event_names(dice, scenario):
    """Some events of a world."""
    moves = [f"fired:{name}" for name in scenario.moves]
    levels = [f"reached:{v.id}={level}" for v in scenario.variables.values() for level in v.levels[1:]]
    questions = [f"question:{q.id}" for q in scenario.questions.values() if not q.count]
    return dice.sample([*moves, *levels, *questions, *(f"ending:{name}" for name in scenario.endings)], 2)


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("seed", range(12))
def test_both_engines_and_the_gradient_agree_on_random_worlds(seed):
    dice = random.Random(1000 + seed)
    scenario = random_world(dice)
    event, condition = event_names(dice, scenario)
    day = dice.randint(0, int(scenario.horizon_days) - 1)
    name = f"{event}|{condition}@{worlds.date(day)}"
    variable = next(iter(scenario.variables.values()))
    measures = find(scenario, [name, event, f"days:{variable.id}={variable.levels[0]}"])
    asked = with_events(scenario, measures)
    exact, seen = solve(asked, times=2), simulate(asked, times=2, runs=RUNS)
    p = exact.questions[measures[0].condition].probability[-1]
    if p * RUNS < 200:
        return
    value, low, high = (x[-1] for x in of_forecast(seen, measures[0]))
    known = of_forecast(exact, measures[0])
    assert low - 1e-9 <= known[0][-1] <= high + 1e-9 or abs(value - known[0][-1]) < 2 * (high - low), name
    assert known[1][-1] <= known[0][-1] + 1e-9
    assert known[0][-1] <= known[2][-1] + 1e-9
    table = simlib.elasticities(scenario, [m.name for m in measures]).frame().set_index(["measure", "assumption"])
    for assumption in dice.sample(list(scenario.assumptions), min(3, len(scenario.assumptions))):
        middle = scenario.assumptions[assumption].value
        sides = [moved(asked, assumption, middle * (1 + step), measures) for step in (1e-4, -1e-4)]
        for measure, up, down in zip(measures, *sides, strict=True):
            slope = table.derivative[measure.name, assumption] * middle
            assert slope == pytest.approx((up - down) / 2e-4, rel=1e-3, abs=1e-5), (measure.name, assumption)


def moved(scenario, assumption, to, measures):
    """The measures at the horizon with another value of an assumption."""
    solver = Solver(along(scenario, assumption, to), times=1)
    forecast = solver.solve(priors.theta(scenario, {assumption: to}), tolerance=1e-13)
    return [of_forecast(forecast, measure)[0][-1] for measure in measures]


def test_what_acts_on_the_day_of_the_condition_counts_for_it():
    scenario = chain(0.001).scenario()
    forced = scenario.replace(interventions=(Force("provoke", date(5)),))
    name = f"war|fired:provoke@{date(4)}"
    for engine in ("exact", "montecarlo"):
        assert value(forced, name, engine) == pytest.approx(1 - np.exp(-0.3 * 15), abs=0.003)


@pytest.mark.slow
def test_every_verb_takes_them():
    world = chain()
    for name, middle in (("provoke.rate", 0.1), ("attack.rate", 0.3)):
        world.uncertain(name, "rate", middle, middle / 2, middle * 2)
    scenario = world.scenario()
    names = [f"ending:war|fired:provoke@{date(4)}", "days:mood=tense", "fired:attack"]
    assert simlib.drivers(scenario, names).provenance["engine"] == "exact"
    assert len(simlib.elasticities(scenario, names).sentences()) > 0
    spread = simlib.uncertainty(scenario, names, draws=64)
    assert len(spread.sentences()) > 0
    assert len(simlib.sobol(scenario, names, draws=64).sentences()) > 0
    for engine in ("exact", "montecarlo"):
        shift = simlib.compare(scenario, {"more": {"attack.rate": 0.6}}, measures=names, engine=engine, runs=4000)
        differences = next(iter(shift.effects.values())).differences
        assert differences[names[0]].change[-1] > 0.003
        assert differences[names[1]].change[-1] < -0.3
        assert differences[names[2]].change[-1] > 0.02
        assert all(d.low[-1] <= d.change[-1] <= d.high[-1] for d in differences.values())
        assert "given" in " ".join(shift.sentences())


def test_a_lull_given_something_is_answered_by_histories():
    scenario = chain().lull("pause", 6, "provoke").scenario()
    name = "fired:provoke|question:pause"
    later = (1 - np.exp(-0.1 * 6)) * np.exp(-0.3 * 6)  # a pause after the only firing
    expected = (np.exp(-0.1 * 6) - np.exp(-0.1 * 20) + later) / (np.exp(-0.1 * 6) + later)
    assert value(scenario, name, "auto") == pytest.approx(expected, abs=0.02)
    forecast = solve(with_events(scenario, find(scenario, name)), times=1)
    assert of_forecast(forecast, find(scenario, name)[0])[0][-1] == pytest.approx(expected, abs=0.03)


def test_histories_use_the_number_of_threads_that_the_caller_asks_for(monkeypatch):
    asked, run = [], Simulator.run
    monkeypatch.setattr(
        Simulator, "run", lambda *a, control, **k: asked.append(control.threads) or run(*a, control=control, **k)
    )
    Solver(chain().lull("pause", 6, "provoke").scenario()).solve(control=Control(threads=1), runs=10)
    assert asked == [1]


def test_an_error_in_the_exact_part_stops_the_histories_beside_it(monkeypatch):
    """Ctrl-C and SIGTERM raise such an error. The pool of threads must not wait for all histories."""
    solver, stopped = Solver(chain().lull("pause", 6, "provoke").scenario()), []

    def long(*arguments):
        for _ in range(300):
            if arguments[-1].cancelled():
                stopped.append(True)
                return
            time.sleep(0.01)

    def fail(*_):
        raise SystemExit

    monkeypatch.setattr(solver, "_replicates", long)
    monkeypatch.setattr(solver, "_solve_exactly", fail)
    with pytest.raises(SystemExit):
        solver.solve()
    assert stopped == [True]


def test_a_lull_given_an_event_that_the_states_decide_is_counted_in_the_same_histories():
    """The interval is that of a share of the histories that meet the condition, not of two unrelated numbers."""
    scenario = chain().lull("pause", 6, "provoke").scenario()
    name = "question:pause|fired:provoke"
    measure = find(scenario, name)[0]
    forecast = solve(with_events(scenario, [measure]), times=1)
    assert {measure.both, measure.condition} <= set(forecast.by_histories)
    both, given = (forecast.questions[part].probability[-1] for part in (measure.both, measure.condition))
    value, low, high = (float(x[-1]) for x in of_forecast(forecast, measure))
    wilson = Band.wilson(10_000 * both, 10_000 * given)
    assert (value, low, high) == (both / given, wilson.low, wilson.high)
    shift = simlib.compare(scenario, {"calmer": {"provoke.rate": 0.09}}, measures=[name, "question:pause"])
    for difference in shift.effects["calmer"].differences.values():
        assert difference.low[-1] < difference.change[-1] < difference.high[-1]
        assert difference.high[-1] - difference.low[-1] < 0.02, "paired: two intervals of 10,000 histories span 0.04"


def test_a_condition_that_cannot_happen_is_refused():
    scenario = chain().scenario().replace(interventions=(Forbid("provoke"),))
    for engine in ("exact", "montecarlo"):
        with pytest.raises(SimlibError, match="“provoke” has probability 0 by the last date"):
            value(scenario, "war|fired:provoke", engine)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("war|level:mood=tense", "'level:mood=tense' is no event"),
        ("war|", "'' is no event"),
        ("war|fired:provoke|war", "is no event"),
        ("moves:attack|war", "'moves:attack' is no event"),
        ("ongoing|war", "'ongoing' is no"),
        ("war|fired:provoke@2031-13-01", "is no date"),
        ("war|fired:provoke@2032-01-01", "lies outside the forecast"),
        ("war|fired:provok", "'provok' is not known"),
        ("reached:steps=war", "'steps' has no rung 'war'"),
        ("days:steps=crisis", "'steps' is not known"),
        ("given:war", "'given' is no kind of measure"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(name, words):
    with pytest.raises(ScenarioError, match=words):
        find(chain().scenario(), name)


def test_a_condition_after_the_target_is_refused():
    with pytest.raises(ScenarioError, match="is after the day asked about"):
        value(chain().scenario(), f"war|fired:provoke@{date(12)}", "exact", by=5.0)


def test_days_are_not_kept_in_a_forecast_of_replicates():
    scenario = chain().scenario()
    with pytest.raises(Unsupported, match="has no value for"):
        of_forecast(simulate(scenario, times=1, runs=100), find(scenario, "days:mood=calm")[0])


@pytest.mark.slow
def test_the_commands_of_the_guide_work(capsys):
    guide = (HOME / "scenarios" / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Measures: .*?```sh\n(.*?)```", guide, re.DOTALL)[1]
    for line in block.splitlines():
        assert cli(shlex.split(line)[1:]) == 0
    said = capsys.readouterr().out
    assert "given: " in said
    assert "Days at" in said


@pytest.mark.statistical
def test_over_the_priors_the_condition_also_tells_of_the_assumptions():
    """P(war | provoked) over the prior is P(both) / P(provoked), not the mean of the draws' conditional probabilities.

    Both steps have the same rate a, so that P(provoked by D) and P(both) have closed forms. The two means are 81% and
    76%. Comparisons over draws and EVPPI take the same mean.
    """
    world = World("chain", 20.0).variable("mood", "calm", "tense", "war", start="calm")
    world.uncertain("a", "rate", 0.1, 0.04, 0.25)
    world.move("provoke", "a", {"mood": "tense"}, when={"mood": "calm"})
    world.move("attack", "a", {"mood": "war"}, when={"mood": "tense"})
    scenario, name = world.ending("war", {"mood": "war"}).scenario(), f"war|fired:provoke@{date(9)}"

    def truth(values, weights):
        given = 1 - np.exp(-10 * values)
        return float((given - 10 * values * np.exp(-20 * values)) @ weights / (given @ weights))

    x, w = np.polynomial.hermite_e.hermegauss(60)
    rates = 0.1 * np.exp(np.log(2.5) / 1.6448536 * x)
    before, after = truth(rates, w), truth(2 * rates, w)
    assert before == pytest.approx(0.8076, abs=1e-4)
    for engine, runs in (("exact", 64), ("montecarlo", 400)):
        found = simlib.uncertainty(scenario, name, engine=engine, draws=128, runs=runs)
        mean = found.spread().mean
        assert abs(mean.value - before) <= mean.half
        assert mean.half < 0.06
        assert "over the priors, updated by the condition" in found.sentences()[0]
        shift = simlib.compare(scenario, {"more": {"a": 0.2}}, measures=name, engine=engine, draws=128, runs=128 * runs)
        (difference,) = next(iter(shift.effects.values())).differences.values()
        assert (difference.before[-1], difference.after[-1]) == pytest.approx((before, after), abs=0.01)
        assert difference.low[-1] <= after - before <= difference.high[-1]
    assert simlib.evppi(scenario, name, draws=256).mean == pytest.approx(before, abs=0.01)


def rarely_provoked() -> tuple[Scenario, str]:
    """A rare condition: a few draws with a high rate have most of the weight. The third assumption acts on nothing."""
    world = World("chain", 20.0).variable("mood", "calm", "tense", "war", start="calm")
    for name, low, middle, high in (("a", 0.00002, 0.0005, 0.0125), ("b", 0.05, 0.1, 0.2), ("idle", 0.05, 0.1, 0.2)):
        world.uncertain(name, "rate", middle, low, high)
    world.move("provoke", "a", {"mood": "tense"}, when={"mood": "calm"}).move("sell", "idle")
    world.move("attack", "b", {"mood": "war"}, when={"mood": "tense"})
    return world.ending("war", {"mood": "war"}).scenario(), f"war|fired:provoke@{date(9)}"


def test_a_rare_condition_needs_more_draws_and_says_so():
    scenario, name = rarely_provoked()
    few = r"draws is 128; expected at least {} for “war, given: .*”, where the draws count like [\d.]+ draws of equal"
    with pytest.raises(ValueError, match=few.format(32)):
        simlib.uncertainty(scenario, name, engine="exact", draws=128)
    with pytest.raises(ValueError, match=few.format(32)):
        uncertainty_of(over_priors(with_events(scenario, find(scenario, name)), draws=128, times=1), name)
    with pytest.raises(ValueError, match=few.replace("128", "512").format(128)):
        simlib.evppi(scenario, name, engine="exact", draws=512)
    grown = simlib.uncertainty(scenario, name, engine="exact", precision=Precision(tolerance=1.0))
    assert grown.draws > 128
    assert grown.spread().effective_draws >= 32


def test_pictures_and_tables_weigh_the_draws_by_the_condition():
    scenario, name = rarely_provoked()
    found = simlib.uncertainty(scenario, [name, "war"], engine="exact", draws=512)
    spread, frame = found.spread(), found.frame("draws")
    given = spread.measure.name
    assert frame[f"{given}_weight"] @ frame[given] == pytest.approx(spread.mean.value)
    assert frame["weight"] @ frame["ending:war"] == pytest.approx(found.spread("war").mean.value)
    assert "Draws with 90% of the weight give between" in found.sentences()[0]
    assert "90% of the draws give between" in " ".join(found.sentences()[1:])
    ax = distribution(found, Figure().subplots())
    values, ranks = ax.lines[0].get_data()
    assert np.interp(0.5, ranks, values) == pytest.approx(spread.quantiles[0.5].value)
    assert ax.get_ylabel() == "share of weight at or below"


def test_a_fan_weighs_each_draw_by_the_condition_at_each_time():
    scenario, name = rarely_provoked()
    draws = over_priors(with_events(scenario, find(scenario, name)), draws=512, times=4)
    fan, found = measure_fan(draws, name), uncertainty_of(draws, name).spread()
    assert fan.mean[0, -1] == pytest.approx(found.mean.value)
    assert fan.quantiles[[0, 2, 4], 0, -1] == pytest.approx([found.quantiles[q].value for q in (0.05, 0.5, 0.95)])
    assert np.all(np.isfinite(fan.mean))
    assert fan.mean[0, 0] == 0
    weights = np.full(512, 1 / 512)
    weights[:2] = 1.5 / 512, 0.5 / 512
    belief = dataclasses.replace(draws.belief, name="a log", weights=weights)
    known = over_priors(with_events(scenario, find(scenario, name)), draws=belief, times=1)
    assert measure_fan(known, name).mean[0, -1] == pytest.approx(uncertainty_of(known, name).spread().mean.value)


def test_a_draw_without_the_condition_has_no_weight_and_does_not_stop_the_answer():
    """Some draws of 16 histories, and many blocks of 2, are never provoked."""
    world = chain()
    world.uncertain("provoke.rate", "rate", 0.1, 0.02, 0.3)
    scenario, name = world.scenario(), f"war|fired:provoke@{date(4)}"
    options = {"engine": "montecarlo", "draws": 512, "runs": 16}
    sample = over_priors(with_events(scenario, find(scenario, name)), **options, times=1)
    for found in (simlib.uncertainty(scenario, name, **options), uncertainty_of(sample, name)):
        spread = found.spread()
        assert 0 < np.sum(spread.weights == 0) < 100
        assert spread.mean.value == pytest.approx(given_by(0.1, 0.3, 5, 20), abs=0.03)
        assert spread.quantiles[0.05].value > 0.3
    assert measure_fan(sample, name).mean[0, -1] == pytest.approx(spread.mean.value, abs=0.001)
    never = scenario.replace(interventions=(Forbid("provoke"),))
    with pytest.raises(SimlibError, match="“provoke by 5 April 2031” has probability 0 by the last date"):
        simlib.uncertainty(never, name, **options)


@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_a_draw_in_which_the_condition_cannot_happen_has_no_weight_in_a_comparison(engine):
    """Half of the draws begin after the war."""
    world = chain()
    world.uncertain("attack.rate", "rate", 0.3, 0.29, 0.31)
    begun = tuple(StartState((("mood", level),), 0.5) for level in ("calm", "war"))
    scenario = world.scenario().replace(joint_start=begun)
    theta, start = priors.draws(scenario, 16, seed=0), np.repeat(np.eye(2), 8, axis=0)
    belief = Belief("a log", scenario.as_of, tuple(scenario.assumptions), theta, np.full(16, 1 / 16), start)
    name, options = f"war|fired:provoke@{date(4)}", {"engine": engine, "draws": belief, "runs": 4000}
    shift = simlib.compare(scenario, {"more": {"attack.rate": 0.6}}, measures=name, **options)
    (difference,) = next(iter(shift.effects.values())).differences.values()
    known = [given_by(0.1, b, 5, 20) for b in (0.3, 0.6)]
    assert (difference.before[-1], difference.after[-1]) == pytest.approx(known, abs=0.01)


def test_the_command_leaves_out_the_value_of_knowing_if_too_few_draws_count(capsys):
    name = "question:first-challenge|fired:fire-on-patrol@2031-04-02"
    assert cli(["uncertainty", "two-islands", "--measure", name, "--draws", "128"]) == 0
    said = capsys.readouterr()
    assert "the value of knowing each assumption is left out: draws is 128" in said.out + said.err
    assert "Draws with 90% of the weight give between" in said.out
