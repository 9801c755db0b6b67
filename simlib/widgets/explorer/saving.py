"""Saving and export: views with reasons, figures, data and a paragraph."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.formatting import long_date
from simlib.quantities import spoken, write
from simlib.results import Forecast
from simlib.scenario.library import scenarios_folder
from simlib.scenario.model import Change, Forbid, View
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State

if TYPE_CHECKING:
    import pandas as pd

ASSUMED = "assumed"
"""The reason that is written if the user gave none."""

FIGURE_FORMATS = ("png", "svg", "pdf")
"""Formats of an exported figure."""


def view_id(title: str) -> str:
    """Return an id from the words of a title ("My view, hawkish" -> "my-view-hawkish")."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    words = [word for word in plain.split("-") if word not in ("or", "above", "below", "not", "")]
    text = "-".join(words)[:60].strip("-")
    return text if text[:1].isalpha() else f"view-{text}".strip("-")


def view_of(
    state: State, title: str, *, author: str = "", because: str = "", reasons: Mapping[str, str] | None = None
) -> View:
    """Return the settings of a state as a view.

    The new view holds the changes of the chosen view and the changes by hand.

    Args:
        state: The state of the explorer.
        title: The title of the new view.
        author: Who holds this view.
        because: The reason for the view.
        reasons: The reasons for changes by hand, by the id of the assumption, or of the move that is forbidden.

    Raises ScenarioError if the title has none of the letters A to Z, or if the start date was changed, because a view
    cannot hold a start date.
    """
    if not re.search(r"[A-Za-z]", title):
        raise ScenarioError(Problem("", 0, "title", "a view needs a title", "expected a few words"))
    settings, reasons = state.settings, dict(reasons or {})
    if settings.as_of is not None:
        what, expected = "a view cannot change the start date", "reset the start date, or write another scenario"
        raise ScenarioError(Problem("", 0, "start date", what, expected))
    base = state.views[settings.view] if settings.view else View(id="", title="")
    changes = {change.assumption: change for change in base.changes}
    for name, value in dict(settings.values).items():
        unit = state.base.assumptions[name].unit
        changes[name] = Change(name, value, because=_reason(reasons, name), unit=unit)
    off = tuple(Forbid(move, because=_reason(reasons, move)) for move in settings.off)
    ladder = settings.ladder if settings.ladder not in (None, state.base.ladder) else base.ladder
    return View(
        id=view_id(title),
        title=title.strip(),
        author=author.strip(),
        because=because.strip(),
        changes=tuple(changes.values()),
        interventions=(*base.interventions, *settings.interventions, *off),
        horizon_days=base.horizon_days if settings.horizon_days is None else settings.horizon_days,
        ladder=ladder,
    )


def _reason(reasons: Mapping[str, str], name: str) -> str:
    return reasons.get(name, "").strip() or ASSUMED


