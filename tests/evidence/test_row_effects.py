"""What each row of a log did to a forecast: three lines, which add up."""

import dataclasses
import datetime as dt
import itertools

import numpy as np
import pytest
from scipy.stats import norm

import simlib
from simlib.analysis.log_odds_steps import _shares, errors, log_odds
from simlib.analysis.row_attribution import RowEffect
from simlib.engines.exact.backward_values import state_values
from simlib.engines.exact.observables import observable
from simlib.engines.exact.solver import Solver
from simlib.evidence.closings import Replay, Stages
from simlib.evidence.draw_weights import Reweighting
from simlib.evidence.exact_filter import Filter
from simlib.evidence.posterior import Learning, summary
from simlib.machine.measures import find, of_forecast
from simlib.machine.priors import values_from_scores
from simlib.scenario.event_log import LogRow
from simlib.scenario.evidence import Coverage, Evidence, RowRule
from simlib.scenario.row_meaning import read_rows
from tests.analysis.test_log_outlook import FLAGS, ROWS
from tests.analysis.test_log_outlook import clocks as drills_and_warnings
from tests.evidence.test_closed_forms import row, weigh
from tests.evidence.test_filter import drums
from tests.worlds import clocks, date

JUNE_15 = dt.date(2031, 6, 15)


def later():
    world = simlib.load("two-islands")
    return world, simlib.read_log(f"{world.path}/later.csv")


@pytest.fixture(scope="module")
def told():
    world, log = later()
    return world, log, simlib.row_effects(world, log, measure="settlement", as_of=JUNE_15, draws=64)


@pytest.mark.slow
def test_the_lines_add_up_to_the_change_and_the_forecasts_are_those_of_the_update(told):
    world, log, effects = told
    total = sum(each.time + each.state + each.assumptions for each in effects.rows) + effects.rest
    assert total == pytest.approx(log_odds(effects.at_end) - log_odds(effects.before), abs=1e-9)
    found = simlib.update(world, log, as_of=JUNE_15, draws=64)
    now = simlib.forecast(found.scenario, draws=found.belief, times=1)
    assert effects.at_end == pytest.approx(float(now.endings["settlement"].probability[-1]), abs=1e-8)
    assert sum(each.stands_for for each in effects.rows) == len(found.taken)
    assert effects.since == world.evidence.history.since


def test_the_finding_is_said_first_with_its_largest_part(told):
    _, _, effects = told
    head, largest, lines, *others = effects.sentences()
    assert head.startswith("“A treaty is signed” by 29 June 2031: the forecast moved from ")
    assert effects.waiting < min(row.effect for row in effects.rows)
    assert largest == (
        f"The largest part is the time that passed without a row: {effects.waiting:+.2f} in log-odds. "
        "Other parts work against it."
    )
    assert lines.startswith(f"In log-odds (+0.69 doubles the odds) the change is {effects.change:+.2f}: ")
    assert any("South Island repeats its offer" in text for text in others)
    assert any("North Island leaves the talks" in text for text in others)
    by_row = effects.frame().set_index("words")
    assert by_row.loc["North Island leaves the talks over the wording of a map.", "state"] < -1
    assert by_row.loc["South Island repeats its offer; North Island accepts.", "state"] > 1


AGAINST, OUTWEIGHED, CANCELLED = (
    f". {text}"
    for text in ("Other parts work against it.", "The other parts outweigh it.", "The other parts cancel it.")
)


@pytest.mark.parametrize(
    ("one", "two", "time", "largest", "ending"),
    [
        (1.0, 0.5, 0.5, "one row, “A”", ", 50% of the change."),
        (-1.0, -0.5, -0.5, "one row, “A”", ", 50% of the change."),
        (-0.5, -0.5, -1.5, "the time", ", 60% of the change."),
        (1.0, -0.01, 0.0, "one row, “A”", ", 100% of the change."),
        (2.0, -0.5, -0.5, "one row, “A”", AGAINST),
        (-1.2, 1.7, -2.9, "the time", AGAINST),
        (-1.2, 0.5, -2.9, "the time", AGAINST),
        (1.0, 1.0, -1.5, "the time", OUTWEIGHED),
        (1.5, -1.0, -1.0, "one row, “A”", OUTWEIGHED),
        (1.0, 0.0, -1.0, "the time", CANCELLED),
        (1.0, -0.5, -0.51, "one row, “A”", CANCELLED),
    ],
)
def test_the_largest_part_is_a_share_only_if_no_part_works_against_it(told, one, two, time, largest, ending):
    """Cases: all parts up, all down, some against the largest, and the largest against the change or without one."""
    day = dt.date(2031, 4, 2)
    rows = tuple(RowEffect(day, word, 1, time / 2, size, 0.0, 0.1, 0.5, 0.5) for word, size in (("A", one), ("B", two)))
    at_end = 1 / (1 + np.exp(-(one + two + time)))
    effects = dataclasses.replace(told[2], before=0.5, at_end=at_end, rows=rows, rest=0.0)
    texts = effects.sentences()
    said = next(text for text in texts if text.startswith("The largest part is "))
    assert said.startswith(f"The largest part is {largest}")
    assert said.endswith(f"in log-odds{ending}")
    assert ("The forecast has hardly changed." in texts) == (ending == CANCELLED)


