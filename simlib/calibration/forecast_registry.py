"""A registry of forecasts, written down with their rules before the answer is known.

Its two files are in the folder `forecasts/` of the scenario. A person writes `terms.csv`. For each question it says
when the question is void, and gives a base rate (`climatology`) with its reason. Every other rival, such as a market or
a person, may have a column with its probabilities. Simlib writes `registry.jsonl`, one record a line, each with the
hash of the record before it. Changing, removing or inserting a record breaks the chain. The hash of the last record is
the receipt. Anyone who publishes the receipt elsewhere can prove that no earlier record was rewritten.
"""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simlib import __version__, quantities
from simlib.answer import plain_json
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import over_priors
from simlib.errors import Problem, QuantityError, ScenarioError
from simlib.files import write_atomically
from simlib.formatting import by_date, percent
from simlib.scenario.model import Scenario
from simlib.typing import Engine

FOLDER, TERMS, LEDGER = "forecasts", "terms.csv", "registry.jsonl"
COLUMNS = ("question", "void_when", "climatology", "because")
CLIMATOLOGY = "climatology"

Verdict = Literal["yes", "no", "void"]

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Term:
    """The terms of one question: when it is void, and the probability that each rival gives.

    `because` is the reason for the base rate.
    """

    question: str
    void_when: str
    rivals: Mapping[str, float]
    because: str


