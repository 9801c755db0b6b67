"""Interventions as typed on a command line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from simlib.errors import ScenarioError
from simlib.scenario.loader import load
from simlib.scenario.model import ALWAYS, Assume, Condition, Forbid, Force, Hold, Pin, Policy
from simlib.scenario.views.command_text import parse_condition, parse_intervention

BRIDGE = load(Path(__file__).parent / "bridge")
DAY, LATER = dt.date(2031, 4, 5), dt.date(2031, 5, 1)
ANGRY = Condition(((("mood", ("angry",)),),))


def one(kind, text, scenario):
    (intervention,) = parse_intervention(kind, text, scenario)
    return intervention


def test_interventions_are_read():
    assert one("force", "block@2031-04-05", BRIDGE) == Force("block", DAY)
    assert one("force", "block:one-lane@2031-04-05", BRIDGE) == Force("block", DAY, "one-lane")
    assert one("forbid", "block", BRIDGE) == Forbid("block")
    assert one("forbid", "block@2031-04-05", BRIDGE) == Forbid("block", DAY)
    assert one("forbid", "block..2031-05-01 while mood=angry", BRIDGE) == Forbid("block", None, "", LATER, ANGRY)
    assert one("delay", "block@2031-04-05", BRIDGE) == Forbid("block", None, "", DAY)
    assert one("policy", "block=0.5 per day", BRIDGE) == Policy("block", 0.5, ALWAYS)
    assert one("policy", "block = every 2 days@2031-04-05..2031-05-01 while mood=angry", BRIDGE) == Policy(
        "block", 0.5, ANGRY, DAY, "", LATER
    )
    assert one("hold", "bridge=blocked", BRIDGE) == Hold("bridge", "blocked")
    assert one("hold", " bridge = blocked@2031-04-05..2031-05-01", BRIDGE) == Hold("bridge", "blocked", DAY, "", LATER)
    assert one("assume", "full_chance=30%..2031-05-01", BRIDGE) == Assume("full_chance", 0.3, until=LATER, unit="%")
    assert one("assume", "block_rate = every 2 days@2031-04-05 while mood=angry", BRIDGE) == Assume(
        "block_rate", 0.5, ANGRY, DAY, unit="every day"
    )
    assert one("pin", "bridge=blocked@2031-04-05", BRIDGE) == Pin("bridge", "blocked", DAY)
    assert one("pin", " bridge = blocked @ 2031-04-05 ", BRIDGE) == Pin("bridge", "blocked", DAY)


def test_a_move_is_repeated_from_a_date_until_a_date():
    twice = (Force("block", DAY, "one-lane"), Force("block", dt.date(2031, 4, 12), "one-lane"))
    assert parse_intervention("repeat", "block:one-lane@2031-04-05..2031-04-19 every 7 days", BRIDGE) == twice
    assert [each.date.day for each in parse_intervention("repeat", "block every 4 weeks", BRIDGE)] == [1, 29, 27]
    assert len(parse_intervention("repeat", "block@2031-05-20 every 20 days", BRIDGE)) == 1


def test_conditions_are_read():
    calm = (("mood", ("calm",)),)
    assert parse_condition("mood=angry", BRIDGE) == ANGRY
    assert parse_condition("mood=not angry", BRIDGE) == Condition((calm,))
    assert parse_condition("mood=calm, bridge=narrowed or above or mood = angry", BRIDGE) == Condition(
        ((*calm, ("bridge", ("narrowed", "blocked"))), (("mood", ("angry",)),))
    )
    assert parse_condition("bridge=blocked|open", BRIDGE).clauses == ((("bridge", ("open", "blocked")),),)
    for text in ("mood=calm, bridge=open|blocked or mood=angry", "mood=angry"):
        assert str(parse_condition(text, BRIDGE)) == text


def test_the_first_and_the_last_day_belong_to_the_forecast():
    assert one("force", "block@2031-04-01", BRIDGE).date == BRIDGE.as_of
    assert one("force", "block@2031-05-30", BRIDGE).date == BRIDGE.by_date(60)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("force", "block", r"'block': cannot be read; expected MOVE\[:OUTCOME\]@DATE"),
        ("force", "block:@2031-04-05", "cannot be read"),
        ("force", "blok@2031-04-05", "blok@2031-04-05: unknown move 'blok'; did you mean 'block'"),
        ("force", "block:two@2031-04-05", "'block' has no outcome 'two'; expected one of: one-lane, both-lanes"),
        ("force", "block@5 April", "block@5 April: '5 April' is not a date; expected a date such as 2031-04-01"),
        ("force", "block@2031-02-30", "'2031-02-30' is not a date"),
        ("force", "block@2031-03-31", "2031-03-31 is before the forecast begins; .* 2031-04-01 to 2031-05-30"),
        ("force", "block@2031-05-31", "2031-05-31 is after the horizon; expected a day from 2031-04-01 to"),
        ("forbid", "", r"'': cannot be read; expected MOVE\[@DATE\]"),
        ("forbid", "block:one-lane", "cannot be read; expected MOVE"),
        ("forbid", "blok", "blok: unknown move 'blok'"),
        ("forbid", "block@2031-03-01", "2031-03-01 is before the forecast begins"),
        ("forbid", "block while", "cannot be read|unknown move"),
        ("forbid", "block while mod=angry", "block while mod=angry: mod: unknown variable 'mod'; did you mean 'mood'"),
        ("forbid", "block while mood=angy", "'mood' has no level 'angy'; did you mean 'angry'"),
        ("forbid", "block while angry", "the condition 'angry' cannot be read; expected VARIABLE=LEVELS"),
        ("forbid", "block while mood=calm, mood=angry", "mood: stands twice in one condition; .* mood=calm.angry"),
        ("delay", "block", "cannot be read; expected MOVE@DATE"),
        ("delay", "block@2031-03-01", "it ends .2031-03-01. before|before the forecast begins"),
        ("policy", "block", r"cannot be read; expected MOVE=RATE"),
        ("policy", "block=30%", "'30%' is a chance; expected a rate"),
        ("policy", "block=1 per day..2031-04-05@2031-04-01", "cannot be read"),
        ("policy", "block=1 per day@2031-04-05..2031-04-05", "it ends .2031-04-05. before it begins"),
        ("hold", "bridge", r"cannot be read; expected VARIABLE=LEVEL\[@DATE\]\[..UNTIL\]"),
        ("hold", "bridge=shut", "bridge=shut: 'bridge' has no level 'shut'"),
        ("assume", "block_rate", r"cannot be read; expected ASSUMPTION=VALUE"),
        ("assume", "blok_rate=1 per day", "blok_rate: there is no such assumption; did you mean 'block_rate'"),
        ("assume", "block_rate=30%", "'30%' is a chance; expected a rate"),
        ("assume", "full_chance=30% while mood=angry", "is a chance, and a chance cannot depend on the state"),
        ("repeat", "block@2031-04-05", r"cannot be read; expected MOVE\[:OUTCOME\]\[@DATE\]\[..UNTIL\] every"),
        ("repeat", "block every week", "'week' is not a quantity; expected a length of time"),
        ("repeat", "block every 36 hours", "a move repeated every 1.5 days; expected a whole number of days"),
        ("repeat", "blok every 1 day", "unknown move 'blok'; did you mean 'block'"),
        ("repeat", "block@2031-04-05..2031-04-05 every 1 day", "it ends .2031-04-05. before it begins"),
        ("pin", "bridge@2031-04-05", "cannot be read; expected VARIABLE=LEVEL@DATE"),
        ("pin", "brige=open@2031-04-05", "unknown variable 'brige'; did you mean 'bridge'"),
        ("pin", "bridge=opn@2031-04-05", "'bridge' has no level 'opn'; did you mean 'open'"),
        ("pin", "bridge=open@2032-04-05", "2032-04-05 is after the horizon"),
    ],
)
def test_interventions_that_do_not_fit_are_refused(kind, text, words):
    with pytest.raises(ScenarioError, match=words):
        parse_intervention(kind, text, BRIDGE)


def test_too_many_times_are_refused():
    with pytest.raises(ScenarioError, match="a move repeated 600 times; expected at most 500; use a policy"):
        parse_intervention("repeat", "block every 1 day", BRIDGE.replace(horizon_days=600.0))
