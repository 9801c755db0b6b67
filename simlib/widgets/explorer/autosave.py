"""Drafts: unsaved settings of an explorer, stored on disk and offered at the next opening.

A draft belongs to one scenario file and one session (one open explorer). The session writes it as JSON whenever the
sliders stop, into the user's state folder or the folder that `SIMLIB_STATE_DIR` names. A draft that cannot be read, or
does not fit the scenario, is ignored.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.files import state_folder, write_atomically
from simlib.scenario.model import Lasting, Scenario
from simlib.scenario.views.intervention_rules import wrong_intervention
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State

folder = state_folder
"""Return the folder for files that simlib stores between sessions."""

DATE_FIELDS = ("on", "from", "until")
"""Date fields of an intervention. `fits` ignores them, because the days of the forecast may change."""

SESSIONS = 5
"""Number of sessions whose drafts stay stored. The oldest drafts are deleted."""


@dataclass(frozen=True)
class Draft:
    """Unsaved settings of an earlier session.

    - `settings`: the settings that were not saved as a view.
    - `reasons`: the user's reason for each change, by the id of the assumption or move.
    - `saved_at`: the time of saving.
    - `data`: the draft as stored in the file.
    """

    settings: Settings
    reasons: dict[str, str]
    saved_at: dt.datetime
    data: Mapping[str, Any]


class Drafts:
    """The latest draft of each recent session of the scenario or text that `name` identifies.

    A session writes only its own file, so that sessions in several kernels never overwrite each other's drafts.
    """

    def __init__(self, name: str, home: Path | None = None) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        label = "".join(c for c in Path(name).name if c.isalnum() or c in "-_.")[:40]
        self.home = home or folder()
        self.path = self.home / "drafts" / f"{label}-{digest}" / f"{uuid.uuid4().hex}.json"

    @classmethod
    def of(cls, scenario: Scenario, home: Path | None = None) -> Drafts:
        """Return the drafts of a scenario, identified by its folder or else by its id."""
        return cls(str(Path(scenario.path).resolve()) if scenario.path else scenario.id, home)

    def keep(self, data: dict[str, Any]) -> None:
        """Write this session's draft if possible, and keep only the drafts of the latest sessions."""
        stamp = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        with contextlib.suppress(OSError):
            write_atomically(self.path, json.dumps({**data, "saved_at": stamp}, ensure_ascii=False))
        for old in self.others()[SESSIONS - 1 :]:
            self.drop(old)

    def others(self) -> list[dict[str, Any]]:
        """Return the drafts of other sessions, the latest first."""
        drafts = []
        for path in self.path.parent.glob("*.json"):
            try:
                draft = json.loads(path.read_text(encoding="utf-8"))
                dt.datetime.fromisoformat(draft["saved_at"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if path != self.path:
                drafts.append(draft | {"session": path.stem})
        return sorted(drafts, key=lambda draft: str(draft["saved_at"]), reverse=True)

    def find(self) -> dict[str, Any] | None:
        """Return the latest draft of another session, or None if none can be read."""
        return next(iter(self.others()), None)

    def drop(self, draft: Mapping[str, Any] | None = None) -> None:
        """Delete a draft that `find` returned, or by default the draft of this session."""
        with contextlib.suppress(OSError):
            (self.path if draft is None else self.path.with_stem(draft["session"])).unlink(missing_ok=True)


def keep_settings(drafts: Drafts, state: State, reasons: dict[str, str]) -> None:
    """Store the settings as the session's draft, or delete it if nothing was changed by hand."""
    if state.untouched:
        drafts.drop()
    else:
        drafts.keep({"settings": state.settings.to_dict(), "reasons": reasons})


def find_settings(drafts: Drafts, state: State) -> Draft | None:
    """Return the latest draft of another session that fits the scenario.

    Returns None if no draft fits, or if the latest that fits equals the present settings.
    """
    for data in drafts.others():
        try:
            settings = Settings.from_dict(data["settings"])
            draft = Draft(settings, dict(data.get("reasons", {})), dt.datetime.fromisoformat(data["saved_at"]), data)
        except (KeyError, TypeError, ValueError):
            continue
        if fits(settings, state):
            return draft if settings != state.settings else None
    return None


def fits(settings: Settings, state: State) -> bool:
    """Whether the scenario has all views, assumptions, moves and ladders that the settings name."""
    base = state.base
    findings = (wrong_intervention(base, item, base.horizon_days) for item in settings.interventions)
    misfits = [place for each in findings for place, _, _ in each if place[0] not in DATE_FIELDS]
    return (
        (not settings.view or settings.view in state.views)
        and settings.values.keys() <= base.assumptions.keys()
        and set(settings.off) <= base.moves.keys()
        and not misfits
        and all(item.date is not None or isinstance(item, Lasting) for item in settings.interventions)
        and (settings.ladder is None or settings.ladder in base.ladders)
    )
