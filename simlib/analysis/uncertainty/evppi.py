"""What to find out next: what settling one assumption would be worth to the forecast of one question.

If assumption θᵢ were settled, the forecast would move to E[P | θᵢ]. Under the Brier score it would on average become
better by Var(E[P | θᵢ]), the unnormalised first-order Sobol index; under the log score by the mutual information of the
outcome and θᵢ, in nats. Both are read off the draws that the priors were carried through with, at no extra run: E[P |
θᵢ] is a regression of P on Hermite polynomials of the normal score of θᵢ, with the part that noise puts into it taken
off. Where assumptions are correlated, knowing one tells of the others too, and that is included: values of knowing are
not shares, and do not add up.

References: Oakley, J. and O'Hagan, A. (2004) Probabilistic sensitivity analysis of complex models: a Bayesian
approach, JRSS B 66. Strong, M. et al. (2014) Estimating multiparameter partial expected value of perfect information
from a probabilistic sensitivity analysis sample, Medical Decision Making 34.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.evaluator import cross
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import Number, estimate, variance_over_draws, without_noise
from simlib.analysis.uncertainty.propagation import Doubt
from simlib.answer import plain_json
from simlib.formatting import brier_gain, counted, long_date, with_error
from simlib.machine.measures import Measure
from simlib.scenario.model import Assumption, Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

DEGREE = 6
"""Highest Hermite polynomial of the regression."""

OPEN = 6
"""Most assumptions to name whose worth is not known yet."""

LEAST_DRAWS = 128
"""Draws below which a regression in each sequence says nothing."""


@dataclass(frozen=True)
class Evidence:
    """What stands behind a number or a move: its reason, its sources, and the age in days of the youngest of them."""

    because: str
    sources: tuple[str, ...]
    youngest: dt.date | None
    age_days: int | None

    def words(self) -> str:
        """Say the sources and their age."""
        if not self.sources:
            return "no source"
        age = {None: "undated", 0: "of the day", 1: "a day old"}.get(self.age_days, f"{self.age_days} days old")
        return f"{'; '.join(self.sources)} ({age})"


def evidence(scenario: Scenario, because: str, sources: tuple[str, ...]) -> Evidence:
    """Return what stands behind something, with ages counted back from the date of the forecast."""
    known = [scenario.sources[name] for name in sources if name in scenario.sources]
    dates = [source.date for source in known if source.date]
    youngest = max(dates) if dates else None
    age = None if youngest is None else (scenario.as_of - youngest).days
    return Evidence(because, tuple(source.title for source in known), youngest, age)


@dataclass(frozen=True)
class Worth:
    """What settling one assumption would be worth: brier (points of the Brier score), log (nats), share of Var(P).

    `share_error` is the 95% half-width of the share.
    """

    assumption: Assumption
    brier: Number
    log: Number
    share: float
    share_error: float
    evidence: Evidence

    @property
    def known(self) -> bool:
        """Say whether it is known to be worth anything: its share is larger than the error of the share."""
        return self.share > self.share_error

    @property
    def most(self) -> float:
        """The share that it may have, with its error."""
        return self.share + self.share_error

    @property
    def of_all(self) -> str:
        """Its share of what settling everything is worth in per cent, with its error: "77 ± 4%"."""
        return f"{with_error(100 * self.share, 100 * self.share_error)}%"


@dataclass(frozen=True)
class Knowing:
    """The worth of settling each uncertain assumption for one measure: known ones first, the most valuable first.

    `brier` and `log` are what is left to gain by settling all of them: Var(P), with its 95% half-width `brier_error`,
    and the mutual information with all θ; `chance` is the expected Brier score that would remain, E[P(1 - P)].
    """

    scenario: str
    by: dt.date
    measure: Measure
    mean: float
    brier: float
    brier_error: float
    log: float
    chance: float
    worths: tuple[Worth, ...]
    draws: int
    provenance: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return one row for each assumption in the order of `worths`; `known` says whether its place in it is."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "assumption": w.assumption.id,
                    "label": w.assumption.label,
                    "known": w.known,
                    "brier": w.brier.value,
                    "brier_error": w.brier.half,
                    "log": w.log.value,
                    "log_error": w.log.half,
                    "share": w.share,
                    "share_error": w.share_error,
                    "because": w.evidence.because,
                    "sources": "; ".join(w.evidence.sources),
                    "youngest": w.evidence.youngest,
                    "age_days": w.evidence.age_days,
                }
                for w in self.worths
            ]
        )

    def sentences(self, most: int = 4) -> list[str]:
        """Say what to find out next, and what stands behind it now."""
        total, what = self.brier + self.chance, f"{self.measure.words} by {long_date(self.by)}"
        digits = min(max(-math.floor(math.log10(self.brier)), 3), 6) if self.brier > 0 else 3
        first = (
            f"A forecast of {what} over the priors expects a Brier score of {total:.{digits}f}; with every assumption "
            f"settled it would expect {self.chance:.{digits}f}, which is chance: settling everything is worth "
            f"{brier_gain(self.brier, self.brier_error)}."
        )
        some = [w for w in self.worths if w.known][:most]
        told = [self._about(w) for w in some] or [
            "No single assumption is known to be worth more to settle than the error of this estimate."
        ]
        return [first, *told, *self._open(some[-1].share if some else 0.0)]

    def _open(self, least: float) -> list[str]:
        """Name what is not known yet and may have a share above `least`, so that it could belong in the ranking."""
        some = [w for w in self.worths if not w.known and w.most > least]
        if not some:
            return []
        some.sort(key=lambda w: -w.most)
        names = "; ".join(f"“{w.assumption.label}” ({w.of_all})" for w in some[:OPEN])
        more = f"; and {counted(len(some) - OPEN, 'other')}" if len(some) > OPEN else ""
        return [f"Not known yet with {counted(self.draws, 'draw')}, and may belong among these: {names}{more}."]

    def _about(self, w: Worth) -> str:
        reason = w.evidence.because.rstrip(".")
        behind = f"{w.evidence.words()}: {reason}" if w.evidence.sources else "no source"
        if reason and not w.evidence.sources:
            behind += f", only on a reason: {reason}"
        return (
            f"Settling “{w.assumption.label}” is worth {w.of_all} of what settling everything is worth "
            f"({brier_gain(w.brier.value, w.brier.half)}); it rests on {behind}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        plain: dict[str, Any] = plain_json(
            {
                "question": "knowing",
                "scenario": self.scenario,
                "by": self.by,
                "measure": self.measure.name,
                "label": self.measure.label,
                "mean": self.mean,
                "brier": self.brier,
                "brier_error": self.brier_error,
                "log": self.log,
                "chance": self.chance,
                "assumptions": [
                    {
                        "assumption": w.assumption.id,
                        "label": w.assumption.label,
                        "brier": list(w.brier),
                        "log": list(w.log),
                        "share": w.share,
                        "share_error": w.share_error,
                        "known": w.known,
                        "because": w.evidence.because,
                        "sources": w.evidence.sources,
                        "youngest": w.evidence.youngest,
                        "age_days": w.evidence.age_days,
                    }
                    for w in self.worths
                ],
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


def value_of_knowing(doubt: Doubt, measure: str | None = None) -> Knowing:
    """Return what settling each assumption is worth to a question, from priors carried through by `propagate`.

    `measure` is an ending, question, level or rung that was carried through (default: the first). Raises ValueError for
    an expected count, which no score of probabilities applies to, KeyError for a measure not carried through.
    """
    spread = doubt.spread(measure)
    if not spread.measure.probability:
        raise ValueError(f"{spread.measure.name!r} is an expected count; expected an ending, question, level or rung")
    if doubt.draws < LEAST_DRAWS:
        raise ValueError(f"{doubt.draws} draws are too few to learn from; expected at least {LEAST_DRAWS}")
    values = doubt.answers[:, :, doubt.measures.index(spread.measure)]
    columns = {name: column for column, name in enumerate(doubt.scenario.assumptions)}
    worths = []
    for assumption in uncertain(doubt.scenario):
        basis = hermite(doubt.scores[:, columns[assumption.id]])
        brier, log, share = (
            _estimate(statistic, values, basis, doubt)
            for statistic in (explained_variance, explained_information, explained_share)
        )
        behind = evidence(doubt.scenario, assumption.because, assumption.sources)
        worths.append(Worth(assumption, brier, log, min(share.value, 1.0), share.half, behind))
    worths.sort(key=lambda worth: (not worth.known, -worth.brier.value))
    p, variance = spread.mean.value, max(spread.variance.value, 0.0)
    return Knowing(
        doubt.scenario.id,
        doubt.by,
        spread.measure,
        p,
        variance,
        spread.variance.half,
        float(divergence(without_noise(values), p).mean()),
        max(p * (1 - p) - variance, 0.0),
        tuple(worths),
        doubt.draws,
        doubt.provenance,
    )


def _estimate(statistic: Callable[[Floats, Floats], float], values: Floats, basis: Floats, doubt: Doubt) -> Number:
    """Return a statistic of (values, basis) with its half-width, never below zero."""
    blocks, width = values.shape[1], basis.shape[1]
    # `estimate` cuts and thins its first argument; the basis rides along as columns beside every block.
    joined = np.concatenate([values[:, :, None], np.repeat(basis[:, None, :], blocks, axis=1)], axis=2)
    found = estimate(lambda x: statistic(x[:, :, 0], x[:, 0, 1 : 1 + width]), joined, doubt.sequence)
    return Number(max(found.value, 0.0), found.half)


def hermite(scores: Floats) -> Floats:
    """Return normalised Hermite polynomials of degrees 1 to `DEGREE` of normal scores (D,) -> (D, degrees)."""
    from math import factorial

    columns = [
        np.polynomial.hermite_e.hermeval(scores, [0] * n + [1]) / np.sqrt(factorial(n)) for n in range(1, DEGREE + 1)
    ]
    return np.stack(columns, axis=1)


def _regression(values: Floats, basis: Floats) -> tuple[Floats, Floats]:
    """Return (fitted, residual) (D, K) of the least-squares regression of values (D, K), both about the mean."""
    apart, shapes = values - values.mean(axis=0), basis - basis.mean(axis=0)
    coefficients = np.linalg.lstsq(shapes, apart, rcond=None)[0]
    fitted = shapes @ coefficients
    return fitted, apart - fitted


def explained_variance(values: Floats, basis: Floats) -> float:
    """Return Var(E[P | θᵢ]) from draws (D, K): the variance of the fit, less what noise puts into it."""
    fitted, residual = _regression(values, basis)
    rows, width = len(values), basis.shape[1]
    return float(cross(fitted, fitted)) - width / (rows - 1 - width) * float(cross(residual, residual))


def explained_share(values: Floats, basis: Floats) -> float:
    """Return Var(E[P | θᵢ]) / Var(P) from draws (D, K); 0 where no variance is left beside the noise."""
    variance = variance_over_draws(values)
    return explained_variance(values, basis) / variance if variance > 0 else 0.0


def explained_information(values: Floats, basis: Floats) -> float:
    """Return the mutual information (nats) of the outcome and θᵢ, its noise taken off as that of the variance is."""
    fitted, _ = _regression(values, basis)
    raw = float((fitted.mean(axis=1) ** 2).mean())
    if raw <= 0:
        return 0.0
    p = float(values.mean())
    share = explained_variance(values, basis) / raw
    return share * float(divergence(p + fitted.mean(axis=1), p).mean())


def divergence(q: Floats, p: float) -> Floats:
    """Return the Kullback-Leibler divergence (nats) of a probability q from p, elementwise; q is clipped to [0, 1]."""
    from scipy.special import xlogy

    q = np.clip(q, 0.0, 1.0)
    if not 0 < p < 1:
        return np.zeros_like(q)
    return np.asarray(xlogy(q, q / p) + xlogy(1 - q, (1 - q) / (1 - p)))
