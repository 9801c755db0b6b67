"""EVPPI: the gain in one forecast from knowing one assumption for certain.

If assumption θᵢ were known, the forecast P would move to E[P | θᵢ]. The expected Brier score would fall by Var(E[P |
θᵢ]), the unnormalised first-order Sobol index. The expected log score would fall by the mutual information of the
outcome and θᵢ, in nats. Each of these gains is an expected value of partial perfect information (EVPPI). Both are
estimated from the draws (sets of assumption values) of an `Uncertainty`, without further simulation. E[P | θᵢ] is
estimated by a regression of P on Hermite polynomials of the normal score of θᵢ. The variance that noise adds is
subtracted. Knowing one of several correlated assumptions also gives information about the others. So the values of
single assumptions do not add up to the value of knowing everything.

References: Oakley, J. and O'Hagan, A. (2004) Probabilistic sensitivity analysis of complex models: a Bayesian
approach, JRSS B 66. Strong, M. et al. (2014) Estimating multiparameter partial expected value of perfect information
from a probabilistic sensitivity analysis sample, Medical Decision Making 34.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import cross
from simlib.analysis.sensitivity.screening import uncertain
from simlib.analysis.uncertainty.estimates import (
    Number,
    Weighting,
    effective,
    estimate,
    scaled,
    variance_over_draws,
    without_noise,
)
from simlib.analysis.uncertainty.propagation import RUNS, Uncertainty, uncertainty
from simlib.answer import Answer, ScenarioKey, in_columns, pick
from simlib.control import UNWATCHED, Control
from simlib.errors import Unsupported
from simlib.formatting import counted, quoted, with_error
from simlib.machine.belief import insist_on_prior
from simlib.machine.measures import By, Measure
from simlib.scenario.model import Assumption, Scenario
from simlib.typing import Engine, Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evppi", "Worth", "evppi", "evppi_from"]

DEGREE = 6
"""Degree of the highest Hermite polynomial of the regression."""

NAMED = 6
"""Largest number of assumptions that are named as not yet ranked."""

LEAST_DRAWS = 128
"""Fewest draws (sets of assumption values) in all. A regression is fitted to each of their eight sequences."""

DRAWS = 512
"""Default number of draws."""


@dataclass(frozen=True)
class Grounds:
    """The reason and the sources of a number or a move.

    because: the reason ("": none).
    sources: the titles of the sources.
    youngest: the date of the newest source (None: no source is dated).
    age_days: the days from that date to the date of the forecast.
    """

    because: str
    sources: tuple[str, ...]
    youngest: dt.date | None
    age_days: int | None

    def row(self) -> dict[str, Any]:
        """Return the sources and their age as columns of a table."""
        return pick(self, "sources", "youngest", "age_days")

    def words(self) -> str:
        """Return a phrase that names the sources, and says how old the newest is."""
        if not self.sources:
            return "no source"
        return f"{'; '.join(self.sources)} ({self._newest()})"

    def brief(self, width: int) -> str:
        """Return the age of the newest source and the sources, cut to `width` characters."""
        words = f"{self._newest()}: {'; '.join(self.sources)}" if self.sources else self.words()
        return shorten(words, width, placeholder=" …")

    def _newest(self) -> str:
        several = len(self.sources) > 1 and self.age_days is not None
        return f"the newest {self.age()}" if several else self.age()

    def age(self) -> str:
        """Return the age of the newest source in words, such as "3 days old"."""
        if self.age_days is not None and self.age_days < 0:
            return "dated after the forecast"
        return {None: "undated", 0: "of the day", 1: "a day old"}.get(self.age_days, f"{self.age_days} days old")

    def sentence(self) -> str:
        """Return a sentence that names the sources and the reason, and says how old the newest source is."""
        reason = self.because.rstrip(".")
        if self.sources:
            return f"It rests on {self.words()}: {reason}." if reason else f"It rests on {self.words()}."
        return f"It has no source, only a reason: {reason}." if reason else "It has no source."


def grounds(scenario: Scenario, because: str, sources: tuple[str, ...]) -> Grounds:
    """Return the reason and the sources of a number or a move, given the ids of the sources."""
    known = [scenario.sources[name] for name in sources if name in scenario.sources]
    youngest = max((source.date for source in known if source.date), default=None)
    age = None if youngest is None else (scenario.as_of - youngest).days
    return Grounds(because, tuple(source.title for source in known), youngest, age)


@dataclass(frozen=True)
class Worth:
    """The value of knowing one assumption for certain, for one forecast P.

    brier: the gain in the expected Brier score.
    log: the gain in the expected log score, in nats.
    share: the gain in the Brier score as a share of Var(P), which is the gain from knowing all assumptions.
    share_error: the 95% half-width of the share.
    grounds: the reason and the sources of the assumption.
    """

    assumption: Assumption
    brier: Number
    log: Number
    share: float
    share_error: float
    grounds: Grounds

    @property
    def known(self) -> bool:
        """Whether the share in the value of knowing all assumptions is larger than its error."""
        return self.share > self.share_error

    @property
    def most(self) -> float:
        """An upper bound of the share in the value of knowing all assumptions: the share plus its half-width."""
        return self.share + self.share_error

    @property
    def of_all(self) -> str:
        """The share in the value of knowing all assumptions, with its 95% half-width, as text: "77 ± 4%"."""
        return f"{with_error(100 * self.share, 100 * self.share_error)}%"

    @property
    def shown(self) -> str:
        """The share as tables and pictures show it: `of_all`, marked as not known yet if the error is larger."""
        return self.of_all if self.known else f"not known yet ({self.of_all})"

    def row(self) -> dict[str, Any]:
        """Return the value of knowing the assumption, its reason and its sources as one row of a table."""
        row = {"assumption": self.assumption.id, "label": self.assumption.label, "known": self.known}
        gains = {"brier": list(self.brier), "log": list(self.log), "share": self.share, "share_error": self.share_error}
        return row | gains | {"because": self.grounds.because} | self.grounds.row()


@dataclass(frozen=True)
class Evppi(Answer):
    """The value of knowing each uncertain assumption for the forecast P of one measure.

    by_day: the target in days after the scenario's first day.
    mean: the mean of P over the draws.
    brier: the gain in the expected Brier score from knowing all assumptions, Var(P).
    brier_error: the 95% half-width of `brier`.
    log: the gain in the expected log score from knowing all assumptions, in nats.
    chance: the expected Brier score that would remain if all assumptions were known, E[P(1 - P)].
    worths: the value of each assumption. Assumptions whose share exceeds its error come first. Each part is ordered by
    value.
    draws: the number of draws (sets of assumption values).
    """

    kind: ClassVar[str] = "evppi"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    measure: Measure
    mean: float
    brier: float
    brier_error: float
    log: float
    chance: float
    worths: tuple[Worth, ...]
    draws: int
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence."""
        return f"Which assumption is most worth knowing to forecast {self.measure.words} by {self.by_words}?"

    @property
    def gain(self) -> str:
        """The percentage by which knowing all assumptions lowers the expected Brier score, as text."""
        total = self.brier + self.chance
        return f"{with_error(100 * self.brier / total, 100 * self.brier_error / total)}%" if total > 0 else "0%"

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each assumption, in the order of `worths`.

        The column `known` says whether the share exceeds its error.
        """
        import pandas as pd

        return pd.DataFrame([in_columns(w.row()) for w in self.worths])

    def sentences(self, most: int = 4) -> list[str]:
        """Describe up to `most` assumptions that are worth knowing, with the sources of each."""
        total, what = self.brier + self.chance, f"{self.measure.words} by {self.by_words}"
        digits = min(max(-math.floor(math.log10(self.brier)), 3), 6) if self.brier > 0 else 3
        whole = (
            f"Knowing every assumption would lower the expected Brier score of a forecast of {what} "
            f"from {total:.{digits}f} to {self.chance:.{digits}f}, by {self.gain}. The rest is chance."
        )
        some = [w for w in self.worths if w.known][:most]
        lines = [_about(w) for w in some] or ["No single assumption has a value larger than its error."]
        return [*lines, whole, *self._unranked(some[-1].share if some else 0.0)]

    def _unranked(self, least: float) -> list[str]:
        some = [w for w in self.worths if not w.known and w.most > least]
        if not some:
            return []
        some.sort(key=lambda w: -w.most)
        names = "; ".join(f"{quoted(w.assumption.label)} ({w.of_all})" for w in some[:NAMED])
        more = f"; and {counted(len(some) - NAMED, 'other')}" if len(some) > NAMED else ""
        draws = counted(self.draws, "draw")
        return [f"With {draws} these assumptions cannot be ranked yet and may belong higher: {names}{more}."]

    def data(self) -> dict[str, Any]:
        """Return the value of knowing all assumptions, and the value of knowing each one."""
        measure = {"measure": self.measure.name, "label": self.measure.label}
        rows = [w.row() for w in self.worths]
        return measure | pick(self, "mean", "brier", "brier_error", "log", "chance") | {"assumptions": rows}


def _about(w: Worth) -> str:
    return (
        f"Knowing {quoted(w.assumption.label)} gives {w.of_all} of the gain from knowing every assumption. "
        f"{w.grounds.sentence()}"
    )


def evppi(
    scenario: Scenario,
    measure: str,
    *,
    by: By = None,
    engine: Engine = "auto",
    draws: int = DRAWS,
    runs: int = RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Evppi:
    """Return the value of knowing each assumption for the forecast of one measure.

    If you already have an `Uncertainty`, `evppi_from` gives the same answer without new simulations.

    Args:
        scenario: The scenario, with its interventions.
        measure: An ending, question, level or rung, such as "question:truce".
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine at each draw: "exact", "montecarlo", or "auto".
        draws: Number of draws (sets of assumption values) of the prior, at least 128. A belief is refused, because the
            method needs independent draws of the prior.
        runs: Replicates (simulated histories) per draw by Monte Carlo, with common random numbers.
        seed: Seed of the draws and of the replicates.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Unsupported: For a belief, if every assumption is fixed, and for "exact" if the measure depends on whole
            histories.
        ValueError: For an expected count or amount, and for too few draws.
        ScenarioError: For an unknown measure, or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    insist_on_prior(draws, "EVPPI")
    return evppi_from(
        uncertainty(scenario, measure, by=by, engine=engine, draws=draws, runs=runs, seed=seed, control=control)
    )


