"""Base rates: what a scenario implies, printed beside what comparable crises did.

The figures stand in `base_rates.csv` beside this module: each belongs to a class of past crises and says what share of
them did something, or how their events followed each other. A scenario names its classes by their ids in
`reference_class`; figures of other classes are listed as not applied. What stands for a war, a third party or a threat
in a given world is said in its own `base_rates.csv`, beside `scenario.yaml`: columns `role`, `is` (a rung as
"LADDER: RUNG", or moves) and `because`. A line whose role is the id of a figure and whose `is` is "differs" gives the
reason for which the world departs from that figure.

References: Palmer and others (2022) MID 5.0; Brecher and others, ICB 14; Douglass and others (2022) ICBe 1.1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.calibration import interevent as rhythm
from simlib.control import Control, in_transition
from simlib.errors import Problem, ScenarioError, did_you_mean
from simlib.scenario.model import Condition, Question, Scenario
from simlib.typing import Engine

if TYPE_CHECKING:
    import pandas as pd

    from simlib.results import Forecast

FILE = "base_rates.csv"
EXACT_UP_TO = 200_000
"""Reachable states up to which the exact engine answers; beyond, Monte Carlo does."""

RUNS = 20_000
EXPOSURES = ("force", "negotiation")
DIFFERS = "differs"
NOT_APPLIED = "Not applied: the scenario does not name this class."
Roles = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BaseRate:
    """One figure about past crises: `figure` with its 95% range, within some days (None: however long it took).

    `measure` says what is compared: "reached" (a role happened), "ended", "gap-shape", or "after-force".
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
        """True for a share of crises, false for a shape or a ratio."""
        return self.measure in ("reached", "ended")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure, what the scenario implies for it (None: not compared, and `note` says why), and how they lie.

    `verdict` is "inside", "below" or "above" the range, or "".
    """

    rate: BaseRate
    implied: float | None
    verdict: str
    note: str

    def __str__(self) -> str:
        show = _percent if self.rate.share else "{:.2f}".format
        text = f"{self.rate.what}: {show(self.rate.figure)}"
        if self.rate.low is not None and self.rate.high is not None:
            text += f" [{show(self.rate.low)}, {show(self.rate.high)}]"
        implied = "not compared" if self.implied is None else f"this scenario {show(self.implied)}"
        verdict = f" ({self.verdict})" if self.verdict else ""
        return f"{text}; {implied}{verdict}" + (f". {self.note}" if self.note else "")


@cache
def figures() -> tuple[BaseRate, ...]:
    """Return every figure of the shipped table."""
    with Path(__file__).with_name(FILE).open(encoding="utf-8", newline="") as lines:
        return tuple(_figure(row) for row in csv.DictReader(lines))


def _figure(row: Mapping[str, str]) -> BaseRate:
    number = {key: float(row[key]) if row[key] else None for key in ("within_days", "figure", "low", "high")}
    figure, low, high = number["figure"], number["low"], number["high"]
    if row["n"]:
        figure, low, high = share_with_range(int(row["k"]), int(row["n"]))
    assert figure is not None, row["id"]
    return BaseRate(
        row["id"],
        row["class"],
        row["what"],
        row["measure"],
        row["role"],
        number["within_days"],
        figure,
        low,
        high,
        row["citation"],
    )


def share_with_range(k: int, n: int) -> tuple[float, float, float]:
    """Return k / n with its equal-tailed 95% range under Beta(k + 1/2, n - k + 1/2); the low end is 0 where k is 0."""
    from scipy.stats import beta

    low, high = beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)
    return k / n, 0.0 if k == 0 else float(low), float(high)


def classes_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the classes of past crises that a scenario names in its `reference_class`, in the order of the table."""
    named = set(re.findall(r"[a-z0-9-]+", scenario.reference_class.lower()))
    return tuple(dict.fromkeys(rate.crisis_class for rate in figures() if rate.crisis_class in named))


