"""A registry of forecasts, each written down with its rule before the answer is known.

Simlib writes the file `forecasts/registry.jsonl` in the folder of the scenario. Each line is a record and holds the
hash of the record before it. This chain of hashes breaks if a record is changed, inserted or removed. Only the removal
of the last records goes unnoticed. The hash of the last record is the receipt. Anyone who publishes the receipt
elsewhere can later prove that the records up to the receipt were not rewritten.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from simlib.answer import plain_json
from simlib.arguments import REGISTRY_DRAWS, Engine
from simlib.calibration.forecast_terms import forecasts_folder, read_terms, refuse_incomplete
from simlib.calibration.scores import monte_carlo_probability
from simlib.control import UNWATCHED, Control
from simlib.engines.ensemble import over_priors
from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.formatting import by_date
from simlib.machine.belief import Belief
from simlib.package import VERSION
from simlib.scenario.model import Scenario

__all__ = ["RegisteredForecast", "Registry", "Resolution", "register", "resolve"]

LEDGER = "registry.jsonl"

Verdict = Literal["yes", "no", "void"]

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class RegisteredForecast:
    """One registered forecast.

    - rule: the rule by which the question is answered.
    - decides: who applies the rule.
    - void_when: the condition, in words, under which the question is void.
    - as_of: date of the scenario.
    - by: deadline of the question, the last day of the forecast.
    - probability: the forecast, a mean over draws of the assumptions. For a share of simulated histories, it is the
      result of `scores.monte_carlo_probability`.
    - low, high: 5% and 95% quantiles of the probability over the draws.
    - rivals: the probabilities that other forecasters gave, by name, including the base rate.
    - because: the reason for the base rate.
    - receipt: hash of the line of this forecast in the registry.
    - provenance: the record from which the forecast can be computed again. Empty in records of earlier versions.
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
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def late(self) -> bool:
        """Whether the deadline had passed when the forecast was registered."""
        return dt.date.fromisoformat(self.registered_at[:10]) > self.by


