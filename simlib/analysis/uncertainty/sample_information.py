"""EVSI: the gain in one forecast from watching for a public move until a day.

Assumptions cannot be looked up, but moves can be watched. Seeing a public move by day t gives information about the
assumptions, through the rate of the move, and about the state, through the effects of the move. E is the event of the
question (or the ending). If the question is still open at t, the probability of E becomes P(E | seen) or P(E | not
seen). The expected gain is the expected value of sample information (EVSI):

    Brier:  P(open) q (1 - q) (P(E | seen) - P(E | not seen))²,   q = P(seen | open),
    log:    P(open) times the mutual information of E and of seeing the move, in nats.

The probabilities are averages over draws (sets of assumption values). Each draw has its own replicates (simulated
histories). P_θ is the probability of E at the draw θ, and Var(P_θ) is the uncertainty about the assumptions alone. Q_θ
is the probability at θ of seeing the move by t, in open histories or not, and q̄ is the mean of Q_θ. The observation
would resolve the share Cov(P_θ, Q_θ)² / (q̄ (1 - q̄) Var(P_θ)) of Var(P_θ). Squares are computed as products of
different blocks of replicates, so that noise does not count as a gain. Not seeing a move also counts as evidence, which
is sound only if the record of the move is complete. The gains of several observations overlap and must not be added.

Reference: Ades, A., Lu, G. and Claxton, K. (2004) Expected value of sample information calculations in medical
decision modeling, Medical Decision Making 24.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import REPLICATE_BLOCKS
from simlib.analysis.uncertainty.estimates import Number, Weighting, estimate, mean, scaled
from simlib.analysis.uncertainty.observation_gains import (
    HAPPENS,
    OPEN,
    TARGET,
    at_look,
    brier_gain,
    log_gain,
    main_assumption,
    settled_share,
    watched_shares,
)
from simlib.analysis.uncertainty.propagation import RUNS_PER_DRAW
from simlib.analysis.uncertainty.reasons_and_sources import Grounds, grounds
from simlib.analysis.uncertainty.sampling import FEWEST_EFFECTIVE_DRAWS, checked_belief, prior_scores
from simlib.answer import ScenarioKey, Traced, in_columns, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, Unsupported, did_you_mean, refuse
from simlib.formatting import capital, over_draws, percent, quoted, with_error
from simlib.machine import priors
from simlib.machine.belief import Belief, drawn_from
from simlib.machine.measures import By, Measure, days_by, find, watched_days
from simlib.machine.priors import insist_on_uncertain
from simlib.scenario.model import Question, Scenario
from simlib.scenario.moves import move_and_outcome, unknown_outcome
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evsi", "Observation", "evsi"]

SAMPLE_INFORMATION_DRAWS = 256


@dataclass(frozen=True)
class Observation:
    """The value of watching until a day t for a public move, or for one outcome of the move.

    E is the event of the question. A question is open at t if no ending has been reached and E has not happened.

    move, outcome: the ids of the move and of its outcome ("": any outcome).
    label: the label of the move, with its outcome.
    seen: P(seen by t | question open at t).
    if_seen: P(E | open and seen), nan if the move is seen in no open history.
    if_not: P(E | open and not seen), nan if the move is seen in every open history.
    brier: the expected gain in the Brier score.
    log: the expected gain in the log score, in nats.
    settles: the share of the uncertainty about the assumptions that the observation would resolve.
    about: the id of the assumption about which the observation gives most information ("": none).
    grounds: the sources of the move.
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
        """The id of the move, or MOVE:OUTCOME if one outcome is watched for."""
        return f"{self.move}:{self.outcome}" if self.outcome else self.move

    def row(self) -> dict[str, Any]:
        """Return the numbers of the observation as one row of a table."""
        row = pick(self, "label", "seen", "if_seen", "if_not")
        gains = {name: list(getattr(self, name)) for name in ("brier", "log", "settles")}
        return {"observation": self.name} | row | gains | {"about": self.about} | self.grounds.row()


