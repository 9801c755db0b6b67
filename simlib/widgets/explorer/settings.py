"""The settings of an explorer: all that an answer depends on, and choices of the display."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simlib.scenario.model import Assume, Condition, Forbid, Force, Hold, Intervention, Pin, Policy


@dataclass(frozen=True)
class Settings:
    """The choices of a user: a view, and changes by hand on top of the view.

    A `Settings` object never changes. `replace` returns a changed copy.

    - `view`: the id of the view ("": the file as it stands).
    - `values`: the values of the assumptions that were changed by hand, in base units.
    - `interventions`: the interventions that were added by hand.
    - `off`: the ids of the moves that are switched off.
    - `horizon_days`, `as_of`: the horizon in days and the start date. None: those of the view or the file.
    - `ladder`: the id of the ladder (levels of escalation) that is shown. None: that of the view or the file.
    - `lead`: the name of the leading measure, which the explorer is about. "": the headline of the scenario.
    """

    view: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    interventions: tuple[Intervention, ...] = ()
    off: tuple[str, ...] = ()
    horizon_days: float | None = None
    as_of: dt.date | None = None
    ladder: str | None = None
    lead: str = ""

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with the given choices changed."""
        return dataclasses.replace(self, **changes)

    def for_answer(self) -> Settings:
        """Return a copy without the ladder shown and the leading measure, which change no answer."""
        return self.replace(ladder=None, lead="")

    def __hash__(self) -> int:
        """Return a hash of the fields that change answers, so that settings can be keys of a cache."""
        values = tuple(sorted(self.values.items()))
        return hash((values, self.view, self.interventions, self.off, self.horizon_days, self.as_of))

    def with_value(self, name: str, value: float | None) -> Settings:
        """Return a copy with one assumption changed by hand (None: back to its value in the view)."""
        values = {key: old for key, old in self.values.items() if key != name}
        return self.replace(values=values if value is None else values | {name: value})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON data."""
        data = dataclasses.asdict(self) | {"values": dict(self.values)}
        data["interventions"] = [_intervention_data(item) for item in self.interventions]
        data["as_of"] = self.as_of.isoformat() if self.as_of else None
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """Rebuild settings from the data of `to_dict`.

        Raises KeyError, TypeError or ValueError if the data are wrong.
        """
        known = {part.name for part in dataclasses.fields(cls)}
        parts = {name: value for name, value in dict(data).items() if name in known}
        parts["values"] = {str(name): float(value) for name, value in dict(parts.get("values", {})).items()}
        parts["interventions"] = tuple(_intervention(item) for item in parts.get("interventions", ()))
        parts["off"] = tuple(parts.get("off", ()))
        parts["as_of"] = dt.date.fromisoformat(parts["as_of"]) if parts.get("as_of") else None
        return cls(**parts)


_KINDS = {kind.__name__.lower(): kind for kind in (Force, Forbid, Policy, Pin, Hold, Assume)}


def _intervention_data(item: Intervention) -> dict[str, Any]:
    data = {"type": type(item).__name__.lower()} | dataclasses.asdict(item)
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in data.items()}


def _intervention(data: Mapping[str, Any]) -> Intervention:
    """Return the intervention in `data` (wrong data raise KeyError, TypeError or ValueError)."""
    kind: Any = _KINDS[data["type"]]
    parts = {part.name: data[part.name] for part in dataclasses.fields(kind) if part.name in data}
    for name in {"date", "until"} & parts.keys():
        parts[name] = dt.date.fromisoformat(parts[name]) if parts[name] else None
    if "when" in parts:
        clauses = parts["when"]["clauses"]
        parts["when"] = Condition(tuple(tuple((name, tuple(levels)) for name, levels in each) for each in clauses))
    item: Intervention = kind(**parts)
    return item
