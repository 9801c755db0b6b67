"""Questions with fields and answers, and the work of answering them. No widget here.

An answer is a picture, sentences and a table. Each answer is stored under the hash of the scenario and of all settings,
so that a notebook shows it at once the next time. The answers that the notebooks show at first come with simlib.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from simlib.answer import plain_json
from simlib.control import Control
from simlib.errors import Cancelled, Problem, ScenarioError, SimlibError
from simlib.files import write_atomically
from simlib.formatting import long_date, with_long_dates
from simlib.plots.figure import SHARP, WIDTH, small_png
from simlib.scenario.library import notebooks_folder
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario, View
from simlib.widgets.explorer.autosave import folder
from simlib.widgets.kit.latest_worker import LatestWorker

FORMAT = 2
TOP = 94
"""Pixels above a plot, for a title of up to three lines and a caption."""

QUICK = 2.0
"""Longest time in seconds of a computation that starts without Compute when a setting changes."""

WARM_UP = 12.0
"""The same limit for the first computation, which may have to compile code."""

PAUSE = 0.3
"""Seconds between the last change of a setting and a computation that starts without Compute."""

STORED_ANSWERS = 60
"""Number of answers that stay stored between sessions. The oldest are deleted."""

Choice = str | float | dt.date
Draw = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """One setting of a question, with its first `value`.

    It is one of the `options` (label, value), or a date or a number from `low` to `high`. If `low` is a whole number,
    only whole numbers are allowed. `applies` tells from all settings whether the field matters. If it does not, it is
    not shown.
    """

    name: str
    label: str
    value: Choice
    options: tuple[tuple[str, str], ...] = ()
    low: float | dt.date | None = None
    high: float | dt.date | None = None
    tip: str = ""
    applies: Callable[[Mapping[str, Any]], bool] = lambda _: True

    def _holds(self, value: Any) -> bool:
        low: Any = self.low
        return bool(type(value) is type(low) and low <= value <= self.high)

    def _read(self, value: Any) -> Any:
        if isinstance(value, str) and isinstance(self.low, dt.date):
            return dt.date.fromisoformat(value)
        return float(value) if type(value) is int and isinstance(self.low, float) else value

    def _expected(self) -> str:
        if self.options:
            return "expected one of " + ", ".join(value for _, value in self.options)
        if isinstance(self.low, dt.date) and isinstance(self.high, dt.date):
            return f"expected one from {long_date(self.low)} to {long_date(self.high)}"
        return f"expected between {self.low} and {self.high}"

    def check(self, value: Any) -> Choice:
        """Return the value with the type of the field. Raises ScenarioError if it is not allowed."""
        if self.options and value in {known for _, known in self.options}:
            return str(value)
        read = None if self.options else self._read(value)
        if read is not None and self._holds(read):
            return read
        missing = value is None and isinstance(self.low, dt.date)
        text = long_date(read) if isinstance(read, dt.date) else repr(value)
        what = "no date is given" if missing else f"{text} does not fit"
        raise ScenarioError(Problem("", 0, self.label, what, self._expected()))


@dataclass(frozen=True)
class ShownAnswer:
    """An answer: sentences, a table and a picture.

    The last `numbers` columns of the table hold numbers. `png` has `SHARP` pixels for each pixel of the page, and
    `size` is in pixels of the page. `more` is JSON data for panels that show more, such as sliders or remarks.
    """

    sentences: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    png: bytes
    size: tuple[int, int]
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def alt(self) -> str:
        """The text for readers who cannot see the picture."""
        return " ".join(self.sentences[:3])


class PanelQuestion(ABC):
    """One question about one scenario. `settings` replace the first values of some fields.

    A subclass has a `name` for files and a `title` for people.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    edition: ClassVar[int] = 1
    """A number that grows when the content of the answers changes. Older stored answers are then not shown."""
    by_itself: ClassVar[bool] = False
    """Whether an answer is computed when a setting changes, without Compute, as long as that is quick."""

    def __init__(self, scenario: Scenario | str | Path, **settings: Any) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        own = self.make_fields()
        unknown = set(settings) - {field.name for field in own}
        if unknown:
            known = ", ".join(field.name for field in own)
            raise ScenarioError(Problem("", 0, ", ".join(sorted(unknown)), "is no setting", f"expected {known}"))
        self.fields = tuple(
            replace(field, value=field.check(settings[field.name])) if field.name in settings else field
            for field in own
        )

    @abstractmethod
    def make_fields(self) -> Sequence[Field]:
        """Return the fields of the question with their first values."""

    @abstractmethod
    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        """Compute the answer. Raises SimlibError, ValueError, Cancelled."""

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the scenarios that the answer depends on."""
        del chosen
        return [self.scenario.sha256]

    @property
    def chosen(self) -> dict[str, Choice]:
        """The first values of the fields."""
        return {field.name: field.value for field in self.fields}

    def check(self, chosen: Mapping[str, Any]) -> dict[str, Choice]:
        """Return the chosen values with the right types. Raises ScenarioError if one is not allowed."""
        return {field.name: field.check(chosen[field.name]) for field in self.fields}

    def applying(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chosen values, without those of fields that do not matter."""
        return {field.name: chosen[field.name] for field in self.fields if field.applies(chosen)}

    def key(self, chosen: Mapping[str, Any]) -> str:
        """Return the file name of the answer, with a hash of everything that the answer depends on."""
        parts = [self.edition, self.name, self.worlds(chosen), self.applying(chosen)]
        text = json.dumps(plain_json(parts), sort_keys=True)
        return f"answer-{self.name}-{self.scenario.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"


