"""EVPPI: the gain in one forecast from knowing one assumption for certain.

If assumption θᵢ were known, the forecast P would move to E[P | θᵢ]. The expected Brier score would fall by Var(E[P |
θᵢ]), the unnormalised first-order Sobol index. The expected log score would fall by the mutual information of the
outcome and θᵢ, in nats. Each of these gains is an expected value of partial perfect information (EVPPI). Both are
estimated from the draws (sets of assumption values) of an `Uncertainty`, without further simulation. E[P | θᵢ] is
estimated by a regression (see `simlib.analysis.uncertainty.hermite_regression`). Knowing one of several correlated
assumptions also gives information about the others. So the values of single assumptions do not add up to the value of
knowing everything.

References: Oakley, J. and O'Hagan, A. (2004) Probabilistic sensitivity analysis of complex models: a Bayesian
approach, JRSS B 66. Strong, M. et al. (2014) Estimating multiparameter partial expected value of perfect information
from a probabilistic sensitivity analysis sample, Medical Decision Making 34.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from simlib.analysis.uncertainty.estimates import Number, Weighting, mean, without_noise
from simlib.analysis.uncertainty.hermite_regression import (
    divergence,
    explained,
    explained_information,
    explained_share,
    explained_variance,
    hermite,
)
from simlib.analysis.uncertainty.propagation import RUNS_PER_DRAW, uncertainty
from simlib.analysis.uncertainty.reasons_and_sources import Grounds, grounds
from simlib.analysis.uncertainty.result import Uncertainty
from simlib.analysis.uncertainty.sampling import insist_on_effective
from simlib.answer import Answer, ScenarioKey, in_columns, pick
from simlib.arguments import Engine
from simlib.control import UNWATCHED, Control
from simlib.errors import Unsupported
from simlib.formatting import counted, quoted, with_error
from simlib.machine.measures import By, Measure
from simlib.machine.priors import insist_on_uncertain
from simlib.scenario.model import Assumption, Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Evppi", "Worth", "evppi", "evppi_from"]

NAMED_UNRANKED_ASSUMPTIONS = 6
"""Largest number of assumptions that are named as not yet ranked."""

LEAST_DRAWS = 128
"""Fewest effective draws (sets of assumption values) in all. They form eight sequences, and each regression uses seven.

A conditional probability weighs the draws by its condition, so it has fewer effective draws than draws.
"""

PERFECT_INFORMATION_DRAWS = 512
"""Default number of draws."""


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
        """Whether `share` is larger than its error."""
        return self.share > self.share_error

    @property
    def most(self) -> float:
        """An upper bound of `share`: the share plus its half-width."""
        return self.share + self.share_error

    @property
    def of_all(self) -> str:
        """`share` with its 95% half-width, as text: "77 ± 4%"."""
        return f"{with_error(100 * self.share, 100 * self.share_error)}%"

    @property
    def shown(self) -> str:
        """The share in tables and pictures: `of_all`, marked "not known yet" if not above its error."""
        return self.of_all if self.known else f"not known yet ({self.of_all})"

    def row(self) -> dict[str, Any]:
        """Return the value of knowing the assumption, its reason and its sources as a table row."""
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
    worths: the value of knowing each assumption. Assumptions whose share exceeds its error come first, then the others.
        Both groups are ordered by value.
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
        lines = [_about(w) for w in some] or ["No single assumption is worth more than the error of its estimate."]
        return [*lines, whole, *self._unranked(some[-1].share if some else 0.0)]

    def _unranked(self, least: float) -> list[str]:
        some = [w for w in self.worths if not w.known and w.most > least]
        if not some:
            return []
        some.sort(key=lambda w: -w.most)
        names = "; ".join(f"{quoted(w.assumption.label)} ({w.of_all})" for w in some[:NAMED_UNRANKED_ASSUMPTIONS])
        more = (
            f"; and {counted(len(some) - NAMED_UNRANKED_ASSUMPTIONS, 'other')}"
            if len(some) > NAMED_UNRANKED_ASSUMPTIONS
            else ""
        )
        draws = counted(self.draws, "draw")
        return [f"With {draws} these assumptions cannot be ranked yet, and may be worth knowing too: {names}{more}."]

    def data(self) -> dict[str, Any]:
        """Return the value of knowing all assumptions, and the value of knowing each one."""
        measure = {"measure": self.measure.name, "label": self.measure.label}
        rows = [w.row() for w in self.worths]
        return measure | pick(self, "mean", "brier", "brier_error", "log", "chance") | {"assumptions": rows}


def _about(w: Worth) -> str:
    return (
        f"Of the gain from knowing every assumption, {w.of_all} comes from {quoted(w.assumption.label)}. "
        f"{w.grounds.sentence()}"
    )


def evppi(
    scenario: Scenario,
    measure: str | None = None,
    *,
    by: By = None,
    engine: Engine = "auto",
    draws: int = PERFECT_INFORMATION_DRAWS,
    runs: int = RUNS_PER_DRAW,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Evppi:
    """Return the value of knowing each assumption for the forecast of one measure.

    If you already have an `Uncertainty`, `evppi_from` gives the same answer without new simulations.

    Args:
        scenario: The scenario, with its interventions.
        measure: An ending, question, level or rung, such as "question:truce". Default: the headline.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine at each draw: "exact", "montecarlo", or "auto".
        draws: Number of draws (sets of assumption values) of the prior, at least 128. A conditional probability needs
            more, because its condition gives the draws unequal weights. A belief is refused, because the method needs
            independent draws of the prior.
        runs: Replicates (simulated histories) per draw by Monte Carlo, with common random numbers.
        seed: Seed of the draws and of the replicates.
        control: Progress callback, cancellation and number of threads.

    Raises:
        Unsupported: For a belief, if every assumption is fixed, and for "exact" if the measure depends on whole
            histories.
        ValueError: For an expected count or amount, and for too few effective draws.
        ScenarioError: For an unknown measure, or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
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
        ValueError: For an expected count or amount, which has no Brier or log score, and for too few
            effective draws.
        KeyError: For a measure that `answer` does not have.
        ScenarioError: For an unknown measure.
    """
    spread = answer.spread(measure)
    if answer.scores is None:
        belief = answer.provenance["belief"]
        raise Unsupported(
            f"EVPPI needs independent draws of the prior, which the belief {quoted(belief)} does not have"
        )
    if not spread.measure.probability:
        raise ValueError(f"{spread.measure.name!r} is an expected count; expected an ending, question, level or rung")
    insist_on_effective(spread, LEAST_DRAWS)
    values = answer.answers[:, :, answer.measures.index(spread.measure)]
    columns = {name: column for column, name in enumerate(answer.scenario.assumptions)}
    worths = []
    for assumption in insist_on_uncertain(answer.scenario):
        basis = hermite(answer.scores[:, columns[assumption.id]])
        brier, log, share = (
            explained(statistic, values, basis, Weighting(answer.sequence, spread.scale))
            for statistic in (explained_variance, explained_information, explained_share)
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
        log=mean(divergence(without_noise(values, spread.scale), p), spread.scale),
        chance=max(p * (1 - p) - variance, 0.0),
        worths=tuple(worths),
        draws=answer.draws,
        provenance=answer.provenance,
    )
