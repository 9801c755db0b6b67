"""Pages that take the place of the sliders: a comparison of views, saving and export."""

from __future__ import annotations

import base64
import datetime as dt
import html
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import ipywidgets as w

from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, ScenarioError
from simlib.widgets.explorer import saving, view_comparison
from simlib.widgets.explorer.session import ExplorerSession
from simlib.widgets.kit.blitting import still
from simlib.widgets.kit.components import Checks, LivePicture

# Dictionaries, because views that share a style or layout widget fail after a reload: only the first view receives it.
LABEL_STYLE = {"description_width": "initial"}
LINE_LAYOUT = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 10px"}


def words(text: str, css: str = "simlib-words") -> str:
    """Return a plain text as HTML."""
    return f'<div class="{css}">{html.escape(text)}</div>'


def html_table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: int = 0) -> str:
    """Return a table as HTML. The last `numbers` columns are numbers, aligned to the right."""
    head = list(head)
    cells = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    body = ""
    for row in rows:
        marks = [' class="number"' if k >= len(head) - numbers else "" for k in range(len(head))]
        body += (
            "<tr>" + "".join(f"<td{m}>{html.escape(text)}</td>" for m, text in zip(marks, row, strict=True)) + "</tr>"
        )
    return f'<div class="simlib-table"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def mark(marked: bool, css: str, *widgets: w.DOMWidget) -> None:
    """Give widgets the class `css` of the style sheet if `marked`, else take it away."""
    for widget in widgets:
        (widget.add_class if marked else widget.remove_class)(css)


def guarded(report: w.HTML, action: Callable[[], object]) -> None:
    """Run an action, and show any error in `report`. Jupyter alone would only log the error."""
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the user must see every error
        report.value = words(str(error), "simlib-words simlib-error")


def button(
    text: str, tip: str, action: Callable[[], object], guard: Callable[[Callable[[], object]], None]
) -> w.Button:
    """Return a button that runs an action. `guard` shows the errors of the action."""
    button = w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
    button.on_click(lambda _: guard(action))
    return button


class Page(w.VBox):
    """One page of an explorer.

    The page is built when it is first opened. While it is open, it is refreshed whenever the answer at rest is shown. A
    `slow` page is refreshed on a worker's thread.
    """

    title = ""
    slow = False
    copy: Callable[[str], None] = staticmethod(lambda _: None)
    """Put a text on the clipboard of the browser."""

    def __init__(self, session: ExplorerSession, update: Callable[..., None]) -> None:
        super().__init__([])
        self.session, self.state, self._update = session, session.state, update
        self._is_built = False

    def bring_up(self) -> None:
        """Build the page if that was not done yet, and refresh it."""
        if not self._is_built:
            self._is_built = True
            self.build()
        self.schedule()

    def schedule(self) -> None:
        """Refresh the page: at once, or on a worker's thread if it is slow."""
        if self.slow:
            self.session.submit(self.refresh)
        else:
            self.refresh()

    def build(self) -> None:
        """Build the controls."""

    def refresh(self, control: Control = UNWATCHED) -> None:
        """Show the present settings and answer."""

    def date(self, label: str) -> w.DatePicker:
        """Return a date field without bounds, which would silently change a date beyond them."""
        begins = self.state.without_values().as_of
        return w.DatePicker(description=label, value=begins, style=LABEL_STYLE, layout=w.Layout(width="250px"))

    @staticmethod
    def day(date: w.DatePicker) -> dt.date:
        """Return the chosen date. Raises ScenarioError if none is chosen."""
        if date.value is None:
            raise ScenarioError(Problem("", 0, date.description, "no date is given", "expected a day of the forecast"))
        day: dt.date = date.value
        return day


class ComparisonPage(Page):
    """A page with the chosen views and the present settings side by side."""

    title = "Compare views"
    slow = True

    def build(self) -> None:
        """Build the controls."""
        names = [("as in the file", ""), *((v.title or v.id, v.id) for v in self.state.views.values())]
        items = [{"id": name or "(file)", "label": label} for label, name in names]
        self._views = Checks(
            groups=[{"title": "Compare the present settings with", "items": items}],
            checked=[item["id"] for item in items[:3]],
        )
        self._picture, self._tables = LivePicture(layout=w.Layout(display="none")), w.HTML(words("Comparing ..."))
        self._views.observe(lambda _: self.session.guard(self.schedule), "checked")
        self._picture.observe(lambda _: self.session.guard(self.schedule), ["room", "ratio"])
        self.children = [self._views, self._picture, self._tables]

    def refresh(self, control: Control = UNWATCHED) -> None:
        """Compare the present settings with the chosen views."""
        chosen = ["" if name == "(file)" else name for name in self._views.checked]
        comparison = view_comparison.compare_views(self.session.answers, chosen, cancel=control.cancel)
        answers = html_table(
            [f"by {comparison.by}", *comparison.answers], comparison.answer_rows(), len(comparison.answers)
        )
        changes = (
            html_table(["assumption", *comparison.answers, "because"], comparison.change_rows())
            if comparison.changes
            else words("No assumption differs.")
        )
        self._tables.value = answers + "<br>" + changes
        width = self._picture.room or 2 * self.session.graphs.size[0]
        png, size = still(comparison.draw, width, 60 + comparison.height(), left=14, ratio=self._picture.ratio)
        with self._picture.hold_sync():
            self._picture.png, self._picture.size, self._picture.layout.display = png, list(size), ""
            self._picture.alt = comparison.words()


