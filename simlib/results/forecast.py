"""`Forecast`: the answer to "how likely is each ending?", in the same form for both engines.

Every probability has an interval for the error of its computation. The exact engine gives [p, p + truncation bound].
Monte Carlo gives the 95% Wilson interval at each report time.

The interval does not include the uncertainty about the assumptions. A forecast over many sets of assumption values
reports this uncertainty separately, as the spread between these sets.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from simlib.answer import Answer, ScenarioKey, load_answer, pick
from simlib.errors import SimlibError
from simlib.formatting import by_date, counted, end_of, listed, percent, quoted
from simlib.results.amounts import Accumulation, AmountSample
from simlib.results.intervals import Band, FiringRange, above_zero
from simlib.scenario.scales import Z_TWO_SIDED_95
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.scenario.model import Scenario


EventGroup = Literal["endings", "questions"]
"""The attributes of a `Forecast` that hold probabilities of events."""

ONGOING = "ongoing"
"""The id of "no ending yet" among the ids of the endings."""

NO_ENDING = "No ending yet"
"""The label of `ONGOING`."""

CONTENDER_SHARE = 0.05
"""An ending is a contender if it is the likeliest in more than this share of the sets of assumption values."""


@dataclass(frozen=True, eq=False)
class Forecast(Answer):
    """The probabilities at one set of assumption values, or their mean over many sets.

    Every array outside `firings` and `impacts` has the shape (T,): one number for each of T report times. After an
    ending, levels stay as they are and no more moves are counted.

    - `horizon_days`: the length of the forecast.
    - `engine`: "exact" or "montecarlo".
    - `times`: the report times, in days after `as_of`.
    - `endings`: the probability of each ending, and of "ongoing" (no ending yet).
    - `variables`: the probability of each level of each variable. The probabilities of one variable sum to one.
    - `ladders`: the probability of each rung (level of escalation) of each ladder.
    - `moves`: the expected number of times that each move has happened.
    - `questions`: the probability of "yes" to each question.
    - `assumptions`: the value of each assumption, in base units (rates per day, durations in days).
    - `labels`: the labels of the scenario, by kind and id.
    - `error`: the 95% half-widths of `variables`, `ladders` and `moves`, in the same form. None: the numbers are exact.
    - `states`: the number of states that the exact engine used. None: the exact engine was not used.
    - `interventions`: the interventions of the scenario, as JSON data.
    - `stated`: for a mean over sets of assumption values, the forecast at the stated values.
    - `leads`: for a mean over sets, the weighted share of the sets in which each ending is the likeliest by the last
      report time.
    - `firings`: for each move, the probability that it has happened at most n times by the last report time, for n = 0,
      1, ... None: not computed.
    - `impacts`: the accumulated amount of each impact.
    - `days`: the expected number of days, up to each report time, at each level of each variable before an ending.
      None: not kept.
    """

    kind: ClassVar[str] = "forecast"
    sentences_in_json: ClassVar[bool] = False

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
        """Return the range of how often a move happens by the last report time (None: not computed)."""
        return None if self.firings is None else FiringRange.of(self.firings[move])

    def by_date(self, days: float) -> dt.date:
        """Return the last day that has begun before the time `days`: the 90th day for `days` = 90.

        The time `days` counts from `as_of`. A probability "by the time `days`" holds by the end of the returned day.
        """
        return by_date(self.as_of, days)

    def frame(self, what: str = "endings") -> pd.DataFrame:
        """Return one table in tidy form.

        `what` is "endings", "questions", "levels", "rungs", "moves", "firings", "counters" or "impacts". The columns
        are:

        - `day`, `by`: the report time in days after the start, and as a date.
        - The ids of the row, such as `ending`, or `variable` and `level`. Most tables have a `label` too.
        - `probability` (or `expected` for numbers and amounts), with its interval from `low` to `high`.
        - Further columns of the tables "firings" (percentiles and tail probabilities of the number of times that a move
          happens), "counters" (mean and percentiles) and "impacts" (standard deviations).

        Raises ValueError for any other `what`.
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

    def _over_time(self, ids: Mapping[str, str], **columns: Floats) -> Iterator[dict[str, Any]]:
        """Yield a row for each report time: the `ids`, and the entry of each column (T,)."""
        for place, day in enumerate(self.times.tolist()):
            numbers = {name: column[place] for name, column in columns.items()}
            yield {"day": day, "by": self.by_date(day), **ids, **numbers}

    def _band_rows(self, kind: str, bands: Mapping[str, Band]) -> Iterator[dict[str, Any]]:
        for name, band in bands.items():
            ids = {kind: name, "label": self.label(kind + "s", name)}
            yield from self._over_time(ids, probability=band.probability, low=band.low, high=band.high)

    def _nested_rows(self, outer: str, inner: str, attribute: str) -> Iterator[dict[str, Any]]:
        for name, parts in getattr(self, attribute).items():
            for part, values in parts.items():
                band = self.part(attribute, name, part)
                yield from self._over_time({outer: name, inner: part}, probability=values, low=band.low, high=band.high)

    def part(self, kind: str, name: str, part: str) -> Band:
        """Return the probability of a level of a variable or a rung of a ladder, with its interval.

        `kind` is "variables" or "ladders", `name` is the id of the variable or ladder, and `part` is the level or rung.
        """
        p = getattr(self, kind)[name][part]
        if not self.error:
            return Band(p, p, p)
        half, source = self.error[kind][name][part], self.provenance
        if self.stated is None and source.get("runs"):
            return Band.wilson(p * source["runs"], source["runs"])
        return Band.of_mean(p, (half / Z_TWO_SIDED_95) ** 2, source.get("effective_runs", self.replicates))

    @property
    def replicates(self) -> int | None:
        """The number of Monte Carlo replicates of all draws together, None for an exact forecast."""
        number: int | None = self.provenance.get("replicates", self.provenance.get("runs"))
        return number

    @property
    def counters(self) -> dict[str, tuple[Floats, Floats, Floats]]:
        """The mean and the 5th and 95th percentiles of each counter, as arrays (T,) over time.

        A counter is a variable whose levels are numbers.
        """
        return {name: _spread(levels) for name, levels in self.variables.items() if all(map(str.isdecimal, levels))}

    def _counter_rows(self) -> Iterator[dict[str, Any]]:
        for name, (mean, low, high) in self.counters.items():
            ids = {"counter": name, "label": self.label("variables", name)}
            yield from self._over_time(ids, mean=mean, p05=low, p95=high)

    def _move_rows(self) -> Iterator[dict[str, Any]]:
        for name, values in self.moves.items():
            half = self.error["moves"][name] if self.error else np.zeros_like(values)
            expected, low, high = above_zero(values, half)
            ids = {"move": name, "label": self.label("moves", name)}
            yield from self._over_time(ids, expected=expected, low=low, high=high)

    def _firing_rows(self) -> Iterator[dict[str, Any]]:
        day = float(self.times[-1])
        for name, band in (self.firings or {}).items():
            firing = FiringRange.of(band)
            row = {"day": day, "by": self.by_date(day), "move": name, "label": self.label("moves", name)}
            row |= {"expected": float(self.moves[name][-1])}
            for key, known in zip(("p05", "p50", "p95", "none"), (*firing.points, firing.none), strict=True):
                row |= dict(zip((key, f"{key}_low", f"{key}_high"), known, strict=True))
            yield row | {f"at_least_{n}": known[0] for n, known in firing.at_least.items()}

    def _impact_rows(self) -> Iterator[dict[str, Any]]:
        for name, impact in self.impacts.items():
            ids = {"impact": name, "label": self.label("impacts", name), "unit": impact.unit}
            expected, low, high = above_zero(impact.mean, impact.error)
            numbers = {"expected": expected, "low": low, "high": high, "chance": impact.chance, "doubt": impact.doubt}
            yield from self._over_time(ids, **numbers)

    def label(self, kind: str, name: str) -> str:
        """Return the label of an id of a `kind` such as "moves", or the id if it has no label."""
        if name == ONGOING:
            return NO_ENDING
        return self.labels.get(kind, {}).get(name, name)

    def short_label(self, kind: Literal["endings", "questions", "moves", "rungs"], name: str) -> str:
        """Return the short label of an id, or else its label.

        For a rung, `name` is written "ladder=rung". If the rung has no short label, return the part after "=".
        """
        known = self.labels.get(f"short_{kind}", {}).get(name)
        return known or (name.partition("=")[2] if kind == "rungs" else self.label(kind, name))

    @property
    def by_histories(self) -> tuple[str, ...]:
        """The ids of the questions in an exact forecast that were answered by Monte Carlo.

        They are questions that the exact engine cannot answer, or that it would answer too slowly.
        """
        return tuple(self.provenance.get("by_histories", ()))

    @property
    def firings_source(self) -> str:
        """How the numbers in `firings` were computed: "exact", or "counted in 10,000 replicates"."""
        if self.provenance.get("firings_by") == "exact":
            return "exact"
        number = self.provenance["histories"] if self.engine == "exact" else self.replicates or 0
        return f"counted in {counted(number, 'replicate')}"

    @property
    def histories_note(self) -> str:
        """A sentence that names the questions in `by_histories` ("": none)."""
        if not self.by_histories:
            return ""
        names = listed(quoted(self.label("questions", name)) for name in self.by_histories)
        runs, seed = self.provenance["histories"], self.provenance["histories_seed"]
        return f"Answered by Monte Carlo ({counted(runs, 'replicate')}, seed {seed}), with 95% intervals: {names}."

    @property
    def by_words(self) -> str:
        """The last report time in words, with its hour if it is not midnight."""
        return end_of(self.as_of, float(self.times[-1]))

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        acts = f" with {counted(len(self.interventions), 'intervention')}" if self.interventions else ""
        return f"How likely is each ending by {self.by_words}{acts}?"

    @property
    def acts(self) -> tuple[str, ...]:
        """The ids of the moves that somebody makes or observes, the most frequent first.

        A move of nature that nobody observes, such as a crisis that cools down, is only in `moves`.
        """
        unseen = self.labels.get("unseen_moves", {})
        return tuple(sorted((m for m in self.moves if m not in unseen), key=lambda m: -float(self.moves[m][-1])))

    @property
    def contenders(self) -> tuple[str, ...]:
        """The endings that may be the likeliest by the last report time, the most probable first.

        An ending is a contender if its interval overlaps the interval of the most probable ending. An ending that is
        the likeliest in more than 5% of the sets of assumption values is also a contender.
        """
        last = {name: [float(x[-1]) for x in dataclasses.astuple(band)] for name, band in self.endings.items()}
        ranked = sorted(
            (name for name, (p, _, _) in last.items() if name != ONGOING and p > 0), key=lambda n: -last[n][0]
        )
        leads, floor = self.leads or {}, last[ranked[0]][1] if ranked else 0.0
        return tuple(n for n in ranked if last[n][2] >= floor or leads.get(n, 0.0) > CONTENDER_SHARE)

    @property
    def lead_note(self) -> str:
        """A warning that no ending is clearly the likeliest ("": one clearly is)."""
        many = len(self.contenders)
        if many < 2:
            return ""
        why = f"{many} lie within each other's error"
        if self.leads is not None:
            why = f"any of {many} may be the likeliest, depending on the assumptions"
        return f"No ending is clearly the likeliest: {why}."

    def sentences(self, limit: int = 4) -> list[str]:
        """Name in a sentence the likeliest endings (at most `limit`) by the last report time.

        A forecast over many sets of assumption values adds a sentence about the forecast at the stated values.
        """
        last = {name: float(band.probability[-1]) for name, band in self.endings.items()}
        ongoing = last.pop(ONGOING, 0.0)
        ranked = sorted(last.items(), key=lambda item: -item[1])[:limit]
        first, *others = [*ranked, (ONGOING, ongoing)]
        lead = f"“{self.label('endings', first[0])}” by {self.by_words}: {percent(first[1])}"
        text = "; ".join([lead, *(f"“{self.label('endings', name)}” {percent(p)}" for name, p in others)])
        stated = [] if self.stated is None else self.stated.sentences(limit)
        return [f"{text}. {self.lead_note}".rstrip(), *(f"At the stated values. {sentence}" for sentence in stated)]

    # ---------------------------------------------------------------- storing

    def data(self) -> dict[str, Any]:
        """Return the forecast's numbers as JSON data, with the keys that `docs/json.md` promises."""
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
            data["firings"] = {name: _firing_data(FiringRange.of(band)) for name, band in self.firings.items()}
        if self.stated is not None:
            data |= {"stated": self.stated.to_dict(), "leads": self.leads}
        return data

    @classmethod
    def load(cls, path: str | Path) -> Forecast:
        """Return the forecast that `save` wrote, bit for bit (SimlibError for any other file)."""
        answer = load_answer(path, (cls, Band, ScenarioKey, Accumulation, AmountSample))
        if not isinstance(answer, cls):
            raise SimlibError(f"{path}: holds no forecast")
        return answer


