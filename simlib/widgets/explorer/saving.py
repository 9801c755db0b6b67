"""What is kept of a session: a view with a reason for each change, figures, data, a paragraph. No widget here."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.formatting import long_date
from simlib.results import Forecast
from simlib.scenario.model import Change, Forbid, View
from simlib.widgets.explorer.state import State

if TYPE_CHECKING:
    import pandas as pd

ASSUMED = "assumed"
FIGURES = ("png", "svg", "pdf")


def view_id(title: str) -> str:
    """Return an id made of the words of a title ("My view, hawkish" -> "my-view-hawkish")."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    words = [word for word in plain.split("-") if word not in ("or", "above", "below", "not", "")]
    text = "-".join(words)[:60].strip("-")
    return text if text[:1].isalpha() else f"view-{text}".strip("-")


def view_of(
    state: State, title: str, *, author: str = "", because: str = "", reasons: Mapping[str, str] | None = None
) -> View:
    """Return the settings of a state as a view: what its own view changes and what was set by hand, each with a reason.

    Raises ScenarioError for a title without letters and for what a view cannot hold.
    """
    if not re.search(r"[A-Za-z]", title):
        raise ScenarioError(Problem("", 0, "title", "a view needs a title", "expected a few words"))
    settings, given = state.settings, dict(reasons or {})
    if settings.as_of is not None:
        raise ScenarioError(
            Problem(
                "",
                0,
                "start date",
                "a view cannot move the start of a scenario",
                "set it back, or write a scenario of its own",
            )
        )
    base = state.views[settings.view] if settings.view else None
    changes = {change.assumption: change for change in base.changes} if base else {}
    for name, value in dict(settings.values).items():
        unit = state.base.assumptions[name].unit
        changes[name] = Change(name, value, because=given.get(name, "").strip() or ASSUMED, unit=unit)
    own = [
        *settings.interventions,
        *(Forbid(move, because=given.get(move, "").strip() or ASSUMED) for move in settings.off),
    ]
    ladder = settings.ladder if settings.ladder not in (None, state.base.ladder) else base.ladder if base else None
    return View(
        id=view_id(title),
        title=title.strip(),
        author=author.strip(),
        because=because.strip(),
        changes=tuple(changes.values()),
        interventions=(*(base.interventions if base else ()), *own),
        horizon_days=settings.horizon_days
        if settings.horizon_days is not None
        else base.horizon_days
        if base
        else None,
        ladder=ladder,
    )


def save(state: State, view: View, *, overwrite: bool = False) -> Path:
    """Write a view beside its scenario, as `views/ID.yaml`; return its path, and make the state know it.

    Raises ScenarioError when the scenario has no folder, the folder cannot be written, or the view is there already.
    """
    from simlib.scenario.writer import save_view

    if not state.base.path:
        raise ScenarioError(
            Problem("", 0, state.base.id, "was not read from a folder", "expected one to save views in")
        )
    path = Path(state.base.path) / "views" / f"{view.id}.yaml"
    if path.exists() and not overwrite:
        raise ScenarioError(
            Problem(str(path), 0, "", "is there already", "choose another title, or allow to overwrite")
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_view(state.base, view, path)
    except OSError as error:
        expected = "copy the scenario to a folder of your own and open that"
        raise ScenarioError(Problem(str(path), 0, "", f"cannot be written: {error.strerror}", expected)) from error
    state.views[view.id] = view
    return path


def table(forecast: Forecast) -> pd.DataFrame:
    """Return the whole answer as one tidy table: what, name, part, label, day, by, value, low, high."""
    import pandas as pd

    names = {
        "endings": ("ending", None),
        "questions": ("question", None),
        "levels": ("variable", "level"),
        "rungs": ("ladder", "rung"),
        "moves": ("move", None),
    }
    frames = []
    for what, (name, part) in names.items():
        frame = forecast.frame(what)
        if len(frame) == 0:
            continue
        value = "expected" if what == "moves" else "probability"
        label = frame["label"] if "label" in frame else frame[name]
        frames.append(
            pd.DataFrame(
                {
                    "what": what,
                    "name": frame[name],
                    "part": frame[part] if part else "",
                    "label": label,
                    "day": frame["day"],
                    "by": frame["by"],
                    "value": frame[value],
                    "low": frame["low"],
                    "high": frame["high"],
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def paragraph(state: State, forecast: Forecast, baseline: Forecast | None, answer: str) -> str:
    """Return a paragraph for a report: the question, the answer, what was assumed differently, and where it is from."""
    source = forecast.provenance
    differences = list(state.differences())
    changed = "at the values of the file" if not differences else "with these changes: " + "; ".join(differences)
    if forecast.engine == "exact":
        bound = source.get("truncation_bound", 1e-9)
        how = f"solved exactly over {forecast.states:,} states (truncation below {bound:.1g})"
    else:
        how = f"from {source.get('runs', 0):,} replicates, seed {source.get('seed')}"
    view = f", view {state.views[state.settings.view].title!r}" if state.settings.view else ""
    against = "" if baseline is None else " Differences are to the values of the file, in percentage points."
    return (
        f"{forecast.scenario.title}{view}, as of {long_date(forecast.as_of)}, {changed}. {answer}{against} "
        f"These are probabilities at the stated values of the assumptions, {how}; doubt about the assumptions comes on "
        f"top, and the real outcome may lie outside the model. Scenario {forecast.scenario.id}, "
        f"SHA-256 {source['scenario_sha256'][:16]}, simlib {source['version']}, {source['made_at']}."
    )


def figure_bytes(
    forecast: Forecast,
    baseline: Forecast | None,
    kind: str,
    *,
    width: int,
    show: tuple[str, ...] | None,
    ladder: str | None,
    note: str = "",
) -> bytes:
    """Return the dashboard as PNG (200 dpi), SVG or PDF; `note` says what was changed."""
    from simlib.plots import dashboard

    figure = dashboard(forecast, baseline=baseline, width=width, show=show, ladder=ladder, note=note)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=200 if kind == "png" else None, facecolor="white")
    return buffer.getvalue()


def export(folder: Path, stem: str, kind: str, payload: bytes) -> Path:
    """Write an exported file, never over another one: a number is added to the name where it is taken."""
    path = folder / f"{stem}.{kind}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{kind}"
    write_atomically(path, payload)
    return path