@in_transition
def compare(
    scenario: Scenario,
    *,
    draws: int = 0,
    histories: int = 200,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> tuple[Comparison, ...]:
    """Compare what a scenario implies with the figures of its classes; the others come back as not applied.

    At the stated values, or over the priors with `draws`; what concerns the order of events is read off `histories`
    simulated histories at the stated values (0: left out). Raises ScenarioError for roles that do not fit the world.
    """
    roles = read_roles(scenario)
    named = classes_of(scenario)
    wanted = [rate for rate in figures() if rate.crisis_class in named]
    asked = _questions(scenario, wanted, roles)
    forecast = _forecast(scenario, asked, wanted, draws, progress, cancel)
    needed = histories if any(not rate.share for rate in wanted) else 0
    seen = rhythm.play(scenario, needed, seed)
    implied = {rate.id: _implied(rate, forecast, seen, roles) for rate in wanted}
    return tuple(_judged(rate, *implied.get(rate.id, (None, NOT_APPLIED)), roles) for rate in figures())


def frame(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Return comparisons as a table: figure, range, implied, verdict, note, class and citation."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "figure_id": c.rate.id,
                "class": c.rate.crisis_class,
                "what": c.rate.what,
                "figure": c.rate.figure,
                "low": c.rate.low,
                "high": c.rate.high,
                "implied": c.implied,
                "verdict": c.verdict,
                "note": c.note,
                "citation": c.rate.citation,
            }
            for c in comparisons
        ]
    )


def report(comparisons: Iterable[Comparison]) -> str:
    """Return what was compared as lines, and the classes that were not as one more."""
    comparisons = tuple(comparisons)
    applied = [c for c in comparisons if c.note != NOT_APPLIED]
    lines = [f"- {comparison}" for comparison in applied] or ["- no class of past crises is named"]
    others = dict.fromkeys(c.rate.crisis_class for c in comparisons if c not in applied)
    return "\n".join(["Base rates:", *lines, *([f"- not applied: {', '.join(others)}"] if others else [])]) + "\n"


# -------------------------------------------------------------------- what stands for what


def read_roles(scenario: Scenario) -> Roles:
    """Return {role: (what it is, because)} from the file beside the scenario; the top of a ladder `mid` is war.

    Raises ScenarioError for a rung, a move or a figure that is not known.
    """
    roles: dict[str, tuple[str, str]] = {}
    if "mid" in scenario.ladders:
        roles["war"] = (f"mid: {scenario.ladders['mid'].rungs[-1].id}", "")
    path = Path(scenario.path) / FILE
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
    if problems:
        raise ScenarioError(problems)
    return roles


def _wrong_with(scenario: Scenario, role: str, stands_for: str) -> tuple[str, str] | None:
    if stands_for == DIFFERS:
        known = [rate.id for rate in figures()]
        return None if role in known else (f"unknown figure {role!r}", did_you_mean(role, known))
    known = list(dict.fromkeys(rate.role for rate in figures() if rate.role)) + list(EXPOSURES)
    if role not in known:
        return f"unknown role {role!r}", did_you_mean(role, known)
    if ":" in stands_for:
        ladder, rung = (part.strip() for part in stands_for.split(":", 1))
        rungs = [item.id for item in scenario.ladders[ladder].rungs] if ladder in scenario.ladders else []
        known = [f"{name}: {item.id}" for name, each in scenario.ladders.items() for item in each.rungs]
        return None if rung in rungs else (f"unknown rung {stands_for!r}", did_you_mean(stands_for, known))
    unknown = [name for name in stands_for.split() if name not in scenario.moves]
    if unknown or not stands_for:
        return f"unknown move {' '.join(unknown)!r}", did_you_mean(" ".join(unknown), scenario.moves)
    return None


# -------------------------------------------------------------------- what the scenario implies


def _questions(scenario: Scenario, wanted: Iterable[BaseRate], roles: Roles) -> dict[str, Question]:
    """Return one question for each role that something is asked of, by role; moves must be one."""
    asked = {}
    for role in dict.fromkeys(rate.role for rate in wanted if rate.measure == "reached"):
        stands_for = roles.get(role, ("", ""))[0]
        if ":" in stands_for:
            ladder, rung = (part.strip() for part in stands_for.split(":", 1))
            asked[role] = Question(f"role-{role}", role, when=_at_least(scenario, ladder, rung))
        elif len(stands_for.split()) == 1:
            asked[role] = Question(f"role-{role}", role, move=stands_for)
    return asked


