"""Questions that a log has answered already are told, not dropped."""

import datetime as dt
import math

import pytest

import simlib
from simlib.evidence.settled_questions import answered
from simlib.scenario.model import Question
from tests.evidence.test_closed_forms import row, weigh
from tests.worlds import clocks, condition


def asking(world, **how):
    return world.replace(questions={"asked": Question("asked", "It happened", **how)})


def test_a_move_that_the_log_shows_settles_its_question_on_its_day():
    world = asking(clocks(), move="event")
    (found,) = answered(weigh(world, [row("event", 4)], 10))
    assert found.probability == 1
    assert found.on == dt.date(2031, 4, 5)


def test_a_move_that_the_log_never_shows_may_have_happened():
    """Quiet, with the event at .11 a day and nothing seen of it in ten days: 1 - exp(-1.1)."""
    world = asking(clocks(hot=None), move="event")
    (found,) = answered(weigh(world, [], 10, seen=(("event", 0.0),)))
    assert found.probability == pytest.approx(1 - math.exp(-1.1), abs=1e-9)
    assert found.on is None


def test_a_move_that_would_show_and_did_not_has_not_happened():
    assert answered(weigh(asking(clocks(), move="event"), [], 10)) == ()


def test_a_state_passed_through_unseen_may_have_answered():
    """It cools at .125 a day, unseen, from hot with .6: quiet at some time within ten days."""
    world = asking(clocks(hot=1.0), when=condition({"tempo": "quiet"}))
    (found,) = answered(weigh(world, [], 10, seen=(("event", 0.0),)))
    assert found.probability == pytest.approx(1 - math.exp(-1.25), abs=1e-9)


def test_an_update_says_what_the_log_has_answered():
    islands = simlib.load("two-islands")
    found = simlib.update(islands, f"{islands.path}/later.csv", as_of=dt.date(2031, 6, 15), draws=8, learn=False)
    assert "The log has answered “A ship of North Island is hit”: yes, on 23 April 2031." in found.sentences()
    by_id = {each["question"]: each for each in found.to_dict()["answered"]}
    assert by_id["ship-hit"]["on"] == "2031-04-23"
    before = simlib.update(islands, f"{islands.path}/later.csv", as_of=dt.date(2031, 4, 20), draws=8, learn=False)
    assert all(each.id != "ship-hit" or each.on is None for each in before.answered)