@dataclass(frozen=True, slots=True)
class RegisteredForecast:
    """One registered forecast.

    `low` and `high` are the 5 and 95% points over the assumptions. `rivals` holds the probabilities of the rivals,
    including the base rate.
    """

    number: int
    question: str
    label: str
    rule: str
    decides: str
    void_when: str
    as_of: dt.date
    by: dt.date
    probability: float
    low: float
    high: float
    rivals: Mapping[str, float]
    because: str
    scenario_sha256: str
    version: str
    registered_at: str
    receipt: str = ""

    @property
    def late(self) -> bool:
        """Whether the deadline had passed when the forecast was registered."""
        return dt.date.fromisoformat(self.registered_at[:10]) > self.by


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a registered forecast was settled.

    `source` says who settled it, and `on` is the day on which the answer was known.
    """

    number: int
    verdict: Verdict
    on: dt.date
    source: str
    registered_at: str
    correction: bool = False
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """The records of one scenario, in the order in which they were written."""

    file: Path
    forecasts: tuple[RegisteredForecast, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    receipts: tuple[str, ...] = ()

    @property
    def receipt(self) -> str:
        """The hash of the last record. It depends on every record before it, so it vouches for all."""
        return self.receipts[-1] if self.receipts else _GENESIS

    def verdict(self, number: int) -> Verdict | None:
        """Return the latest verdict on a forecast, or None if it is still open."""
        settled = [each.verdict for each in self.resolutions if each.number == number]
        return settled[-1] if settled else None


# -------------------------------------------------------------------- reading


def read_registry(scenario: Scenario) -> Registry:
    """Read and verify the registry of a scenario. It is empty if nothing was registered.

    Raises:
        ScenarioError: for a record that was changed, removed or inserted, with its line.
    """
    file = _folder(scenario) / LEDGER
    if not file.exists():
        return Registry(file)
    forecasts: list[RegisteredForecast] = []
    resolutions: list[Resolution] = []
    receipts = [_GENESIS]
    for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        record = _verified(text, receipts[-1], str(file), line)
        receipts.append(record["hash"])
        if record["record"] == "forecast":
            forecasts.append(_rebuilt(RegisteredForecast, record))
        else:
            resolutions.append(_rebuilt(Resolution, record))
    return Registry(file, tuple(forecasts), tuple(resolutions), tuple(receipts[1:]))


def read_terms(scenario: Scenario) -> dict[str, Term]:
    """Read `forecasts/terms.csv` of a scenario.

    Raises:
        ScenarioError: with every problem of the file at once.
    """
    file = _folder(scenario) / TERMS
    if not file.exists():
        expected = f"expected a table with the columns {', '.join(COLUMNS)}"
        raise ScenarioError(Problem(str(file), 0, "", "the terms of the questions are missing", expected))
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ScenarioError(Problem(str(file), 1, "", f"the column {', '.join(missing)} is missing", "add it"))
        terms: dict[str, Term] = {}
        problems: list[Problem] = []
        for row in reader:
            problems += _problems_of_row(row, scenario, terms, str(file), reader.line_num)
            if not problems:
                terms[row["question"]] = _term(row)
    if problems:
        raise ScenarioError(problems)
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
    return [column for column in row if column and column not in COLUMNS]


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


def _verified(text: str, previous: str, file: str, line: int) -> dict[str, Any]:
    """Return a record, after checking its hash and that it follows the record before it.

    `previous` is the hash of the record before it.
    """
    try:
        record = json.loads(text)
        stated = record.pop("hash")
        broken = record["previous"] != previous
    except (ValueError, KeyError, TypeError, AttributeError):
        what = "this is not a record of a registry"
        raise ScenarioError(Problem(file, line, "", what, "expected a line that simlib wrote")) from None
    if broken:
        what = "this record does not follow the one before it"
        raise ScenarioError(Problem(file, line, "", what, "expected no record removed, inserted or moved"))
    if stated != _hash(record):
        what = "this record was changed after it was written"
        raise ScenarioError(Problem(file, line, "", what, "restore it, and add the correction as a new record"))
    return {**record, "hash": stated}


def _rebuilt(kind: Any, record: Mapping[str, Any]) -> Any:
    fields = {field.name: record[field.name] for field in dataclasses.fields(kind) if field.name in record}
    dates = {name: dt.date.fromisoformat(fields[name]) for name in ("as_of", "by", "on") if name in fields}
    return kind(**fields | dates | {"receipt": record["hash"]})


# -------------------------------------------------------------------- writing


def register(
    scenario: Scenario,
    *,
    questions: Sequence[str] = (),
    draws: int = 512,
    engine: Engine = "auto",
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Registry:
    """Add the forecasts of a scenario's questions to its registry, and return the registry.

    A question already registered with the same scenario and deadline is skipped.

    Args:
        scenario: The scenario without a view or interventions. The end of its horizon is the deadline.
        questions: The questions to register. Default: all that `terms.csv` names.
        draws: Number of draws of the priors over which each probability is averaged.
        engine: "auto" is the exact engine unless there are too many states, else Monte Carlo.
        seed: Seed of the draws.
        control: Progress and cancelling.

    Raises:
        ScenarioError: for a question without terms or without a rule, and for a registry that was changed.
    """
    registry, terms = read_registry(scenario), read_terms(scenario)
    wanted = tuple(questions) or tuple(terms)
    _refuse_incomplete(scenario, wanted, terms)
    by = by_date(scenario.as_of, scenario.horizon_days)
    known = {(each.question, each.by, each.scenario_sha256) for each in registry.forecasts}
    new = [name for name in wanted if (name, by, scenario.sha256) not in known]
    if not new:
        return registry
    sample = over_priors(scenario, engine=engine, draws=draws, times=1, seed=seed, control=control)
    mixture, records = sample.mixture(), []
    for number, name in enumerate(new, len(registry.forecasts) + 1):
        question, spread = scenario.questions[name], sample.spread(name, "questions")[:, -1]
        records.append(
            RegisteredForecast(
                number=number,
                question=name,
                label=question.label,
                rule=question.resolves,
                decides=question.decides,
                void_when=terms[name].void_when,
                as_of=scenario.as_of,
                by=by,
                probability=float(mixture.questions[name].probability[-1]),
                low=float(spread[0]),
                high=float(spread[-1]),
                rivals=terms[name].rivals,
                because=terms[name].because,
                scenario_sha256=scenario.sha256,
                version=__version__,
                registered_at=_now(),
            )
        )
    return _append(scenario, registry, records)


def resolve(
    scenario: Scenario, number: int, verdict: Verdict, *, on: dt.date, source: str, correction: bool = False
) -> Registry:
    """Record how a registered forecast was settled, and return the registry.

    Args:
        scenario: The scenario that keeps the registry.
        number: The number of the forecast.
        verdict: "yes", "no", or "void" if the void rule applies.
        on: The day on which the answer was known.
        source: Who settled it, from which report.
        correction: Whether this corrects an earlier resolution. Both stay in the registry.

    Raises:
        ScenarioError: for a number that does not exist, a "no" before the deadline, and a second resolution that is not
            marked as a correction.
    """
    registry = read_registry(scenario)
    forecast = next((each for each in registry.forecasts if each.number == number), None)
    if forecast is None:
        known = f"1 to {len(registry.forecasts)}" if registry.forecasts else "none"
        raise _refusal(f"there is no forecast {number}", f"known: {known}")
    if not source.strip():
        raise _refusal("a resolution needs a source", "say who settled it, and from which report")
    if registry.verdict(number) is not None and not correction:
        raise _refusal(f"forecast {number} is settled already", "if that was wrong, resolve it again as a correction")
    if verdict == "no" and on <= forecast.by:
        raise _refusal(f"forecast {number} runs to the end of {forecast.by}", 'answer "no" only on a later day')
    if verdict == "yes" and not forecast.as_of <= on:
        raise _refusal(f"forecast {number} begins on {forecast.as_of}", 'answer "yes" only on that day or later')
    return _append(scenario, registry, [Resolution(number, verdict, on, source, _now(), correction)])


def as_questions(scenario: Scenario) -> str:
    """Return the questions as Markdown to post on a forecasting site.

    Each has its rule, deadline, void rule and base rate, but no probability.
    """
    terms, by = read_terms(scenario), by_date(scenario.as_of, scenario.horizon_days)
    _refuse_incomplete(scenario, tuple(terms), terms)
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


def _append(scenario: Scenario, registry: Registry, records: Sequence[RegisteredForecast | Resolution]) -> Registry:
    lines = registry.file.read_text(encoding="utf-8") if registry.file.exists() else ""
    previous = registry.receipt
    for record in records:
        kind = "forecast" if isinstance(record, RegisteredForecast) else "resolution"
        fields = plain_json(dataclasses.asdict(record))
        fields.pop("receipt")
        whole = {"record": kind, "previous": previous, **fields}
        previous = _hash(whole)
        lines += json.dumps({**whole, "hash": previous}, ensure_ascii=False) + "\n"
    write_atomically(registry.file, lines)
    return read_registry(scenario)


def _refuse_incomplete(scenario: Scenario, wanted: Sequence[str], terms: Mapping[str, Term]) -> None:
    problems = [
        Problem(str(_folder(scenario) / TERMS), 0, name, "the question has no terms", "expected a row for it")
        for name in wanted
        if name not in terms
    ]
    problems += [
        Problem(scenario.path, 0, f"questions.{name}", "it has no resolution rule", "expected `resolves` and `decides`")
        for name in wanted
        if name in terms and not (scenario.questions[name].resolves and scenario.questions[name].decides)
    ]
    if scenario.interventions or scenario.view:
        what = "a scenario with a view or interventions cannot be registered"
        problems.append(Problem("", 0, "register", what, "register it without them"))
    if problems:
        raise ScenarioError(problems)


def _folder(scenario: Scenario) -> Path:
    if not scenario.path:
        raise _refusal("a scenario read from a pipe has no registry", "expected the scenario as a file")
    return Path(scenario.path) / FOLDER


def _refusal(what: str, expected: str) -> ScenarioError:
    return ScenarioError(Problem("", 0, "registry", what, expected))


def _hash(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