def evppi_from(answer: Uncertainty, measure: str | None = None) -> Evppi:
    """Return the value of knowing each assumption, from the draws of an `Uncertainty`.

    Args:
        answer: The range of measures over draws (sets of assumption values).
        measure: One of these measures: an ending, question, level or rung. Default: the first.

    Raises:
        Unsupported: If the draws are those of a belief.
        ValueError: For an expected count or amount, which has no Brier or log score, and for too few draws.
        KeyError: For a measure that `answer` does not have.
        ScenarioError: For an unknown measure.
    """
    spread = answer.spread(measure)
    if answer.scores is None:
        belief = answer.provenance["belief"]
        raise Unsupported(
            f"EVPPI needs independent draws of the prior, but the belief {quoted(belief)} has other draws"
        )
    if not spread.measure.probability:
        raise ValueError(f"{spread.measure.name!r} is an expected count; expected an ending, question, level or rung")
    if answer.draws < LEAST_DRAWS:
        raise ValueError(f"{answer.draws} draws are too few for EVPPI; expected at least {LEAST_DRAWS}")
    values = answer.answers[:, :, answer.measures.index(spread.measure)]
    columns = {name: column for column, name in enumerate(answer.scenario.assumptions)}
    worths = []
    for assumption in uncertain(answer.scenario):
        basis = hermite(answer.scores[:, columns[assumption.id]])
        brier, log, share = (
            _estimate(statistic, values, basis, Weighting(answer.sequence))
            for statistic in (explained_variance, _explained_information, _explained_share)
        )
        behind = grounds(answer.scenario, assumption.because, assumption.sources)
        worths.append(Worth(assumption, brier, log, min(share.value, 1.0), share.half, behind))
    worths.sort(key=lambda worth: (not worth.known, -worth.brier.value))
    p, variance = spread.mean.value, max(spread.variance.value, 0.0)
    return Evppi(
        scenario=ScenarioKey.of(answer.scenario),
        by=answer.by,
        by_day=answer.by_day,
        measure=spread.measure,
        mean=p,
        brier=variance,
        brier_error=spread.variance.half,
        log=float(divergence(without_noise(values), p).mean()),
        chance=max(p * (1 - p) - variance, 0.0),
        worths=tuple(worths),
        draws=answer.draws,
        provenance=answer.provenance,
    )


