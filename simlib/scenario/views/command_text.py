"""Interventions as people type them on a command line: one text each, refused with every reason at once."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import TypeVar

from simlib.errors import Problem, QuantityError, ScenarioError
from simlib.quantities import parse
from simlib.scenario import document
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
from simlib.scenario.views.forms import ASSUME, DELAY, FORBID, FORCE, HOLD, PIN, POLICY, REPEAT
from simlib.scenario.views.variation import refusals, repeated, unknown

AnyIntervention = TypeVar("AnyIntervention", bound=Intervention)

_SPAN = r"(?:@(?P<date>[^@.]+?))?(?:\.\.(?P<until>[^@.]+?))?"
_WHILE = r"(?:\s+while\s+(?P<when>.+))?"


def parse_force(text: str, scenario: Scenario) -> Force:
    """Read `MOVE[:OUTCOME]@DATE`."""
    match = _match(r"(?P<move>[^:@]+)(?::(?P<outcome>[^:@]+))?@(?P<date>[^@]+)", text, FORCE)
    return _fitting(text, [Force(match["move"], _date(text, match["date"]), match["outcome"])], scenario)[0]


def parse_repeat(text: str, scenario: Scenario) -> tuple[Force, ...]:
    """Read `MOVE[:OUTCOME][@DATE][..UNTIL] every LENGTH`: forced on DATE (default: the start) and ever again."""
    pattern = rf"(?P<move>[^:@.]+?)(?::(?P<outcome>[^:@.]+?))?{_SPAN}\s+every\s+(?P<every>.+)"
    match = _match(pattern, text, REPEAT)
    first, until = _dates(text, match)
    try:
        every = parse(match["every"], "duration").value
        found = repeated(Force(match["move"], first or scenario.as_of, match["outcome"]), every, until, scenario)
    except (QuantityError, Refusal) as error:
        raise ScenarioError(Problem("", 0, text, error.what, error.expected)) from None
    return tuple(_fitting(text, found, scenario))


def parse_delay(text: str, scenario: Scenario) -> Forbid:
    """Read `MOVE@DATE`: impossible before DATE, possible from that day on."""
    match = _match(r"(?P<move>[^:@]+)@(?P<date>[^@]+)", text, DELAY)
    return _fitting(text, [Forbid(match["move"], until=_date(text, match["date"]))], scenario)[0]


def parse_forbid(text: str, scenario: Scenario) -> Forbid:
    """Read `MOVE[@DATE][..UNTIL] [while ...]`: impossible from DATE (default: the start), possible again from UNTIL."""
    match = _match(rf"(?P<move>[^:@.]+?){_SPAN}{_WHILE}", text, FORBID)
    date, until = _dates(text, match)
    when = _condition(text, match["when"], scenario)
    return _fitting(text, [Forbid(match["move"], date, until=until, when=when)], scenario)[0]


def parse_policy(text: str, scenario: Scenario) -> Policy:
    """Read `MOVE=RATE[@DATE][..UNTIL] [while ...]`: the move happens at that rate, where its guard holds."""
    pattern = rf"(?P<move>[^=@]+?)=(?P<rate>(?:(?!\.\.)[^@])+?){_SPAN}{_WHILE}"
    match = _match(pattern, text, POLICY)
    date, until = _dates(text, match)
    try:
        rate = parse(match["rate"], "rate").value
    except QuantityError as error:
        raise ScenarioError(Problem("", 0, text, error.what, error.expected)) from None
    when = _condition(text, match["when"], scenario)
    return _fitting(text, [Policy(match["move"], rate, when, date, until=until)], scenario)[0]


def parse_pin(text: str, scenario: Scenario) -> Pin:
    """Read `VARIABLE=LEVEL@DATE`."""
    match = _match(r"(?P<variable>[^=@]+)=(?P<level>[^=@]+)@(?P<date>[^@]+)", text, PIN)
    return _fitting(text, [Pin(match["variable"], match["level"], _date(text, match["date"]))], scenario)[0]


def parse_hold(text: str, scenario: Scenario) -> Hold:
    """Read `VARIABLE=LEVEL[@DATE][..UNTIL]`: set and kept there from DATE (default: the start), free from UNTIL."""
    match = _match(rf"(?P<variable>[^=@]+?)=(?P<level>[^=@]+?){_SPAN}", text, HOLD)
    date, until = _dates(text, match)
    return _fitting(text, [Hold(match["variable"], match["level"], date, until=until)], scenario)[0]


def parse_assume(text: str, scenario: Scenario) -> Assume:
    """Read `ASSUMPTION=VALUE[@DATE][..UNTIL] [while ...]`: that median from DATE (default: the start) until UNTIL."""
    pattern = rf"(?P<name>[^=@]+?)=(?P<value>(?:(?!\.\.)[^@])+?){_SPAN}{_WHILE}"
    match = _match(pattern, text, ASSUME)
    date, until = _dates(text, match)
    name = match["name"]
    if name not in scenario.assumptions:
        raise ScenarioError(unknown(scenario, name))
    try:
        quantity = parse(match["value"], scenario.assumptions[name].kind)
    except QuantityError as error:
        raise ScenarioError(Problem("", 0, text, error.what, error.expected)) from None
    when = _condition(text, match["when"], scenario)
    return _fitting(text, [Assume(name, quantity.value, when, date, until=until, unit=quantity.unit)], scenario)[0]


def parse_condition(text: str, scenario: Scenario) -> Condition:
    """Read `VARIABLE=LEVELS, VARIABLE=LEVELS or VARIABLE=LEVELS`: a comma is and, `or` is or."""
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
            notes.note((name,), "stands twice in one condition", "expected its levels at once, as in mood=calm|angry")
        clauses += reader.condition({name: _levels(levels) for name, _, levels in pairs}, ()).clauses
    notes.refuse_if_any()
    return Condition(tuple(clauses))


def _levels(text: str) -> str | list[str]:
    return [level.strip() for level in text.split("|")] if "|" in text else text


def _condition(text: str, written: str | None, scenario: Scenario) -> Condition:
    if written is None:
        return ALWAYS
    try:
        return parse_condition(written, scenario)
    except ScenarioError as error:
        raise ScenarioError([Problem("", 0, text, str(problem)) for problem in error.problems]) from None


def _match(pattern: str, text: str, form: str) -> dict[str, str]:
    match = re.fullmatch(pattern, text.strip())
    if match is None:
        raise ScenarioError(Problem("", 0, repr(text), "cannot be read", f"expected {form}"))
    return {name: part.strip() if part else part for name, part in match.groupdict().items()}


def _dates(text: str, match: dict[str, str]) -> tuple[dt.date | None, dt.date | None]:
    first, until = (_date(text, match[part]) if match[part] else None for part in ("date", "until"))
    return first, until


def _date(text: str, written: str) -> dt.date:
    try:
        return read_date(written)
    except Refusal as refusal:
        raise ScenarioError(Problem("", 0, text, refusal.what, refusal.expected)) from None


def _fitting(text: str, found: Sequence[AnyIntervention], scenario: Scenario) -> Sequence[AnyIntervention]:
    problems = [problem for each in found for problem in refusals(text, each, scenario)]
    document.refuse(list(dict.fromkeys(problems)))
    return found
