"""The record of the real events in a past crisis, in a file that no forecast can read.

A scenario of a past crisis has the file `record.toml` in its folder. Only the code that runs a backtest or scores a
user's guesses opens this file. The code that loads scenarios and reads logs refuses such a file. The layout:

    complete_to = 1962-11-29

    [questions.blockade]
    happened = 1962-10-24
    source = "the blockade took effect at 14:00 UTC"

    [questions.war]
    happened = false
    source = "..."
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.errors import Problem, ScenarioError, did_you_mean, refuse
from simlib.scenario import document
from simlib.scenario.model import Scenario

RECORD_FILE = "record.toml"
"""The name of the record in the folder of a scenario."""

_KEYS, _OF_A_QUESTION = ("complete_to", "questions"), ("happened", "source")


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """The real answer to a question: the day of the event (None: no event), and a source."""

    happened: dt.date | None
    source: str


@dataclass(frozen=True, slots=True)
class HistoricalRecord:
    """The real answers to a scenario's questions, by the id of the question.

    Events up to the end of the day `complete_to` are taken into account.
    """

    complete_to: dt.date
    answers: Mapping[str, RecordedAnswer]


def read_record(scenario: Scenario) -> HistoricalRecord:
    """Read the real answers to a scenario's questions from `record.toml` in its folder.

    Raises:
        ScenarioError: If the record is missing or has errors. The message lists all of them.
    """
    file = Path(scenario.path or ".") / RECORD_FILE
    if not scenario.path or not file.is_file():
        expected = "expected a file with `complete_to` and, for each question, `happened` and `source`"
        raise ScenarioError(Problem(str(file), 0, "", "there is no record of what happened", expected))
    text = document.read_file(file, str(file))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        what = f"not readable as TOML ({error})"
        raise ScenarioError(Problem(str(file), int(line[1]) if line else 0, "", what, "expected KEY = VALUE")) from None
    problems = [Problem(str(file), _line(text, place), place, *rest) for place, *rest in _misfits(scenario, data)]
    refuse(problems)
    answers = {name: RecordedAnswer(each["happened"] or None, each["source"]) for name, each in _of(data).items()}
    return HistoricalRecord(data["complete_to"], answers)


def _of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    questions = data.get("questions")
    return questions if isinstance(questions, Mapping) else {}


def _line(text: str, place: str) -> int:
    start = re.compile(rf"\s*\[\s*{re.escape(place)}\s*\]|\s*{re.escape(place)}\s*=")
    return next((number for number, line in enumerate(text.splitlines(), 1) if start.match(line)), 0)


def _misfits(scenario: Scenario, data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in data:
        if key not in _KEYS:
            yield key, f"unknown key {key!r}", did_you_mean(key, _KEYS)
    last = data.get("complete_to")
    if type(last) is not dt.date or last < scenario.as_of:
        yield "complete_to", f"{last} cannot be the last day of the record", f"expected a date from {scenario.as_of} on"
        last = dt.date.max
    for name, each in _of(data).items():
        place = f"questions.{name}"
        if name not in scenario.questions:
            yield place, f"the scenario has no question {name!r}", did_you_mean(name, scenario.questions)
        if not isinstance(each, Mapping) or set(each) != set(_OF_A_QUESTION):
            yield place, "this is not an answer", "expected `happened` and `source`, and nothing else"
            continue
        day = each["happened"]
        if day is not False and (type(day) is not dt.date or not scenario.as_of <= day <= last):
            yield place, f"happened = {day}", f"expected false, or a day from {scenario.as_of} to complete_to"
        if not str(each["source"]).strip():
            yield place, "it has no source", "expected the source of the answer"
    for name in scenario.questions:
        if name not in _of(data):
            yield "questions", f"no answer to the question {name!r}", f"expected [questions.{name}]"