@dataclass(frozen=True)
class Evsi(Traced):
    """Public moves to watch for, ranked by their expected gain for one forecast.

    measure: the question or ending. E is its event.
    by_day: the target day, in days after the scenario's first day.
    look_by_day: the last day of watching, in days after the scenario's first day.
    mean: P(E) today.
    open_then: P(question still open on the last day of watching).
    if_open: P(E | question still open on the last day of watching), nan if the question is never open then.
    observations: the moves or outcomes of moves, in the order of their gains in the Brier score.
    labels: the label of each assumption, by id.
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
        """The question that is answered, in one sentence."""
        return (
            f"What is most worth watching for until {self.look_by_words} to forecast {self.measure.words} by "
            f"{self.by_words}?"
        )

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each observation, the most valuable first."""
        import pandas as pd

        return pd.DataFrame([in_columns(o.row()) for o in self.observations])

    def sentences(self, most: int = 4) -> list[str]:
        """Describe up to `most` observations whose gain exceeds its error, and the forecast today."""
        over = over_draws(self.provenance)
        first = (
            f"{capital(over)}, {self.measure.words} by {self.by_words} has a probability of "
            f"{percent(self.mean)} today. It is still open at the end of {self.look_by_words} in "
            f"{percent(self.open_then)} of histories"
        )
        first += f"; in these its probability is {percent(self.if_open)}." if self.open_then else "."
        lines = [self._about(o) for o in self.observations[:most] if o.brier.known]
        return [*(lines or ["No observation improves the forecast by more than the error of the estimate."]), first]

    def _about(self, o: Observation) -> str:
        about = f", most of it about {quoted(self.labels[o.about])}" if o.about else ""
        also = f" Watching would resolve {percent(o.settles.value)} of the uncertainty about the assumptions{about}."
        also = also if o.settles.known else ""
        return (
            f"{quoted(o.label)} is seen by {self.look_by_words} in {percent(o.seen)} of the histories that are open "
            f"then. The probability becomes {percent(o.if_seen)} if it is seen and {percent(o.if_not)} if not. "
            f"Watching for it lowers the expected Brier score by {self.gain(o)}.{also}"
        )

    def gain(self, o: Observation) -> str:
        """Return the percentage by which an observation lowers the expected Brier score, as text."""
        score = max(self.mean * (1 - self.mean), 1e-300)
        return f"{with_error(100 * o.brier.value / score, 100 * o.brier.half / score)}%"

    def data(self) -> dict[str, Any]:
        """Return the probabilities today and on the last day of watching, and the observations."""
        measure = {"measure": self.measure.name, "label": self.measure.label}
        numbers = pick(self, "look_by", "look_by_day", "draws", "runs", "mean", "open_then", "if_open")
        return numbers | measure | {"observations": [o.row() for o in self.observations]}


