"""Differences between scenarios, in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

from simlib.analysis.differing import diff
from simlib.scenario.model import Correlation, Forbid, Window
from tests import worlds
from tests.worlds import World


def test_a_changed_assumption_is_told_with_what_it_does():
    before = worlds.two_states(0.05, ends=True)
    told = diff(before, worlds.two_states(0.1, ends=True))
    assert told.sentences()[0] == "assumptions.cross.rate: 1.52 per month → 3.04 per month"
    assert any(line.startswith("across: 78% → 95% (+17 points)") for line in told.sentences())
    assert told.to_dict()["forecast"][0]["before"] < told.to_dict()["forecast"][0]["after"]


def test_nothing_differs():
    told = diff(worlds.erlang(), worlds.erlang(), forecast=False)
    assert told.sentences() == ["Nothing differs."]
    assert told.frame().empty


def test_what_is_added_removed_and_changed():
    before = worlds.competing_exits((0.02, 0.05))
    after = worlds.competing_exits((0.02, 0.05, 0.01)).replace(interventions=(Forbid("take-road-0"),))
    told = {change.where: change for change in diff(before, after, forecast=False).changes}
    assert str(told["moves.take-road-2"]) == "moves.take-road-2: added: take-road-2"
    assert told["interventions"].after == "the move take-road-0 cannot happen, from the start on"
    assert told["variables.place.levels"].after.endswith("road-2")
    back = {change.where: change for change in diff(after, before, forecast=False).changes}
    assert str(back["endings.exit-2"]) == "endings.exit-2: removed: exit-2"


def test_the_order_of_endings_matters():
    before = worlds.competing_exits((0.02, 0.05))
    after = before.replace(endings=dict(reversed(before.endings.items())))
    (change,) = diff(before, after, forecast=False).changes
    assert change.where == "endings (order)"


def test_a_reason_alone_is_a_difference():
    before = worlds.erlang()
    rate = dataclasses.replace(before.assumptions["forward.rate"], because="counted twice")
    (change,) = diff(before, before.replace(assumptions={"forward.rate": rate}), forecast=False).changes
    assert (change.where, change.after) == ("assumptions.forward.rate.because", "counted twice")


def _gate(**changed) -> World:
    """A gate that opens, twice as often while it is day; `changed` says what is different."""
    told = {"when": {"gate": "shut"}, "times": [("hurry", {"hour": "day"})], "start": "night",
            "outcomes": {"wide": ("luck", {"gate": "wide"}), "narrow": (None, {"gate": +1})}} | changed  # fmt: skip
    world = World("gate").variable("gate", "shut", "ajar", "wide", start="shut")
    world.uncertain("hurry", "factor", 2.0, 1.0, 4.0)
    world.uncertain("luck", "chance", 0.3, 0.1, 0.5)
    world.variable("hour", "night", "day", start=told.pop("start"))
    return world.move("open", 0.1, **told)


def _told(**changed) -> list[str]:
    found = diff(_gate().scenario(), _gate(**changed).scenario(), forecast=False).sentences()
    assert not re.search(r"[A-Z]\w+\(|datetime|None|True|False", "\n".join(found))
    return found


def test_a_factor_is_told_in_words():
    assert _told(times=[("hurry", {"hour": "night"}, worlds.window(1, 3))]) == [
        "moves.open.times: hurry while hour is day → hurry while hour is night from 2031-04-02 to 2031-04-04"
    ]
    assert _told(times=[]) == ["moves.open.times: hurry while hour is day → none"]


def test_outcomes_and_effects_are_told_in_words():
    assert _told(outcomes={"wide": ("luck", {"gate": "ajar"}), "narrow": (None, {"gate": +2})}) == [(
        "moves.open.outcomes: wide (“wide”) with chance luck: gate to wide; narrow (“narrow”) otherwise: gate up 1 "
        "level → wide (“wide”) with chance luck: gate to ajar; narrow (“narrow”) otherwise: gate up 2 levels"
    )]  # fmt: skip


def test_guards_and_windows_are_told_in_words():
    assert _told(when=[{"gate": ["shut", "ajar"]}, {"hour": "day"}], between=Window(
        dt.date(2031, 4, 3), dt.date(2031, 4, 9))) == [
        "moves.open.when: gate is shut → gate is shut or ajar, or hour is day",
        "moves.open.between: none → from 2031-04-03 to 2031-04-09",
    ]  # fmt: skip


def test_starts_are_told_in_words():
    assert "variables.hour.start: night → day" in _told(start="day")
    assert "variables.hour.start: night → night with luck, otherwise day" in _told(start={"night": "luck", "day": None})


def test_correlations_and_the_whole_are_told_in_words():
    before = _gate().scenario().replace(correlations=(Correlation("hurry", "luck", 0.5),))
    after = before.replace(correlations=(Correlation("hurry", "luck", -0.2, "seen"),), horizon_days=60.0,
                           description="Longer.")  # fmt: skip
    assert diff(before, after, forecast=False).sentences() == [
        "description: none → Longer.", "horizon: 30 days → 60 days",
        "correlations.hurry, luck: rank 0.5 → rank -0.2; because: seen",
    ]  # fmt: skip
    assert str(diff(before, before.replace(correlations=()), forecast=False).changes[0]) == (
        "correlations.hurry, luck: removed: rank 0.5"
    )


def test_dates_and_yes_or_no_are_told_in_words():
    before = worlds.competing_exits((0.02, 0.05))
    hidden = dataclasses.replace(before.variables["place"], hidden=True)
    after = before.replace(variables={"place": hidden}, as_of=dt.date(2031, 5, 1))
    assert diff(before, after, forecast=False).sentences() == [
        "as_of: 2031-04-01 → 2031-05-01", "variables.place.hidden: no → yes",
    ]  # fmt: skip
