"""The accumulated amount of an impact: mean and distribution, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.answer import pick
from simlib.formatting import counted, percent, plainly, with_error, with_plural
from simlib.quantities import round_values, show
from simlib.results.intervals import Z_TWO_SIDED_95, Band, Estimate
from simlib.typing import Bools, Floats

FAN = (0.05, 0.5, 0.95)
"""The quantiles that describe the distribution of an accumulated amount."""

AFTERWARDS = "What happens after an ending is not counted."
"""Remark shown with every mean that is conditional on an ending."""


@dataclass(frozen=True, eq=False)
class AmountSample:
    """The distribution of the amount of an impact by the last report time.

    `amounts` (D, R) are the amounts in R histories at each of D draws of the assumptions. At the stated values each
    history counts as a draw, so that the shape is (R, 1). `weights` (D,) sum to one. For an exact distribution,
    `shares` (D, R) are the probabilities of the amounts within each draw.

    Every estimate has its 95% interval. The sample size is the number of draws, not of histories, because the histories
    of one draw share the values of the assumptions. At the stated values an exact distribution has no error.
    """

    amounts: Floats
    weights: Floats
    shares: Floats | None = None

    @property
    def exact(self) -> bool:
        """Whether the distribution is solved exactly at each draw."""
        return self.shares is not None

    @property
    def source(self) -> str:
        """A sentence that says how the distribution was computed."""
        if self.exact:
            return "This distribution is solved exactly."
        return f"This distribution is counted in {counted(self.amounts.size, 'history', 'histories')}."

    def exceeds(self, amount: float) -> Estimate:
        """Return the probability that the amount of the impact is more than `amount`."""
        p, variance = self._mean(self.amounts > amount)
        band = Band.of_mean(p, variance, None if self.exact else float(self.amounts.size))
        return Estimate(float(band.probability), float(band.low), float(band.high))

    def quantile(self, share: float) -> Estimate:
        """Return the smallest amount such that at least `share` of the histories have no more."""
        value = self.point(share)
        _, variance = self._mean(self.amounts <= value)
        least = 0.0 if self.exact else share * (1 - share) / self.amounts.size
        half = Z_TWO_SIDED_95 * np.sqrt(max(float(variance), least))
        return Estimate(value, self.point(max(share - half, 0.0)), self.point(min(share + half, 1.0)))

    def worst(self, share: float = 0.05) -> Estimate:
        """Return the mean of the `share` of histories with the largest amounts (expected shortfall)."""
        threshold = self.point(1 - share)
        mean, variance = self._mean(threshold + np.maximum(self.amounts - threshold, 0.0) / share)
        half = Z_TWO_SIDED_95 * float(np.sqrt(variance))
        return Estimate(float(mean), float(mean) - half, float(mean) + half)

    def _mean(self, values: Floats | Bools) -> tuple[Floats, Floats]:
        """Return the weighted mean of values (D, R) over the draws, and the variance of this mean."""
        by_draw = values.mean(axis=1) if self.shares is None else np.sum(values * self.shares, axis=1)
        mean, count = self.weights @ by_draw, len(by_draw)
        variance = self.weights**2 @ (by_draw - mean) ** 2 * count / max(count - 1, 1)
        return np.asarray(mean), np.asarray(variance)

    def point(self, share: float) -> float:
        """Return a quantile without its interval."""
        within = 1 / self.amounts.shape[1] if self.shares is None else self.shares
        each = np.broadcast_to(self.weights[:, None] * within, self.amounts.shape).ravel()
        some = each > 0
        return float(np.quantile(self.amounts.ravel()[some], share, weights=each[some], method="inverted_cdf"))


@dataclass(frozen=True, eq=False)
class Accumulation:
    """The accumulated amount of one impact by each report time, in its `unit`.

    Arrays have the shape (T,). `mean` is the expected amount, and `error` its 95% half-width (0 when exact). `chance`
    is the standard deviation between histories at given assumption values. `doubt` is the standard deviation of the
    mean between draws of the assumptions (0 at the stated values). `given` holds for each ending the mean among the
    histories that have reached this ending by then (nan if there are none). `given_error` has the 95% half-widths of
    these means. Amounts after an ending are not counted.

    `fan` has the 5, 50 and 95% points at each time (3, T). `sample` is the whole distribution at the last report time.
    Both are None if the distribution was not computed.
    """

    unit: str
    mean: Floats
    chance: Floats
    doubt: Floats
    error: Floats
    given: Mapping[str, Floats]
    given_error: Mapping[str, Floats]
    fan: Floats | None = None
    sample: AmountSample | None = None

    def data(self) -> dict[str, Any]:
        """Return the numbers as JSON data, with the distribution at the last report time."""
        data = pick(self, "unit", "mean", "chance", "doubt", "error", "given", "given_error")
        if self.fan is not None and self.sample is not None:
            data["fan"] = dict(zip(("p05", "p50", "p95"), self.fan, strict=True))
            points = {f"p{round(100 * share):02d}": self.sample.quantile(share) for share in FAN}
            data["by_the_end"] = (
                points
                | {"worst_5_percent": self.sample.worst()}
                | {"more_than": [[amount, *self.sample.exceeds(amount)] for amount in self.round_amounts()]}
                | {"exact": self.sample.exact}
            )
        return data

    def sentences(self, label: str, by: str, endings: Mapping[str, str]) -> list[str]:
        """Describe the amount at the end: mean, spread, tail, and mean given each ending."""
        mean, half, chance, doubt = (float(x[-1]) for x in (self.mean, self.error, self.chance, self.doubt))
        unit, average = self.unit, with_plural(with_error(mean, half), self.unit)
        by_chance, by_doubt = (plainly(size, f" {unit}") for size in (chance, doubt))
        texts = [
            f"“{label}” by {by}: {average} on average. By chance alone, histories vary around that by {by_chance} "
            "(standard deviation)"
            + (f", and the mean varies by {by_doubt} between sets of assumptions." if doubt > 0 else ".")
        ]
        if self.sample is not None:
            low, middle, high = (show(self.sample.quantile(share).value, "amount") for share in FAN)
            amounts = {amount: with_plural(f"{amount:g}", unit) for amount in self.round_amounts()}
            more = [f"{percent(self.sample.exceeds(x).value)} for more than {text}" for x, text in amounts.items()]
            worst = show(self.sample.worst().value, "amount", unit)
            texts.append(
                f"“{label}”: {low} to {with_plural(high, unit)} in nine of ten histories (median {middle}). The worst "
                f"5% average {worst}. Probability: {', '.join(more)}. {self.sample.source}"
            )
        given = [
            f"“{endings.get(name, name)}” {show(float(x[-1]), 'amount', unit)}"
            for name, x in self.given.items()
            if np.isfinite(x[-1])
        ]
        if given:
            texts.append(f"“{label}” on average, given the ending by then: {', '.join(given)}. {AFTERWARDS}")
        return texts

    def round_amounts(self) -> list[float]:
        """Return a few round amounts between the 5% point and the 99% point at the last time."""
        if self.sample is None:
            return []
        low, high = (self.sample.quantile(share).value for share in (0.05, 0.99))
        return list(round_values(max(low, high / 100), high, "amount")) if high > 0 else []