class SavingPage(Page):
    """A page that saves the settings as a view, and exports a figure, data and a paragraph."""

    title = "Save and share"

    def build(self) -> None:
        """Build the controls."""
        wide = w.Layout(width="min(620px, 100%)")
        self._title = w.Text(
            description="Title of the view", placeholder="for example: The hawks’ view", style=LABEL_STYLE, layout=wide
        )
        self._author = w.Text(description="Author", style=LABEL_STYLE, layout=wide)
        self._because = w.Textarea(
            description="Because", placeholder="the reasons for this view", style=LABEL_STYLE, layout=wide, rows=2
        )
        self._reasons, self._report, self._shared = w.VBox([]), w.HTML(), w.HTML()
        self._guard, sharing = partial(guarded, self._report), partial(guarded, self._shared)
        self._over = w.Checkbox(
            description="Overwrite a view with the same title", indent=False, layout=w.Layout(width="auto")
        )
        save = button("Save as a view", "Write the view into the scenario’s folder", self._save, self._guard)
        tip = "Write the file into the folder “exports” beside the notebook"
        exports = [
            button(f"Figure as {kind.upper()}", tip, partial(self._figure, kind), sharing)
            for kind in saving.FIGURE_FORMATS
        ]
        exports += [
            button("Data as CSV", "The whole answer as a table", self._csv, sharing),
            button("Paragraph", "The answer in words, with its provenance, for a report", self._paragraph, sharing),
            button("Copy as code", "The Python code that opens this explorer with these settings", self._code, sharing),
        ]
        self.children = [
            w.HBox(exports, layout=LINE_LAYOUT),
            self._shared,
            self._title,
            self._author,
            self._because,
            self._reasons,
            w.HBox([save, self._over], layout=LINE_LAYOUT),
            self._report,
        ]

    def refresh(self, control: Control = UNWATCHED) -> None:
        """Show a field for the reason of each value or move that was changed by hand."""
        del control
        state, known = self.state, dict(self.session.reasons)
        names = [*state.settings.values, *state.settings.off]
        labels = {name: state.base.assumptions[name].label for name in state.settings.values}
        labels |= {name: f"switched off: {state.base.moves[name].label}" for name in state.settings.off}
        old = {line.name: line for line in self._reasons.children}
        self._reasons.children = [
            old.get(name) or self._reason(name, labels[name], known.get(name, "")) for name in names
        ]

    def _reason(self, name: str, label: str, text: str) -> w.VBox:
        field = w.Text(value=text, placeholder="assumed", layout=w.Layout(width="min(620px, 100%)"))
        field.observe(lambda change: self.session.keep_reason(name, change["new"]), "value")
        line = w.VBox([w.HTML(words(f"Why: {label}")), field])
        line.name = name
        return line

    def _save(self) -> None:
        view = saving.view_of(
            self.state,
            self._title.value,
            author=self._author.value,
            because=self._because.value,
            reasons=self.session.reasons,
        )
        path = saving.save(self.state, view, overwrite=self._over.value)
        self._report.value = words(f"Saved as {path}")
        self._update(lambda: self.state.choose_view(view.id))

    def _stem(self) -> str:
        view = f"-{self.state.settings.view}" if self.state.settings.view else ""
        return f"{self.state.base.id}{view}-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M}"

    def _export(self, kind: str, payload: bytes) -> None:
        path = saving.export(Path.cwd() / "exports", self._stem(), kind, payload)
        link = f"data:application/octet-stream;base64,{base64.b64encode(payload).decode()}"
        name, where = html.escape(path.name), html.escape(str(path.parent))
        self._shared.value = (
            f'<div class="simlib-words">Wrote <a download="{name}" href="{link}">{name}</a> into {where}. The link '
            "downloads a copy.</div>"
        )

    def _figure(self, kind: str) -> None:
        forecast, baseline = self.session.display.forecasts()
        self._export(
            kind,
            saving.figure_bytes(
                forecast,
                baseline,
                kind,
                width=max(self.session.graphs.size[0], 900),
                show=self.state.shown,
                ladder=self.state.ladder(),
                note=self.state.heading(),
            ),
        )

    def _csv(self) -> None:
        forecast, _ = self.session.display.forecasts()
        self._export("csv", saving.table(forecast).to_csv(index=False).encode())

    def _paragraph(self) -> None:
        forecast, baseline = self.session.display.forecasts()
        text = saving.paragraph(self.state, forecast, baseline, self.session.display.answer_in_words())
        self._export("txt", (text + "\n").encode())
        self.copy(text)
        self._shared.value += words(f"Copied: {text}")

    def _code(self) -> None:
        text = saving.code(self.state)
        self.copy(text)
        self._shared.value = words(f"Copied:\n{text}")
