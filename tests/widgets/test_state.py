"""Settings, undo, views, and what follows from them; all without a widget."""

from __future__ import annotations

import datetime as dt

import pytest

from simlib.errors import ScenarioError
from simlib.scenario.model import Assume, Condition, Forbid, Force, Hold, Pin, Policy
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State, structure

DAY = dt.date(2031, 4, 10)


def test_a_moved_assumption_is_in_the_world_that_is_hashed(state):
    before = state.scenario().sha256
    assert state.set_value("meeting", 0.1)
    assert state.scenario().assumptions["meeting"].value == 0.1
    assert state.scenario().sha256 != before
    assert state.without_values().assumptions["meeting"].value == state.base.assumptions["meeting"].value


def test_setting_what_is_set_already_changes_nothing(state):
    assert not state.set_value("meeting", state.base.assumptions["meeting"].value)
    assert not state.can_undo


def test_a_drag_is_undone_in_one_step_and_another_rest_begins_another(state):
    start = state.value("meeting")
    for value in (0.1, 0.2, 0.3):
        state.set_value("meeting", value)
    state.rest()
    state.set_value("meeting", 0.4)
    assert state.undo()
    assert state.value("meeting") == 0.3
    assert state.undo()
    assert state.value("meeting") == start
    assert not state.undo()
    assert state.redo()
    assert state.redo()
    assert not state.redo()
    assert state.value("meeting") == 0.4


def test_two_sliders_moved_in_turn_are_two_steps(state):
    state.set_value("meeting", 0.1)
    state.set_value("closing", 0.1)
    state.undo()
    assert dict(state.settings.values) == {"meeting": 0.1}


def test_a_new_change_forgets_what_was_undone(state):
    state.set_value("meeting", 0.1)
    state.undo()
    state.set_value("closing", 0.2)
    assert not state.can_redo


def test_the_value_of_the_view_counts_as_not_moved(state):
    state.choose_view("hasty")
    given = state.value("meeting")
    state.set_value("meeting", 0.5)
    state.set_value("meeting", given)
    assert not state.settings.values


def test_a_view_brings_its_values_and_interventions_and_takes_away_what_was_set_by_hand(state):
    state.set_value("closing", 0.2)
    assert state.choose_view("hasty")
    assert state.value_text("meeting") == "2 per month"
    assert state.values() == state.view_values("hasty")
    assert [str(item) for item in state.without_values().interventions] == ["forbid clear"]
    assert state.undo()
    assert dict(state.settings.values) == {"closing": 0.2}


def test_an_unknown_view_is_refused_with_the_nearest_name(state):
    with pytest.raises(ScenarioError, match="there is no view 'hastie'; did you mean 'hasty'"):
        state.choose_view("hastie")
    with pytest.raises(ScenarioError, match="there is no view 'other'"):
        State(state.base, view="other")


@pytest.mark.parametrize(("text", "per_day"), [("3 per week", 3 / 7), ("every 4 days", 0.25), ("1 / day", 1.0)])
def test_typed_quantities_are_read_as_in_files(state, text, per_day):
    state.type_value("meeting", text)
    assert state.value("meeting") == pytest.approx(per_day)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("meeting", "30%", "'30%' is a chance; expected a rate"),
        ("meeting", "soon", "'soon' is not a quantity; expected a rate"),
        ("pressure", "-2", "'-2' is not above zero; expected a factor"),
        ("meet.accepted.chance", "1.2", "'1.2' is not between 0 and 1"),
    ],
)
def test_typed_nonsense_is_refused_in_words_and_changes_nothing(state, name, text, words):
    with pytest.raises(ScenarioError, match=words):
        state.type_value(name, text)
    assert not state.can_undo


def test_a_readout_can_be_typed_back(state):
    assert state.value_text("pressure") == "×3"
    assert not state.type_value("pressure", "×3")


def test_reset_gives_back_the_values_of_the_view_but_keeps_what_is_shown(state):
    state.choose_view("hasty")
    state.set_value("closing", 0.3)
    state.switch("sign", on=False)
    state.change(state.settings.replace(lead="ending:cleared"))
    assert state.reset()
    assert state.settings == Settings(view="hasty", lead="ending:cleared")
    state.set_value("closing", 0.3)
    assert state.reset_value("closing")
    assert not state.settings.values


