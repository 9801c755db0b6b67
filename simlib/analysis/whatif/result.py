"""The answer of `compare`: the effects of each variant in sentences, tables and plain data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simlib.analysis.whatif.contrast import Difference
from simlib.analysis.whatif.coupling import COUPLING, Flips
from simlib.analysis.whatif.divergence import Divergence
from simlib.analysis.whatif.variants import Booking
from simlib.answer import Answer, ScenarioKey, pick
from simlib.formatting import capital, listed, percent, quoted
from simlib.machine.measures import Measure
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "VariantEffect"]

NAMED_CHANGED_MEASURES = 3
"""Largest number of changed measures, besides the first one, that are named in the sentences on a variant."""


@dataclass(frozen=True)
class VariantEffect:
    """The effects of one variant: on each measure over time, and on single histories.

    name: the name of the variant.
    changes: in words, how the variant differs from the baseline.
    differences: the values of each measure in the baseline and in the variant, by the name of the measure.
    flips: the replicates (simulated histories) whose ending changes, None if nothing was simulated.
    divergences: some of these replicates in detail, each as a pair of histories. Empty over draws of the assumptions.
    without_effect: the share of histories in which a one-off intervention has no effect, by the intervention in words.
    Histories that have ended before the intervention are left out. If all have ended, the share is None.
    bookings: the interventions of the variant that the baseline lacks, with their days.
    """

    name: str
    changes: tuple[str, ...]
    differences: Mapping[str, Difference]
    flips: Flips | None
    divergences: tuple[Divergence, ...] = ()
    without_effect: Mapping[str, float | None] = field(default_factory=dict)
    bookings: tuple[Booking, ...] = ()

    def strongest(self) -> list[Difference]:
        """Return the differences of endings and questions, the largest change first.

        The changes at the last report time are compared. If neither endings nor questions were measured, the result
        has the differences of all measures.
        """
        everything = list(self.differences.values())
        main = [d for d in everything if d.measure.kind in ("ending", "question")]
        return sorted(main or everything, key=lambda d: -abs(float(d.change[-1])))

    def sentences(
        self, by: str, measure: str | None = None, *, histories: bool = True, changes: bool = True
    ) -> list[str]:
        """Describe the effects at the last report time, in sentences.

        Args:
            by: The last report time in words, such as a date.
            measure: The name of the measure to begin with. Default: the one that changes most.
            histories: Whether to describe pairs of histories that end differently.
            changes: Whether to name the changes of a variant whose name does not say them.
        """
        ranked = self.strongest()
        differences = [self.differences[measure]] if measure else []
        differences += [d for d in ranked[:NAMED_CHANGED_MEASURES] if d.moved and d.measure.name != measure]
        parts = [d.sentence("" if place else f" by {by}") for place, d in enumerate(differences)]
        main = any(d.measure.kind in ("ending", "question") for d in ranked)
        nothing = f"no ending and no question changes by {by}" if main else f"nothing changes by {by}"
        what = "; ".join(self.changes) or "nothing changed"
        title = quoted(self.name) + ("" if self.name == what or not changes else f" ({what})")
        lines = [f"{title}: {'; '.join(parts) or nothing}."]
        lines += [
            f"{act} has no effect in {percent(share)} of the histories that have not ended by then."
            for act, share in self.without_effect.items()
            if share
        ]
        flips = self.flips.sentence() if self.flips else ""
        lines += [capital(flips)] if flips else []
        return lines + [pair.sentence() for pair in self.divergences if histories]

    def to_dict(self) -> dict[str, Any]:
        """Return the effects as plain data, without the name and the bookings."""
        return {
            "changes": self.changes,
            "measures": {
                name: {"label": d.measure.label} | pick(d, "before", "after", "change", "low", "high")
                for name, d in self.differences.items()
            },
            "flips": self.flips.to_dict() if self.flips else None,
            "divergences": [pair.to_dict() for pair in self.divergences],
            "without_effect": self.without_effect,
        }


@dataclass(frozen=True)
class Comparison(Answer):
    """The effects of each variant compared with the baseline, at report times up to `by`.

    by_day: the last report time, in days after the start.
    engine: the engine of the differences, "exact" or "montecarlo".
    times (T,): the report times, in days after the start.
    draws: the number of draws of the assumptions, 0 if the values stated in the scenario were used.
    measures: the measures that are compared, such as probabilities and expected counts.
    effects: the effects of each variant, by the name of the variant.
    note: a remark on the meaning of the interventions, "" if no variant needs it.
    """

    kind: ClassVar[str] = "compare"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    engine: str
    times: Floats
    draws: int
    measures: tuple[Measure, ...]
    effects: Mapping[str, VariantEffect]
    note: str
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        return f"What changes by {self.by_words} in {listed(map(quoted, self.effects))}, compared with the baseline?"

    def frame(self, what: Literal["measures", "times", "flips"] = "measures") -> pd.DataFrame:
        """Return a table with one row for each variant and measure, at the last report time.

        With "times", the table has such a row for each report time. With "flips", it has a row for each variant and
        change of ending. Raises ValueError for any other `what`.
        """
        import pandas as pd

        if what == "flips":
            rows = [
                {"variant": name, "from": a, "to": b, "share": share, "coupling": COUPLING}
                for name, effect in self.effects.items()
                if effect.flips
                for a, b, share in effect.flips.pairs()
            ]
            return pd.DataFrame(rows, columns=["variant", "from", "to", "share", "coupling"])
        if what not in ("measures", "times"):
            raise ValueError(f"no table {what!r}; expected measures, times or flips")
        places = range(len(self.times)) if what == "times" else [len(self.times) - 1]
        rows = [
            {"variant": name, "kind": d.measure.kind, "measure": key, "label": d.measure.label}
            | {"day": float(self.times[t])}
            | {part: getattr(d, part)[t] for part in ("before", "after", "change", "low", "high")}
            for name, effect in self.effects.items()
            for key, d in effect.differences.items()
            for t in places
        ]
        return pd.DataFrame(rows)

    def most_moved(self, most: int) -> list[str]:
        """Return the names of measures that change most in any variant, the largest change first.

        `most` is the number of names. Endings and questions are preferred, as in `VariantEffect.strongest`.
        """
        furthest: dict[str, float] = {}
        for effect in self.effects.values():
            for d in effect.strongest():
                furthest[d.measure.name] = max(furthest.get(d.measure.name, 0.0), abs(float(d.change[-1])))
        return sorted(furthest, key=lambda name: -furthest[name])[:most]

    def sentences(self, measure: str | None = None, *, histories: bool = True, changes: bool = True) -> list[str]:
        """Return for each variant its changes and their effects, in sentences.

        Args:
            measure: The name of the measure to begin with, even if it does not change. Default: the first of
                `measures`. The measures that change most follow.
            histories: Whether to describe pairs of histories that end differently.
            changes: Whether to name the changes of a variant whose name does not say them.
        """
        first = measure or self.measures[0].name
        lines = [
            line
            for effect in self.effects.values()
            for line in effect.sentences(self.by_words, first, histories=histories, changes=changes)
        ]
        where = f"over {self.draws} draws of the assumptions" if self.draws else "at the stated values"
        return [*lines, f"Computed {where}.", *([self.note] if self.note else [])]

    def data(self) -> dict[str, Any]:
        """Return the comparison as plain data, without the keys that all answers share."""
        variants = {name: effect.to_dict() for name, effect in self.effects.items()}
        return pick(self, "engine", "times", "draws") | {"variants": variants, "note": self.note}
