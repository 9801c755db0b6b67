"""What an observation would settle: the value of seeing, or not seeing, a public move by a day.

Nobody can look up an assumption; what can be had is an observation. Whether a public move has been seen by day t tells
of the assumptions, through how often it happens, and of the state, through what it led to. Among histories in which
the question is still open at t, seeing moves its probability to P(E | seen) and not seeing to P(E | not seen); the
expected gain (the expected value of sample information, EVSI) is

    Brier:  P(open) q (1 - q) (P(E | seen) - P(E | not seen))²,   q = P(seen | open),
    log:    P(open) times the mutual information of E and seeing, in nats,

over the priors, every draw played with replicates of its own. Beside it stands what the observation settles of the
doubt about the assumptions alone: the part of Var(P_θ) over draws that it would explain, Cov(P_θ, Q_θ)² / (q (1 - q)),
with Q_θ the probability of seeing. Squares are products of different blocks of replicates, so that noise does not pass
for a gain. Not seeing counts as evidence here: that is sound only where the record of a move is complete. Gains of
several observations overlap and are never to be added.

Reference: Ades, A., Lu, G. and Claxton, K. (2004) Expected value of sample information calculations in medical
decision modeling, Medical Decision Making 24.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.evaluator import BLOCKS, cores, cross
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import Number, estimate, variance_over_draws
from simlib.analysis.uncertainty.evppi import Evidence, divergence, evidence, explained_variance, hermite
from simlib.analysis.uncertainty.sampling import SCRAMBLES
from simlib.answer import plain_json, provenance
from simlib.control import in_transition
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Cancelled, Problem, ScenarioError, did_you_mean
from simlib.formatting import brier_gain, long_date, percent
from simlib.machine import priors
from simlib.machine.measures import Measure, find
from simlib.scenario.model import Question, Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.montecarlo.counts import Counts

DRAWS, RUNS = 256, 2000
WITHIN_DAYS = 14.0

_OPEN, _HAPPENS, _SEEN, _BOTH, _TARGET, _EVER = range(6)
"""Shares of replicates: question open at t; and E comes later; and seen; and both. E by T at all; seen by t at all."""


@dataclass(frozen=True)
class Observation:
    """A public move, or one of its outcomes, that may be seen by a day.

    seen: P(seen by the day, question still open) / P(open). if_seen, if_not: P(E | open and seen or not seen), nan
    where no open history, or every one, saw it: then seeing tells nothing while the question is open. brier
    and log: expected gain. settles: share of the doubt about the assumptions that it would settle; `about` is the
    assumption it tells most of ("" where it tells of none).
    """

    move: str
    outcome: str
    label: str
    seen: float
    if_seen: float
    if_not: float
    brier: Number
    log: Number
    settles: Number
    about: str
    evidence: Evidence

    @property
    def name(self) -> str:
        """The move, or MOVE:OUTCOME."""
        return f"{self.move}:{self.outcome}" if self.outcome else self.move


@dataclass(frozen=True)
class Seeing:
    """Observations ranked by their expected gain for one question.

    mean: P(E), today. open_then: P(still open on the day). if_open: P(E | still open then), which is what the
    probabilities after seeing and not seeing average to; nan where no history is open.
    """

    scenario: str
    as_of: dt.date
    measure: Measure
    by: dt.date
    seen_by: dt.date
    within_days: float
    draws: int
    runs: int
    mean: float
    open_then: float
    if_open: float
    observations: tuple[Observation, ...]
    labels: Mapping[str, str]
    provenance: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return one row for each observation, the most valuable first."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "observation": o.name,
                    "label": o.label,
                    "seen": o.seen,
                    "if_seen": o.if_seen,
                    "if_not": o.if_not,
                    "brier": o.brier.value,
                    "brier_error": o.brier.half,
                    "log": o.log.value,
                    "log_error": o.log.half,
                    "settles": o.settles.value,
                    "settles_error": o.settles.half,
                    "about": o.about,
                    "sources": "; ".join(o.evidence.sources),
                    "youngest": o.evidence.youngest,
                    "age_days": o.evidence.age_days,
                }
                for o in self.observations
            ]
        )

    def sentences(self, most: int = 4) -> list[str]:
        """Say what to look out for, and what it would change."""
        what = f"{self.measure.words} by {long_date(self.by)}"
        first = (
            f"Over the priors {what} has {percent(self.mean)} today. {percent(self.open_then)} of histories leave "
            f"it open at the end of {long_date(self.seen_by)}"
        )
        first += f"; among these it has {percent(self.if_open)}." if self.open_then else "."
        told = [self._about(o) for o in self.observations[:most] if o.brier.value > o.brier.half]
        return [first, *(told or ["No observation is worth more than the error of this estimate."])]

    def _about(self, o: Observation) -> str:
        also = f"; it would settle {percent(o.settles.value)} of the doubt about the assumptions"
        about = f", most of it about “{self.labels[o.about]}”" if o.about else ""
        return (
            f"Whether “{o.label}” is seen by then (it is in {percent(o.seen)} of the open histories) moves it to "
            f"{percent(o.if_seen)} if seen and {percent(o.if_not)} if not, worth "
            f"{brier_gain(*o.brier)}" + (also + about if o.settles.value > o.settles.half else "") + "."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        plain: dict[str, Any] = plain_json(
            {
                "question": "seeing",
                "scenario": self.scenario,
                "as_of": self.as_of,
                "by": self.by,
                "seen_by": self.seen_by,
                "within_days": self.within_days,
                "measure": self.measure.name,
                "label": self.measure.label,
                "draws": self.draws,
                "runs": self.runs,
                "mean": self.mean,
                "open_then": self.open_then,
                "if_open": _or_none(self.if_open),
                "sentences": self.sentences(),
                "provenance": self.provenance,
                "observations": [
                    {
                        "observation": o.name,
                        "label": o.label,
                        "seen": o.seen,
                        "if_seen": _or_none(o.if_seen),
                        "if_not": _or_none(o.if_not),
                        "brier": list(o.brier),
                        "log": list(o.log),
                        "settles": list(o.settles),
                        "about": o.about,
                        "sources": o.evidence.sources,
                        "youngest": o.evidence.youngest,
                        "age_days": o.evidence.age_days,
                    }
                    for o in self.observations
                ],
            }
        )
        return plain


@in_transition
def value_of_seeing(
    scenario: Scenario,
    measure: str,
    observations: Iterable[str] | None = None,
    *,
    within_days: float = WITHIN_DAYS,
    draws: int = DRAWS,
    runs: int = RUNS,
    day: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    ignore_windows: bool = False,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Seeing:
    """Return what seeing each public move (default), or the given "MOVE" or "MOVE:OUTCOME"s, would do for a question.

    `measure` is an ending or a question, `within_days` the day by which something is seen, `day` the day by which the
    question is asked (default: the horizon). Played by Monte Carlo: `runs` replicates at each draw.

    Raises ScenarioError for unknown or covert moves, ValueError for other measures and for days out of order.
    """
    target = find(scenario, measure)[0]
    if target.kind not in ("ending", "question") or target.of == "ongoing":
        raise ValueError(f"{target.name!r} can not be seen to happen; expected an ending or a question")
    uncertain(scenario)
    horizon = scenario.horizon_days if day is None else float(day)
    if not 0 < within_days < horizon:
        raise ValueError(f"within_days must lie between 0 and {horizon:g} days, not {within_days:g}")
    if draws < 4 * SCRAMBLES or runs < 2 * BLOCKS:
        raise ValueError(f"expected at least {4 * SCRAMBLES} draws of at least {2 * BLOCKS} runs")
    watched = _watched(scenario, observations)
    each, sequences = -(-draws // SCRAMBLES), range(SCRAMBLES)
    scores = np.concatenate([priors.scores(scenario, each, seed=seed * SCRAMBLES + s) for s in sequences])
    play = _Play(scenario, target, watched, within_days, horizon, -(-runs // BLOCKS) * BLOCKS, seed, ignore_windows)
    shares = play.all(priors.values_from_scores(scenario, scores), threads, progress, cancel)
    sequence = np.repeat(np.arange(SCRAMBLES), each)
    found = [
        _observation(scenario, question, shares[:, :, :, k], sequence, scores) for k, question in enumerate(watched)
    ]
    still, happens = (float(shares[:, :, part].mean()) for part in (_OPEN, _HAPPENS))
    return Seeing(
        scenario.id,
        scenario.as_of,
        target,
        scenario.by_date(horizon),
        scenario.by_date(within_days),
        within_days,
        len(scores),
        play.runs,
        float(shares[:, :, _TARGET].mean()),
        still,
        happens / still if still else np.nan,
        tuple(sorted(found, key=lambda o: -o.brier.value)),
        {a.id: a.label for a in scenario.assumptions.values()},
        provenance(scenario, engine="montecarlo", runs=play.runs, seed=seed, draws=len(scores)),
    )


def _watched(scenario: Scenario, names: Iterable[str] | None) -> list[Question]:
    """Return what is watched, as questions about moves: each notes when its move is first made."""
    chosen = [move.id for move in scenario if not move.covert] if names is None else list(names)
    problems, result = [], []
    for name in chosen:
        move_id, _, outcome_id = name.partition(":")
        move = scenario.moves.get(move_id)
        outcomes = {} if move is None else {outcome.id: outcome for outcome in move.outcomes}
        if move is None:
            problems.append(Problem("", 0, name, f"unknown move {move_id!r}", did_you_mean(move_id, scenario.moves)))
        elif move.covert:
            problems.append(Problem("", 0, name, f"nobody observes {move_id!r}", "expected a public move"))
        elif outcome_id and outcome_id not in outcomes:
            what = f"{move_id!r} has no outcome {outcome_id!r}"
            problems.append(Problem("", 0, name, what, did_you_mean(outcome_id, outcomes)))
        else:
            label = f"{move.label} ({outcomes[outcome_id].label})" if outcome_id else move.label
            result.append(Question(f"seen {name}", label, move=move_id, outcome=outcome_id or None))
    if problems:
        raise ScenarioError(problems)
    if not result:
        raise ValueError("there is nothing to see: expected at least one public move")
    return result


class _Play:
    """Plays draws and notes the six shares of replicates for each observation."""

    def __init__(
        self,
        scenario: Scenario,
        target: Measure,
        watched: Sequence[Question],
        within: float,
        horizon: float,
        runs: int,
        seed: int,
        ignore_windows: bool,
    ) -> None:
        asked = {target.of: scenario.questions[target.of]} if target.kind == "question" else {}
        items = tuple(i for i in scenario.interventions if i.date is None or scenario.day(i.date) <= horizon)
        lean = scenario.replace(questions=asked | {q.id: q for q in watched}, ladders={}, interventions=items)
        self.simulator = Simulator(lean, times=1, horizon=horizon, ignore_windows=ignore_windows)
        self.centre, self.runs, self.seed, self.within = priors.theta(scenario), runs, seed, within
        self.first = len(asked)
        self.ending = None if asked else list(scenario.endings).index(target.of)

    @in_transition
    def all(
        self,
        thetas: Floats,
        threads: int | None,
        progress: Callable[[float], None] | None,
        cancel: Callable[[], bool] | None,
    ) -> Floats:
        """Return the shares (D, K, 6, observations) at each draw."""
        parts = [self.one(0, thetas[0])]
        with ThreadPoolExecutor(threads or cores()) as pool:
            try:
                for part in pool.map(self.one, range(1, len(thetas)), thetas[1:]):
                    parts.append(part)
                    if cancel and cancel():
                        raise Cancelled("the analysis was cancelled")
                    if progress:
                        progress(len(parts) / len(thetas))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return np.stack(parts)

    def one(self, draw: int, theta: Floats) -> Floats:
        counts = self.simulator.run(
            theta, centre=self.centre, runs=self.runs, seed=self.seed, first=draw * self.runs, threads=1
        )
        when = self._when(counts)[:, None]
        still = (counts.ending_time[:, None] > self.within) & (when > self.within)
        happens, seen = np.isfinite(when), counts.question_time[:, self.first :] <= self.within
        rows = [still, still & happens, still & seen, still & seen & happens, happens, seen]
        shape = (BLOCKS, -1, seen.shape[1])
        return np.stack([np.broadcast_to(row, seen.shape).reshape(shape).mean(axis=1) for row in rows], axis=1)

    def _when(self, counts: Counts) -> Floats:
        if self.ending is None:
            return counts.question_time[:, 0]
        return np.where(counts.ending == self.ending, counts.ending_time, np.inf)


def _observation(scenario: Scenario, question: Question, shares: Floats, sequence: Ints, scores: Floats) -> Observation:
    move = scenario.moves[question.move or ""]
    known = _known(shares)
    brier, log, settles = (estimate(f, shares, sequence) for f in (_brier, _log, _settles))
    return Observation(
        move.id,
        question.outcome or "",
        question.label,
        known["seen"],
        known["if_seen"],
        known["if_not"],
        _above_zero(brier),
        _above_zero(log),
        _above_zero(settles),
        _about(scenario, shares, scores),
        evidence(scenario, "", move.sources),
    )


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _above_zero(number: Number) -> Number:
    return Number(max(number.value, 0.0), number.half)


def _known(shares: Floats) -> dict[str, float]:
    """Return what is known at t over the priors: P(open), P(seen | open), P(E | open), and given seeing or not."""
    stays, happens, seen, both = (float(shares[:, :, part].mean()) for part in (_OPEN, _HAPPENS, _SEEN, _BOTH))
    return {
        "open": stays,
        "seen": seen / stays if stays else 0.0,
        "before": happens / stays if stays else 0.0,
        "if_seen": both / seen if seen else np.nan,
        "if_not": (happens - both) / (stays - seen) if stays > seen else np.nan,
    }


def _brier(shares: Floats) -> float:
    """Return the expected gain in the Brier score: P(open) Cov(E, seeing | open)² / (q (1 - q))."""
    known = _known(shares)
    q = known["seen"]
    if not 0 < q < 1:
        return 0.0
    stays, happens, seen, both = (shares[:, :, part].mean(axis=0) for part in (_OPEN, _HAPPENS, _SEEN, _BOTH))
    together = (both - seen * happens / np.maximum(stays, 1e-300)) / known["open"]
    return known["open"] * float(cross(together[None, :], together[None, :])) / (q * (1 - q))


def _log(shares: Floats) -> float:
    """Return the expected gain in nats, its noise taken off as that of the Brier score is."""
    known = _known(shares)
    weights = np.array([known["seen"], 1 - known["seen"]])
    moved = np.array([known["if_seen"], known["if_not"]])
    raw = known["open"] * float((moved - known["before"]) ** 2 @ weights)
    gain = known["open"] * float(divergence(moved, known["before"]) @ weights)
    return gain * _brier(shares) / raw if raw > 0 else 0.0


def _settles(shares: Floats) -> float:
    """Return the share of Var(P) over the draws that seeing by t, or not, would settle."""
    answer, seen = shares[:, :, _TARGET], shares[:, :, _EVER]
    variance, q = variance_over_draws(answer), float(seen.mean())
    if variance <= 0 or not 0 < q < 1:
        return 0.0
    together = float(cross(answer - answer.mean(axis=0), seen - seen.mean(axis=0)))
    return together**2 / (q * (1 - q)) / variance


def _about(scenario: Scenario, shares: Floats, scores: Floats) -> str:
    """Return the assumption that explains most of how likely the observation is, "" where none explains any."""
    seen = shares[:, :, _EVER]
    spread = variance_over_draws(seen)
    if spread <= 0:
        return ""
    explained = {
        a.id: explained_variance(seen, hermite(scores[:, column])) / spread
        for column, a in enumerate(scenario.assumptions.values())
        if not a.fixed
    }
    best = max(explained, key=lambda name: explained[name])
    return best if explained[best] > 0.05 else ""