def test_no_zero_has_a_minus_sign(told):
    row = RowEffect(dt.date(2031, 4, 2), "A", 1, -0.001, 0.5, -0.001, 0.1, 0.5, 0.6)
    effects = dataclasses.replace(told[2], before=0.5, at_end=0.622, rows=(row,), rest=0.0)
    assert "-0.00" not in " ".join(effects.sentences())


def test_without_learning_no_row_teaches(told):
    world, log, _ = told
    effects = simlib.row_effects(world, log, measure="open-war", as_of=JUNE_15, draws=16, learn=False)
    assert max(abs(each.assumptions) for each in effects.rows) < 1e-12
    assert max(abs(each.state) for each in effects.rows) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "flag"), [("drills", "drilled"), ("warning", "alarmed")])
def test_a_question_remembers_that_the_log_has_answered_it(tmp_path, asked, flag):
    """Its lines are those of a state that remembers the event. Both rows of drills may have been others, unseen."""
    plain = drills_and_warnings(tmp_path)
    day, ask = dt.date(2031, 4, 20), {"learn": False, "draws": 16}
    for rows in (ROWS[2:3], ROWS[:3], ROWS):
        got = simlib.row_effects(plain, rows, measure=f"question:{asked}", as_of=day, **ask)
        (tmp_path / asked).mkdir(exist_ok=True)
        remembering = drills_and_warnings(tmp_path / asked, FLAGS)
        expected = simlib.row_effects(remembering, rows, measure=f"level:{flag}=yes", as_of=day, **ask)
        assert (got.before, got.at_end) == pytest.approx((expected.before, expected.at_end), abs=1e-8)
        for one, two in zip(got.rows, expected.rows, strict=True):
            assert (one.before, one.after) == pytest.approx((two.before, two.after), abs=1e-8)
            if one.after < 1 - 1e-6:
                assert (one.time, one.state) == pytest.approx((two.time, two.state), abs=1e-6)
        assert (got.settled is not None) == (got.at_end > 1 - 1e-8)
    assert got.settled == {"drills": dt.date(2031, 4, 3), "warning": dt.date(2031, 4, 14)}[asked]
    assert f"The log has answered the question: yes, on {got.settled.day} April 2031." in got.sentences()
    assert got.to_dict()["settled"] == str(got.settled)


def test_the_order_of_rows_within_a_day_does_not_matter():
    world, _ = later()
    rows = [
        LogRow("patrol", dt.date(2031, 4, 9)),
        LogRow("fire-on-patrol", dt.date(2031, 4, 9), outcome="ship-hit"),
        LogRow("break-contact", dt.date(2031, 4, 9)),
    ]
    one, two = (
        simlib.row_effects(world, log, measure="open-war", as_of=dt.date(2031, 4, 12), draws=16)
        for log in (rows, rows[::-1])
    )
    for name in ("time", "state", "assumptions"):
        first = {each.words: getattr(each, name) for each in one.rows}
        assert {each.words: getattr(each, name) for each in two.rows} == pytest.approx(first, abs=1e-12), name


def test_a_row_is_replaced_by_one_that_may_have_happened_or_not():
    """Just before it closes a row is as good as one that is as likely where nothing happened (ratio 1)."""
    rows = [row("event", 4), row("event", 7)]
    sure = weigh(clocks(), rows, 8)
    free = weigh(clocks(), rows, 8, rules=(RowRule(("event",), date=date(7), ratio=1.0),))
    replay = Replay(sure)
    hot = (replay.walk.levels[:, 0] == 1).astype(float)
    stages = replay.follow(sure.centre, np.tile(hot, (len(replay.days), 1)))
    passed = free.run()
    assert stages[2].forecast[0] == pytest.approx(passed.end @ (free.end_levels[:, 0] == 1), abs=1e-12)
    assert stages[2].log[0] == pytest.approx(passed.log_likelihood, abs=1e-9)
    assert stages[2].log[1] == pytest.approx(sure.run().log_likelihood, abs=1e-9)


def test_a_row_that_is_open_as_the_story_ends_closes_with_it():
    world = drums()
    prepared = Filter(world, read_rows(world, [LogRow("cross", date(2)), LogRow("beat", date(2), "week")]), date(8))
    replay = Replay(prepared)
    assert replay.days.tolist() == [0, 3, 3]
    assert [item.reading.row.word for item in replay.closings[0].items] == ["cross", "beat"]
    stages = replay.follow(prepared.centre, np.ones((3, len(replay.walk.levels))))
    assert stages[-1].log[-1] == pytest.approx(prepared.run().log_likelihood, abs=1e-9)


