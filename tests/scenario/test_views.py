import dataclasses
import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.errors import ScenarioError
from simlib.scenario.loader import load, load_view
from simlib.scenario.model import Assume, Change, Condition, Forbid, Force, Hold, Pin, Policy, View
from simlib.scenario.views.command_text import with_settings
from simlib.scenario.views.variation import (
    apply_view,
    outside_range,
    view_of,
    with_horizon,
    with_interventions,
    with_values,
)
from simlib.scenario.views.view_reader import read_view

BRIDGE = load(Path(__file__).parent / "bridge")
ANGRY = load_view(BRIDGE, "angry-valley")
DAY = dt.date(2031, 4, 5)


def view(**parts) -> View:
    return View(id="v", title="V", **parts)


# Views


def test_a_view_changes_numbers_interventions_horizon_and_ladder_and_nothing_else():
    seen = apply_view(BRIDGE, ANGRY)
    assert seen.view == "angry-valley"
    assert seen.horizon_days == 45
    assert len(seen.interventions) == 3
    rate, chance = seen.assumptions["block_rate"], seen.assumptions["full_chance"]
    assert (rate.low, rate.value, rate.high) == pytest.approx([x / 30.4375 for x in (1.5, 3, 6)])
    assert (rate.because, rate.sources) == ("more tractors", ("radio",))
    assert (chance.low, chance.value, chance.high) == (0.2, 0.3, 0.5)
    for part in ("variables", "moves", "endings", "ladders", "questions", "actors", "sources"):
        assert getattr(seen, part) == getattr(BRIDGE, part)
    assert BRIDGE.view == ""
    assert BRIDGE.interventions == ()


def test_a_view_keeps_the_unit_it_is_written_in():
    text = "format: 1\nid: v\ntitle: V\nassumptions:\n  block_rate: {value: 30% within 9 days, because: assumed}\n"
    rate = apply_view(BRIDGE, read_view(text, BRIDGE)).assumptions["block_rate"]
    assert (rate.unit, rate.within_days) == ("within 9 days", 9)


def test_views_that_do_not_clash_add_up():
    other = view(changes=(Change("angry_factor", 4.0),), interventions=(Forbid("block"),))
    seen = apply_view(BRIDGE, [ANGRY, other])
    assert seen.view == "angry-valley+v"
    assert seen.assumptions["angry_factor"].value == 4
    assert seen.interventions == (*ANGRY.interventions, Forbid("block"))
    assert apply_view(BRIDGE, []) == BRIDGE


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (view(changes=(Change("block_rate", 0.1),)), "block_rate: changed by the view 'angry-valley' and again by 'v'"),
        (view(horizon_days=9.0), "horizon: changed by the view 'angry-valley' and again by 'v'; expected one change"),
        (view(ladder="lanes"), "ladder: changed by the view 'angry-valley' and again by 'v'"),
    ],
)
def test_views_that_change_the_same_thing_clash(other, words):
    with pytest.raises(ScenarioError, match=words):
        apply_view(BRIDGE, [ANGRY, other])


def test_one_view_that_changes_a_number_twice_clashes_with_itself():
    twice = view(changes=(Change("block_rate", 0.1), Change("block_rate", 0.2)))
    with pytest.raises(ScenarioError, match="block_rate: changed by the view 'v' and again by 'v'"):
        apply_view(BRIDGE, twice)


