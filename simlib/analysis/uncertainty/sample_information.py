"""EVSI: the gain in one forecast from watching for a public move until a day.

Assumptions cannot be looked up, but moves can be watched. Seeing a public move by day t gives information about the
assumptions, through the rate of the move, and about the state, through its effects. If the question about an event E is
still open at t, its probability becomes P(E | seen) or P(E | not seen). The expected gain (the expected value of sample
information, EVSI) is

    Brier:  P(open) q (1 - q) (P(E | seen) - P(E | not seen))²,   q = P(seen | open),
    log:    P(open) times the mutual information of E and of seeing the move, in nats,

as averages over the draws, each with replicates of its own. The answer also gives the share of Var(P_θ), the
uncertainty about the assumptions alone, that the observation would resolve. It is Cov(P_θ, Q_θ)² / (q (1 - q)) /
Var(P_θ), where Q_θ is the probability of seeing the move. Squares are computed as products of different blocks of
replicates, so that noise does not count as a gain. Not seeing a move also counts as evidence, which is sound only if
the record of the move is complete. The gains of several observations overlap and must not be added.

Reference: Ades, A., Lu, G. and Claxton, K. (2004) Expected value of sample information calculations in medical
decision modeling, Medical Decision Making 24.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import BLOCKS, cross, in_threads
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import Number, Weighting, estimate, mean, scaled, variance_over_draws
from simlib.analysis.uncertainty.perfect_information import Grounds, divergence, explained_variance, grounds, hermite
from simlib.analysis.uncertainty.sampling import FEWEST_DRAWS, checked_belief, prior_scores
from simlib.answer import ScenarioKey, Traced, in_columns, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.simulator import Simulator
from simlib.errors import Problem, ScenarioError, Unsupported, did_you_mean
from simlib.formatting import percent, with_error
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import By, Measure, days_by, find
from simlib.scenario.model import Question, Scenario
from simlib.scenario.views.variation import begun_by
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.montecarlo.counts import Counts

__all__ = ["Evsi", "Observation", "evsi"]

DRAWS, RUNS = 256, 2000
LOOK_BY = 14.0
"""Days after `as_of` up to which an observation counts, by default."""

EXPLAINS = 0.05
"""An assumption is named in `about` only if it explains at least this share of the variance of P(seen)."""

_ONE_THREAD = Control(threads=1)

_OPEN, _HAPPENS, _SEEN, _BOTH, _TARGET, _EVER = range(6)
"""Indices of the six shares of replicates.

The first four count replicates in which the question is open at t: all of these, those in which E happens later, those
in which the move was seen, and those with both. The last two count any replicates: those in which E happens by the
target day, and those in which the move was seen by t.
"""


@dataclass(frozen=True)
class Observation:
    """A public move, or one of its outcomes, that may be seen by a day.

    seen: P(seen by the day | question still open on the day).
    if_seen: P(E | open and seen), nan if the move is seen in no open history.
    if_not: P(E | open and not seen), nan if the move is seen in every open history.
    brier and log: the expected gain in each score.
    settles: the share of the uncertainty about the assumptions that the observation would resolve.
    about: the assumption about which the observation gives most information ("" for none).
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
    grounds: Grounds

    @property
    def name(self) -> str:
        """The move, or MOVE:OUTCOME."""
        return f"{self.move}:{self.outcome}" if self.outcome else self.move

    def row(self) -> dict[str, Any]:
        """Return the observation as a row."""
        row = pick(self, "label", "seen", "if_seen", "if_not")
        gains = {name: list(getattr(self, name)) for name in ("brier", "log", "settles")}
        return {"observation": self.name} | row | gains | {"about": self.about} | self.grounds.row()