class PlannedQuestion(PanelQuestion):
    """A question about plans. A plan is a view, or the path of a file with one.

    The attribute `plans` holds the views to choose from, by id.
    """

    def __init__(
        self, scenario: Scenario | str | Path, plans: Sequence[View | str | Path] = (), **settings: Any
    ) -> None:
        self.given = plans
        self.plans: dict[str, View] = {}
        super().__init__(scenario, **settings)


@dataclass(frozen=True)
class Drawing:
    """A function that draws on axes, with the height and the margins of its picture in pixels."""

    draw: Draw
    height: int
    left: int = 50
    bottom: int = 40
    top: int = TOP
    right: int = 20


def stack_drawings(*drawings: Drawing) -> tuple[bytes, tuple[int, int]]:
    """Return a PNG of the drawings, one below the other, and its size in pixels of the page."""
    from simlib.widgets.kit.blitting import drawn

    figures = []
    for drawing in drawings:
        inside = (WIDTH - drawing.left - drawing.right, drawing.height - drawing.top - drawing.bottom)
        box = (drawing.left / WIDTH, drawing.bottom / drawing.height, inside[0] / WIDTH, inside[1] / drawing.height)
        figures.append(drawn(drawing.draw, WIDTH, drawing.height, box))
    return small_png(*figures, ratio=SHARP), (WIDTH, sum(drawing.height for drawing in drawings))


# -------------------------------------------------------------------- stored answers