def test_an_observed_level_and_an_outside_change_have_their_lines_too():
    rules = (
        RowRule(("report",), level=simlib.scenario.model.Condition(((("resolve", ("firm",)),),)), ratio=4.0),
        RowRule(("truce",), setting=(("standoff", "calm"),)),
    )
    never = tuple(Coverage(move.id, None, 0.0) for move in simlib.load("two-islands"))
    world = simlib.load("two-islands").replace(evidence=Evidence(rules=rules, seen=never))
    rows = [LogRow("report", dt.date(2031, 4, 9)), LogRow("truce", dt.date(2031, 4, 12))]
    effects = simlib.row_effects(world, rows, measure="open-war", as_of=dt.date(2031, 4, 13), draws=32)
    report, truce = effects.rows
    assert report.state > 0.01
    assert truce.state < -0.01
    assert truce.assumptions == pytest.approx(0, abs=1e-9)
    total = report.time + report.effect + truce.time + truce.effect + effects.rest
    assert total == pytest.approx(effects.change, abs=1e-9)


@pytest.mark.slow
def test_draws_weigh_as_the_prior_before_the_log_and_as_the_posterior_after_it():
    whole = weigh(clocks(hot=None, uncertain=True), [row("event", day) for day in range(0, 40, 5)], 62)
    drawn = Learning(whole, 1024, 0, simlib.Control()).posterior()
    log = np.array([whole.run(theta).log_likelihood for theta in values_from_scores(whole.world, drawn.scores)])
    place = int(np.flatnonzero(drawn.free)[0])
    before, shape = drawn.reweighting.at(np.zeros(len(log)), 0.0)
    mean, spread = summary(drawn.scores, before)
    assert (mean[place], spread[place]) == pytest.approx((0, 1), abs=0.15)
    assert shape < 0.7
    assert drawn.reweighting.at(log, 62.0)[0] == pytest.approx(drawn.weights)


@pytest.mark.parametrize(
    "name", ["ending:open-war", "question:ship-hit", "question:first-challenge", "level:tempo=hot"]
)
def test_the_values_of_the_states_are_the_forecast_at_the_start(name):
    world, _ = later()
    solver = Solver(world, times=1)
    chain = solver.chain()
    values = state_values(solver, chain, observable(solver, name), np.array([0.0, 45.0, 90.0]))
    told = of_forecast(solver.solve(), find(world, name)[0])[0]
    assert chain.start() @ values[0] == pytest.approx(told[-1], abs=1e-8)
    half = chain.propagate(chain.start(), 0.0, 45.0).vector
    if name.startswith(("ending", "level")):
        assert half @ values[1] == pytest.approx(told[-1], abs=1e-8)
    counted = state_values(solver, chain, observable(solver, name), np.array([0.0, 45.0]), since=45.0)
    assert chain.start() @ counted[0] == pytest.approx(half @ counted[1], abs=1e-8)
    assert counted[1] == pytest.approx(values[1], abs=1e-9)


def test_what_cannot_be_told_is_refused_by_name():
    world, log = later()
    with pytest.raises(simlib.Unsupported, match="rows have effects on probabilities"):
        simlib.row_effects(world, log, measure="moves:patrol", as_of=JUNE_15, draws=4, learn=False)
    with pytest.raises(simlib.Unsupported, match="without interventions"):
        simlib.row_effects(
            world.replace(interventions=(simlib.Forbid("patrol"),)), log, as_of=JUNE_15, draws=4, learn=False
        )
    with pytest.raises(simlib.Unsupported, match="is after the last day of the forecast, 2031-06-29"):
        simlib.row_effects(world, log, as_of=dt.date(2031, 7, 20), draws=4, learn=False)


def test_the_bars_are_drawn_in_the_order_of_the_log(told):
    _, _, effects = told
    axes = effects.plot()
    written = [text.get_text() for text in axes.texts]
    assert any("28 May" in text for text in written)
    assert any("the other" in text for text in written)
    assert "time without a row" in written


def test_a_row_counts_by_its_mean_step_over_every_order_or_by_its_step_in_the_only_one():
    sets = np.array(list(itertools.product([False, True], repeat=3)))
    worth = np.random.default_rng(2).normal(size=8)
    by_set = {tuple(taken): value for taken, value in zip(sets.tolist(), worth, strict=True)}
    steps = np.zeros((6, 3))
    for number, order in enumerate(itertools.permutations(range(3))):
        taken = [False] * 3
        for place in order:
            before = by_set[tuple(taken)]
            taken[place] = True
            steps[number, place] = by_set[tuple(taken)] - before
    assert _shares(sets, worth.tolist()) == pytest.approx(steps.mean(axis=0))
    only = np.tri(4, 3, -1, dtype=bool)
    assert _shares(only, [0.0, 1.0, 1.5, 1.2]) == pytest.approx([1.0, 0.5, -0.3])


def test_the_error_from_the_draws_is_that_of_the_means_of_ten_blocks():
    p = np.random.default_rng(4).uniform(size=40)
    draws = [[Stages(np.zeros(1), np.array([each]))] * 2 for each in p]
    weighing = Reweighting(np.zeros(40), np.zeros(40, dtype=int), teaching=False)
    block_means = p.reshape(4, 10).mean(axis=0)
    assert errors([], draws, weighing) == pytest.approx([norm.ppf(0.975) * block_means.std(ddof=1) / np.sqrt(10)] * 2)
