"""The pages below the explorer: one history, a comparison of views, and what is kept. Thin views."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w

from simlib.control import Cancel
from simlib.errors import Problem, ScenarioError
from simlib.results import ONGOING
from simlib.widgets.explorer import sampled_history as histories
from simlib.widgets.explorer import saving as keeping
from simlib.widgets.explorer import view_comparison as comparing
from simlib.widgets.explorer.session import Desk
from simlib.widgets.kit.blitting import still
from simlib.widgets.kit.components import Checks, Picture

WIDE = {"description_width": "initial"}
LINE = w.Layout(flex_flow="row wrap", align_items="center", grid_gap="4px 10px")


def words(text: str, css: str = "simlib-words") -> str:
    """Return plain text as HTML that shows just that."""
    return f'<div class="{css}">{html.escape(text)}</div>'


def html_table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: int = 0) -> str:
    """Return a plain table; the last `numbers` columns are set as numbers."""
    head = list(head)
    cells = "".join(f"<th>{html.escape(text)}</th>" for text in head)
    body = ""
    for row in rows:
        marks = [' class="number"' if k >= len(head) - numbers else "" for k in range(len(head))]
        body += (
            "<tr>" + "".join(f"<td{m}>{html.escape(text)}</td>" for m, text in zip(marks, row, strict=True)) + "</tr>"
        )
    return f'<div class="simlib-table"><table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def button(
    text: str, tip: str, action: Callable[[], object], guard: Callable[[Callable[[], object]], None]
) -> w.Button:
    """Return a button that does something; what goes wrong is shown, not lost."""
    made = w.Button(description=text, tooltip=tip, layout=w.Layout(width="auto"))
    made.on_click(lambda _: guard(action))
    return made


class Page(w.VBox):
    """One page of an explorer. It is filled when it is first opened, and refreshed whenever an answer rests.

    A `slow` page is refreshed by a worker, so that nothing waits for it.
    """

    title = ""
    slow = False

    def __init__(self, desk: Desk, update: Callable[..., None]) -> None:
        super().__init__([])
        self.desk, self.state, self._update = desk, desk.state, update
        self._filled = False

    def turn_up(self) -> None:
        """Fill the page the first time, and bring it up to date."""
        if not self._filled:
            self._filled = True
            self.fill()
        self.renew()

    def renew(self) -> None:
        """Refresh now, or as soon as a worker can."""
        if self.slow:
            self.desk.later(lambda cancel: self.refresh(cancel=cancel))
        else:
            self.refresh()

    def fill(self) -> None:
        """Make the controls."""

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Show the present settings and answer."""

    def date(self, label: str) -> w.DatePicker:
        """Return the choice of a day of the forecast; without bounds, which would move a day without a word."""
        return w.DatePicker(
            description=label, value=self.state.machine().as_of, style=WIDE, layout=w.Layout(width="250px")
        )

    @staticmethod
    def day(date: w.DatePicker) -> dt.date:
        """Return the day chosen; raises ScenarioError for none."""
        if date.value is None:
            raise ScenarioError(Problem("", 0, date.description, "no date is given", "expected a day of the forecast"))
        day: dt.date = date.value
        return day


class History(Page):
    """One sampled history, told as a dated story, and its way over the ladder."""

    title = "One history"
    slow = True

    def fill(self) -> None:
        """Make the controls."""
        endings = self.state.base.endings.values()
        self._ending = w.Dropdown(
            description="A history that ends in",
            style=WIDE,
            options=[("any way", ""), *((e.label, e.id) for e in endings), ("no ending yet", ONGOING)],
        )
        self._all = w.Checkbox(
            description="also moves that change nothing", indent=False, layout=w.Layout(width="auto")
        )
        self._number = 0
        self._picture, self._text = Picture(), w.HTML()
        self._ending.observe(lambda _: self.desk.guard(lambda: self._go(0)), "value")
        self._all.observe(lambda _: self.desk.guard(self.renew), "value")
        self._picture.observe(lambda _: self.desk.guard(self.renew), "room")
        step = [
            button(text, tip, action, self.desk.guard)
            for text, tip, action in (
                ("Previous", "The history before", lambda: self._go(self._number - 1)),
                ("Next", "Another history", lambda: self._go(self._number + 1)),
            )
        ]
        self.children = [w.HBox([self._ending, *step, self._all], layout=LINE), self._picture, self._text]

    def _go(self, number: int) -> None:
        self._number = number
        self.renew()

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Tell the present history at the present settings: the same dice, other values."""
        del cancel
        told = histories.tell(self.desk.answers, self.state.settings, ending=self._ending.value, number=self._number)
        if told is None:
            self._text.value = words(f"None of {histories.SAMPLE:,} sampled histories ends this way at these values.")
            return
        shown = told.sentences if self._all.value else told.turning_points()
        items = "".join(f"<li>{html.escape(text)}</li>" for text in shown)
        label = "no ending yet" if told.ending == ONGOING else self.state.base.endings[told.ending].label
        head = histories.heading(told, label)
        self._text.value = f'<div class="simlib-story"><strong>{html.escape(head)}</strong><ol>{items}</ol></div>'
        self._draw(told, head)

    def _draw(self, told: histories.SampledHistory, head: str) -> None:
        from simlib.plots import story

        machine = self.state.machine()
        dates: dict[str, Any] = {"as_of": machine.as_of, "horizon": machine.horizon_days}
        ended = told.ending != ONGOING
        png, size = still(
            lambda ax: story(told.days, told.rungs, told.rung_names, ax, ended=ended, **dates),
            self._picture.room or self.desk.width,
            240,
            left=180,
        )
        with self._picture.hold_sync():
            self._picture.png, self._picture.size, self._picture.alt = png, list(size), head


class Compare(Page):
    """Two or three sets of settings side by side: what differs in assumptions, with reasons, and in answers."""

    title = "Compare views"
    slow = True

    def fill(self) -> None:
        """Make the controls."""
        names = [("as in the file", ""), *((v.title or v.id, v.id) for v in self.state.views.values())]
        items = [{"id": name or "(file)", "label": label} for label, name in names]
        self._views = Checks(
            groups=[{"title": "Beside the present settings", "items": items}],
            checked=[item["id"] for item in items[:3]],
        )
        self._picture, self._tables = Picture(), w.HTML()
        self._views.observe(lambda _: self.desk.guard(self.renew), "checked")
        self._picture.observe(lambda _: self.desk.guard(self.renew), "room")
        self.children = [self._views, self._picture, self._tables]

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Compare the present settings with the chosen views."""
        chosen = ["" if name == "(file)" else name for name in self._views.checked]
        found = comparing.compare_views(self.desk.answers, chosen, cancel=cancel)
        answers = html_table(["by the horizon", *found.answers], found.answer_rows(), len(found.answers))
        changes = (
            html_table(["assumption", *found.answers, "because"], found.change_rows())
            if found.changes
            else words("No assumption differs.")
        )
        self._tables.value = answers + "<br>" + changes
        png, size = still(found.draw, self._picture.room or self.desk.width, 60 + found.height(), left=14)
        with self._picture.hold_sync():
            self._picture.png, self._picture.size = png, list(size)
            self._picture.alt = found.words()


