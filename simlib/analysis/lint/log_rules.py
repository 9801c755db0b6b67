"""Lint rules about the event log of a scenario. A row of the log is one event.

The rules apply if a log is stored with the scenario, and the scenario says how to read the log (`evidence`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from simlib.analysis.lint.subject import Finding, Subject, error, note, warning
from simlib.errors import MissingDependency, ScenarioError, Unsupported
from simlib.evidence.impossibility import ImpossibleLog
from simlib.evidence.log_intake import last_day, prepare
from simlib.scenario.event_log import LOG_FILE, read_log
from simlib.scenario.row_meaning import Reading, read_rows

_COUNTS_ROWS = re.compile(r"\brows?\b|\bin the log\b", re.IGNORECASE)


def _readings(subject: Subject) -> tuple[Reading, ...]:
    """Return the meaning of each row of the log, or () if there is no log or no `evidence`."""
    scenario = subject.scenario
    if scenario.evidence is None or not scenario.path or not (Path(scenario.path) / LOG_FILE).is_file():
        return ()
    return read_rows(scenario, read_log(scenario.path))


def _sound(subject: Subject) -> tuple[Reading, ...]:
    """Do the same as `_readings`, but return () if the log cannot be read.

    The rule `every_row_is_possible` reports a log that cannot be read.
    """
    try:
        return _readings(subject)
    except ScenarioError:
        return ()


def every_move_with_rows_is_covered(subject: Subject) -> Iterator[Finding]:
    """Report each move of which the log has events, if `evidence.seen` does not name the move."""
    evidence = subject.scenario.evidence
    named = {each.move for each in evidence.seen} if evidence else set()
    counts = Counter(move for reading in _sound(subject) for move in {move for move, _ in reading.firings} - named)
    for move, count in counts.items():
        what = (
            f"{count} row{'s' * (count != 1)} of the log {'are firings' if count != 1 else 'is a firing'} of {move!r}"
        )
        expected = "expected an entry that says how often the log shows this move: always, never or with a chance"
        yield warning("evidence.seen", f"{what}, which is not named", expected)


def every_number_from_the_log_says_so(subject: Subject) -> Iterator[Finding]:
    """Report each assumption that uses the log, but does not say `uses_log_until`.

    An assumption uses the log if it cites the log as a source, or if its reason counts rows of the log.
    """
    scenario = subject.scenario
    if not _sound(subject):
        return
    logs = {
        name for name, source in scenario.sources.items() if LOG_FILE in f"{source.title} {source.url} {source.note}"
    }
    for assumption in scenario.assumptions.values():
        cites = bool(logs & set(assumption.sources))
        if assumption.uses_log_until is None and (cites or _COUNTS_ROWS.search(assumption.because)):
            what = f"{assumption.id!r} {'cites the log' if cites else 'counts rows of the log'} without uses_log_until"
            expected = "expected the last day whose rows were used for this number, so that no row is used twice"
            yield note(subject.place(assumption), what, expected)


def every_row_is_possible(subject: Subject) -> Iterator[Finding]:
    """Report a log that cannot be read, or its first event that no history can explain."""
    scenario = subject.scenario
    try:
        readings = _readings(subject)
        if readings:
            last = last_day([reading.row for reading in readings], scenario.as_of)
            prepare(scenario, readings, scenario.as_of, last, skip_impossible=False)
    except ScenarioError as unread:
        for problem in unread.problems:
            yield error(f"{LOG_FILE}:{problem.line}", problem.what, problem.expected)
    except ImpossibleLog as impossible:
        yield warning(LOG_FILE, str(impossible))
    except (MissingDependency, Unsupported) as refusal:
        yield note(LOG_FILE, f"not checked whether each row is possible: {refusal}")


LOG_RULES = (every_move_with_rows_is_covered, every_number_from_the_log_says_so, every_row_is_possible)
"""Rules about the log."""
