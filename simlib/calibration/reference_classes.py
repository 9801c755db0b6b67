"""Base rates: the probabilities of a scenario beside the shares in comparable past crises.

The numbers about past crises, called figures, are in `scenarios/base_rates.yaml`. Each figure belongs to a class of
past crises. A figure is the share of crises in which an event happened, or it measures how events followed one another.
A scenario names its classes by their ids in `reference_class`, and figures of other classes are not applied.

Most figures are about a role, which is a kind of event, such as a war or a threat. The file `base_rate_roles.csv` of a
scenario says which rung (level of a ladder of escalation) or which moves of the scenario are events of each role. The
columns of this file are `role`, `is` (a rung as "LADDER: RUNG", or moves) and `because`. The file can also say why the
scenario departs from a figure. In such a line, `role` is the id of the figure, and `is` is "differs".

References: Palmer and others (2022) MID 5.0. Brecher and others, ICB 14. Douglass and others (2022) ICBe 1.1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.arguments import Engine
from simlib.calibration import interevent
from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, did_you_mean, refuse
from simlib.formatting import long_date, percent
from simlib.machine.belief import Belief, drawn_from
from simlib.scenario import document
from simlib.scenario.library import scenarios_folder
from simlib.scenario.model import Condition, Question, Scenario

if TYPE_CHECKING:
    import pandas as pd

    from simlib.results import Forecast

__all__ = ["BaseRate", "BaseRates", "RateCheck", "base_rates", "classes_of"]

ROLES_FILE = "base_rate_roles.csv"
"""The file of roles (kinds of event), in the folder of a scenario."""

BASE_RATES_FILE = "base_rates.yaml"
"""The file with the figures of past crises, in the folder of the shipped scenarios."""

EXACT_UP_TO = 200_000
"""The exact engine is used up to this number of reachable states, and Monte Carlo above this number."""

MONTE_CARLO_RUNS = 20_000
"""Number of simulated histories of a Monte Carlo forecast, summed over all draws of the assumptions."""

EXPOSURES = ("force", "negotiation")
DIFFERS = "differs"
NOT_APPLIED = "Not applied: the scenario does not name this class."
Roles = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BaseRate:
    """One figure (number) about past crises of a class.

    - measure: "reached" (the share of crises in which an event of this role occurred), "ended" (the share that ended),
      "gap-shape" or "after-force" (see `interevent`).
    - role: the kind of event, such as a war or a threat.
    - within_days: the period from the start of a crisis in days, or None for no limit.
    - figure, low, high: the figure and the ends of its 95% range.
    """

    id: str
    crisis_class: str
    what: str
    measure: str
    role: str
    within_days: float | None
    figure: float
    low: float | None
    high: float | None
    citation: str

    @property
    def share(self) -> bool:
        """Whether the figure (number) is a share of crises, and not a shape parameter or a ratio."""
        return self.measure in ("reached", "ended")


@dataclass(frozen=True, slots=True)
class RateCheck:
    """A figure about past crises, and the value that the scenario implies for it.

    - implied: the value that the scenario implies, or None if nothing was compared. `note` then says why.
    - verdict: whether this value is "inside", "below" or "above" the range of the figure. "" means that the implied
      value or the range is missing.
    """

    rate: BaseRate
    implied: float | None
    verdict: str
    note: str

    def words(self) -> tuple[str, str]:
        """Return the figure with its 95% interval, and the implied value or "not compared"."""
        rate, write = self.rate, percent if self.rate.share else "{:.2f}".format
        past = write(rate.figure)
        if rate.low is not None and rate.high is not None:
            past += f" [{write(rate.low)} to {write(rate.high)}]"
        return past, "not compared" if self.implied is None else write(self.implied)

    def __str__(self) -> str:
        past, implied = self.words()
        here = implied if self.implied is None else f"this scenario {implied}"
        verdict = f" ({self.verdict})" if self.verdict else ""
        return f"{self.rate.what}: {past}; {here}{verdict}" + (f". {self.note}" if self.note else "")


@dataclass(frozen=True)
class BaseRates(Answer):
    """Figures about past crises, each with the value that a scenario implies for it.

    Iterating yields one `RateCheck` for each figure.
    """

    kind: ClassVar[str] = "base_rates"
    sentences_in_json: ClassVar[bool] = False

    scenario: ScenarioKey
    checks: tuple[RateCheck, ...]
    provenance: Mapping[str, Any]

    def __iter__(self) -> Iterator[RateCheck]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    @property
    def applied(self) -> tuple[RateCheck, ...]:
        """The checks of the figures about a class of past crises that the scenario names."""
        return tuple(check for check in self.checks if check.note != NOT_APPLIED)

    @property
    def shares(self) -> tuple[RateCheck, ...]:
        """The checks in `applied` that compare a share of crises with a probability of the scenario."""
        return tuple(check for check in self.applied if check.rate.share and check.implied is not None)

    @property
    def question(self) -> str:
        """The question that this comparison answers."""
        title = f"“{self.scenario.title}”, as of {long_date(self.as_of)},"
        return f"How do the probabilities of {title} compare with past crises of its classes?"

    def sentences(self) -> list[str]:
        """Return a line for each figure about the scenario's classes, then the other classes' names."""
        lines = [str(check) for check in self.applied] or ["The scenario names no class of past crises."]
        others = dict.fromkeys(check.rate.crisis_class for check in self.checks if check.note == NOT_APPLIED)
        return [*lines, f"Not applied: {', '.join(others)}."] if others else lines

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each figure: its range, implied value, verdict and source."""
        import pandas as pd

        return pd.DataFrame(self.data()["figures"])

    def data(self) -> dict[str, Any]:
        """Return every figure about past crises, with the value that the scenario implies for it."""
        rows = [
            {"figure_id": c.rate.id, "class": c.rate.crisis_class}
            | pick(c.rate, "what", "figure", "low", "high")
            | pick(c, "implied", "verdict", "note")
            | {"citation": c.rate.citation}
            for c in self.checks
        ]
        return {"figures": rows}


