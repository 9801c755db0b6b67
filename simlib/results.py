"""`Forecast`: the answer to "how likely is each ending?", in one form whichever engine made it.

It carries probabilities with their intervals, never bare. For the exact engine an interval is the truncation bound
[p, p + bound]. For Monte Carlo it is the pointwise 95% Wilson interval, which says how well the number is *computed*,
never how sure anybody is about the world. Uncertainty about the assumptions is a spread over draws, reported apart.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from simlib.answer import Answer, ScenarioKey, load_answer, pick
from simlib.errors import SimlibError
from simlib.formatting import by_date, counted, end_of, percent, plainly, with_error, with_plural
from simlib.quantities import round_values, show
from simlib.typing import Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario


ONGOING = "ongoing"
"""Name, beside the endings, for "no ending yet"."""

FAN = (0.05, 0.5, 0.95)
"""Points of the distribution of what has accumulated of an impact."""

Z_TWO_SIDED_95 = 1.959963984540054
"""Normal score of the two-sided 95% interval: 95% of a normal law lie within so many standard deviations."""

LEAD = 0.05
"""If an ending leads in more than this share of the draws, the lead of any other is in doubt."""


@dataclass(frozen=True, slots=True)
class Band:
    """A probability at each report time with its interval. Three arrays of shape (times,)."""

    probability: Floats
    low: Floats
    high: Floats

    @classmethod
    def wilson(cls, successes: ArrayLike, trials: ArrayLike) -> Band:
        """Return the pointwise 95% Wilson score interval of a proportion (Wilson 1927).

        `trials` may be an effective, non-integer number.
        """
        k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
        p = k / n
        centre = (p + Z_TWO_SIDED_95**2 / (2 * n)) / (1 + Z_TWO_SIDED_95**2 / n)
        half = Z_TWO_SIDED_95 / (1 + Z_TWO_SIDED_95**2 / n) * np.sqrt(p * (1 - p) / n + Z_TWO_SIDED_95**2 / (4 * n**2))
        return cls(p, np.clip(np.minimum(centre - half, p), 0, 1), np.clip(np.maximum(centre + half, p), 0, 1))

    @classmethod
    def of_mean(cls, mean: ArrayLike, variance: ArrayLike, trials: float | None = None) -> Band:
        """Return Wilson's interval of a mean over draws, with the effective number of trials its variance implies.

        With `trials` the interval is at least that of so many replicates, also where the draws do not differ. Without
        them a mean over equal draws is exact.
        """
        p, var = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
        varies = (var > 0) & (p > 0) & (p < 1)
        effective = np.divide(p * (1 - p), var, out=np.ones_like(p), where=varies)
        if trials:
            effective = np.where(varies, np.minimum(effective, trials), trials)
            return cls.wilson(p * effective, effective)
        band = cls.wilson(p * effective, effective)
        return cls(p, np.where(varies, band.low, p), np.where(varies, band.high, p))


_OFTEN = (1, 2, 3, 5, 10, 20, 50, 100)
"""Numbers n for which the probability of at least n firings is listed."""

Known = tuple[float, float, float]
"""A number with its 95% interval: (number, low, high)."""


@dataclass(frozen=True, slots=True)
class FiringRange:
    """How often a move may fire by the last report time: the range of what may happen, by chance.

    This range is no error of computation: more replicates do not narrow it. `points` are the 5th, 50th and 95th
    percentile of the number. `none` is the probability of no firing, and `at_least` holds that of at least n firings,
    by n. Each has the 95% interval of its computation.
    """

    points: tuple[Known, Known, Known]
    none: Known
    at_least: Mapping[int, Known]

    @classmethod
    def of(cls, at_most: Band) -> FiringRange:
        """Read the range off the probability of at most n firings, for n = 0, 1, ... (N,)."""
        p, low, high = at_most.probability, at_most.low, at_most.high
        last = len(p) - 1

        def point(share: float) -> Known:
            value, least, most = (
                float(np.argmax(side >= share)) if side[-1] >= share else math.inf for side in (p, high, low)
            )
            return value, least, most

        below = {n: min(n - 1, last) for n in _OFTEN}
        above = {n: (1 - float(p[k]), 1 - float(high[k]), 1 - float(low[k])) for n, k in below.items()}
        none = (float(p[0]), float(low[0]), float(high[0]))
        return cls((point(0.05), point(0.5), point(0.95)), none, above)

    @property
    def words(self) -> str:
        """The range in words, such as "2 to 45 (median 15); none 1%"."""
        low, middle, high = (int(point[0]) for point in self.points)
        span = f"{low}" if low == high else f"{low} to {high} (median {middle})"
        return f"{span}; none {percent(self.none[0])}"


AFTERWARDS = "What happens after an ending is not counted."
"""Stands wherever a mean given an ending is shown."""


class Estimate(NamedTuple):
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class AmountSample:
    """How much of an impact has accumulated by the last report time, in simulated histories or as an exact law.

    amounts (D, R): R histories at each of D draws of the assumptions. At the stated values each history stands alone,
    (R, 1). weights (D,) sum to one. An exact law has the probability of each amount within its draw, `shares` (D, R).
    Every estimate comes with its 95% interval, which counts draws and not histories, because the histories of one draw
    share its values. An exact law at the stated values has none.
    """

    amounts: Floats
    weights: Floats
    shares: Floats | None = None

    @property
    def exact(self) -> bool:
        """Whether it is an exact law at each draw."""
        return self.shares is not None

    @property
    def source(self) -> str:
        """A sentence about how the distribution was found."""
        if self.exact:
            return "This distribution is solved exactly."
        return f"This distribution is counted in {counted(self.amounts.size, 'history', 'histories')}."

    def exceeds(self, amount: float) -> Estimate:
        """Return the probability of more than an amount."""
        p, variance = self._mean(self.amounts > amount)
        band = Band.of_mean(p, variance, None if self.exact else float(self.amounts.size))
        return Estimate(float(band.probability), float(band.low), float(band.high))

    def quantile(self, share: float) -> Estimate:
        """Return the smallest amount that a share of the histories does not exceed."""
        value = self.point(share)
        _, variance = self._mean(self.amounts <= value)
        least = 0.0 if self.exact else share * (1 - share) / self.amounts.size
        half = Z_TWO_SIDED_95 * np.sqrt(max(float(variance), least))
        return Estimate(value, self.point(max(share - half, 0.0)), self.point(min(share + half, 1.0)))

    def worst(self, share: float = 0.05) -> Estimate:
        """Return the mean of the worst `share` of the histories (expected shortfall)."""
        threshold = self.point(1 - share)
        mean, variance = self._mean(threshold + np.maximum(self.amounts - threshold, 0.0) / share)
        half = Z_TWO_SIDED_95 * float(np.sqrt(variance))
        return Estimate(float(mean), float(mean) - half, float(mean) + half)

    def _mean(self, values: Floats | Bools) -> tuple[Floats, Floats]:
        """Return the weighted mean of values (D, R) over the draws, and the variance of that mean."""
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
    """How much of one impact has accumulated by each report time, in its `unit`. Arrays have the shape (T,).

    `mean` is the expected amount, and `error` its 95% half-width (0 when exact). `chance` is the standard deviation
    from history to history at given assumption values, `doubt` that of the mean between draws of the assumptions (0 at
    the stated values). `given` is, for each ending, the mean among histories that have reached it by then (nan where
    there are none), with `given_error`. What happens after an ending is not counted. `fan` has the 5, 50 and 95% points
    at each time (3, T), and `sample` the whole distribution at the last. Both are None where neither histories nor an
    exact law were asked for.
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
        """Return the numbers as JSON data, the distribution at the last time as points with their intervals."""
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
        """Say how much has accumulated by the end: mean, chance, doubt, tail, and the mean given each ending."""
        mean, half, chance, doubt = (float(x[-1]) for x in (self.mean, self.error, self.chance, self.doubt))
        unit, average = self.unit, with_plural(with_error(mean, half), self.unit)
        by_chance, by_doubt = (plainly(size, f" {unit}") for size in (chance, doubt))
        texts = [
            f"“{label}” by {by}: {average} on average. By chance alone a history differs from that by {by_chance} "
            "(standard deviation)"
            + (f", and the mean by {by_doubt} between sets of assumptions." if doubt > 0 else ".")
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


@dataclass(frozen=True, eq=False)
class Forecast(Answer):
    """The probabilities of one scenario at one set of assumption values, or their mean over draws of the assumptions.

    `times` (T,) are days after `as_of`, and every array has shape (T,). `endings` includes `ongoing`. After an ending
    the levels stay as they are, so that rows always sum to one, and counts stop. `moves` are expected counts by each
    time. `error` holds Monte Carlo half-widths (95%) in the shapes of `variables`, `ladders` and `moves`, None when
    exact. `assumptions` are in base units (per day, or plain). `stated` is the answer at the stated values when this
    one is a mixture over draws of the assumptions. `leads` then says in which share of the draws each ending is the
    likeliest by the last report time. `firings` has for each move the probability of at most n firings by the last
    report time, n = 0, 1, ..., solved or counted in histories (None: neither). `days` are the expected days at each
    level before an ending (None: not kept).
    """

    kind: ClassVar[str] = "forecast"
    told: ClassVar[bool] = False

    scenario: ScenarioKey
    horizon_days: float
    engine: str
    times: Floats
    endings: Mapping[str, Band]
    variables: Mapping[str, Mapping[str, Floats]]
    ladders: Mapping[str, Mapping[str, Floats]]
    moves: Mapping[str, Floats]
    questions: Mapping[str, Band]
    assumptions: Mapping[str, float]
    provenance: Mapping[str, Any]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    error: Mapping[str, Mapping[str, Any]] | None = None
    states: int | None = None
    interventions: tuple[Mapping[str, Any], ...] = ()
    stated: Forecast | None = None
    leads: Mapping[str, float] | None = None
    firings: Mapping[str, Band] | None = None
    impacts: Mapping[str, Accumulation] = field(default_factory=dict)
    days: Mapping[str, Mapping[str, Floats]] | None = None

    # ---------------------------------------------------------------- reading

    def firing_range(self, move: str) -> FiringRange | None:
        """Return how often a move may fire by the last report time (None: not counted)."""
        return None if self.firings is None else FiringRange.of(self.firings[move])

    def by_date(self, days: float) -> dt.date:
        """Return the date D for which t = `days` means "by the end of D"."""
        return by_date(self.as_of, days)

    def frame(self, what: str = "endings") -> pd.DataFrame:
        """Return one table in tidy form.

        `what`: "endings", "questions", "levels", "rungs", "moves", "firings", "counters" or "impacts".
        Columns: day, by (date), the names of the thing, and probability (or expected count) with low and high.
        """
        import pandas as pd

        rows = {
            "endings": lambda: self._band_rows("ending", self.endings),
            "questions": lambda: self._band_rows("question", self.questions),
            "levels": lambda: self._nested_rows("variable", "level", "variables"),
            "rungs": lambda: self._nested_rows("ladder", "rung", "ladders"),
            "moves": self._move_rows,
            "firings": self._firing_rows,
            "counters": self._counter_rows,
            "impacts": self._impact_rows,
        }
        if what not in rows:
            raise ValueError(f"no table {what!r}; expected one of {', '.join(rows)}")
        return pd.DataFrame(list(rows[what]()))

    def _days(self) -> list[tuple[float, dt.date]]:
        return [(float(day), self.by_date(float(day))) for day in self.times]

    def _band_rows(self, kind: str, bands: Mapping[str, Band]) -> Iterator[dict[str, Any]]:
        for name, band in bands.items():
            for (day, by), p, low, high in zip(self._days(), band.probability, band.low, band.high, strict=True):
                thing = {kind: name, "label": self.label(kind + "s", name)}
                yield {"day": day, "by": by} | thing | {"probability": p, "low": low, "high": high}

    def _nested_rows(self, outer: str, inner: str, attribute: str) -> Iterator[dict[str, Any]]:
        for name, parts in getattr(self, attribute).items():
            for part, values in parts.items():
                band = self.part(attribute, name, part)
                for (day, by), p, low, high in zip(self._days(), values, band.low, band.high, strict=True):
                    yield {"day": day, "by": by, outer: name, inner: part, "probability": p, "low": low, "high": high}

    def part(self, kind: str, name: str, part: str) -> Band:
        """Return a level (of "variables") or a rung (of "ladders") with its interval, as that of an ending."""
        p = getattr(self, kind)[name][part]
        if not self.error:
            return Band(p, p, p)
        half, source = self.error[kind][name][part], self.provenance
        if self.stated is None and source.get("runs"):
            return Band.wilson(p * source["runs"], source["runs"])
        return Band.of_mean(p, (half / Z_TWO_SIDED_95) ** 2, source.get("effective_runs", source.get("runs")))

    @property
    def counters(self) -> dict[str, tuple[Floats, Floats, Floats]]:
        """The mean, the 5th and the 95th percentile (T,) of each counter, by variable."""
        return {name: _spread(levels) for name, levels in self.variables.items() if all(map(str.isdecimal, levels))}

    def _counter_rows(self) -> Iterator[dict[str, Any]]:
        for name, spread in self.counters.items():
            for (day, by), *numbers in zip(self._days(), *spread, strict=True):
                named = {"day": day, "by": by, "counter": name, "label": self.label("variables", name)}
                yield named | dict(zip(("mean", "p05", "p95"), numbers, strict=True))

    def _move_rows(self) -> Iterator[dict[str, Any]]:
        for name, values in self.moves.items():
            half = self.error["moves"][name] if self.error else np.zeros_like(values)
            for (day, by), count, h in zip(self._days(), values, half, strict=True):
                number = {"expected": count, "low": max(count - h, 0.0), "high": count + h}
                yield {"day": day, "by": by, "move": name, "label": self.label("moves", name)} | number

    def _firing_rows(self) -> Iterator[dict[str, Any]]:
        day, by = self._days()[-1]
        for name in self.firings or ():
            found = self.firing_range(name)
            assert found is not None
            row = {"day": day, "by": by, "move": name, "label": self.label("moves", name)}
            row |= {"expected": float(self.moves[name][-1])}
            for key, point in zip(("p05", "p50", "p95"), found.points, strict=True):
                row |= dict(zip((key, f"{key}_low", f"{key}_high"), point, strict=True))
            row |= dict(zip(("none", "none_low", "none_high"), found.none, strict=True))
            yield row | {f"at_least_{n}": known[0] for n, known in found.at_least.items()}

    def _impact_rows(self) -> Iterator[dict[str, Any]]:
        for name, impact in self.impacts.items():
            thing = {"impact": name, "label": self.label("impacts", name), "unit": impact.unit}
            numbers = (impact.mean, impact.error, impact.chance, impact.doubt)
            for (day, by), mean, half, chance, doubt in zip(self._days(), *numbers, strict=True):
                interval = {"expected": mean, "low": max(mean - half, 0.0), "high": mean + half}
                yield {"day": day, "by": by} | thing | interval | {"chance": chance, "doubt": doubt}

    def label(self, kind: str, name: str) -> str:
        """Return the label people read for an id of a kind ("endings", "questions", "moves", ...)."""
        if name == ONGOING:
            return "No ending yet"
        return self.labels.get(kind, {}).get(name, name)

    def short_label(self, kind: Literal["moves", "rungs"], name: str) -> str:
        """Return a label for an axis: of a move by its id, or of a rung by "ladder=rung"."""
        known = self.labels.get(f"short_{kind}", {}).get(name)
        return known or (self.label(kind, name) if kind == "moves" else name.partition("=")[2])

    @property
    def by_histories(self) -> tuple[str, ...]:
        """The questions of an exact forecast that Monte Carlo answered, because no chain of states can answer them."""
        return tuple(self.provenance.get("by_histories", ()))

    @property
    def firings_source(self) -> str:
        """How the numbers of firings were found: "exact", or "counted in 10,000 replicates"."""
        source = self.provenance
        if source.get("firings_by") == "exact":
            return "exact"
        return f"counted in {counted(source['histories' if self.engine == 'exact' else 'runs'], 'replicate')}"

    @property
    def histories_note(self) -> str:
        """A sentence about the questions that Monte Carlo answered beside the exact engine ("": none)."""
        if not self.by_histories:
            return ""
        names = " and ".join(f"“{self.label('questions', name)}”" for name in self.by_histories)
        runs, seed = self.provenance["histories"], self.provenance["histories_seed"]
        return f"By Monte Carlo ({counted(runs, 'replicate')}, seed {seed}), with its 95% interval: {names}."

    @property
    def by_words(self) -> str:
        """The last report time in words, with the hour where it ends inside a day."""
        return end_of(self.as_of, float(self.times[-1]))

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        acts = f" with {counted(len(self.interventions), 'intervention')}" if self.interventions else ""
        return f"How likely is each ending by {self.by_words}{acts}?"

    @property
    def acts(self) -> tuple[str, ...]:
        """The moves by their expected number, the most frequent first, without what nobody does and nobody sees.

        A tempo that cools is no act of an actor. `moves` has those too.
        """
        unseen = self.labels.get("unseen_moves", {})
        return tuple(sorted((m for m in self.moves if m not in unseen), key=lambda m: -float(self.moves[m][-1])))

    @property
    def contenders(self) -> tuple[str, ...]:
        """The endings that may be the likeliest by the last report time, the most probable first.

        These are those whose interval meets that of the first, and those that lead in more than 5% of the draws.
        """
        last = {name: [float(x[-1]) for x in dataclasses.astuple(band)] for name, band in self.endings.items()}
        ranked = sorted(
            (name for name, (p, _, _) in last.items() if name != ONGOING and p > 0), key=lambda n: -last[n][0]
        )
        leads, floor = self.leads or {}, last[ranked[0]][1] if ranked else 0.0
        return tuple(n for n in ranked if last[n][2] >= floor or leads.get(n, 0.0) > LEAD)

    @property
    def lead_note(self) -> str:
        """A sentence that no ending is known to be the likeliest, "" where one is."""
        many = len(self.contenders)
        if many < 2:
            return ""
        why = f"{many} lie within each other's error"
        if self.leads is not None:
            why = f"it may be any of {many}, depending on the assumptions"
        return f"No ending is clearly the likeliest: {why}."

    def sentences(self, limit: int = 4) -> list[str]:
        """Return the likeliest endings by the last report time, over the draws and at the stated values."""
        last = {name: float(band.probability[-1]) for name, band in self.endings.items()}
        ongoing = last.pop(ONGOING, 0.0)
        ranked = sorted(last.items(), key=lambda item: -item[1])[:limit]
        parts = [f"“{self.label('endings', name)}” {percent(p)}" for name, p in ranked]
        text = "; ".join([*parts, f"“{self.label('', ONGOING)}” {percent(ongoing)}"])
        stated = [] if self.stated is None else self.stated.sentences(limit)
        return [
            f"By {self.by_words}: {text}. {self.lead_note}".rstrip(),
            *(f"At the stated values. {sentence}" for sentence in stated),
        ]

    def impact_sentences(self) -> list[str]:
        """Say how much of each impact accumulates by the last report time, each number with its unit."""
        return [
            sentence
            for name, impact in self.impacts.items()
            for sentence in impact.sentences(self.label("impacts", name), self.by_words, self.labels["endings"])
        ]

    # ---------------------------------------------------------------- storing

    def data(self) -> dict[str, Any]:
        """Return the numbers of the forecast as JSON data. The keys are a contract (`docs/json.md`)."""
        bands = {
            kind: {name: dataclasses.asdict(band) for name, band in getattr(self, kind).items()}
            for kind in ("endings", "questions")
        }
        numbers = pick(self, "horizon_days", "engine", "times", "variables", "ladders", "moves", "error", "assumptions")
        data = bands | numbers | {"labels": self.labels, "interventions": list(self.interventions)}
        if self.impacts:
            data["impacts"] = {name: impact.data() for name, impact in self.impacts.items()}
        if self.states is not None:
            data["states"] = self.states
        if self.firings is not None:
            data["firings"] = {name: self._firing_data(name) for name in self.firings}
        if self.stated is not None:
            data |= {"stated": self.stated.to_dict(), "leads": self.leads}
        return data

    def _firing_data(self, name: str) -> dict[str, Any]:
        found = self.firing_range(name)
        assert found is not None
        points = dict(zip(("5", "50", "95"), map(list, found.points), strict=True))
        often = {str(n): list(known) for n, known in found.at_least.items()}
        return {"points": points, "none": list(found.none), "at_least": often}

    @classmethod
    def load(cls, path: str | Path) -> Forecast:
        """Read what `save` wrote, bit for bit. Raises SimlibError for anything else."""
        answer = load_answer(path, (cls, Band, ScenarioKey, Accumulation, AmountSample))
        if not isinstance(answer, cls):
            raise SimlibError(f"{path}: holds no forecast")
        return answer


def _spread(levels: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Return the mean, the 5th and the 95th percentile (T,) of a distribution {number: probability (T,)}."""
    numbers, shares = np.array([int(level) for level in levels]), np.array(list(levels.values()))
    below = np.cumsum(shares, axis=0)
    low, high = (numbers[np.argmax(below >= share - 1e-9, axis=0)].astype(float) for share in (0.05, 0.95))
    return numbers @ shares, low, high


def labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels a forecast needs to be read on its own: {kind: {id: label}}."""
    groups = pick(scenario, "actors", "variables", "endings", "questions", "moves", "ladders", "assumptions", "impacts")
    every = {kind: {name: item.label for name, item in group.items()} for kind, group in groups.items()}
    short = {
        "unseen_moves": {move.id: move.label for move in scenario if move.unseen},
        "short_moves": {move.id: move.short for move in scenario if move.short},
        "short_rungs": {
            f"{ladder.id}={rung.id}": rung.short
            for ladder in scenario.ladders.values()
            for rung in ladder.rungs
            if rung.short
        },
    }
    return every | {kind: names for kind, names in short.items() if names}