@dataclass(frozen=True, slots=True)
class Resolution:
    """The verdict on a registered forecast.

    - on: the day on which the answer became known.
    - source: who settled the forecast, and from which report.
    - correction: whether this verdict corrects an earlier one.
    - receipt: hash of the line of this verdict in the registry.
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
    """The forecasts and verdicts of one scenario, in the order in which they were written.

    Each line of `file` is a record of a forecast or a verdict. `receipts` are the hashes of these records.
    """

    file: Path
    forecasts: tuple[RegisteredForecast, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    receipts: tuple[str, ...] = ()

    @property
    def receipt(self) -> str:
        """The hash of the last record. The hash changes if any earlier record is changed."""
        return self.receipts[-1] if self.receipts else _GENESIS

    def verdict(self, number: int) -> Verdict | None:
        """Return the latest verdict on a forecast, or None if the forecast is still open."""
        settled = [each.verdict for each in self.resolutions if each.number == number]
        return settled[-1] if settled else None


# -------------------------------------------------------------------- reading


def read_registry(scenario: Scenario) -> Registry:
    """Read and verify the registry of a scenario, which is empty if nothing was registered.

    Raises:
        ScenarioError: If a record was changed, inserted or removed. The message names the line. The removal of the last
            records is not noticed.
    """
    file = forecasts_folder(scenario) / LEDGER
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


def _verified(text: str, previous: str, file: str, line: int) -> dict[str, Any]:
    """Return the record in a line of a registry, or raise ScenarioError if a check fails.

    The record must hold the hash of its own content. It must also hold `previous`, the hash of the line before it.
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
    draws: int | Belief = REGISTRY_DRAWS,
    engine: Engine = "auto",
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Registry:
    """Add forecasts of a scenario's questions to its registry, and return the registry.

    A question that is already registered with this scenario and deadline is skipped.

    Args:
        scenario: The scenario, without a view (named set of changes) or interventions. The last day of its horizon is
            the deadline.
        questions: The questions to register. Default: all questions in `terms.csv`.
        draws: Number of draws of the priors over which each probability is averaged, or a belief (weighted draws). The
            scenario of an update needs the belief of this update.
        engine: "auto" means the exact engine, or Monte Carlo if there are too many states.
        seed: Seed of the draws.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For a question without terms or without a rule, for a scenario with a view or interventions, for
            the scenario of an update without its belief, and for a registry that something other than simlib changed.
        Unsupported: For a belief about another scenario or date.
    """
    if scenario.joint_start and not isinstance(draws, Belief):
        what = "the scenario comes from an update, and a number of draws leaves out what its log taught"
        raise _refusal(what, "give the belief of the update as `draws`")
    registry, terms = read_registry(scenario), read_terms(scenario)
    wanted = tuple(questions) or tuple(terms)
    refuse_incomplete(scenario, wanted, terms)
    by = by_date(scenario.as_of, scenario.horizon_days)
    known = {(each.question, each.by, each.scenario_sha256) for each in registry.forecasts}
    new = [name for name in wanted if (name, by, scenario.sha256) not in known]
    if not new:
        return registry
    sample = over_priors(scenario, engine=engine, draws=draws, times=1, seed=seed, control=control)
    mixture = sample.mixture()
    records = []
    for number, name in enumerate(new, len(registry.forecasts) + 1):
        question, term, spread = scenario.questions[name], terms[name], sample.spread(name, "questions")[:, -1]
        probability, runs = float(mixture.questions[name].probability[-1]), sample.histories(name)
        record = RegisteredForecast(
            number=number,
            question=name,
            label=question.label,
            rule=question.resolves,
            decides=question.decides,
            void_when=term.void_when,
            as_of=scenario.as_of,
            by=by,
            probability=monte_carlo_probability(probability * runs, runs) if runs else probability,
            low=float(spread[0]),
            high=float(spread[-1]),
            rivals=term.rivals,
            because=term.because,
            scenario_sha256=scenario.sha256,
            version=VERSION,
            registered_at=_now(),
            provenance=mixture.provenance,
        )
        records.append(record)
    return _append(scenario, registry, records)


def resolve(
    scenario: Scenario, number: int, verdict: Verdict, *, on: dt.date, source: str, correction: bool = False
) -> Registry:
    """Record the verdict on a registered forecast, and return the registry.

    Args:
        scenario: The scenario whose folder holds the registry.
        number: The number of the forecast.
        verdict: "yes", "no", or "void" if the void rule applies.
        on: The day on which the answer became known.
        source: Who settled the forecast, and from which report.
        correction: Whether this verdict corrects an earlier one. Both verdicts stay in the registry.

    Raises:
        ScenarioError: For a number that does not exist, an empty source, a "no" before the deadline is over, a "yes"
            before the forecast begins, and a second verdict that is not marked as a correction.
    """
    registry = read_registry(scenario)
    forecast = next((each for each in registry.forecasts if each.number == number), None)
    if forecast is None:
        known = f"1 to {len(registry.forecasts)}" if registry.forecasts else "none"
        raise _refusal(f"there is no forecast {number}", f"known: {known}")
    if not source.strip():
        raise _refusal("a resolution needs a source", "say who settled the forecast, and from which report")
    if registry.verdict(number) is not None and not correction:
        raise _refusal(f"forecast {number} is settled already", "if the verdict was wrong, add a correction")
    if verdict == "no" and on <= forecast.by:
        raise _refusal(f"forecast {number} runs to the end of {forecast.by}", 'answer "no" only on a later day')
    if verdict == "yes" and not forecast.as_of <= on:
        raise _refusal(f"forecast {number} begins on {forecast.as_of}", 'answer "yes" only on that day or later')
    return _append(scenario, registry, [Resolution(number, verdict, on, source, _now(), correction)])


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


def _refusal(what: str, expected: str) -> ScenarioError:
    return ScenarioError(Problem("", 0, "registry", what, expected))


def _hash(record: Mapping[str, Any]) -> str:
    text = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