def _estimate(
    statistic: Callable[[Floats, Floats], float], values: Floats, basis: Floats, weighting: Weighting
) -> Number:
    """Estimate `statistic(values, basis)`, not below zero, with its 95% half-width."""
    blocks, width = values.shape[1], basis.shape[1]
    # `estimate` selects rows and blocks of its first argument, so the basis is appended to every block as further
    # columns.
    joined = np.concatenate([values[:, :, None], np.repeat(basis[:, None, :], blocks, axis=1)], axis=2)
    return estimate(lambda x, _: statistic(x[:, :, 0], x[:, 0, 1 : 1 + width]), joined, weighting).at_least_zero()


def hermite(scores: Floats) -> Floats:
    """Return normalised Hermite polynomials of normal scores at D draws, (D,) -> (D, degrees)."""
    from math import factorial

    columns = [
        np.polynomial.hermite_e.hermeval(scores, [0] * n + [1]) / np.sqrt(factorial(n)) for n in range(1, DEGREE + 1)
    ]
    return np.stack(columns, axis=1)


def _regression(values: Floats, basis: Floats, scale: Floats | None = None) -> tuple[Floats, Floats]:
    """Return (fitted, residual) of a regression of values (D, K) on a basis (D, degrees).

    Values and basis are centred first, by subtracting their means over the draws.
    """
    apart, shapes = (x - scaled(x, scale).mean(axis=0) for x in (values, basis))
    root = None if scale is None else np.sqrt(scale)
    coefficients = np.linalg.lstsq(scaled(shapes, root), scaled(apart, root), rcond=None)[0]
    fitted = shapes @ coefficients
    return fitted, apart - fitted