def test_a_second_view_later_is_refused_because_clashes_would_go_unseen():
    with pytest.raises(ScenarioError, match="already has the view 'angry-valley'; expected all views in one"):
        apply_view(apply_view(BRIDGE, ANGRY), view())


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (view(changes=(Change("blok_rate", 1.0),)), "view v: assumptions.blok_rate: unknown .* 'block_rate'"),
        (view(changes=(Change("block_rate", -1.0),)), "view v: assumptions.block_rate.value: -1.0 is not above zero"),
        (view(changes=(Change("full_chance", 1.5),)), "assumptions.full_chance.value: 1.5 is not between 0 and 1"),
        (view(changes=(Change("full_chance", 0.5, low=0.2),)), "full_chance: 'low' without 'high'; expected both, or"),
        (
            view(changes=(Change("full_chance", 0.5, low=0.6, high=0.7),)),
            "the value .50%. is not between low .60%. and high .70%.",
        ),
        (view(changes=(Change("full_chance", 0.5, low=0.0, high=0.7),)), "low is a chance of exactly 0%"),
        (view(horizon_days=0.0), "view v: horizon: a horizon of 0 days; expected a horizon above zero"),
        (view(ladder="lane"), "view v: ladder: unknown ladder 'lane'; did you mean 'lanes'"),
        (view(interventions=(Force("blok", DAY),)), "view v: interventions.1.force: unknown move 'blok'"),
        (view(interventions=(Hold("brige", "open"),)), "interventions.1.hold: unknown variable 'brige'; did you mean"),
        (view(interventions=(Assume("full", 0.5),)), "interventions.1.assume: unknown assumption 'full'"),
        (view(interventions=(Assume("full_chance", 1.5),)), "interventions.1.value: 1.5 is not between 0 and 1"),
        (
            view(interventions=(Assume("full_chance", 0.5, Condition(((("mood", ("calm",)),),))),)),
            "interventions.1.when: 'full_chance' is a chance, and a chance cannot depend on the state; leave the condi",
        ),
        (
            view(interventions=(Assume("mood.start.calm", 0.5),)),
            "interventions.1.assume: 'mood.start.calm' is used only before the story begins, or nowhere",
        ),
        (view(interventions=(Policy("block", 0.0),)), "1.rate: a rate of 0 per day; expected a rate above zero"),
        (view(interventions=(Policy("blok", 1.0),)), "interventions.1.policy: unknown move 'blok'"),
        (view(interventions=(Forbid("block", DAY, "", DAY),)), "interventions.1.until: it ends .* before it begins"),
        (
            view(interventions=(Forbid("block", when=Condition(((("mod", ("x",)),),))),)),
            "interventions.1.when: unknown variable 'mod'",
        ),
        (
            view(interventions=(Forbid("block", when=Condition(((("mood", ("x",)),),))),)),
            "interventions.1.when.mood: 'mood' has no level 'x'; expected one of: calm, angry",
        ),
    ],
)
def test_a_view_made_by_a_program_is_checked_like_a_file(bad, words):
    with pytest.raises(ScenarioError, match=words):
        apply_view(BRIDGE, bad)


def test_a_view_file_holds_policies_and_refraining():
    text = """format: 1
id: v
title: V
interventions:
  - {policy: block, rate: every 2 days, when: {mood: angry}, from: 2031-04-05, until: 2031-05-01, because: a vow}
  - {forbid: block, when: [{mood: calm}, {bridge: narrowed or above}], until: 2031-04-20}
  - {hold: bridge, level: open, from: 2031-04-05, until: 2031-05-01, because: a fair}
  - {assume: block_rate, value: 2 per week, from: 2031-04-05, when: {mood: angry}}
"""
    angry = Condition(((("mood", ("angry",)),),))
    calm = Condition(((("mood", ("calm",)),), (("bridge", ("narrowed", "blocked")),)))
    assert read_view(text, BRIDGE).interventions == (
        Policy("block", 0.5, angry, DAY, "a vow", dt.date(2031, 5, 1)),
        Forbid("block", None, "", dt.date(2031, 4, 20), calm),
        Hold("bridge", "open", DAY, "a fair", dt.date(2031, 5, 1)),
        Assume("block_rate", 2 / 7, angry, DAY, unit="per week"),
    )


def test_a_view_file_delays_and_repeats():
    text = """format: 1
id: v
title: V
horizon: 30 days
interventions:
  - {repeat: block, outcome: one-lane, every: 1 week, from: 2031-04-05, until: 2031-04-20, because: market days}
  - {delay: block, until: 2031-04-20, because: a truce}
  - {repeat: block, every: 20 days}
"""
    days = [dt.date(2031, 4, 5), dt.date(2031, 4, 12), dt.date(2031, 4, 19)]
    assert read_view(text, BRIDGE).interventions == (
        *(Force("block", day, "one-lane", "market days") for day in days),
        Forbid("block", None, "a truce", dt.date(2031, 4, 20)),
        Force("block", dt.date(2031, 4, 1)),
        Force("block", dt.date(2031, 4, 21)),
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{repeat: block, every: 1 month}", "v.yaml:5: interventions.1: a move repeated every 30.4375 days; expected"),
        ("{repeat: block, every: 12 hours}", "repeated every 0.5 days; expected a whole number of days"),
        ("{repeat: block, every: often}", "v.yaml:5: interventions.1.every: 'often' is not a quantity"),
        ("{repeat: blok, every: 7 days}", "v.yaml:5: interventions.1.repeat: unknown move 'blok'"),
        ("{repeat: block, every: 7 days, until: 2031-04-01}", "it ends .2031-04-01. before it begins"),
        (
            "{repeat: block, every: 7 days, from: 2031-03-01}",
            "^v.yaml:5: interventions.1.from: 2031-03-01 is before .*$",
        ),
        ("{delay: blok, until: 2031-04-09}", "v.yaml:5: interventions.1.delay: unknown move 'blok'"),
        ("{delay: block}", "v.yaml:5: interventions.1: .*until"),
        ("{delay: block, until: 2031-03-01}", "interventions.1.*: it ends .2031-03-01. before"),
        ("{postpone: block}", "expected one of force: MOVE, repeat: MOVE, forbid: MOVE, delay: MOVE"),
    ],
)
def test_what_cannot_be_delayed_or_repeated_is_told_with_its_line(entry, words):
    text = f"format: 1\nid: v\ntitle: V\ninterventions:\n  - {entry}\n"
    with pytest.raises(ScenarioError, match=words):
        read_view(text, BRIDGE, "v.yaml")