@cache
def figures() -> tuple[BaseRate, ...]:
    """Return every figure (number) in the table of past crises that comes with simlib."""
    file = scenarios_folder() / BASE_RATES_FILE
    table = document.read(document.read_file(file, str(file)), str(file))
    table.refuse_if_any()
    return tuple(_figure(row) for row in table.data["figures"])


def _figure(row: Mapping[str, Any]) -> BaseRate:
    within, figure, low, high = (
        None if row.get(key) is None else float(row[key]) for key in ("within_days", "figure", "low", "high")
    )
    if "n" in row:
        figure, low, high = share_with_range(int(row["k"]), int(row["n"]))
    assert figure is not None, row["id"]
    what = row["id"], row["class"], row["what"], row["measure"], row.get("role", "")
    return BaseRate(*what, within, figure, low, high, row["citation"])


def share_with_range(k: int, n: int) -> tuple[float, float, float]:
    """Return the share k / n, and the ends of its 95% range.

    The range is the equal-tailed interval of the distribution Beta(k + 1/2, n - k + 1/2). Its low end is 0 if k is 0.
    """
    from scipy.stats import beta

    low, high = beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
    return k / n, 0.0 if k == 0 else float(low), float(high)


def classes_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the classes of past crises that the `reference_class` of a scenario names."""
    words = set(re.findall(r"[a-z0-9-]+", scenario.reference_class.lower()))
    return tuple(dict.fromkeys(rate.crisis_class for rate in figures() if rate.crisis_class in words))


def base_rates(
    scenario: Scenario, *, draws: int | Belief = 0, runs: int = 200, seed: int = 0, control: Control = UNWATCHED
) -> BaseRates:
    """Compare a scenario's probabilities with figures about its classes of past crises.

    Args:
        scenario: The scenario, with its interventions.
        draws: Number of draws of the assumptions from their priors, or a belief (draws with weights). With 0 the values
            stated in the scenario are used.
        runs: Number of histories simulated at the stated values, for the measures "gap-shape" and "after-force". With 0
            figures of these measures are not compared.
        seed: Seed of these histories.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: If the file `base_rate_roles.csv` does not fit the scenario.
        Cancelled: When `control` cancels the work.
    """
    roles, classes = read_roles(scenario), classes_of(scenario)
    rates = [rate for rate in figures() if rate.crisis_class in classes]
    forecast = _forecast(scenario, _questions(scenario, rates, roles), rates, draws, control)
    needed = runs if any(not rate.share for rate in rates) else 0
    crises = interevent.public_events(scenario, needed, seed)
    implied = {rate.id: _implied(rate, forecast, crises, roles) for rate in rates}
    drawn = drawn_from(draws) if isinstance(draws, Belief) else {"draws": draws}
    drawn |= {"runs": forecast.provenance.get("runs"), "histories": needed}
    return BaseRates(
        scenario=ScenarioKey.of(scenario),
        checks=tuple(_check(rate, *implied.get(rate.id, (None, NOT_APPLIED)), roles) for rate in figures()),
        provenance=provenance(scenario, engine=forecast.engine, seed=seed, **drawn),
    )


# -------------------------------------------------------------------- roles


def read_roles(scenario: Scenario) -> Roles:
    """Return {role: (the rung or moves that it stands for, the reason)} from the file of roles.

    A role is a kind of event, such as a war. A rung is a level of a ladder of escalation. By default the role "war"
    stands for the top rung of the ladder `mid`.

    Raises:
        ScenarioError: For an unknown role, rung, move or figure.
    """
    roles: dict[str, tuple[str, str]] = {}
    if "mid" in scenario.ladders:
        roles["war"] = (f"mid: {scenario.ladders['mid'].rungs[-1].id}", "")
    path = Path(scenario.path) / ROLES_FILE
    if not scenario.path or not path.is_file():
        return roles
    problems: list[Problem] = []
    with path.open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines)
        for row in table:
            role, stands_for = (row.get("role") or "").strip(), (row.get("is") or "").strip()
            wrong = _wrong_with(scenario, role, stands_for)
            problems += [Problem(str(path), table.line_num, role, *wrong)] if wrong else []
            roles[role] = (stands_for, (row.get("because") or "").strip())
    refuse(problems)
    return roles


def _wrong_with(scenario: Scenario, role: str, stands_for: str) -> tuple[str, str] | None:
    if stands_for == DIFFERS:
        known = [rate.id for rate in figures()]
        return None if role in known else (f"unknown figure {role!r}", did_you_mean(role, known))
    known = list(dict.fromkeys(rate.role for rate in figures() if rate.role)) + list(EXPOSURES)
    if role not in known:
        return f"unknown role {role!r}", did_you_mean(role, known)
    named = _rung(stands_for)
    if named:
        rungs = [(name, item.id) for name, each in scenario.ladders.items() for item in each.rungs]
        expected = did_you_mean(stands_for, map(": ".join, rungs))
        return None if named in rungs else (f"unknown rung {stands_for!r}", expected)
    unknown = [name for name in stands_for.split() if name not in scenario.moves]
    if unknown or not stands_for:
        return f"unknown move {' '.join(unknown)!r}", did_you_mean(" ".join(unknown), scenario.moves)
    return None


def _rung(stands_for: str) -> tuple[str, str] | None:
    """Return the ladder and the rung of "LADDER: RUNG", or None if a role stands for moves."""
    ladder, colon, rung = (part.strip() for part in stands_for.partition(":"))
    return (ladder, rung) if colon else None


# -------------------------------------------------------------------- implied probabilities


def _questions(scenario: Scenario, rates: Iterable[BaseRate], roles: Roles) -> dict[str, Question]:
    """Return {id: question}, with one question for each role (kind of event) in `rates`.

    Only rates with the measure "reached" are used. A role has no question if it stands for several moves, or for
    nothing in the scenario.
    """
    questions = {}
    for role in dict.fromkeys(rate.role for rate in rates if rate.measure == "reached"):
        stands_for, name = roles.get(role, ("", ""))[0], f"role-{role}"
        named = _rung(stands_for)
        if named:
            questions[name] = Question(name, role, when=_at_least(scenario, *named))
        elif len(stands_for.split()) == 1:
            questions[name] = Question(name, role, move=stands_for)
    return questions


def _at_least(scenario: Scenario, ladder: str, rung: str) -> Condition:
    rungs = scenario.ladders[ladder].rungs
    first = [item.id for item in rungs].index(rung)
    return Condition(tuple(clause for item in rungs[first:] for clause in item.when.clauses))


def _forecast(
    scenario: Scenario,
    questions: Mapping[str, Question],
    rates: Iterable[BaseRate],
    draws: int | Belief,
    control: Control,
) -> Forecast:
    from simlib.engines.ensemble import over_priors
    from simlib.engines.exact.forecast import solve
    from simlib.engines.montecarlo.simulator import simulate

    days = sorted({scenario.horizon_days, *(rate.within_days for rate in rates if rate.within_days)})
    # The period of a figure may end after the horizon.
    longer = scenario.replace(questions=questions, horizon_days=days[-1])
    engine: Engine = "montecarlo" if _too_large(longer) else "exact"
    if isinstance(draws, Belief) or draws:
        each = -(-MONTE_CARLO_RUNS // (draws.draws if isinstance(draws, Belief) else draws))
        return over_priors(longer, engine=engine, draws=draws, runs=each, times=days, control=control).mixture()
    if engine == "montecarlo":
        return simulate(longer, runs=MONTE_CARLO_RUNS, times=days, control=control)
    return solve(longer, times=days, control=control)


def _too_large(scenario: Scenario) -> bool:
    from simlib.engines.exact.reachable import enumerate_states
    from simlib.errors import DOES_NOT_FIT
    from simlib.machine.tables import Tables

    try:
        enumerate_states(Tables(scenario), cap=EXACT_UP_TO)
    except DOES_NOT_FIT:
        return True
    return False


def _implied(
    rate: BaseRate, forecast: Forecast, crises: tuple[interevent.PublicEvents, ...], roles: Roles
) -> tuple[float | None, str]:
    if rate.measure == "gap-shape":
        return interevent.gap_shape(crises), "" if crises else "No histories were simulated."
    if rate.measure == "after-force":
        return _after_force(rate, crises, roles)
    day = forecast.horizon_days if rate.within_days is None else rate.within_days
    at = [float(time) for time in forecast.times].index(day) if day in forecast.times else -1
    if rate.measure == "ended":
        return 1 - float(forecast.endings["ongoing"].probability[at]), f"By day {day:g}."
    question = forecast.questions.get(f"role-{rate.role}")
    if question is None:
        return None, f"No rung or move stands for {rate.role!r}; name one in base_rate_roles.csv."
    because = roles.get(rate.role, ("", ""))[1]
    return float(question.probability[at]), f"By day {day:g}. {because}".strip()


def _after_force(rate: BaseRate, crises: tuple[interevent.PublicEvents, ...], roles: Roles) -> tuple[float | None, str]:
    if not {rate.role, *EXPOSURES} <= set(roles):
        return None, f"One of {rate.role!r}, force and negotiation has no move; name a move in base_rate_roles.csv."
    kind, force, negotiation = (roles[role][0].split() for role in (rate.role, *EXPOSURES))
    implied = interevent.after_force(crises, kind, force, negotiation)
    return implied, "" if implied is not None else "In the simulated histories these events are too rare for a figure."


def _check(rate: BaseRate, implied: float | None, note: str, roles: Roles) -> RateCheck:
    verdict = ""
    if implied is not None and rate.low is not None and rate.high is not None:
        verdict = "below" if implied < rate.low else "above" if implied > rate.high else "inside"
    reason, because = roles.get(rate.id, ("", ""))
    if verdict != "inside" and reason == DIFFERS and implied is not None:
        note = f"{note} {because}".strip()
    return RateCheck(rate, implied, verdict, note)