def test_moves_are_switched_off_and_on_in_the_order_of_the_file(state):
    state.switch("sign", on=False)
    state.switch("close", on=False)
    assert state.settings.off == ("close", "sign")
    assert [item.move for item in state.without_values().interventions] == ["close", "sign"]
    state.switch("close", on=True)
    assert state.settings.off == ("sign",)


def test_interventions_are_added_withdrawn_and_refused_when_they_do_not_fit(state):
    state.intervene(Force("close", DAY))
    state.intervene(Pin("talks", "open", DAY))
    with pytest.raises(ScenarioError, match="after the horizon"):
        state.intervene(Force("close", dt.date(2032, 1, 1)))
    assert [type(item) for item in state.settings.interventions] == [Force, Pin]
    state.withdraw(0)
    assert [type(item) for item in state.settings.interventions] == [Pin]


def test_chances_that_exceed_one_are_refused_when_the_world_is_asked_for(state):
    state.set_value("meet.accepted.chance", 1.0)
    assert state.scenario().assumptions["meet.accepted.chance"].value == 1.0


def test_the_baseline_is_the_file_over_the_dates_of_the_present_settings(state):
    assert state.is_baseline
    state.change(state.settings.replace(horizon_days=30.0))
    assert state.baseline.horizon_days == 30
    assert state.is_baseline
    state.set_value("closing", 0.3)
    assert not state.is_baseline


def test_only_what_changes_the_scenario_changes_its_structure(state):
    before = structure(state.without_values())
    state.set_value("closing", 0.3)
    state.change(state.settings.replace(lead="ending:cleared"))
    assert structure(state.without_values()) == before
    state.change(state.settings.replace(as_of=DAY))
    assert structure(state.without_values()) != before


def test_differences_are_told_in_words(state):
    state.choose_view("hasty")
    state.set_value("pressure", 5.0)
    state.switch("sign", on=False)
    state.intervene(Force("meet", DAY, "accepted"))
    state.change(state.settings.replace(horizon_days=30.0, as_of=dt.date(2031, 4, 2)))
    assert list(state.differences()) == [
        "Talks are offered: 1 per month → 2 per month",
        "How much a full blockade hastens talks: ×3 → ×5",
        "horizon: 60 days → 30 days",
        "“Clear the bridge by force” forbidden",
        "“Offer talks” (accepted) forced on 10 April 2031",
        "“Sign an agreement” forbidden",
        "begins on 2 April 2031 instead of 1 April 2031",
    ]


def test_a_picture_is_headed_by_the_view_and_by_what_was_set_by_hand(state):
    assert state.heading() == ""
    state.choose_view("hasty")
    assert state.heading() == "view “Everybody is in a hurry”"
    state.set_value("pressure", 5.0)
    assert state.heading() == (
        "view “Everybody is in a hurry”, with a change: How much a full blockade hastens talks: ×5"
    )
    state.choose_view("")
    state.set_value("pressure", 5.0)
    state.switch("sign", on=False)
    state.intervene(Force("meet", DAY, "accepted"))
    assert state.heading() == (
        "with 3 changes: “Offer talks” (accepted) forced on 10 April 2031; “Sign an agreement” forbidden; "
        "How much a full blockade hastens talks: ×5"
    )


def test_another_start_is_told_what_it_leaves_as_it_was(state):
    assert state.start_in_words() == ""
    state.change(state.settings.replace(as_of=dt.date(1999, 1, 1)))
    assert "stay those of 1 April 2031" in state.start_in_words()


def test_settings_survive_being_written_down():
    settings = Settings(
        view="hasty",
        values={"closing": 0.25},
        off=("sign",),
        horizon_days=30.0,
        as_of=DAY,
        lead="ending:cleared",
        interventions=(
            Force("meet", DAY, "accepted", because="a promise"),
            Forbid("clear", DAY),
            Pin("talks", "open", DAY),
            Policy("meet", 0.5, Condition(((("blockade", ("full", "partial")),), ())), until=DAY),
            Hold("blockade", "full", DAY),
            Assume("closing", 0.3, date=DAY, unit="per week"),
        ),
    )
    assert Settings.from_dict(settings.to_dict()) == settings
    assert Settings.from_dict(Settings().to_dict()) == Settings()


@pytest.mark.parametrize("data", [{"values": {"a": "x"}}, {"interventions": [{"type": "wish"}]}, {"as_of": "soon"}])
def test_what_is_no_settings_is_not_taken_for_some(data):
    with pytest.raises((KeyError, ValueError, TypeError), match=r"x|wish|soon"):
        Settings.from_dict(data)
