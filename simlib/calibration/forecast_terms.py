"""The terms of registered questions: void rules, base rates and the forecasts of rivals.

A person writes the file `forecasts/terms.csv` in the folder of the scenario. For each question the file says when the
question is void, and gives a base rate (`climatology`) with its reason. The scenario's forecast is compared with this
base rate, and with the forecasts of rivals. Each rival, such as a market or a person, may have a column with its
probabilities.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib import quantities
from simlib.errors import Problem, QuantityError, ScenarioError, refuse
from simlib.formatting import by_date, percent
from simlib.scenario.model import Scenario

FOLDER, TERMS = "forecasts", "terms.csv"
TERMS_COLUMNS = ("question", "void_when", "climatology", "because")
CLIMATOLOGY = "climatology"


@dataclass(frozen=True, slots=True)
class Term:
    """The terms of one question: when it is void, and the rival forecasts.

    - question: id of the question.
    - void_when: the condition, in words, under which the question is void.
    - rivals: the probabilities of other forecasters by name, including the base rate (`CLIMATOLOGY`).
    - because: the reason for the base rate.
    """

    question: str
    void_when: str
    rivals: Mapping[str, float]
    because: str


def read_terms(scenario: Scenario) -> dict[str, Term]:
    """Return {id of a question: its terms} for the questions of a scenario.

    Raises:
        ScenarioError: If `terms.csv` is missing or has errors. The message lists all of them.
    """
    file = forecasts_folder(scenario) / TERMS
    if not file.exists():
        expected = f"expected a table with the columns {', '.join(TERMS_COLUMNS)}"
        raise ScenarioError(Problem(str(file), 0, "", "the terms of the questions are missing", expected))
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in TERMS_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ScenarioError(Problem(str(file), 1, "", f"the column {', '.join(missing)} is missing", "add it"))
        terms: dict[str, Term] = {}
        problems: list[Problem] = []
        for row in reader:
            problems += _problems_of_row(row, scenario, terms, str(file), reader.line_num)
            if not problems:
                terms[row["question"]] = _term(row)
    refuse(problems)
    return terms


def _problems_of_row(
    row: Mapping[str, Any], scenario: Scenario, known: Collection[str], file: str, line: int
) -> list[Problem]:
    name = row["question"]
    problems = []
    if name not in scenario.questions:
        expected = f"expected one of {', '.join(scenario.questions)}"
        problems.append(Problem(file, line, "question", f"the scenario has no question {name!r}", expected))
    if name in known:
        problems.append(Problem(file, line, "question", f"{name!r} has a second row", "expected one row for each"))
    for column, text in row.items():
        if column in (CLIMATOLOGY, *_rival_columns(row)) and (text or column == CLIMATOLOGY) and not _is_share(text):
            problems.append(Problem(file, line, str(column), f"{text!r} is no probability", "expected 12% or 0.12"))
    problems += [
        Problem(file, line, column, "is empty", "expected words")
        for column in ("void_when", "because")
        if not (row[column] or "").strip()
    ]
    return problems


def _rival_columns(row: Mapping[str, Any]) -> list[str]:
    return [column for column in row if column and column not in TERMS_COLUMNS]


def _share(text: str) -> float:
    return quantities.parse(text, "chance").value


def _is_share(text: Any) -> bool:
    try:
        return 0 < _share(str(text)) < 1
    except QuantityError:
        return False


def _term(row: Mapping[str, str]) -> Term:
    named = (CLIMATOLOGY, *(column for column in _rival_columns(row) if row[column]))
    return Term(row["question"], row["void_when"], {name: _share(row[name]) for name in named}, row["because"])


def as_questions(scenario: Scenario) -> str:
    """Return, as Markdown to post on a forecasting site, the questions that have terms.

    Each question has its rule, deadline, void rule and base rate, but no probability.

    Raises:
        ScenarioError: For a question without a rule, for terms that cannot be read, and for a scenario with a view (a
            named set of changes) or interventions.
    """
    terms, by = read_terms(scenario), by_date(scenario.as_of, scenario.horizon_days)
    refuse_incomplete(scenario, tuple(terms), terms)
    parts = []
    for name, term in terms.items():
        question = scenario.questions[name]
        parts += [
            f"## {question.label} by {by.isoformat()}?",
            f"Opens: {scenario.as_of.isoformat()}. Closes: end of {by.isoformat()} (UTC).",
            f"**Resolution.** {question.resolves}",
            f"**Who decides.** {question.decides}",
            f"**Void** if {term.void_when}.",
            f"**Base rate.** {percent(term.rivals[CLIMATOLOGY])}: {term.because}",
        ]
    return "\n\n".join(parts) + "\n"


def refuse_incomplete(scenario: Scenario, wanted: Sequence[str], terms: Mapping[str, Term]) -> None:
    """Raise ScenarioError if any of the questions `wanted` cannot be registered."""
    problems = [
        Problem(str(forecasts_folder(scenario) / TERMS), 0, name, "the question has no terms", "expected a row for it")
        for name in wanted
        if name not in terms
    ]
    problems += [
        Problem(scenario.path, 0, f"questions.{name}", "it has no resolution rule", "expected `resolves` and `decides`")
        for name in wanted
        if name in terms and not (scenario.questions[name].resolves and scenario.questions[name].decides)
    ]
    if scenario.interventions or scenario.view:
        what = "forecasts of a scenario with a view or interventions cannot be registered"
        problems.append(Problem("", 0, "register", what, "leave out the view and the interventions"))
    refuse(problems)


def forecasts_folder(scenario: Scenario) -> Path:
    """Return the folder with the terms of a scenario's questions and its registry of forecasts."""
    if not scenario.path:
        what = "a scenario read from a pipe has no registry"
        raise ScenarioError(Problem("", 0, "registry", what, "expected the scenario as a file"))
    return Path(scenario.path) / FOLDER