class Keep(Page):
    """Save the present settings as a view, and export the figure, the data and a paragraph."""

    title = "Save and export"

    def fill(self) -> None:
        """Make the controls."""
        wide = w.Layout(width="min(620px, 100%)")
        self._title = w.Text(
            description="Title of the view", placeholder="how the hawks see it", style=WIDE, layout=wide
        )
        self._author = w.Text(description="Author", style=WIDE, layout=wide)
        self._because = w.Textarea(
            description="Because", placeholder="why one might see it so", style=WIDE, layout=wide, rows=2
        )
        self._reasons, self._report = w.VBox([]), w.HTML()
        self._over = w.Checkbox(
            description="overwrite a view of that title", indent=False, layout=w.Layout(width="auto")
        )
        save = button("Save as a view", "Write the view beside the scenario", self._save, self._guard)
        tip = "Write it beside the notebook"
        exports = [
            button(f"Figure as {kind.upper()}", tip, partial(self._figure, kind), self._guard)
            for kind in keeping.FIGURES
        ]
        exports += [
            button("Data as CSV", "Everything in the answer", self._csv, self._guard),
            button("Paragraph", "For a report, with provenance", self._paragraph, self._guard),
        ]
        self.children = [
            self._title,
            self._author,
            self._because,
            self._reasons,
            w.HBox([save, self._over], layout=LINE),
            w.HBox(exports, layout=LINE),
            self._report,
        ]

    def refresh(self, *, cancel: Cancel | None = None) -> None:
        """Ask a reason for each change made by hand."""
        del cancel
        state, known = self.state, dict(self.desk.reasons)
        names = [*state.settings.values, *state.settings.off]
        labels = {name: state.base.assumptions[name].label for name in state.settings.values}
        labels |= {name: f"switched off: {state.base.moves[name].label}" for name in state.settings.off}
        old = {line.name: line for line in self._reasons.children}
        self._reasons.children = [
            old.get(name) or self._reason(name, labels[name], known.get(name, "")) for name in names
        ]

    def _reason(self, name: str, label: str, text: str) -> w.VBox:
        field = w.Text(value=text, placeholder="assumed", layout=w.Layout(width="min(620px, 100%)"))
        field.observe(lambda change: self.desk.keep_reason(name, change["new"]), "value")
        line = w.VBox([w.HTML(words(f"Why: {label}")), field])
        line.name = name
        return line

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - an error in a callback would vanish into the log
            self._report.value = words(str(error), "simlib-words simlib-error")

    def _save(self) -> None:
        view = keeping.view_of(
            self.state,
            self._title.value,
            author=self._author.value,
            because=self._because.value,
            reasons=self.desk.reasons,
        )
        path = keeping.save(self.state, view, overwrite=self._over.value)
        self._report.value = words(f"Saved as {path}")
        self._update(lambda: self.state.choose_view(view.id))

    def _stem(self) -> str:
        view = f"-{self.state.settings.view}" if self.state.settings.view else ""
        return f"{self.state.base.id}{view}-{dt.datetime.now(dt.UTC):%Y%m%d-%H%M}"

    def _wrote(self, kind: str, payload: bytes) -> None:
        path = keeping.export(Path.cwd() / "exports", self._stem(), kind, payload)
        self._report.value = words(f"Wrote {path}")

    def _figure(self, kind: str) -> None:
        settings, (forecast, baseline) = self.state.settings, self.desk.at_rest()
        self._wrote(
            kind,
            keeping.figure_bytes(
                forecast,
                baseline,
                kind,
                width=max(self.desk.width, 900),
                show=settings.shown,
                ladder=self.state.ladder(),
                note=self.state.heading(),
            ),
        )

    def _csv(self) -> None:
        forecast, _ = self.desk.at_rest()
        self._wrote("csv", keeping.table(forecast).to_csv(index=False).encode())

    def _paragraph(self) -> None:
        forecast, baseline = self.desk.at_rest()
        text = keeping.paragraph(self.state, forecast, baseline, self.desk.answer_in_words())
        self._wrote("txt", (text + "\n").encode())
        self._report.value = words(text)
