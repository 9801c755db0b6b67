"""The posterior of the assumptions given a log.

A normal score z is the value of an assumption transformed so that its prior is standard normal. The posterior density
of the scores is their prior density times the likelihood of the log. The draws come from a proposal: a normal
distribution at the mode (Laplace), a little wider than the curvature says. The draws are made from a Sobol sequence and
get Pareto-smoothed importance weights. If these weights cannot be trusted, a Student t is the next proposal.
Hamiltonian Monte Carlo is the last resort.

The log up to a date may have been used to set an assumption (`uses_log_until`). Rows up to that date then inform the
state but not this assumption: the posterior is *cut* (Plummer 2015). Cut assumptions are drawn from their prior, and
the other assumptions are drawn given the cut assumptions. The weights are normalised within the draws that share the
same values of the cut assumptions. Rows after that date then change all weights. Assumptions that the log says nothing
about are drawn from their prior given the other assumptions.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from functools import partial

import numpy as np

from simlib.control import Control, cores, helper_threads
from simlib.errors import SimlibError
from simlib.evidence import hamiltonian
from simlib.evidence.draw_weights import Reweighting
from simlib.evidence.exact_filter import Filter
from simlib.evidence.walk import NoProbability
from simlib.machine import priors
from simlib.machine.belief import effective_number
from simlib.typing import Bools, Floats

TRUSTED, ENOUGH = 0.7, 200
"""A posterior is published if the shape k of the tail of its weights is below `TRUSTED`, and if its draws are worth at
least `ENOUGH` draws with equal weights."""

CONVERGED, BULK = 1.01, 400
"""Chains are published if R̂ is at most `CONVERGED` and the bulk effective sample size is at least `BULK`."""

WIDER, FREEDOM = 1.05, 10
"""Scale of both proposals relative to the normal approximation at the mode, and degrees of freedom of the Student t."""

INNER = 8
"""Number of draws of the other assumptions for each draw of the cut assumptions."""

_FARTHEST = 10.0
"""Scores farther than this from 0 are treated as impossible."""

_DIFFERENCE_STEP = 0.25
"""Step in z of the finite differences for the curvature. A step this wide smooths the kink of a split normal."""


class NotLearnt(SimlibError):
    """The posterior is not published: neither its weights nor its chains can be trusted."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weighted draws of the normal scores of all assumptions, including those of `evidence`.

    There are D draws, A assumptions and K states that are possible at the end of the log.

    - scores (D, A): normal scores, whose prior is standard normal.
    - weights (D,): weights that sum to one.
    - ends (D, K): probability of each state at the end of the log, at each draw.
    - method: "laplace", "student", "chains" or "prior" (nothing is learnt).
    - k_hat: shape of the tail of the weights, nan for chains.
    - effective_draws: number of draws with equal weights that would give the same precision.
    - free (A,): whether the log may change the assumption.
    - cut (A,): whether a first part of the log was used to set the assumption, and may not change it again.
    - reweighting: computes the weights of the same draws given the log up to any day.
    """

    scores: Floats
    weights: Floats
    ends: Floats
    method: str
    k_hat: float
    effective_draws: float
    free: Bools
    cut: Bools
    reweighting: Reweighting


class Learning:
    """The computation of one posterior.

    - a: indices of the free assumptions, which the log may change.
    - c: indices of the cut assumptions, which were set with a first part of the log.
    - early: the filter of the rows that were used to set the cut assumptions, or None.
    """

    def __init__(self, prepared: Filter, draws: int, seed: int, control: Control) -> None:
        self.filter, self.draws, self.seed, self.control = prepared, draws, seed, control
        self.correlation = priors.correlation(prepared.world)
        until = [a.uses_log_until for a in prepared.world.assumptions.values()]
        begin = prepared.timetable.start
        day = prepared.world.day
        self.cut: Bools = np.array([u is not None and day(u) >= begin for u in until]) & prepared.free
        self.free: Bools = prepared.free & ~self.cut
        used = [u for u, cut in zip(until, self.cut, strict=True) if cut and u is not None]
        self.early = self._before(max(used)) if used else None
        self.c, self.a = np.flatnonzero(self.cut), np.flatnonzero(self.free)

    def _before(self, until: dt.date) -> Filter | None:
        """Return a filter that uses only rows up to day `until`, or None if the log ends by then."""
        after = until + dt.timedelta(days=1)
        if self.filter.world.day(after) >= self.filter.timetable.stop:
            return None
        return Filter(self.filter.scenario, self.filter.readings, after, complete_to=until)

    def prior(self) -> Posterior:
        """Return draws of the prior, each with the state probabilities at the end of the log."""
        scores = priors.scores(self.filter.world, self.draws, seed=self.seed)
        log, ends = self._weigh(self.filter, scores)
        possible = np.isfinite(log)
        with np.errstate(divide="ignore"):
            equal = np.log(possible / possible.sum())
        none = np.zeros(len(scores), dtype=np.int64)
        return self._done(scores, Reweighting(equal, none, teaching=False), log, ends, "prior")

    def posterior(self) -> Posterior:
        """Return the posterior by the first method that can be trusted.

        The first method is a normal proposal, the second a Student t. If an assumption is cut (it was set with a first
        part of the log), normal proposals with more and more draws follow. Otherwise Hamiltonian chains follow.

        Raises:
            NotLearnt: If no method can be trusted.
            Cancelled: When `control` cancels the work.
        """
        if not len(self.a) and self.early is None:
            return self.prior()
        mode, precision = self._laplace(self.early or self.filter)
        enough = min(ENOUGH, self.draws / 4)
        best = self._sampled(mode, precision, None)
        for freedom in (FREEDOM, None, None, None) if len(self.c) else (FREEDOM,):
            if not _faults_of_weights(best, enough):
                return best
            if freedom is None or best.k_hat < TRUSTED:
                self.draws *= 2
            best = self._sampled(mode, precision, freedom)
        faults = _faults_of_weights(best, enough)
        if faults and len(self.c):
            raise NotLearnt(_refusal(faults))
        return self._by_chains(mode, precision) if faults else best

    # ---------------------------------------------------------------- the mode

    def _target(self, weighed: Filter, at: Floats) -> tuple[float, Floats]:
        """Return the log posterior density (up to a constant) and gradient (a,) at free scores (a,).

        All other scores are zero.
        """
        if np.abs(at).max(initial=0.0) > _FARTHEST:
            return -np.inf, np.zeros(len(at))
        z = np.zeros(len(self.free))
        z[self.a] = at
        pull = np.linalg.solve(self.correlation[np.ix_(self.a, self.a)], at)
        try:
            passed, slope = weighed.gradient(z)
        except NoProbability:
            return -np.inf, np.zeros(len(at))
        return passed.log_likelihood - 0.5 * float(at @ pull), slope[self.a] - pull

    def _laplace(self, weighed: Filter) -> tuple[Floats, Floats]:
        """Return the mode of the free scores (a,), and their precision at the mode (a, a + c).

        The cut scores are zero at the mode. The precision has a row for each free score. It has a column for each free
        score, followed by a column for each cut score.
        """
        from scipy.optimize import minimize

        def down(at: Floats) -> tuple[float, Floats]:
            log, slope = self._target(weighed, at)
            return (-log, -slope) if np.isfinite(log) else (1e30, np.zeros(len(at)))

        zero = np.zeros(len(self.a))
        mode = minimize(down, zero, jac=True, method="L-BFGS-B", options={"maxiter": 100}).x if len(zero) else zero
        both = np.concatenate([self.a, self.c])
        curvature = np.zeros((len(self.a), len(both)))

        def slopes(place: int) -> Floats:
            ends = []
            for sign in (1, -1):
                z = np.zeros(len(self.free))
                z[self.a] = mode
                z[self.a[place]] += sign * _DIFFERENCE_STEP
                ends.append(weighed.gradient(z)[1][both])
            return (ends[0] - ends[1]) / (2 * _DIFFERENCE_STEP)

        with helper_threads(self.control.threads or cores(), self.control) as (pool, _):
            for place, row in enumerate(pool.map(slopes, range(len(self.a)))):
                curvature[place] = row
                self.control.check()
        prior = np.linalg.inv(self.correlation[np.ix_(both, both)])[: len(self.a)]
        square = curvature[:, : len(self.a)]
        curvature[:, : len(self.a)] = (square + square.T) / 2
        precision = prior - curvature
        values, vectors = np.linalg.eigh(precision[:, : len(self.a)])
        precision[:, : len(self.a)] = (vectors * np.maximum(values, 0.2)) @ vectors.T
        return mode, precision

    # ---------------------------------------------------------------- weighted draws

    def _sampled(self, mode: Floats, precision: Floats, freedom: int | None) -> Posterior:
        a, c = self.a, self.c
        groups = max(self.draws // INNER, 1) if len(c) else 1
        count = groups * INNER if len(c) else self.draws
        z = np.zeros((count, len(self.free)))
        group = np.arange(count) % groups
        normal = normals(count, len(self.free), self.seed)
        root_c = np.linalg.cholesky(self.correlation[np.ix_(c, c)])
        z[:, c] = (normals(groups, len(self.free), self.seed + 1)[:, c] @ root_c.T)[group]
        covariance = np.linalg.inv(precision[:, : len(a)])
        centre = mode - z[:, c] @ (covariance @ precision[:, len(a) :]).T
        root, stretch = np.linalg.cholesky(covariance) * WIDER, self._stretch(count, freedom)
        away = normal[:, a] * stretch
        z[:, a] = centre + away @ root.T
        z = self._with_rest(z, normal)
        log_q = _log_density(away, freedom) - np.log(np.diag(root)).sum()
        early = None if self.early is None else self._weigh(self.early, z)[0]
        until = np.inf if self.early is None else self.early.timetable.stop
        log, ends = self._weigh(self.filter, z)
        weighing = Reweighting(self._log_prior(z) - log_q, group, early, until)
        return self._done(z, weighing, log, ends, "laplace" if freedom is None else "student")

    def _stretch(self, count: int, freedom: int | None) -> Floats:
        """Return the factor for each draw (D, 1) that turns a normal draw into a Student t draw."""
        if freedom is None:
            return np.ones((count, 1))
        chi = np.random.default_rng([self.seed, 7]).chisquare(freedom, (count, 1))
        return np.asarray(np.sqrt(freedom / chi))

    def _log_prior(self, z: Floats) -> Floats:
        """Return the log prior density of the free scores given the cut scores, up to a constant."""
        a, c, r = self.a, self.c, self.correlation
        mean, covariance = np.zeros((len(z), len(a))), r[np.ix_(a, a)]
        if len(c):
            gain = np.linalg.solve(r[np.ix_(c, c)], r[np.ix_(c, a)]).T
            mean, covariance = z[:, c] @ gain.T, covariance - gain @ r[np.ix_(c, a)]
        away = z[:, a] - mean
        return np.asarray(-0.5 * np.einsum("da,da->d", away, np.linalg.solve(covariance, away.T).T))

    def _with_rest(self, z: Floats, normal: Floats) -> Floats:
        """Draw, from the prior given the other scores, the scores that the log says nothing about."""
        known = np.concatenate([self.a, self.c])
        rest = np.setdiff1d(np.arange(z.shape[1]), known)
        r = self.correlation
        gain = np.linalg.solve(r[np.ix_(known, known)], r[np.ix_(known, rest)]).T
        covariance = r[np.ix_(rest, rest)] - gain @ r[np.ix_(known, rest)]
        z[:, rest] = z[:, known] @ gain.T + normal[:, rest] @ np.linalg.cholesky(covariance).T
        return z

    def _weigh(self, weighed: Filter, z: Floats) -> tuple[Floats, Floats]:
        """Return the log-likelihoods (D,) and the end state probabilities (D, K) of D draws.

        `z` (D, A) has the normal scores of the draws.
        """
        thetas = priors.values_from_scores(weighed.world, z)
        logs, ends = np.empty(len(z)), np.zeros((len(z), len(weighed.end_levels)))
        with helper_threads(self.control.threads or cores(), self.control) as (pool, _):
            for number, passed in enumerate(pool.map(partial(_passed, weighed), thetas)):
                logs[number] = passed[0]
                ends[number] = passed[1]
                self.control.check()
                self.control.report((number + 1) / len(z))
        return logs, ends

    def _done(self, z: Floats, weighing: Reweighting, log: Floats, ends: Floats, method: str) -> Posterior:
        weights, shape = weighing.at(log, self.filter.timetable.stop)
        effective = effective_number(weights)
        return Posterior(z, weights, ends, method, shape, effective, self.free, self.cut, weighing)

    # ---------------------------------------------------------------- chains

    def _by_chains(self, mode: Floats, precision: Floats) -> Posterior:
        root = np.linalg.cholesky(np.linalg.inv(precision))

        def target(x: Floats) -> tuple[float, Floats]:
            self.control.check()
            log, slope = self._target(self.filter, mode + root @ x)
            return log, root.T @ slope

        count = max(self.draws // hamiltonian.CHAINS, 2 * BULK // hamiltonian.CHAINS)
        draws = hamiltonian.chains(target, len(self.a), count, seed=self.seed)
        r_hat, bulk = hamiltonian.convergence(draws)
        if faults := _faults_of_chains(r_hat, bulk):
            raise NotLearnt(_refusal(faults))
        flat = draws.reshape(-1, len(self.a))
        z = np.zeros((len(flat), len(self.free)))
        z[:, self.a] = mode + flat @ root.T
        z = self._with_rest(z, normals(len(z), len(self.free), self.seed))
        log, ends = self._weigh(self.filter, z)
        whole = self._done(z, Reweighting(-log, np.zeros(len(z), dtype=np.int64)), log, ends, "chains")
        return dataclasses.replace(whole, k_hat=np.nan, effective_draws=min(bulk, whole.effective_draws))


def _faults_of_weights(sample: Posterior, enough: float) -> list[str]:
    count = len(sample.weights)
    if np.isposinf(sample.k_hat):
        return [f"{count} draws are too few to judge their weights"]
    faults = []
    if sample.k_hat >= TRUSTED:
        faults.append(f"a few of the {count} draws carry most of the weight (k = {sample.k_hat:.2f}, limit {TRUSTED})")
    if sample.effective_draws < enough:
        faults.append(f"{count} draws are worth {sample.effective_draws:.0f} of equal weight (needed: {enough:.0f})")
    return faults


def _faults_of_chains(r_hat: float, bulk: float) -> list[str]:
    faults = [f"the chains do not agree (R̂ = {r_hat:.3f}, limit {CONVERGED})"] if r_hat > CONVERGED else []
    return faults + ([f"the chains are worth {bulk:.0f} independent draws (needed: {BULK})"] if bulk < BULK else [])


def _refusal(faults: list[str]) -> str:
    return (
        f"the posterior after the log is not reliable: {', and '.join(faults)}; "
        "take more draws, or take in the log without learning"
    )


def _passed(weighed: Filter, theta: Floats) -> tuple[float, Floats]:
    try:
        passed = weighed.run(theta)
    except NoProbability:
        return -np.inf, np.zeros(len(weighed.end_levels))
    return passed.log_likelihood, passed.end


def normals(count: int, dimension: int, seed: int) -> Floats:
    """Return independent normal scores (count, dimension) from a scrambled Sobol sequence."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimension, scramble=True, bits=30, rng=np.random.default_rng(seed))
    uniform = sequence.random_base2(int(np.ceil(np.log2(max(count, 2)))))[:count]
    half = 0.5**31
    return np.asarray(ndtri(np.clip(uniform + half, half, 1 - half)))


def _log_density(away: Floats, freedom: int | None) -> Floats:
    """Return the log density of each draw (D,), up to a constant.

    The draws (D, a) come from a standard normal distribution, or from a Student t with `freedom` degrees of freedom.
    """
    square = np.sum(away**2, axis=1)
    if freedom is None:
        return np.asarray(-0.5 * square)
    return np.asarray(-0.5 * (freedom + away.shape[1]) * np.log1p(square / freedom))


def summary(scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weighted mean (A,) and standard deviation (A,) of normal scores.

    `scores` (D, A) are the scores of A assumptions at D draws.
    """
    mean = weights @ scores
    return mean, np.sqrt(np.maximum(weights @ (scores - mean) ** 2, 0.0))
