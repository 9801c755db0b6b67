"""The resolved form of a scenario as plain JSON data."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from simlib.scenario.views.interventions import Intervention

SPARSE: Mapping[str, bool] = {"sparse": True}
"""Marks a field that the resolved form leaves out if the field has its default value.

So a new field changes only the hashes of the scenarios that use it.
"""


def plain(value: Any) -> Any:
    """Return a resolved scenario, or a part of it, as plain JSON data."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        data = {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value) if not _left_out(f, value)}
        return ({"type": type(value).__name__} | data) if isinstance(value, Intervention) else data
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def _left_out(part: dataclasses.Field[Any], value: Any) -> bool:
    factory = part.default_factory
    default = part.default if factory is dataclasses.MISSING else factory()
    return not part.compare or ("sparse" in part.metadata and bool(getattr(value, part.name) == default))