def evsi(
    scenario: Scenario,
    measure: str | None = None,
    *,
    observations: Iterable[str] | None = None,
    by: By = None,
    look_by: By = None,
    draws: int | Belief = SAMPLE_INFORMATION_DRAWS,
    runs: int = RUNS_PER_DRAW,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Evsi:
    """Return the value of watching for each public move, for the forecast of one question.

    Args:
        scenario: The scenario, with its interventions.
        measure: An ending or a question. Default: the headline.
        observations: The moves or outcomes to watch for, as "MOVE" or "MOVE:OUTCOME". Default: every public move.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        look_by: The last day of watching, given like `by`. It must lie before the target. Default: 14 days, or half of
            the time to the target if that is less.
        draws: A number of draws (sets of assumption values) of the prior, rounded up to a multiple of 8, or a belief
            (weighted draws).
        runs: Replicates (simulated histories) per draw, rounded up to a multiple of 8. Draws share no random numbers.
        seed: Seed of the draws and of the replicates.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ScenarioError: For unknown or covert moves, and for days outside the forecast or in the wrong order.
        ValueError: For a measure that is not an ending or a question, and for too few draws or replicates.
        Unsupported: If every assumption is fixed, if no move is public, and for a belief about another scenario.
        MissingDependency: Without Numba.
        Cancelled: When `control` cancels the work.
    """
    target = find(scenario, measure)[0]
    if target.kind not in ("ending", "question") or target.of == "ongoing":
        raise ValueError(f"{target.name!r} has no day on which it happens; expected an ending or a question")
    insist_on_uncertain(scenario)
    by_day = days_by(scenario, by)
    look_by_day = watched_days(scenario, look_by, by_day)
    if runs < 2 * REPLICATE_BLOCKS or (not isinstance(draws, Belief) and draws < FEWEST_EFFECTIVE_DRAWS):
        raise ValueError(f"expected at least {FEWEST_EFFECTIVE_DRAWS} draws of at least {2 * REPLICATE_BLOCKS} runs")
    sightings = _sightings(scenario, observations)
    belief, scores, weighting = _draws(scenario, draws, seed)
    runs, days = -(-runs // REPLICATE_BLOCKS) * REPLICATE_BLOCKS, (look_by_day, by_day)
    shares = watched_shares(scenario, target, sightings, days, belief, runs=runs, seed=seed, control=control)
    ranked = [
        _observation(scenario, question, shares[:, :, :, k], weighting, scores) for k, question in enumerate(sightings)
    ]
    source = {"seed": seed, "runs": runs, "by_day": by_day, "look_by_day": look_by_day}
    source |= drawn_from(belief, None if isinstance(draws, Belief) else seed)
    still, happens, today = (mean(shares[:, :, part], weighting.scale) for part in (OPEN, HAPPENS, TARGET))
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
        provenance=provenance(scenario, engine="montecarlo", **source),
    )


def _draws(scenario: Scenario, draws: int | Belief, seed: int) -> tuple[Belief, Floats, Weighting]:
    """Return the draws as a `Belief`, their normal scores (D, A), and their `Weighting`.

    `draws` is a belief, or the number of draws to take from the prior.
    """
    if isinstance(draws, Belief):
        belief = checked_belief(scenario, draws)
        return belief, priors.scores_from_values(scenario, belief.theta), Weighting.of_belief(belief.weights)
    scores, sequence = prior_scores(scenario, draws, seed)
    theta, weights = priors.values_from_scores(scenario, scores), np.full(len(scores), 1 / len(scores))
    belief = Belief("prior", scenario.as_of, tuple(scenario.assumptions), theta, weights, seed=seed)
    return belief, scores, Weighting(sequence)


def _sightings(scenario: Scenario, names: Iterable[str] | None) -> list[Question]:
    moves = [move.id for move in scenario if not move.covert] if names is None else list(names)
    problems, result = [], []
    for name in moves:
        move_id, outcome_id = move_and_outcome(name)
        move = scenario.moves.get(move_id)
        outcomes = {} if move is None else {outcome.id: outcome for outcome in move.outcomes}
        if move is None:
            problems.append(Problem("", 0, name, f"unknown move {move_id!r}", did_you_mean(move_id, scenario.moves)))
        elif move.covert:
            problems.append(Problem("", 0, name, f"nobody observes {move_id!r}", "expected a public move"))
        elif outcome_id and outcome_id not in outcomes:
            problems.append(Problem("", 0, name, *unknown_outcome(move_id, outcome_id, outcomes)))
        else:
            label = f"{move.label} ({outcomes[outcome_id].label})" if outcome_id else move.label
            result.append(Question(f"seen {name}", label, move=move_id, outcome=outcome_id or None))
    refuse(problems)
    if not result and names is not None:
        raise ValueError("no move was named: expected at least one public move")
    if not result:
        raise Unsupported("the scenario has no public move to watch for; expected at least one")
    return result


def _observation(
    scenario: Scenario, question: Question, shares: Floats, weighting: Weighting, scores: Floats
) -> Observation:
    move, open_then = scenario.moves[question.move or ""], at_look(scaled(shares, weighting.scale))
    brier, log, settles = (estimate(f, shares, weighting) for f in (brier_gain, log_gain, settled_share))
    return Observation(
        move.id,
        question.outcome or "",
        question.label,
        open_then["seen"],
        open_then["if_seen"],
        open_then["if_not"],
        *(brier.at_least_zero(), log.at_least_zero(), settles.at_least_zero()),
        main_assumption(scenario, shares, weighting.scale, scores),
        grounds(scenario, "", move.sources),
    )
