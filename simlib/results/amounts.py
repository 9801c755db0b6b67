"""The accumulated amount of an impact, such as deaths or costs: its mean and distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simlib.answer import pick
from simlib.formatting import counted, percent, plainly, with_error, with_plural
from simlib.quantities import round_values, show
from simlib.results.intervals import Band, Estimate
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Bools, Floats

FAN = (0.05, 0.5, 0.95)
"""The quantiles that describe the distribution of an accumulated amount."""

AFTERWARDS = "What happens after an ending is not counted."
"""Remark shown with every mean over the histories that reach an ending."""

WHOLE_UNITS = (
    *("people", "persons", "civilians", "soldiers", "troops", "refugees", "hostages", "prisoners"),
    *("deaths", "casualties", "dead", "killed", "wounded", "strikes", "attacks", "missiles", "drones"),
    *("craft", "aircraft", "planes", "helicopters", "ships", "boats", "vessels", "tanks", "vehicles", "buildings"),
)
"""Units of things that are counted. An amount of such things means the nearest whole number."""


@dataclass(frozen=True, eq=False)
class AmountSample:
    """The distribution of the amount of an impact by the last report time.

    - `amounts` (D, R): the amounts in R histories, with each of D sets of assumption values. For a simulated forecast
      at the stated values, D is the number of histories, and R is 1. An exact distribution has R possible amounts.
    - `weights` (D,): the weights of the sets. They sum to one.
    - `shares` (D, R): for an exact distribution, the probabilities of the amounts with each set. Otherwise None.

    Every estimate has its 95% interval. The sample size is D, because the histories of one set share their assumption
    values. At the stated values an exact distribution has no error.
    """

    amounts: Floats
    weights: Floats
    shares: Floats | None = None

    @property
    def exact(self) -> bool:
        """Whether the distribution is solved exactly."""
        return self.shares is not None

    @property
    def source(self) -> str:
        """A sentence that says how the distribution was computed."""
        if self.exact:
            return "This distribution is solved exactly."
        return f"This distribution is counted in {counted(self.amounts.size, 'history', 'histories')}."

    def exceeds(self, amount: float) -> Estimate:
        """Return the probability that the amount is more than `amount`."""
        p, variance = self._mean(self.amounts > amount)
        band = Band.of_mean(p, variance, None if self.exact else float(self.amounts.size))
        return Estimate(float(band.probability), float(band.low), float(band.high))

    def quantile(self, share: float) -> Estimate:
        """Return the smallest amount that a history exceeds with probability 1 - `share` at most."""
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
        """Return the weighted mean of `values` (D, R), and the variance of this mean.

        The R values of one set of assumption values are averaged first. The variance is estimated from the differences
        between the D sets.
        """
        by_draw = values.mean(axis=1) if self.shares is None else np.sum(values * self.shares, axis=1)
        mean, count = self.weights @ by_draw, len(by_draw)
        variance = self.weights**2 @ (by_draw - mean) ** 2 * count / max(count - 1, 1)
        return np.asarray(mean), np.asarray(variance)

    def point(self, share: float) -> float:
        """Return the value of `quantile` without its interval."""
        within = 1 / self.amounts.shape[1] if self.shares is None else self.shares
        each = np.broadcast_to(self.weights[:, None] * within, self.amounts.shape).ravel()
        some = each > 0
        return float(np.quantile(self.amounts.ravel()[some], share, weights=each[some], method="inverted_cdf"))


@dataclass(frozen=True, eq=False)
class Accumulation:
    """The accumulated amount of one impact by each report time.

    Amounts after an ending are not counted. The shape (T,) means one number for each of T report times.

    - `unit`: the unit of the amount.
    - `mean` (T,): the expected amount.
    - `chance` (T,): the standard deviation between histories with the same assumption values.
    - `doubt` (T,): the standard deviation of the mean between sets of assumption values (0 at the stated values).
    - `error` (T,): the 95% half-width of `mean` (0 if it is exact).
    - `given`: for each ending, the mean (T,) over the histories that have reached this ending by the report time (nan
      if none has).
    - `given_error`: for each ending, the 95% half-width (T,) of the mean in `given`.
    - `fan` (3, T): the 5, 50 and 95% points of the amount. None: not computed.
    - `sample`: the whole distribution at the last report time. None: not computed.
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
                | {"more_than": [[amount, *chance] for amount, (_, chance) in self.exceedances().items()]}
                | {"exact": self.sample.exact}
            )
        return data

    def sentences(self, label: str, by: str) -> list[str]:
        """Describe the amount at the last report time: mean, spread and tail.

        `label` is the label of the impact, and `by` is the last report time in words.
        """
        mean, half, chance, apart = (float(x[-1]) for x in (self.mean, self.error, self.chance, self.doubt))
        unit, average = self.unit, with_plural(with_error(mean, half), self.unit)
        by_chance, by_values = (plainly(size, f" {unit}") for size in (chance, apart))
        texts = [
            f"“{label}” by {by}: {average} on average. By chance alone, histories deviate by {by_chance} "
            "(standard deviation)"
            + (f", and the mean varies by {by_values} between sets of assumptions." if apart > 0 else ".")
        ]
        if self.sample is not None:
            low, middle, high = (show(self.sample.quantile(share).value, "amount") for share in FAN)
            more = [f"{percent(chance.value)} for {words}" for words, chance in self.exceedances(unit).values()]
            tail = f"Probability: {', '.join(more)}. " if more else ""
            worst = show(self.sample.worst().value, "amount", unit)
            texts.append(
                f"“{label}”: {low} to {with_plural(high, unit)} in nine of ten histories (median {middle}). The worst "
                f"5% of histories average {worst}. {tail}{self.sample.source}"
            )
        return texts

    def exceedances(self, unit: str = "") -> dict[float, tuple[str, Estimate]]:
        """Return the probabilities that a few amounts are exceeded: {amount: (words, probability)}.

        For example, {100.0: ("more than 100 people", Estimate(0.3, 0.28, 0.32))}. The amounts are round, and between
        the 5% and the 99% point at the last report time. For things that are counted, amounts above 1 are whole
        numbers, and 0.5 ("at least one") replaces all amounts up to 1. Of several amounts whose probabilities are equal
        in print, only the largest is returned. Without a distribution, the dictionary is empty.
        """
        if self.sample is None:
            return {}
        low, high = (self.sample.quantile(share).value for share in (0.05, 0.99))
        amounts = round_values(max(low, high / 100), high, "amount") if high > 0 else {}
        words = {amount: f"more than {with_plural(f'{amount:g}', unit)}" for amount in amounts}
        if self.unit.lower() in WHOLE_UNITS:
            some = {0.5: "at least one"} if min(words, default=2) <= 1 else {}
            words = some | {amount: text for amount, text in words.items() if amount > 1 and amount.is_integer()}
        chances = {amount: (text, self.sample.exceeds(amount)) for amount, text in words.items()}
        largest = {percent(estimate.value): amount for amount, (_, estimate) in chances.items()}
        return {amount: chances[amount] for amount in largest.values()}
