"""Differences between scenarios, in words."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from simlib.analysis.scenario_diff import diff
from simlib.cli.output import figures
from simlib.formatting import long_date
from simlib.scenario.model import Correlation, Forbid, Window
from tests import worlds
from tests.worlds import World


def test_a_changed_assumption_is_told_with_what_it_does():
    before = worlds.two_states(0.05, ends=True)
    told = diff(before, worlds.two_states(0.1, ends=True))
    assert told.sentences()[0] == "The assumption “cross.rate” changes from 1.52 per month to 3.04 per month."
    assert any(line == "across: 78% → 95% (+17 points)" for line in told.sentences())
    assert told.to_dict()["forecast"][0]["before"] < told.to_dict()["forecast"][0]["after"]


def test_the_mean_of_an_impact_is_told_with_its_unit():
    """Crossing, with 1 - e^(-30 r), costs 7."""
    one, other = (
        World.of(worlds.two_states(rate, ends=True)).impact("cost", on=[("cross", None, 7.0, 0.0)]).scenario()
        for rate in (0.05, 0.1)
    )
    assert "cost (people): 5.44 → 6.65" in diff(one, other).sentences()
    assert diff(one, other).finding().endswith(" changes most: from 78% to 95% by 30 April 2031")
    assert "cost (people): 5.44, as before" in diff(one, one).sentences()
    assert "cost (people): 5.44 → not counted" in diff(one, one.replace(impacts={})).sentences()


def test_nothing_differs():
    told = diff(worlds.erlang(), worlds.erlang(), forecast=False)
    assert told.sentences() == ["Nothing differs."]
    assert told.frame().empty


def test_what_is_added_removed_and_changed():
    before = worlds.competing_exits((0.02, 0.05))
    after = worlds.competing_exits((0.02, 0.05, 0.01)).replace(interventions=(Forbid("take-road-0"),))
    told = {change.where: change for change in diff(before, after, forecast=False).changes}
    assert str(told["moves.take-road-2"]).startswith("New: the move take-road-2 - about ")
    assert str(told["interventions"]) == "Added: “take-road-0” forbidden."
    assert told["variables.place.levels"].after.endswith("road-2")
    back = {change.where: change for change in diff(after, before, forecast=False).changes}
    assert str(back["endings.exit-2"]).startswith("Removed: the ending exit-2: the story ends once place is ")


def test_the_order_of_endings_matters():
    before = worlds.competing_exits((0.02, 0.05))
    after = before.replace(endings=dict(reversed(before.endings.items())))
    (change,) = diff(before, after, forecast=False).changes
    assert str(change) == "The order of the endings changes from “exit-0”, “exit-1” to “exit-1”, “exit-0”."


def test_a_reason_alone_is_a_difference():
    before = worlds.erlang()
    rate = dataclasses.replace(before.assumptions["forward.rate"], because="counted twice")
    (change,) = diff(before, before.replace(assumptions={"forward.rate": rate}), forecast=False).changes
    assert change.where == "assumptions.forward.rate.because"
    assert str(change).startswith("The reason for the assumption “forward.rate” changes from ")
    assert str(change).endswith(" to “counted twice”.")


def _gate(**changed) -> World:
    """A gate that opens, twice as often while it is day; `changed` says what is different."""
    told = {
        "when": {"gate": "shut"},
        "times": [("hurry", {"hour": "day"})],
        "start": "night",
        "outcomes": {"wide": ("luck", {"gate": "wide"}), "narrow": (None, {"gate": +1})},
    } | changed
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
        (
            "The factors on the rate of the move “open” change. Before: “hurry” (×2) while “hour” is day. "
            "Now: “hurry” (×2) while “hour” is night from 2 April 2031 to 4 April 2031."
        )
    ]
    (gone,) = _told(times=[])
    assert gone.endswith("of the move “open” change from “hurry” (×2) while “hour” is day to none.")


def test_outcomes_and_effects_are_told_in_words():
    assert _told(outcomes={"wide": ("luck", {"gate": "ajar"}), "narrow": (None, {"gate": +2})}) == [
        (
            "The outcomes of the move “open” change. Before: “wide” with the chance “luck” (30%): “gate” to wide; "
            "“narrow” otherwise: “gate” up 1 level. Now: “wide” with the chance “luck” (30%): “gate” to ajar; “narrow” "
            "otherwise: “gate” up 2 levels."
        )
    ]


def test_guards_and_windows_are_told_in_words():
    assert _told(
        when=[{"gate": ["shut", "ajar"]}, {"hour": "day"}], between=Window(dt.date(2031, 4, 3), dt.date(2031, 4, 9))
    ) == [
        (
            "The condition of the move “open” changes. Before: “gate” is shut. "
            "Now: “gate” is shut or ajar, or “hour” is day."
        ),
        "The dates of the move “open” change. Before: none. Now: from 3 April 2031 to 9 April 2031.",
    ]


def test_starts_are_told_in_words():
    assert "The start of the variable “hour” changes from night to day." in _told(start="day")
    assert "The start of the variable “hour” changes from night to night with “luck” (30%), otherwise day." in _told(
        start={"night": "luck", "day": None}
    )


def test_correlations_and_the_whole_are_told_in_words():
    before = _gate().scenario().replace(correlations=(Correlation("hurry", "luck", 0.5),))
    after = before.replace(
        correlations=(Correlation("hurry", "luck", -0.2, "seen"),), horizon_days=60.0, description="Longer."
    )
    assert diff(before, after, forecast=False).sentences() == [
        "The description changes from none to “Longer”.",
        "The horizon changes from 30 days to 60 days.",
        "The correlation of “hurry” and “luck” changes. Before: rank 0.5. Now: rank -0.2; because: seen.",
    ]
    assert str(diff(before, before.replace(correlations=()), forecast=False).changes[0]) == (
        "“hurry” and “luck” are no longer correlated (rank 0.5)."
    )


def test_dates_and_yes_or_no_are_told_in_words():
    before = worlds.competing_exits((0.02, 0.05))
    hidden = dataclasses.replace(before.variables["place"], hidden=True)
    after = before.replace(variables={"place": hidden}, as_of=dt.date(2031, 5, 1))
    assert diff(before, after, forecast=False).sentences() == [
        "The first day changes from 1 April 2031 to 1 May 2031.",
        "The variable “place” is now hidden.",
    ]


def test_two_horizons_are_compared_by_the_earlier_date():
    before = worlds.two_states(0.05, ends=True)
    after = before.replace(as_of=before.as_of + dt.timedelta(days=5), horizon_days=40.0)
    found = diff(before, after)
    by = long_date(before.by_date(30.0))
    assert f"The forecast by {by}, the earlier of the two last days, at the stated values:" in (found.sentences())
    assert [f.by_date(float(f.times[-1])) for f in found.forecasts] == [before.by_date(30.0)] * 2
    across = found.forecasts[1].endings["across"].probability[-1]
    assert across == pytest.approx(-np.expm1(-0.05 * 25), abs=1e-8)
    later = before.replace(as_of=before.as_of + dt.timedelta(days=31))
    assert diff(before, later).forecasts is None
    assert diff(before, later).sentences()[-1] == (
        f"One scenario ends on {by}, before the other begins on {long_date(later.as_of)}: there is no date by which to "
        "compare their forecasts."
    )
    assert "no date" not in " ".join(diff(before, later, forecast=False).sentences())


def test_what_changes_most_is_the_finding_and_the_sides_have_names():
    before = worlds.two_states(0.05, ends=True)
    found = diff(before, worlds.two_states(0.1, ends=True))
    by = long_date(before.by_date(30.0))
    assert found.finding() in (
        f"“{label}” changes most: from {x} by {by}"
        for label, x in (
            ("across", "78% to 95%"),
            ("crossed", "78% to 95%"),
            ("sailed", "78% to 95%"),
            ("No ending yet", "22% to 5.0%"),
        )
    )
    assert found.names == ("before", "after")
    assert diff(before, before.replace(view="hopeful"), forecast=False).names == ("as it stands", "hopeful")
    assert diff(before, before.replace(title="Another"), forecast=False).names == (before.title, "Another")
    assert diff(before, before).finding() == f"The probabilities by {by} do not change"


def test_what_differs_by_less_than_is_computed_has_not_changed():
    """The last day of the other is later: the same answer by the same date, with another truncation."""
    before = worlds.tempo_world()
    found = diff(before, before.replace(horizon_days=2 * before.horizon_days))
    assert all(line.endswith(", as before") for line in found.sentences()[2:])
    assert found.finding().endswith(" do not change")
    rare = diff(worlds.two_states(1e-9, ends=True), worlds.two_states(2e-9, ends=True))
    assert "as before" not in " ".join(rare.sentences())


def test_a_question_may_change_most_and_is_drawn_with_the_endings():
    before = worlds.tempo_world()
    found = diff(before, before.replace(interventions=(Forbid("patrol"),)))
    moved = {row["label"]: abs(row["after"] - row["before"]) for row in found.to_dict()["forecast"]}
    kinds = {row["label"]: row["kind"] for row in found.to_dict()["forecast"]}
    most = max(moved, key=lambda label: moved[label])
    assert kinds[most] == "question"
    assert f"“{most}” changes most" in found.finding()
    (picture,) = figures.diff(found)
    ax = Figure(figsize=(picture.width / 100, picture.height / 100)).add_axes(picture.box)
    picture.draw(ax)
    text = " ".join(label.get_text() for label in ax.texts).replace("\n", " ")
    assert set(moved) <= {label.get_text() for label in ax.texts}
    assert "at the stated values; line: change from “before”" in text
    assert "left out" not in text


def test_an_ending_that_the_other_has_not_is_told_and_what_both_have_is_drawn():
    after = worlds.two_states(0.05, ends=True)
    ending = dataclasses.replace(after.endings["across"], id="over", label="Over")
    found = diff(after.replace(endings={"over": ending, **after.endings}), after)
    assert any(re.fullmatch(rf"{re.escape(ending.label)}: \S+% → no such ending", line) for line in found.sentences())
    assert not any("not asked" in line for line in found.sentences())
    (picture,) = figures.diff(found)
    ax = Figure(figsize=(picture.width / 100, picture.height / 100)).add_axes(picture.box)
    picture.draw(ax)
    texts = [label.get_text() for label in ax.texts]
    assert ending.label not in texts
    assert any("rows that only some of the forecasts have are left out" in text.replace("\n", " ") for text in texts)