def test_two_faults_of_one_number_are_told_together():
    number = "{value: 50%, low: 0%, high: 100%, because: x}"
    text = f"format: 1\nid: v\ntitle: V\nassumptions:\n  full_chance: {number}\n"
    with pytest.raises(ScenarioError) as refused:
        read_view(text, BRIDGE, "v.yaml")
    assert [problem.what for problem in refused.value.problems] == [
        "low is a chance of exactly 0%",
        "high is a chance of exactly 100%",
    ]


# Values


def test_values_are_quantities_or_base_units():
    world = with_values(BRIDGE, {"block_rate": "1 per week", "angry_factor": np.float64(4), "full_chance": "50%"})
    rate, factor, chance = (world.assumptions[name] for name in ("block_rate", "angry_factor", "full_chance"))
    assert rate.value == pytest.approx(1 / 7)
    assert rate.unit == "per week"
    assert (factor.low, factor.value, factor.high) == (2, 4, 8)
    odds = [x / (1 - x) for x in (chance.low, chance.value, chance.high)]
    assert odds == pytest.approx([4 / 9, 1, 8 / 3])


def test_setting_what_holds_already_changes_no_bit():
    same = {name: number.value for name, number in BRIDGE.assumptions.items()}
    assert with_values(BRIDGE, same) == BRIDGE
    assert with_values(BRIDGE, {}) == BRIDGE


@given(st.floats(1e-6, 1e3), st.floats(0.001, 0.999))
def test_a_changed_prior_stays_a_prior(rate, chance):
    world = with_values(BRIDGE, {"block_rate": rate, "full_chance": chance})
    for number in world.assumptions.values():
        assert number.low < number.value < number.high or number.fixed


def test_a_chance_may_be_set_to_certain():
    number = with_values(BRIDGE, {"full_chance": 1.0}).assumptions["full_chance"]
    assert (number.low, number.value, number.high) == (1, 1, 1)


def test_all_wrong_values_are_named_at_once():
    wrong = {
        "blok_rate": 1,
        "angry_factor": "30%",
        "full_chance": 1.5,
        "block_rate": float("nan"),
        "mood.start.calm": None,
    }
    with pytest.raises(ScenarioError, match=r"blok_rate: there is no such assumption; did you mean") as caught:
        with_values(BRIDGE, wrong)
    told = {problem.where: str(problem) for problem in caught.value.problems}
    assert told["angry_factor"] == "angry_factor: '30%' is a chance; expected a factor above zero, such as 3 or 0.5"
    assert "1.5 is not between 0 and 1" in told["full_chance"]
    assert "'nan' is not a quantity" in told["block_rate"]
    assert "None is not a quantity" in told["mood.start.calm"]


def test_chances_that_no_longer_fit_their_move_are_refused():
    from simlib.scenario.loader import load_text

    text = (Path(__file__).parent / "bridge" / "scenario.yaml").read_text(encoding="utf-8")
    towed = "outcomes:\n      towed: {chance: {value: 50%, because: assumed}}\n"
    world = load_text(text.replace("outcomes:\n", towed, 1))
    with pytest.raises(ScenarioError, match=r"moves.block.outcomes: the chances sum to 1.1"):
        with_values(world, {"full_chance": 0.6})
    with pytest.raises(ScenarioError, match=r"already sum to 1 and nothing is left for 'one-lane'"):
        with_values(world, {"full_chance": 0.5})
    with pytest.raises(ScenarioError, match=r"variables.mood.start: the shares sum to|is not between 0 and 1"):
        with_values(world, {"mood.start.calm": 1.1})


def test_texts_of_changes_are_read():
    values = {"block_rate": "2 per week", "full_chance": "30%"}
    assert with_settings(BRIDGE, ["block_rate=2 per week", " full_chance = 30% "]) == with_values(BRIDGE, values)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["block_rate"], "'block_rate': cannot be read; expected NAME=VALUE"),
        (["=3"], "'=3': cannot be read; expected NAME=VALUE"),
        (["block_rate="], "cannot be read; expected NAME=VALUE"),
        (["blok_rate=3"], "blok_rate: there is no such assumption; did you mean 'block_rate'"),
        (["full_chance=3%", "full_chance=4%"], "full_chance: is set twice; keep one"),
    ],
)
def test_texts_that_are_no_changes_are_refused(texts, words):
    with pytest.raises(ScenarioError, match=words) as error:
        with_settings(BRIDGE, [*texts, "angry_factor=2"])
    assert len(error.value.problems) == 1