def write_answer(answer: ShownAnswer, file: Path) -> None:
    """Write an answer to a file. If that fails, no part of the file is changed."""
    data = {
        "format": FORMAT,
        "sentences": answer.sentences,
        "head": answer.head,
        "rows": answer.rows,
        "numbers": answer.numbers,
        "size": answer.size,
        "png": base64.b64encode(answer.png).decode("ascii"),
    } | ({"more": answer.more} if answer.more else {})
    write_atomically(file, (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode())


def read_answer(file: Path) -> ShownAnswer | None:
    """Return the answer in a file, or None if the file is missing or cannot be read."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            return None
        return ShownAnswer(
            tuple(data["sentences"]),
            tuple(data["head"]),
            tuple(tuple(row) for row in data["rows"]),
            data["numbers"],
            base64.b64decode(data["png"]),
            tuple(data["size"]),
            data.get("more", {}),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def answer_folders() -> list[Path]:
    """Return the folders of stored answers: the one that comes with simlib, then the user's."""
    return [notebooks_folder() / ".stored", folder() / "answers"]


def _store_in_home(answer: ShownAnswer, name: str) -> None:
    home = folder() / "answers"
    try:
        write_answer(answer, home / name)
        for old in sorted(home.glob("answer-*.json"), key=lambda file: file.stat().st_mtime)[:-STORED_ANSWERS]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # the answer is shown even if it cannot be stored


# -------------------------------------------------------------------- answering one question


@dataclass(frozen=True)
class StatusLine:
    """A status message. `kind` is "" or "error".

    `share` is the share of the work that is done (None if nothing runs). `at` is the label of the field whose value was
    refused, or "".
    """

    text: str
    kind: str = ""
    share: float | None = None
    at: str = ""


EARLIER = StatusLine("The answer below is for earlier settings. Press Compute for the settings above.")
CURRENT = StatusLine("The answer below is for the settings above.")
STORED = StatusLine("Stored answer for this scenario and these settings. Press Compute to run it again.")
COMPUTED = StatusLine("Computed just now.")
TOO_LONG = StatusLine("This takes longer than two seconds. Press Compute for the settings above.")
PREVIOUS = "The answer below is the previous one."


class Inquiry:
    """The work of answering one question. The last good answer stays until there is a new one.

    It calls `show(answer)` and `say(line)`, possibly on the worker's thread.
    """

    def __init__(
        self, question: PanelQuestion, show: Callable[[ShownAnswer], None], say: Callable[[StatusLine], None]
    ) -> None:
        self.question, self._show, self._say = question, show, say
        self.worker = LatestWorker(f"simlib-{question.name}")
        self.answer: ShownAnswer | None = None
        self.chosen: Mapping[str, Any] = question.chosen
        self._now: Mapping[str, Any] = question.chosen
        self._lock = threading.RLock()
        self._is_quick, self._unasked = question.by_itself, False
        self._limit = WARM_UP

    def start(self) -> None:
        """Show the stored answer to the first settings, or start to compute it."""
        name = self.question.key(self.question.chosen)
        answers = (read_answer(folder / name) for folder in answer_folders())
        stored = next((answer for answer in answers if answer is not None), None)
        if stored is None:
            self.ask(self.question.chosen)
        else:
            self._take(stored, self.question.chosen, STORED)

    def ask(self, chosen: Mapping[str, Any]) -> None:
        """Compute the answer to these settings, or show why they are not allowed.

        A computation that runs is cancelled.
        """
        self._now = chosen
        try:
            settings = self.question.check(chosen)
        except (SimlibError, TypeError, ValueError) as error:
            self.fail(error)
            return
        self._compute(settings)

    def _compute(self, settings: Mapping[str, Any], *, unasked: bool = False) -> None:
        """Compute an answer. If nobody pressed Compute (`unasked`), give up when it takes too long."""
        self._unasked, limit = unasked, self._limit if unasked else float("inf")
        self._say(StatusLine("Computing", share=0.0))

        def job(control: Control) -> ShownAnswer | None:
            begun = time.monotonic()

            def stopped() -> bool:
                return control.cancelled() or time.monotonic() - begun > limit

            try:
                answer = self.question.answer(settings, Control(control.progress, stopped))
            except Cancelled:
                control.check()
                self._is_quick = False
                return None
            if self._limit == QUICK:
                self._is_quick = self.question.by_itself and time.monotonic() - begun <= QUICK
            self._limit = QUICK
            return answer

        def done(answer: ShownAnswer | None) -> None:
            if answer is None:
                self._say(TOO_LONG)
                return
            _store_in_home(answer, self.question.key(settings))
            self._take(answer, settings, COMPUTED)

        def progress(share: float) -> None:
            self._say(StatusLine(f"Computing: {share:.0%}", share=share))

        self.worker.submit(job, done, self.fail, delay=PAUSE if unasked else 0.0, progress=progress)

    def _take(self, answer: ShownAnswer, chosen: Mapping[str, Any], line: StatusLine) -> None:
        with self._lock:
            self.answer, self.chosen = answer, chosen
            self._show(answer)
            if self._answers(self._now):
                self._say(line)
            else:
                self._follow()

    def _answers(self, chosen: Mapping[str, Any]) -> bool:
        """Whether the shown answer is for these settings. Fields that are not shown do not count."""
        return self.answer is not None and self.question.applying(chosen) == self.question.applying(self.chosen)

    def cancel(self) -> None:
        """Stop the computation. The last answer stays."""
        self.worker.cancel()
        self._say(StatusLine(f"Cancelled. {PREVIOUS if self.answer else 'Press Compute to start again.'}"))

    def fail(self, error: Exception) -> None:
        """Show what went wrong. The last answer stays."""
        known = isinstance(error, SimlibError | ValueError)
        text = with_long_dates(str(error)) if known else f"{type(error).__name__}: {error}"
        where = error.problems[0].where if isinstance(error, ScenarioError) else ""
        at = where if where in {field.label for field in self.question.fields} else ""
        self._say(StatusLine(text + (f" ({PREVIOUS})" if self.answer else ""), "error", at=at))

    def compare(self, chosen: Mapping[str, Any]) -> None:
        """Say whether the shown answer is for these settings, or why they are not allowed.

        If the answer is for other settings, and answers are quick, compute the one for these. But while an answer that
        the user requested is being computed, do nothing until it is ready.
        """
        with self._lock:
            self._now = chosen
            if self.worker.busy and not self._unasked:
                return
            self.worker.cancel()
            self._follow()

    def _follow(self) -> None:
        """Say whether the shown answer is for the present settings.

        If not, compute the right one if that is quick. Otherwise ask the user to press Compute, if an older answer is
        shown.
        """
        try:
            settings = self.question.check(self._now)
        except ScenarioError as error:
            self.fail(error)
            return
        if self._answers(self._now):
            self._say(CURRENT)
        elif self._is_quick:
            self._compute(settings, unasked=True)
        elif self.answer is not None:
            self._say(EARLIER)
