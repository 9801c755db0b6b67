"""Questions that a log has answered already are told, not dropped."""

import datetime as dt
import math

import pytest

import simlib
from simlib.evidence.settled_questions import answered
from simlib.scenario.evidence import RowRule
from simlib.scenario.model import Lull, Question, Repeats
from tests.evidence.test_closed_forms import row, weigh
from tests.worlds import clocks, condition


def told(prepared):
    return answered(prepared, prepared.run())


def asking(world, **how):
    return world.replace(questions={"asked": Question("asked", "It happened", **how)})


def test_a_move_that_the_log_shows_settles_its_question_on_its_day():
    world = asking(clocks(), move="event")
    (found,) = told(weigh(world, [row("event", 4)], 10))
    assert found.probability == 1
    assert found.on == dt.date(2031, 4, 5)


def test_a_move_that_the_log_never_shows_may_have_happened():
    """Quiet, with the event at .11 a day and nothing seen of it in ten days: 1 - exp(-1.1)."""
    world = asking(clocks(hot=None), move="event")
    (found,) = told(weigh(world, [], 10, seen=(("event", 0.0),)))
    assert found.probability == pytest.approx(1 - math.exp(-1.1), abs=1e-9)
    assert found.on is None


def test_a_move_that_would_show_and_did_not_has_not_happened():
    assert told(weigh(asking(clocks(), move="event"), [], 10)) == ()


def test_a_state_passed_through_unseen_may_have_answered():
    """It cools at .125 a day, unseen, from hot with .6: quiet at some time within ten days."""
    world = asking(clocks(hot=1.0), when=condition({"tempo": "quiet"}))
    (found,) = told(weigh(world, [], 10, seen=(("event", 0.0),)))
    assert found.probability == pytest.approx(1 - math.exp(-1.25), abs=1e-9)


def test_an_update_says_what_the_log_has_answered():
    islands = simlib.load("two-islands")
    found = simlib.update(islands, f"{islands.path}/later.csv", as_of=dt.date(2031, 6, 15), draws=8, learn=False)
    assert "The log has answered “A ship of North Island is hit”: yes, on 23 April 2031." in found.sentences()
    by_id = {each["question"]: each for each in found.to_dict()["answered"]}
    assert by_id["ship-hit"]["on"] == "2031-04-23"
    before = simlib.update(islands, f"{islands.path}/later.csv", as_of=dt.date(2031, 4, 20), draws=8, learn=False)
    assert all(each.id != "ship-hit" or each.on is None for each in before.answered)


def test_a_count_is_settled_by_the_row_that_reaches_it():
    world = asking(clocks(), count=Repeats(("event",), 3))
    rows = [row("event", 4, times=2), row("event", 6)]
    assert told(weigh(world, rows[:1], 10)) == ()
    (found,) = told(weigh(world, rows, 10))
    assert (found.probability, found.on) == (1, dt.date(2031, 4, 7))
    assert told(weigh(world, rows, 6)) == ()


def test_a_doubtful_row_settles_no_count():
    world = asking(clocks(), count=Repeats(("event",), 1))
    doubtful = RowRule(("rumour",), move="event", ratio=3.0)
    assert told(weigh(world, [row("rumour", 4)], 10, rules=(doubtful,))) == ()


def test_a_lull_is_settled_once_so_many_days_without_a_row_have_passed():
    """The event of day 4 ends the first stretch. The second begins as its day ends, and is over with day 9."""
    world = asking(clocks(), lull=Lull(("event",), 5.0))
    assert told(weigh(world, [row("event", 4)], 9)) == ()
    (found,) = told(weigh(world, [row("event", 4)], 10))
    assert (found.probability, found.on) == (1, dt.date(2031, 4, 10))
    (first,) = told(weigh(asking(clocks(), lull=Lull(("event",), 4.0)), [row("event", 4)], 10))
    assert first.on == dt.date(2031, 4, 4)


@pytest.mark.parametrize(
    "how", [{"seen": (("event", 0.0),)}, {"seen": (("event", 1.0, 3),)}, {"complete_to": dt.date(2031, 4, 8)}]
)
def test_silence_settles_a_lull_only_where_a_firing_would_show(how):
    world = asking(clocks(), lull=Lull(("event",), 9.0))
    assert told(weigh(world, [], 10, **how)) == ()
    (found,) = told(weigh(world, [], 10))
    assert found.on == dt.date(2031, 4, 9)