def test_a_text_that_is_no_change_hides_no_other():
    with pytest.raises(ScenarioError, match="'block_rate': cannot be read") as error:
        with_settings(BRIDGE, ["block_rate", "full_chance=3 per day"])
    assert [problem.where for problem in error.value.problems] == ["'block_rate'", "full_chance"]


def test_leaving_the_range_is_noted():
    assert outside_range(BRIDGE, BRIDGE) == []
    assert outside_range(BRIDGE, with_values(BRIDGE, {"full_chance": 0.3, "mood.start.calm": 0.9})) == []
    assert outside_range(BRIDGE, with_values(BRIDGE, {"block_rate": "8 per month", "full_chance": 0.05})) == [
        "block_rate = 8 per month lies outside its 90% range, 1 per month to 4 per month",
        "full_chance = 5% lies outside its 90% range, 10% to 40%",
    ]
    assumed = with_interventions(BRIDGE, [Assume("full_chance", 0.05, date=DAY), Assume("full_chance", 0.2)])
    assert outside_range(BRIDGE, assumed) == ["full_chance = 5% lies outside its 90% range, 10% to 40%"]


# A session becomes a view


def test_what_a_session_changed_is_a_view():
    changed = with_horizon(with_values(BRIDGE, {"block_rate": "3 per month", "full_chance": 0.3}), 30)
    changed = with_interventions(changed, [Forbid("block")])
    made = view_of(BRIDGE, changed, id="mine", title="Mine", author="me")
    assert [change.assumption for change in made.changes] == ["block_rate", "full_chance"]
    assert all(change.low is None and change.because == "assumed" for change in made.changes)
    assert apply_view(BRIDGE, made).assumptions["block_rate"].value == changed.assumptions["block_rate"].value
    again = apply_view(BRIDGE, made)
    assert (again.horizon_days, again.interventions) == (30, (Forbid("block"),))


def test_a_changed_range_or_reason_goes_into_the_view():
    number = dataclasses.replace(BRIDGE.assumptions["full_chance"], low=0.15, because="seen twice", sources=("radio",))
    changed = BRIDGE.replace(assumptions={**BRIDGE.assumptions, "full_chance": number}, ladder="lanes")
    made = view_of(BRIDGE, changed, id="mine", title="Mine")
    assert made.changes == (Change("full_chance", 0.2, 0.15, 0.4, "seen twice", ("radio",), "%"),)
    assert made.ladder is None
    assert apply_view(BRIDGE, made).assumptions["full_chance"] == number


# Interventions


def test_interventions_are_appended_in_order():
    one = with_interventions(BRIDGE, [Force("block", DAY)])
    two = with_interventions(one, (Forbid("block"), Pin("mood", "angry", DAY)))
    assert two.interventions == (Force("block", DAY), Forbid("block"), Pin("mood", "angry", DAY))
    with pytest.raises(ScenarioError, match=r"force blok@2031-04-05: unknown move 'blok'"):
        with_interventions(BRIDGE, [Force("blok", DAY)])


def test_a_horizon_is_a_length_of_time_or_days():
    assert with_horizon(BRIDGE, "2 weeks").horizon_days == 14
    assert with_horizon(BRIDGE, 30).horizon_days == 30
    assert with_horizon(BRIDGE, np.float64(0.5)).horizon_days == 0.5


@pytest.mark.parametrize(
    ("horizon", "words"),
    [
        ("30", "horizon: '30' is a number without a unit; expected a length of time"),
        (0, "horizon: '0.0 days' is not above zero"),
        (-3, "horizon: '-3.0 days' is not above zero"),
        (float("nan"), "horizon: 'nan' is not a quantity"),
        (None, "horizon: None is not a quantity"),
        ("30 years per day", "is not a quantity|is a rate"),
        (1e7, "beyond the calendar|more than a century"),
    ],
)
def test_what_is_no_horizon_is_refused(horizon, words):
    with pytest.raises(ScenarioError, match=words):
        with_horizon(BRIDGE, horizon)


def test_a_shorter_horizon_keeps_no_intervention_beyond_it():
    late = with_interventions(BRIDGE, [Pin("mood", "angry", dt.date(2031, 5, 20))])
    with pytest.raises(ScenarioError, match="2031-05-20 is after the horizon; expected a day from 2031-04-01 to"):
        with_horizon(late, 30)