@dataclass(frozen=True)
class Evsi(Traced):
    """Observations ranked by their expected gain for one question.

    mean: P(E), today. open_then: P(question still open on the last day of watching).
    if_open: P(E | still open then), whether or not a move was seen, nan if no history is open.
    """

    kind: ClassVar[str] = "evsi"

    scenario: ScenarioKey
    measure: Measure
    by: dt.date
    by_day: float
    look_by: dt.date
    look_by_day: float
    mean: float
    open_then: float
    if_open: float
    observations: tuple[Observation, ...]
    labels: Mapping[str, str]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered."""
        return (
            f"What is most worth watching for until {self.look_by_words} to forecast {self.measure.words} by "
            f"{self.by_words}?"
        )

    def frame(self) -> pd.DataFrame:
        """Return one row for each observation, the most valuable first."""
        import pandas as pd

        return pd.DataFrame([in_columns(o.row()) for o in self.observations])

    def sentences(self, most: int = 4) -> list[str]:
        """Return up to `most` observations to watch for, and the effect of each."""
        belief = self.provenance["belief"]
        source = "the priors" if belief == "prior" else f"the belief “{belief}”"
        first = (
            f"Over {source}, {self.measure.words} by {self.by_words} has a probability of {percent(self.mean)} "
            f"today. It is still open at the end of {self.look_by_words} in {percent(self.open_then)} of histories"
        )
        first += f"; in these its probability is {percent(self.if_open)}." if self.open_then else "."
        lines = [self._about(o) for o in self.observations[:most] if o.brier.value > o.brier.half]
        return [*(lines or ["No observation is worth more than the error of this estimate."]), first]

    def _about(self, o: Observation) -> str:
        about = f", most of it about “{self.labels[o.about]}”" if o.about else ""
        also = f" It would resolve {percent(o.settles.value)} of the uncertainty about the assumptions{about}."
        also = also if o.settles.value > o.settles.half else ""
        return (
            f"“{o.label}” is seen by {self.look_by_words} in {percent(o.seen)} of the histories that are open then. "
            f"The probability becomes {percent(o.if_seen)} if it is seen and {percent(o.if_not)} if not. Watching for "
            f"it lowers the expected Brier score by {self.gain(o)}.{also}"
        )

    def gain(self, o: Observation) -> str:
        """Return the percentage by which an observation lowers the Brier score, with its error."""
        score = max(self.mean * (1 - self.mean), 1e-300)
        return f"{with_error(100 * o.brier.value / score, 100 * o.brier.half / score)}%"

    def data(self) -> dict[str, Any]:
        """Return the observations, the most valuable first."""
        measure = {"measure": self.measure.name, "label": self.measure.label}
        numbers = pick(self, "look_by", "look_by_day", "draws", "runs", "mean", "open_then", "if_open")
        return numbers | measure | {"observations": [o.row() for o in self.observations]}


def evsi(
    scenario: Scenario,
    measure: str,
    observations: Iterable[str] | None = None,
    *,
    by: By = None,
    look_by: By = LOOK_BY,
    draws: int | Belief = DRAWS,
    runs: int = RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Evsi:
    """Return the value of watching for each public move, for the forecast of one question.

    Args:
        scenario: The scenario, with its interventions.
        measure: An ending or a question.
        observations: "MOVE" or "MOVE:OUTCOME" names to watch for. Default: every public move.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        look_by: The last day of watching, given like `by`. It must lie before the target.
        draws: Draws of the prior, rounded up to a multiple of 8, or a belief.
        runs: Replicates per draw, rounded up to a multiple of 8. Each draw has its own.
        seed: Seed of the draws and of the replicates.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For unknown or covert moves, and for days outside the forecast or in the wrong order.
        ValueError: For other measures, and for too few draws or replicates.
        Unsupported: When every assumption is fixed, when no move is public, or for a belief about another scenario.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    target = find(scenario, measure)[0]
    if target.kind not in ("ending", "question") or target.of == "ongoing":
        raise ValueError(f"{target.name!r} does not happen on a day; expected an ending or a question")
    uncertain(scenario)
    by_day, look_by_day = days_by(scenario, by), days_by(scenario, look_by)
    if look_by_day >= by_day:
        what, expected = f"{look_by_day:g} days", f"expected a day before that of the question, {by_day:g} days"
        raise ScenarioError(Problem("", 0, "look_by", what, expected))
    if runs < 2 * BLOCKS or (not isinstance(draws, Belief) and draws < FEWEST_DRAWS):
        raise ValueError(f"expected at least {FEWEST_DRAWS} draws of at least {2 * BLOCKS} runs")
    sightings = _sightings(scenario, observations)
    belief, scores, weighting = _draws(scenario, draws, seed)
    theta = belief.theta
    replicates = _Replicates(scenario, target, sightings, (look_by_day, by_day), -(-runs // BLOCKS) * BLOCKS, seed)
    shares = replicates.shares(theta, belief.start, control)
    ranked = [
        _observation(scenario, question, shares[:, :, :, k], weighting, scores) for k, question in enumerate(sightings)
    ]
    size, days = {"draws": len(theta), "runs": replicates.runs}, {"by_day": by_day, "look_by_day": look_by_day}
    still, happens, today = (mean(shares[:, :, part], weighting.scale) for part in (_OPEN, _HAPPENS, _TARGET))
    return Evsi(
        scenario=ScenarioKey.of(scenario),
        measure=target,
        by=scenario.by_date(by_day),
        by_day=by_day,
        look_by=scenario.by_date(look_by_day),
        look_by_day=look_by_day,
        mean=today,
        open_then=still,
        if_open=happens / still if still else np.nan,
        observations=tuple(sorted(ranked, key=lambda o: -o.brier.value)),
        labels={a.id: a.label for a in scenario.assumptions.values()},
        provenance=provenance(scenario, engine="montecarlo", seed=seed, belief=belief.name, **size, **days),
    )


def _draws(scenario: Scenario, draws: int | Belief, seed: int) -> tuple[Belief, Floats, Weighting]:
    """Return the draws as a belief, their normal scores (D, A), and their groups and weights."""
    if isinstance(draws, Belief):
        belief = checked_belief(scenario, draws)
        return belief, priors.scores_from_values(scenario, belief.theta), Weighting.of_belief(belief.weights)
    scores, sequence = prior_scores(scenario, draws, seed)
    theta, weights = priors.values_from_scores(scenario, scores), np.full(len(scores), 1 / len(scores))
    belief = Belief("prior", scenario.as_of, tuple(scenario.assumptions), theta, weights, seed=seed)
    return belief, scores, Weighting(sequence)


def _sightings(scenario: Scenario, names: Iterable[str] | None) -> list[Question]:
    """Return the observations as questions, each about the first occurrence of a move."""
    moves = [move.id for move in scenario if not move.covert] if names is None else list(names)
    problems, result = [], []
    for name in moves:
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
    if not result and names is not None:
        raise ValueError("no move was named: expected at least one public move")
    if not result:
        raise Unsupported("the scenario has no public move to watch for; expected at least one")
    return result


class _Replicates:
    """Simulates each draw, and gives for each observation the six shares of `_OPEN`."""

    def __init__(
        self,
        scenario: Scenario,
        target: Measure,
        sightings: Sequence[Question],
        days: tuple[float, float],
        runs: int,
        seed: int,
    ) -> None:
        """Prepare the simulation. `days` are the day of the observation and the day of the question."""
        questions = {target.of: scenario.questions[target.of]} if target.kind == "question" else {}
        lean = begun_by(scenario, days[1]).replace(questions=questions | {q.id: q for q in sightings}, ladders={})
        self.simulator = Simulator(lean, times=1, by=days[1])
        self.centre, self.runs, self.seed, self.look_by_day = priors.theta(scenario), runs, seed, days[0]
        self.first = len(questions)
        self.ending = None if questions else list(scenario.endings).index(target.of)

    def shares(self, thetas: Floats, starts: Floats | None, control: Control) -> Floats:
        """Return the shares (D, K, 6, observations) at each draw."""
        columns = (thetas,) if starts is None else (thetas, starts)
        return in_threads(self._at, range(len(thetas)), *columns, control=control)

    def _at(self, draw: int, theta: Floats, start: Floats | None = None) -> Floats:
        run = partial(self.simulator.run, theta, centre=self.centre, start=start, runs=self.runs)
        counts = run(seed=self.seed, first=draw * self.runs, control=_ONE_THREAD)
        when = self._when(counts)[:, None]
        still = (counts.ending_time[:, None] > self.look_by_day) & (when > self.look_by_day)
        happens, seen = np.isfinite(when), counts.question_time[:, self.first :] <= self.look_by_day
        rows = [still, still & happens, still & seen, still & seen & happens, happens, seen]
        shape = (BLOCKS, -1, seen.shape[1])
        return np.stack([np.broadcast_to(row, seen.shape).reshape(shape).mean(axis=1) for row in rows], axis=1)

    def _when(self, counts: Counts) -> Floats:
        if self.ending is None:
            return counts.question_time[:, 0]
        return np.where(counts.ending == self.ending, counts.ending_time, np.inf)


def _observation(
    scenario: Scenario, question: Question, shares: Floats, weighting: Weighting, scores: Floats
) -> Observation:
    move, open_then = scenario.moves[question.move or ""], _at_look(scaled(shares, weighting.scale))
    brier, log, settles = (_above_zero(estimate(f, shares, weighting)) for f in (_brier, _log, _settles))
    return Observation(
        move.id,
        question.outcome or "",
        question.label,
        open_then["seen"],
        open_then["if_seen"],
        open_then["if_not"],
        *(brier, log, settles),
        _about(scenario, shares, weighting.scale, scores),
        grounds(scenario, "", move.sources),
    )


def _above_zero(number: Number) -> Number:
    return Number(max(number.value, 0.0), number.half)


def _at_look(shares: Floats) -> dict[str, float]:
    """Return probabilities on the last day t of watching: "open", "seen", and those of E.

    P(E | open at t) is given "before" the observation, "if_seen" and "if_not".
    """
    stays, happens, seen, both = (float(shares[:, :, part].mean()) for part in (_OPEN, _HAPPENS, _SEEN, _BOTH))
    return {
        "open": stays,
        "seen": seen / stays if stays else 0.0,
        "before": happens / stays if stays else 0.0,
        "if_seen": both / seen if seen else np.nan,
        "if_not": (happens - both) / (stays - seen) if stays > seen else np.nan,
    }


def _brier(shares: Floats, scale: Floats | None) -> float:
    """Return the expected gain in the Brier score, P(open) Cov(E, seen | open)² / (q (1 - q))."""
    shares = scaled(shares, scale)
    known = _at_look(shares)
    q = known["seen"]
    if not 0 < q < 1:
        return 0.0
    stays, happens, seen, both = (shares[:, :, part].mean(axis=0) for part in (_OPEN, _HAPPENS, _SEEN, _BOTH))
    together = (both - seen * happens / np.maximum(stays, 1e-300)) / known["open"]
    return known["open"] * float(cross(together[None, :], together[None, :])) / (q * (1 - q))


def _log(shares: Floats, scale: Floats | None) -> float:
    """Return the expected gain in the log score, in nats. Noise does not bias it."""
    known = _at_look(scaled(shares, scale))
    weights = np.array([known["seen"], 1 - known["seen"]])
    after = np.array([known["if_seen"], known["if_not"]])
    raw = known["open"] * float((after - known["before"]) ** 2 @ weights)
    gain = known["open"] * float(divergence(after, known["before"]) @ weights)
    return gain * _brier(shares, scale) / raw if raw > 0 else 0.0


def _settles(shares: Floats, scale: Floats | None) -> float:
    """Return the share of Var(P) over the draws that would be resolved by watching until t."""
    answer, seen = shares[:, :, _TARGET], shares[:, :, _EVER]
    variance, q = variance_over_draws(answer, scale), mean(seen, scale)
    if variance <= 0 or not 0 < q < 1:
        return 0.0
    apart, seen_apart = (x - scaled(x, scale).mean(axis=0) for x in (answer, seen))
    together = float(cross(scaled(apart, scale), seen_apart))
    return together**2 / (q * (1 - q)) / variance


def _about(scenario: Scenario, shares: Floats, scale: Floats | None, scores: Floats) -> str:
    """Return the assumption that explains most of the variance of P(seen), "" for none."""
    seen = shares[:, :, _EVER]
    spread = variance_over_draws(seen, scale)
    if spread <= 0:
        return ""
    explained = {
        a.id: explained_variance(seen, hermite(scores[:, column]), scale) / spread
        for column, a in enumerate(scenario.assumptions.values())
        if not a.fixed
    }
    best = max(explained, key=lambda name: explained[name])
    return best if explained[best] > EXPLAINS else ""