def _at_least(scenario: Scenario, ladder: str, rung: str) -> Condition:
    """Return the condition of standing on a rung or above it."""
    rungs = scenario.ladders[ladder].rungs
    first = [item.id for item in rungs].index(rung)
    return Condition(tuple(clause for item in rungs[first:] for clause in item.when.clauses))


def _forecast(
    scenario: Scenario,
    asked: Mapping[str, Question],
    wanted: Iterable[BaseRate],
    draws: int,
    progress: Callable[[float], None] | None,
    cancel: Callable[[], bool] | None,
) -> Forecast:
    from simlib.engines import ensemble as mixture
    from simlib.engines.exact import forecast as exact
    from simlib.engines.montecarlo import simulator as montecarlo

    days = sorted({scenario.horizon_days, *(rate.within_days for rate in wanted if rate.within_days)})
    scenario = scenario.replace(questions={question.id: question for question in asked.values()}, horizon_days=days[-1])
    frame = {"times": days, "control": Control(progress, cancel)}
    by_sampling = _too_large(scenario)
    if draws:
        engine: Engine = "montecarlo" if by_sampling else "exact"
        return mixture.forecast(scenario, engine=engine, draws=draws, runs=-(-RUNS // draws), **frame)
    if by_sampling:
        return montecarlo.simulate(scenario, runs=RUNS, **frame)
    return exact.solve(scenario, **frame)


def _too_large(scenario: Scenario) -> bool:
    from simlib.engines.exact.reachable import enumerate_states
    from simlib.errors import TooManyStates
    from simlib.machine.tables import Tables

    try:
        enumerate_states(Tables(scenario), cap=EXACT_UP_TO)
    except TooManyStates:
        return True
    return False


def _implied(
    rate: BaseRate, forecast: Forecast, histories: tuple[rhythm.History, ...], roles: Roles
) -> tuple[float | None, str]:
    """Return what the scenario implies for a figure and a note; None where it says nothing about it."""
    if rate.measure == "gap-shape":
        return rhythm.gap_shape(histories), "" if histories else "No histories were simulated."
    if rate.measure == "after-force":
        return _after_force(rate, histories, roles)
    day = forecast.horizon_days if rate.within_days is None else rate.within_days
    at = [float(time) for time in forecast.times].index(day) if day in forecast.times else -1
    if rate.measure == "ended":
        return 1 - float(forecast.endings["ongoing"].probability[at]), f"By day {day:g}."
    question = forecast.questions.get(f"role-{rate.role}")
    if question is None:
        return None, f"Nothing stands for {rate.role!r} in this world."
    because = roles.get(rate.role, ("", ""))[1]
    return float(question.probability[at]), f"By day {day:g}. {because}".strip()


def _after_force(rate: BaseRate, histories: tuple[rhythm.History, ...], roles: Roles) -> tuple[float | None, str]:
    if not {rate.role, *EXPOSURES} <= set(roles):
        return None, f"Nothing stands for {rate.role!r}, or for force and negotiation, in this world."
    kind, force, negotiation = (roles[role][0].split() for role in (rate.role, *EXPOSURES))
    implied = rhythm.after_force(histories, kind, force, negotiation)
    return implied, "" if implied is not None else "Too rare in the simulated histories."


def _judged(rate: BaseRate, implied: float | None, note: str, roles: Roles) -> Comparison:
    verdict = ""
    if implied is not None and rate.low is not None and rate.high is not None:
        verdict = "below" if implied < rate.low else "above" if implied > rate.high else "inside"
    reason, because = roles.get(rate.id, ("", ""))
    if verdict != "inside" and reason == DIFFERS and implied is not None:
        note = f"{note} {because}".strip()
    return Comparison(rate, implied, verdict, note)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
