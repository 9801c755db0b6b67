"""`Forecast`: the answer, with the same face whichever engine made it.

It carries probabilities with their intervals, never bare: for the exact engine an interval is the truncation bound
[p, p + bound]; for Monte Carlo it is the pointwise 95% Wilson interval, which says how well the number is *computed*,
never how sure anybody is about the world. Doubt about the assumptions is a spread over draws and is reported apart.

One file format serves `--json`, `Forecast.save` and `Forecast.load`: the keys of `to_dict` are a contract.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from simlib.answer import plain_json
from simlib.errors import SimlibError
from simlib.files import write_atomically
from simlib.formatting import long_date, percent
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario


ONGOING = "ongoing"
"""Name, beside the endings, for "no ending yet"."""

FILE_FORMAT = 1
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Band:
    """A probability at each report time with its interval; three arrays of shape (times,)."""

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
        centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
        return cls(p, np.clip(np.minimum(centre - half, p), 0, 1), np.clip(np.maximum(centre + half, p), 0, 1))

    @classmethod
    def of_mean(cls, mean: ArrayLike, variance: ArrayLike, trials: int | None = None) -> Band:
        """Return Wilson's interval of a mean over draws, with the effective number of trials its variance implies.

        By Monte Carlo the error of so many `trials` is left where draws do not differ; without, such a mean is exact.
        """
        p, var = np.asarray(mean, dtype=float), np.asarray(variance, dtype=float)
        varies = (var > 0) & (p > 0) & (p < 1)
        effective = np.divide(p * (1 - p), var, out=np.ones_like(p), where=varies)
        if trials:
            effective = np.where(varies, np.minimum(effective, trials), trials)
            return cls.wilson(p * effective, effective)
        band = cls.wilson(p * effective, effective)
        return cls(p, np.where(varies, band.low, p), np.where(varies, band.high, p))

    @classmethod
    def bounded(cls, probability: ArrayLike, bound: float) -> Band:
        """Return [p, p + bound], clipped to one: the face of an exact answer with a truncation bound."""
        p = np.asarray(probability, dtype=float)
        return cls(p, p.copy(), np.clip(p + bound, p, np.maximum(p, 1.0)))


@dataclass(frozen=True)
class Forecast:
    """What one engine says of one scenario at one set of assumption values, or over their priors.

    `times` (T,) are days after `as_of`; every array has shape (T,). `endings` includes `ongoing`; after an ending the
    levels stay as they are, so that rows always sum to one, and counts stop. `moves` are expected counts by each
    time. `error` holds Monte Carlo half-widths (95%) in the shapes of `variables`, `ladders` and `moves`, None when
    exact. `assumptions` are in base units (per day, or plain). `stated` is the answer at the stated values when this
    one is a mixture over draws of the assumptions.
    """

    scenario: str
    title: str
    as_of: dt.date
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

    # ---------------------------------------------------------------- reading

    def by_date(self, days: float) -> dt.date:
        """Return the date D for which t = `days` means "by the end of D"."""
        return self.as_of + dt.timedelta(days=max(math.ceil(days - 1e-9) - 1, 0))

    def frame(self, what: str = "endings") -> pd.DataFrame:
        """Return one table in tidy form: "endings", "questions", "levels", "rungs" or "moves".

        Columns: day, by (date), the names of the thing, and probability (or expected count) with low and high.
        """
        import pandas as pd

        rows = {
            "endings": lambda: self._band_rows("ending", self.endings),
            "questions": lambda: self._band_rows("question", self.questions),
            "levels": lambda: self._nested_rows("variable", "level", "variables"),
            "rungs": lambda: self._nested_rows("ladder", "rung", "ladders"),
            "moves": self._move_rows,
        }
        if what not in rows:
            raise ValueError(f"no table {what!r}; expected one of {', '.join(rows)}")
        return pd.DataFrame(list(rows[what]()))

    def _days(self) -> list[tuple[float, dt.date]]:
        return [(float(day), self.by_date(float(day))) for day in self.times]

    def _band_rows(self, kind: str, bands: Mapping[str, Band]) -> Iterator[dict[str, Any]]:
        for name, band in bands.items():
            for (day, by), p, low, high in zip(self._days(), band.probability, band.low, band.high, strict=True):
                yield {
                    "day": day,
                    "by": by,
                    kind: name,
                    "label": self.label(kind + "s", name),
                    "probability": p,
                    "low": low,
                    "high": high,
                }

    def _nested_rows(self, outer: str, inner: str, attribute: str) -> Iterator[dict[str, Any]]:
        for name, parts in getattr(self, attribute).items():
            for part, values in parts.items():
                band = self.part(attribute, name, part)
                for (day, by), p, low, high in zip(self._days(), values, band.low, band.high, strict=True):
                    yield {"day": day, "by": by, outer: name, inner: part, "probability": p, "low": low, "high": high}

    def part(self, kind: str, name: str, part: str) -> Band:
        """Return a level (of "variables") or a rung (of "ladders") with its interval, made as that of an ending is."""
        p = getattr(self, kind)[name][part]
        if not self.error:
            return Band(p, p, p)
        half, runs = self.error[kind][name][part], self.provenance.get("runs")
        if self.stated is None and runs:
            return Band.wilson(p * runs, runs)
        return Band.of_mean(p, (half / Z95) ** 2, runs)

    def _move_rows(self) -> Iterator[dict[str, Any]]:
        for name, values in self.moves.items():
            half = self.error["moves"][name] if self.error else np.zeros_like(values)
            for (day, by), count, h in zip(self._days(), values, half, strict=True):
                yield {
                    "day": day,
                    "by": by,
                    "move": name,
                    "label": self.label("moves", name),
                    "expected": count,
                    "low": max(count - h, 0.0),
                    "high": count + h,
                }

    def label(self, kind: str, name: str) -> str:
        """Return the label people read for an id of a kind ("endings", "questions", "moves", ...)."""
        if name == ONGOING:
            return "No ending yet"
        return self.labels.get(kind, {}).get(name, name)

    def sentence(self, limit: int = 4) -> str:
        """Return the answer in one sentence: the likeliest endings by the last report time."""
        by = self.by_date(float(self.times[-1]))
        last = {name: float(band.probability[-1]) for name, band in self.endings.items()}
        ongoing = last.pop(ONGOING, 0.0)
        ranked = sorted(last.items(), key=lambda item: -item[1])[:limit]
        parts = [f"{percent(p)} {self.label('endings', name)}" for name, p in ranked]
        return f"By {long_date(by)}: " + "; ".join([*parts, f"{percent(ongoing)} {self.label('', ONGOING)}"]) + "."

    # ---------------------------------------------------------------- storing

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; the keys are a contract (see the README)."""
        data: dict[str, Any] = {
            "format": FILE_FORMAT,
            "scenario": self.scenario,
            "title": self.title,
            "as_of": self.as_of.isoformat(),
            "horizon_days": self.horizon_days,
            "engine": self.engine,
            "times": self.times,
            "endings": {name: dataclasses.asdict(band) for name, band in self.endings.items()},
            "variables": self.variables,
            "ladders": self.ladders,
            "moves": self.moves,
            "questions": {name: dataclasses.asdict(band) for name, band in self.questions.items()},
            "error": self.error,
            "assumptions": self.assumptions,
            "labels": self.labels,
            "interventions": list(self.interventions),
            "provenance": self.provenance,
        }
        if self.states is not None:
            data["states"] = self.states
        if self.stated is not None:
            data["stated"] = self.stated.to_dict()
        plain: dict[str, Any] = plain_json(data)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Forecast:
        """Rebuild a forecast from `to_dict` data; raises SimlibError when it is no such data."""
        if data.get("format") != FILE_FORMAT:
            raise SimlibError(f"no forecast of format {FILE_FORMAT}: its format is {data.get('format')!r}")
        try:
            return cls._build(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SimlibError(f"not a whole forecast file: {type(error).__name__}: {error}") from error

    @classmethod
    def _build(cls, data: Mapping[str, Any]) -> Forecast:
        def bands(part: Mapping[str, Any]) -> dict[str, Band]:
            return {
                name: Band(**{key: np.asarray(band[key], float) for key in ("probability", "low", "high")})
                for name, band in part.items()
            }

        error = data.get("error")
        return cls(
            scenario=data["scenario"],
            title=data["title"],
            as_of=dt.date.fromisoformat(data["as_of"]),
            horizon_days=float(data["horizon_days"]),
            engine=data["engine"],
            times=np.asarray(data["times"], float),
            endings=bands(data["endings"]),
            questions=bands(data["questions"]),
            variables=_arrays(data["variables"]),
            ladders=_arrays(data["ladders"]),
            moves=_arrays(data["moves"]),
            error=None if error is None else _arrays(error),
            assumptions=dict(data["assumptions"]),
            labels=data["labels"],
            provenance=data["provenance"],
            states=data.get("states"),
            interventions=tuple(data["interventions"]),
            stated=cls.from_dict(data["stated"]) if "stated" in data else None,
        )

    def save(self, path: str | Path) -> Path:
        """Write one JSON file (gzip-compressed when the name ends in .gz), whole or not at all; return its path."""
        target = Path(path)
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
        payload = text.encode()
        if target.suffix == ".gz":
            payload = gzip.compress(payload, mtime=0)
        write_atomically(target, payload)
        return target

    @classmethod
    def load(cls, path: str | Path) -> Forecast:
        """Read what `save` wrote, bit for bit; raises SimlibError for anything else."""
        source = Path(path)
        try:
            payload = source.read_bytes()
            text = gzip.decompress(payload) if source.suffix == ".gz" else payload
            data = json.loads(text)
        except (OSError, ValueError, EOFError) as error:
            raise SimlibError(f"{source}: cannot be read as a forecast: {error}") from error
        if not isinstance(data, dict):
            raise SimlibError(f"{source}: cannot be read as a forecast: it holds no mapping")
        return cls.from_dict(data)


def _arrays(part: Any) -> Any:
    return (
        {name: _arrays(inner) for name, inner in part.items()}
        if isinstance(part, Mapping)
        else np.asarray(part, dtype=float)
    )


def labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels a forecast needs to be read on its own: {kind: {id: label}}."""
    groups: dict[str, Mapping[str, Any]] = {
        "actors": scenario.actors,
        "variables": scenario.variables,
        "endings": scenario.endings,
        "questions": scenario.questions,
        "moves": scenario.moves,
        "ladders": scenario.ladders,
        "assumptions": scenario.assumptions,
    }
    return {kind: {name: item.label for name, item in group.items()} for kind, group in groups.items()}