def save(state: State, view: View, *, overwrite: bool = False) -> Path:
    """Write a view beside its scenario as `views/ID.yaml`, and add it to the state.

    Raises ScenarioError if the scenario has no folder, if the view exists already and `overwrite` is False, or if
    writing fails.
    """
    from simlib.scenario.writer import save_view

    if not state.base.path:
        what = "was not read from a folder"
        raise ScenarioError(Problem("", 0, state.base.id, what, "expected a folder to save views in"))
    path = Path(state.base.path) / "views" / f"{view.id}.yaml"
    if path.exists() and not overwrite:
        raise ScenarioError(Problem(str(path), 0, "", "is there already", "choose another title, or overwrite it"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_view(state.base, view, path)
    except OSError as error:
        expected = "copy the scenario to a folder of your own, and open the copy"
        raise ScenarioError(Problem(str(path), 0, "", f"cannot be written: {error.strerror}", expected)) from error
    state.add_view(view)
    return path


def table(forecast: Forecast) -> pd.DataFrame:
    """Return the whole answer as a table: one row for each probability or count, at each time.

    The columns are what, name, part, label, day, by, value, low and high. `what` is "endings", "questions", "levels",
    "rungs" or "moves". `part` is the level of a variable or the rung of a ladder.
    """
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
        columns = {
            "what": what,
            "name": frame[name],
            "part": frame[part] if part else "",
            "label": frame["label"] if "label" in frame else frame[name],
            "day": frame["day"],
            "by": frame["by"],
            "value": frame["expected" if what == "moves" else "probability"],
            "low": frame["low"],
            "high": frame["high"],
        }
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def paragraph(state: State, forecast: Forecast, baseline: Forecast | None, answer: str) -> str:
    """Return a paragraph for a report: scenario, changes, `answer` in words, and provenance."""
    source = forecast.provenance
    differences = list(state.differences())
    changed = "at the values of the file" if not differences else "with these changes: " + "; ".join(differences)
    if forecast.engine == "exact":
        bound = source.get("truncation_bound", 1e-9)
        how = f"solved exactly over {forecast.states:,} states (truncation below {bound:.1g})"
    else:
        how = f"from {source.get('runs', 0):,} replicates, seed {source.get('seed')}"
    view = f", view {state.views[state.settings.view].title!r}" if state.settings.view else ""
    against = "" if baseline is None else " Differences from the answer of the file are in percentage points."
    return (
        f"{forecast.scenario.title}{view}, as of {long_date(forecast.as_of)}, {changed}. {answer}{against} "
        f"These are probabilities at the stated values of the assumptions, {how}; uncertainty about the assumptions "
        f"comes on top, and the real outcome may lie outside the model. Scenario {forecast.scenario.id}, "
        f"SHA-256 {source['scenario_sha256'][:16]}, simlib {source['version']}, {source['made_at']}."
    )


def code(state: State) -> str:
    """Return Python code that opens an explorer with the settings of a state."""
    settings = state.settings
    arguments = [repr(state.base.path or state.base.id)]
    if state.base.path and Path(state.base.path).parent == scenarios_folder():
        arguments = [json.dumps(state.base.id)]
    if settings.view:
        arguments.append(f"view={json.dumps(settings.view)}")
    texts = {name: _exact(state, name) for name in settings.to_dict()["values"]}
    if texts:
        arguments.append(f"changes={json.dumps(texts, ensure_ascii=False)}")
    if settings.lead:
        arguments.append(f"lead={json.dumps(settings.lead)}")
    empty = Settings().to_dict()
    rest = {k: v for k, v in settings.to_dict().items() if v != empty[k] and k not in ("view", "values", "lead")}
    if rest:
        arguments.append(f"settings={rest!r}")
    return f"from simlib.widgets import Explorer\n\nExplorer({', '.join(arguments)})"


def _exact(state: State, name: str) -> str:
    """Return the value of an assumption as the user typed it, or in the shortest exact form."""
    assumption = state.base.assumptions[name]
    if state.was_typed(name):
        return spoken(state.value_text(name))
    return write(state.value(name), assumption.kind, assumption.unit)


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
    """Return the dashboard (the picture of the whole answer) as PNG (200 dpi), SVG or PDF.

    Args:
        forecast: The answer.
        baseline: The answer that is drawn as dotted lines.
        kind: One of `FIGURE_FORMATS`.
        width: The width of the figure in pixels of the page.
        show: The ids of the curves. None: all endings.
        ladder: The ladder to draw.
        note: A line that names the changes.
    """
    from simlib.plots import dashboard

    figure = dashboard(forecast, baseline=baseline, width=width, show=show, ladder=ladder, note=note)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=200 if kind == "png" else None, facecolor="white")
    return buffer.getvalue()


def export(folder: Path, stem: str, kind: str, payload: bytes) -> Path:
    """Write an exported file and return its path. A number is added if the name is taken."""
    path = folder / f"{stem}.{kind}"
    number = 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{kind}"
    write_atomically(path, payload)
    return path
