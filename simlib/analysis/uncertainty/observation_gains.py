"""The gains from watching for a move, computed from shares of simulated histories.

E is the event to forecast (the ending, or the yes to the question), and t is the last day of watching. A draw is a set
of assumption values, and replicates are simulated histories. `shares` (D, K, 6) are the six shares of one observation
(see `OPEN`) at D draws, in K blocks of replicates. `scale` (D,) are the relative weights of the draws (None: equal
weights). `simlib.analysis.uncertainty.sample_information` gives the formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from simlib.analysis.evaluator import REPLICATE_BLOCKS, cross, in_threads
from simlib.analysis.uncertainty.estimates import mean, scaled, variance_over_draws
from simlib.analysis.uncertainty.hermite_regression import divergence, explained_variance, hermite
from simlib.control import ONE_THREAD, Control
from simlib.engines.montecarlo.simulator import Simulator
from simlib.machine import priors
from simlib.machine.belief import Belief
from simlib.machine.measures import Measure
from simlib.scenario.model import Question, Scenario
from simlib.scenario.views.variation import begun_by
from simlib.typing import Floats

EXPLAINS = 0.05
"""An assumption is named only if it explains more than this share of the variance of P(seen)."""


OPEN, HAPPENS, SEEN, BOTH, TARGET, EVER = range(6)
"""Indices of six shares of all replicates. E is the event of the question, t the last day of watching.

OPEN: the question is open at t.
HAPPENS: the question is open at t, and E happens by the target day.
SEEN: the question is open at t, and the move has been seen by t.
BOTH: the question is open at t, the move has been seen by t, and E happens by the target day.
TARGET: E happens by the target day, before or after t.
EVER: the move has been seen by t, whether or not the question is open then.
"""


def watched_shares(
    scenario: Scenario,
    target: Measure,
    sightings: Sequence[Question],
    days: tuple[float, float],
    belief: Belief,
    *,
    runs: int,
    seed: int,
    control: Control,
) -> Floats:
    """Simulate histories at each draw, and return six shares (`OPEN` to `EVER`) by observation.

    The result has the shape (D, K, 6, observations): D draws, K blocks of replicates.

    Args:
        scenario: The scenario, with its interventions.
        target: The ending or question to forecast.
        sightings: The observations, as questions about the first occurrence of a move.
        days: The last day of watching and the target day, in days after the start.
        belief: The draws of the assumptions and of the start states. Its weights are not used.
        runs: Replicates of each draw, a multiple of `REPLICATE_BLOCKS`.
        seed: Seed of the replicates. Each draw has its own random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Cancelled: When `control` cancels the work.
    """
    look_by_day, by_day = days
    questions = {target.of: scenario.questions[target.of]} if target.kind == "question" else {}
    lean = begun_by(scenario, by_day).replace(questions=questions | {q.id: q for q in sightings}, ladders={})
    simulator, centre = Simulator(lean, times=1, by=by_day), priors.theta(scenario)
    ending = None if questions else list(scenario.endings).index(target.of)

    def at(draw: int, theta: Floats, start: Floats | None = None) -> Floats:
        run = partial(simulator.run, theta, centre=centre, start=start, runs=runs)
        counts = run(seed=seed, first=draw * runs, control=ONE_THREAD)
        ended = counts.ending_time
        when = counts.question_time[:, 0] if questions else np.where(counts.ending == ending, ended, np.inf)
        still = ((ended > look_by_day) & (when > look_by_day))[:, None]
        happens, seen = np.isfinite(when)[:, None], counts.question_time[:, len(questions) :] <= look_by_day
        rows = [still, still & happens, still & seen, still & seen & happens, happens, seen]
        shape = (REPLICATE_BLOCKS, -1, seen.shape[1])
        return np.stack([np.broadcast_to(row, seen.shape).reshape(shape).mean(axis=1) for row in rows], axis=1)

    columns = (belief.theta,) if belief.start is None else (belief.theta, belief.start)
    return np.stack(in_threads(at, range(belief.draws), *columns, control=control))


def at_look(shares: Floats) -> dict[str, float]:
    """Return the probabilities that belong to one observation on the last day t of watching.

    open: P(question open at t).
    seen: P(seen by t | open at t).
    before: P(E | open at t).
    if_seen: P(E | open at t, seen by t), nan if the move is never seen.
    if_not: P(E | open at t, not seen by t), nan if the move is always seen.
    """
    stays, happens, seen, both = (float(shares[:, :, part].mean()) for part in (OPEN, HAPPENS, SEEN, BOTH))
    return {
        "open": stays,
        "seen": seen / stays if stays else 0.0,
        "before": happens / stays if stays else 0.0,
        "if_seen": both / seen if seen else np.nan,
        "if_not": (happens - both) / (stays - seen) if stays > seen else np.nan,
    }


def brier_gain(shares: Floats, scale: Floats | None) -> float:
    """Return the expected gain in the Brier score from an observation.

    The gain is P(open) Cov(E, seen | open)² / (q (1 - q)), with q = P(seen | open).
    """
    shares = scaled(shares, scale)
    known = at_look(shares)
    q = known["seen"]
    if not 0 < q < 1:
        return 0.0
    stays, happens, seen, both = (shares[:, :, part].mean(axis=0) for part in (OPEN, HAPPENS, SEEN, BOTH))
    together = (both - seen * happens / np.maximum(stays, 1e-300)) / known["open"]
    return known["open"] * float(cross(together[None, :], together[None, :])) / (q * (1 - q))


def log_gain(shares: Floats, scale: Floats | None) -> float:
    """Return the expected gain in the log score (nats) from an observation.

    Noise raises the plain estimate. So the estimate is multiplied by the ratio of the Brier gain without noise to the
    Brier gain with noise.
    """
    known = at_look(scaled(shares, scale))
    weights = np.array([known["seen"], 1 - known["seen"]])
    after = np.array([known["if_seen"], known["if_not"]])
    raw = known["open"] * float((after - known["before"]) ** 2 @ weights)
    gain = known["open"] * float(divergence(after, known["before"]) @ weights)
    return gain * brier_gain(shares, scale) / raw if raw > 0 else 0.0


def settled_share(shares: Floats, scale: Floats | None) -> float:
    """Return the share of the variance of P(E) over the draws that an observation would resolve."""
    answer, seen = shares[:, :, TARGET], shares[:, :, EVER]
    variance, q = variance_over_draws(answer, scale), mean(seen, scale)
    if variance <= 0 or not 0 < q < 1:
        return 0.0
    apart, seen_apart = (x - scaled(x, scale).mean(axis=0) for x in (answer, seen))
    together = float(cross(scaled(apart, scale), seen_apart))
    return together**2 / (q * (1 - q)) / variance


def main_assumption(scenario: Scenario, shares: Floats, scale: Floats | None, scores: Floats) -> str:
    """Return the id of the assumption that best explains the variance of P(seen by t).

    The result is "" if no assumption explains more than the share `EXPLAINS` of this variance. `scores` (D, A) are the
    normal scores of the assumptions.
    """
    seen = shares[:, :, EVER]
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
