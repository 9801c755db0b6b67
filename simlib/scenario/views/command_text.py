"""Read values and interventions (changes from outside) that people type on a command line.

A text that cannot be used is refused with every reason at once.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator

from simlib.errors import Problem, QuantityError, ScenarioError, collect, refuse
from simlib.quantities import parse
from simlib.scenario.condition_reader import Reader
from simlib.scenario.document import Document
from simlib.scenario.model import (
    ALWAYS,
    Assume,
    Clause,
    Condition,
    Forbid,
    Force,
    Hold,
    Intervention,
    Pin,
    Policy,
    Scenario,
)
from simlib.scenario.scalars import Refusal, read_date
from simlib.scenario.views.forms import INTERVENTION_FORMS
from simlib.scenario.views.variation import refusals, repeated, unknown, with_values


def with_settings(scenario: Scenario, texts: Iterable[str]) -> Scenario:
    """Return the scenario with the values in texts `NAME=VALUE`, which may not repeat a name.

    Raises ScenarioError with every problem of the texts and their values.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            problems.append(Problem("", 0, repr(text), "cannot be read", "expected NAME=VALUE, as in rate=2 per week"))
        elif name in values:
            problems.append(Problem("", 0, name, "is set twice", "keep one"))
        elif name not in scenario.assumptions:
            problems.append(unknown(scenario, name))
        else:
            values[name] = value
    with collect(problems):
        scenario = with_values(scenario, values)
    refuse(problems)
    return scenario


def parse_intervention(kind: str, text: str, scenario: Scenario) -> tuple[Intervention, ...]:
    """Read the text of one intervention (a change from outside, such as a forbidden move).

    `kind` is a key of `INTERVENTION_FORMS`. A move that is repeated gives several interventions, and any other text
    gives one. Raises ScenarioError with every reason why the text cannot be read or does not fit the scenario.
    """
    match = re.fullmatch(INTERVENTION_FORMS[kind].pattern, unicodedata.normalize("NFC", text.strip()))
    if match is None:
        raise ScenarioError(Problem("", 0, repr(text), "cannot be read", f"expected {INTERVENTION_FORMS[kind].text}"))
    part = {name: written.strip() for name, written in match.groupdict().items() if written}
    try:
        interventions = tuple(_interventions(kind, text, part, scenario))
    except (QuantityError, Refusal) as error:
        raise ScenarioError(Problem("", 0, text, error.what, error.expected)) from None
    refuse(wrong for each in interventions for wrong in refusals(text, each, scenario))
    return interventions


def _interventions(kind: str, text: str, part: dict[str, str], scenario: Scenario) -> Iterator[Intervention]:
    name, value, outcome = part["name"], part.get("value", ""), part.get("outcome")
    date, until = (_date(part.get(end)) for end in ("date", "until"))
    match kind:
        case "force":
            yield Force(name, date or scenario.as_of, outcome)
        case "repeat":
            every = parse(part["every"], "duration").value
            yield from repeated(Force(name, date or scenario.as_of, outcome), every, until, scenario)
        case "forbid":
            yield Forbid(name, date, until=until, when=_condition(text, part, scenario))
        case "delay":
            yield Forbid(name, until=date)
        case "policy":
            rate = parse(value, "rate")
            yield Policy(name, rate.value, _condition(text, part, scenario), date, until=until, unit=rate.unit)
        case "pin":
            yield Pin(name, value, date or scenario.as_of)
        case "hold":
            yield Hold(name, value, date, until=until)
        case "assume":
            if name not in scenario.assumptions:
                raise ScenarioError(unknown(scenario, name))
            number = parse(value, scenario.assumptions[name].kind, scenario.assumptions[name].unit)
            yield Assume(name, number.value, _condition(text, part, scenario), date, until=until, unit=number.unit)


def _date(written: str | None) -> dt.date | None:
    return None if written is None else read_date(written)


def _condition(text: str, part: dict[str, str], scenario: Scenario) -> Condition:
    try:
        return parse_condition(part["when"], scenario) if "when" in part else ALWAYS
    except ScenarioError as error:
        raise ScenarioError([Problem("", 0, text, str(problem)) for problem in error.problems]) from None


def parse_condition(text: str, scenario: Scenario) -> Condition:
    """Read a condition such as `VARIABLE=LEVELS, VARIABLE=LEVELS or VARIABLE=LEVELS`.

    A comma means "and". Raises ScenarioError with every reason why the text cannot be read.
    """
    notes = Document("", text)
    clauses: list[Clause] = []
    reader = Reader(notes, scenario.variables, scenario.variables)
    for clause in re.split(r"\s+or\s+(?=[\w-]+\s*=)", text.strip()):
        pairs = [tuple(part.strip() for part in pair.partition("=")) for pair in clause.split(",")]
        if not all(name and levels for name, _, levels in pairs):
            notes.note((), f"the condition {clause!r} cannot be read", "expected VARIABLE=LEVELS, as in mood=angry")
            continue
        names = [name for name, _, _ in pairs]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            notes.note((name,), "stands twice in one condition", "give its levels together, as in mood=calm|angry")
        clauses += reader.condition({name: _levels(levels) for name, _, levels in pairs}, ()).clauses
    notes.refuse_if_any()
    return Condition(tuple(clauses))


def _levels(text: str) -> str | list[str]:
    return [level.strip() for level in text.split("|")] if "|" in text else text