def explained_variance(values: Floats, basis: Floats, scale: Floats | None = None) -> float:
    """Return Var(E[P | θᵢ]), the variance of a probability P that an assumption θᵢ explains.

    The result is the variance of the fitted values of a regression of P on a basis, minus the variance that noise adds.
    The result may be negative.

    Args:
        values: P (D, K) at D draws, in K blocks of replicates.
        basis: Functions of θᵢ at each draw (D, degrees).
        scale: The relative weights of the draws (D,). None: equal weights.
    """
    fitted, residual = _regression(values, basis, scale)
    rows, width = effective(len(values), scale), basis.shape[1]
    noise = width / (rows - 1 - width) * float(cross(scaled(residual, scale), residual))
    return float(cross(scaled(fitted, scale), fitted)) - noise


def _explained_share(values: Floats, basis: Floats) -> float:
    """Return Var(E[P | θᵢ]) / Var(P), or 0 if all variance is noise. θᵢ is the assumption."""
    variance = variance_over_draws(values)
    return explained_variance(values, basis) / variance if variance > 0 else 0.0


def _explained_information(values: Floats, basis: Floats) -> float:
    """Return the mutual information (nats) of the outcome and θᵢ, reduced by the share of noise in the fit."""
    fitted, _ = _regression(values, basis)
    raw = float((fitted.mean(axis=1) ** 2).mean())
    if raw <= 0:
        return 0.0
    p = float(values.mean())
    share = explained_variance(values, basis) / raw
    return share * float(divergence(p + fitted.mean(axis=1), p).mean())


def divergence(q: Floats, p: float) -> Floats:
    """Return the Kullback-Leibler divergence (nats) of a probability q of an event from p.

    q is clipped to [0, 1]. The result is 0 if p is 0 or 1.
    """
    from scipy.special import xlogy

    q = np.clip(q, 0.0, 1.0)
    if not 0 < p < 1:
        return np.zeros_like(q)
    return np.asarray(xlogy(q, q / p) + xlogy(1 - q, (1 - q) / (1 - p)))
