"""The rows (events) of a log in words: a table with dates and meanings, and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from simlib.formatting import counted, long_date
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.event_log import LogRow
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import Reading

NEW_ROWS_LETTERS = 240
"""Largest number of letters of the sentences on new rows. The first row is always described."""


def table(scenario: Scenario, readings: Sequence[Reading]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the head and lines of a table of a log: dates, event and meaning in the scenario."""
    head = ("date", "public on", "what happened", "read as")
    ordered = sorted(readings, key=lambda reading: (reading.row.date, reading.row.line))
    lines: list[tuple[str, ...]] = [
        (_when(r.row), str(r.row.public_on), r.row.description or r.row.word, _read_as(scenario, r)) for r in ordered
    ]
    return head, lines


def _read_as(scenario: Scenario, reading: Reading) -> str:
    if reading.ignored:
        return f"left out: {reading.ignored}"
    ratio = f", doubtful ({reading.ratio:g} to 1)" if reading.ratio is not None else ""
    if reading.level is not None:
        return condition_in_words(reading.level, scenario, labels=True) + ratio
    if reading.setting:
        return ", ".join(scenario.variables[name].at(level) for name, level in reading.setting)
    if not reading.firings:
        return "no meaning in this scenario"
    move = scenario.moves[reading.firings[0][0]]
    outcomes = [move.outcome(outcome).label for _, outcome in reading.firings]
    some = f" ({' or '.join(outcomes)})" if len(move.outcomes) > 1 else ""
    return f"{move.label}{some}{ratio}"


def _when(row: LogRow) -> str:
    about = {"day": "", "week": " (that week)", "month": " (that month)"}[row.precision]
    return f"{row.date}{about}" + (f" × {row.times}" if row.times > 1 else "")


def new_row_sentences(readings: Sequence[Reading]) -> str:
    """Describe new rows of a log in a sentence each, and count those for which there is no room."""
    texts, count = [_new_row_sentence(reading) for reading in readings], 1
    while count < len(texts) and len(" ".join(texts[: count + 1])) <= NEW_ROWS_LETTERS:
        count += 1
    more = [f"And {counted(len(texts) - count, 'more row')}."] if count < len(texts) else []
    return " ".join([*texts[:count], *more])


def _new_row_sentence(reading: Reading) -> str:
    """Return a sentence that describes a new row of a log.

    The sentence says if the row does not count. It gives the date of the event if the row became public more than three
    days later.
    """
    text = (reading.row.description or reading.row.word.replace("-", " ")).rstrip(".")
    if reading.counts:
        late = reading.row.public_on - reading.row.date
        return f"{text}." if late.days <= 3 else f"{text} (of {long_date(reading.row.date)})."
    return f"{text} ({'left out of the count' if reading.ignored else 'no meaning in this scenario'})."