def _firing_data(firing: FiringRange) -> dict[str, Any]:
    points = dict(zip(("5", "50", "95"), map(list, firing.points), strict=True))
    often = {str(n): list(known) for n, known in firing.at_least.items()}
    return {"points": points, "none": list(firing.none), "at_least": often}


def _spread(levels: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Return arrays (T,) of the mean and the 5th and 95th percentiles of a counter at T times.

    `levels` maps each number of the counter, as text, to its probability (T,).
    """
    numbers, shares = np.array([int(level) for level in levels]), np.array(list(levels.values()))
    below = np.cumsum(shares, axis=0)
    low, high = (numbers[np.argmax(below >= share - 1e-9, axis=0)].astype(float) for share in (0.05, 0.95))
    return numbers @ shares, low, high


def labels(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return the labels that a forecast keeps of its scenario: {kind: {id: label}}."""
    groups = pick(scenario, "actors", "variables", "endings", "questions", "moves", "ladders", "assumptions", "impacts")
    every = {kind: {name: item.label for name, item in group.items()} for kind, group in groups.items()}
    short = {
        "unseen_moves": {move.id: move.label for move in scenario if move.unseen},
        **{
            f"short_{kind}": {item.id: item.short for item in group.values() if item.short}
            for kind, group in pick(scenario, "endings", "questions", "moves").items()
        },
        "short_rungs": {
            f"{ladder.id}={rung.id}": rung.short
            for ladder in scenario.ladders.values()
            for rung in ladder.rungs
            if rung.short
        },
    }
    return every | {kind: names for kind, names in short.items() if names}
