"""Asking a question that takes a while: controls, an answer, and a worker that can be stopped. No widget here.

An answer is a picture, sentences and a table. What was answered once is kept under the hash of the scenario and of
everything that was chosen, so that a notebook shows it at once the next time; the answers to the questions as the
notebooks ask them come with simlib.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from simlib.answer import plain_json
from simlib.errors import Problem, ScenarioError, SimlibError
from simlib.files import write_atomically
from simlib.formatting import long_date
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from simlib.shipped import notebooks_folder
from simlib.widgets.explorer.autosave import folder
from simlib.widgets.kit.latest_worker import LatestWorker

FORMAT = 1
WIDTH = 880
"""Width of a picture in pixels."""

TOP = 94
"""Pixels above a plot: three lines of title, and what it shows."""

KEPT = 60
"""Answers kept between sessions; the oldest are dropped."""

Cancel = Callable[[], bool]
Progress = Callable[[float], None]
Choice = str | float | dt.date
Draw = Callable[[Any], Any]


@dataclass(frozen=True)
class Field:
    """Something to choose: one of `options` (label, value), a date, or a number from `low` to `high`.

    A number is a whole one where `low` is.
    """

    name: str
    label: str
    value: Choice
    options: tuple[tuple[str, str], ...] = ()
    low: float | dt.date | None = None
    high: float | dt.date | None = None
    tip: str = ""

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
        """Return a value that fits; raises ScenarioError for one that does not."""
        if self.options and value in {known for _, known in self.options}:
            return str(value)
        read = None if self.options else self._read(value)
        if read is not None and self._holds(read):
            return read
        text = long_date(read) if isinstance(read, dt.date) else repr(value)
        missing = value is None and isinstance(self.low, dt.date)
        what = "no date is given" if missing else f"{text} does not fit"
        raise ScenarioError(Problem("", 0, self.label, what, self._expected()))


@dataclass(frozen=True)
class ShownAnswer:
    """What came out: sentences, a table (its last `numbers` columns are numbers) and a picture (PNG, pixels).

    `more` is plain JSON data that a panel goes on from, where it does more than show the answer.
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
        """What stands for the picture where it cannot be seen."""
        return " ".join(self.sentences[:3])


class PanelQuestion(ABC):
    """One question about one scenario. `settings` replace the values its controls begin with."""

    name: ClassVar[str]
    title: ClassVar[str]
    edition: ClassVar[int] = 1
    """Raised when its answers begin to hold something else: those kept before are not shown any more."""

    def __init__(self, scenario: Scenario | str | Path, **settings: Any) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        own = self.make_controls()
        unknown = set(settings) - {control.name for control in own}
        if unknown:
            known = ", ".join(control.name for control in own)
            raise ScenarioError(Problem("", 0, ", ".join(sorted(unknown)), "is no setting", f"expected {known}"))
        self.controls = tuple(
            replace(control, value=control.check(settings[control.name])) if control.name in settings else control
            for control in own
        )

    @abstractmethod
    def make_controls(self) -> Sequence[Field]:
        """Return what there is to choose."""

    @abstractmethod
    def answer(self, chosen: Mapping[str, Any], cancel: Cancel, progress: Progress) -> ShownAnswer:
        """Work it out; raises SimlibError, ValueError, Cancelled."""

    def worlds(self, chosen: Mapping[str, Any]) -> list[str]:
        """Return the hashes of the worlds that the answer depends on."""
        del chosen
        return [self.scenario.sha256]

    @property
    def chosen(self) -> dict[str, Choice]:
        """The values that the controls begin with."""
        return {control.name: control.value for control in self.controls}

    def checked(self, chosen: Mapping[str, Any]) -> dict[str, Choice]:
        """Return the values chosen; raises ScenarioError for those that do not fit."""
        return {control.name: control.check(chosen[control.name]) for control in self.controls}

    def key(self, chosen: Mapping[str, Any]) -> str:
        """Return the name under which the answer is kept: it holds the hash of all that the answer depends on."""
        text = json.dumps(plain_json([self.edition, self.name, self.worlds(chosen), dict(chosen)]), sort_keys=True)
        return f"answer-{self.name}-{self.scenario.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"


@dataclass(frozen=True)
class Drawing:
    """What to draw, its height, and the room at its left, at its bottom, for its title and at its right, in pixels."""

    draw: Draw
    height: int
    left: int = 50
    bottom: int = 40
    top: int = TOP
    right: int = 20


def stack_drawings(*plots: Drawing) -> tuple[bytes, tuple[int, int]]:
    """Return plots one below the other as a PNG with its size."""
    from simlib.plots.figure import stacked
    from simlib.widgets.kit.blitting import still_figure

    parts = []
    for plot in plots:
        inside = (WIDTH - plot.left - plot.right, plot.height - plot.top - plot.bottom)
        box = (plot.left / WIDTH, plot.bottom / plot.height, inside[0] / WIDTH, inside[1] / plot.height)
        parts.append(still_figure(plot.draw, WIDTH, plot.height, box)[0])
    return (parts[0] if len(parts) == 1 else stacked(*parts)), (WIDTH, sum(plot.height for plot in plots))


# -------------------------------------------------------------------- answers kept


def write_answer(answer: ShownAnswer, file: Path) -> None:
    """Write an answer, whole or not at all."""
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
    """Return an answer that was kept; None where there is none that can be read."""
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
    """Return the folders in which answers may be: the shipped ones, then the user's own."""
    return [notebooks_folder() / "stored", folder() / "answers"]


def _store_in_home(answer: ShownAnswer, name: str) -> None:
    home = folder() / "answers"
    try:
        write_answer(answer, home / name)
        for old in sorted(home.glob("answer-*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # a folder that cannot be written to must not cost the answer


# -------------------------------------------------------------------- asking


@dataclass(frozen=True)
class StatusLine:
    """How it stands: words, "" or "error", and the share done while something runs."""

    text: str
    kind: str = ""
    share: float | None = None


EARLIER = StatusLine("Below is the answer to earlier choices; Compute answers the ones above.")


class Inquiry:
    """One question being asked: the last good answer stays until there is another.

    `show(answer)` and `say(line)` are called from the thread that has them to tell.
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

    def start(self) -> None:
        """Show the answer that is kept for the first settings, or begin to work it out."""
        name = self.question.key(self.question.chosen)
        found = next((answer for shelf in answer_folders() if (answer := read_answer(shelf / name))), None)
        if found is None:
            self.ask(self.question.chosen)
            return
        self._take(found, self.question.chosen, "Stored answer for exactly this world. Compute works it out again.")

    def ask(self, chosen: Mapping[str, Any]) -> None:
        """Work the question out with these choices, in place of whatever runs; what is wrong is said."""
        self._now = chosen
        try:
            checked = self.question.checked(chosen)
        except (SimlibError, TypeError, ValueError) as error:
            self.fail(error)
            return
        self._say(StatusLine("Working it out", share=0.0))

        def job(cancel: Cancel, progress: Progress) -> ShownAnswer:
            return self.question.answer(checked, cancel, progress)

        def done(answer: ShownAnswer) -> None:
            _store_in_home(answer, self.question.key(checked))
            self._take(answer, checked, "Worked out just now.")

        self.worker.submit(
            job,
            done,
            self.fail,
            progress=lambda share: self._say(StatusLine(f"Working it out: {share:.0%}", share=share)),
        )

    def _take(self, answer: ShownAnswer, chosen: Mapping[str, Any], words: str) -> None:
        with self._lock:
            self.answer, self.chosen = answer, chosen
            self._show(answer)
            self._say(StatusLine(words) if self._same(self._now) else EARLIER)

    def _same(self, chosen: Mapping[str, Any]) -> bool:
        """Whether what is shown is the answer to some choices."""
        return all(chosen[name] == value for name, value in self.chosen.items())

    def cancel(self) -> None:
        """Stop what runs; the last answer stays."""
        self.worker.cancel()
        self._say(
            StatusLine("Cancelled" + ("; below is the answer before." if self.answer else ". Compute begins again."))
        )

    def fail(self, error: Exception) -> None:
        """Say what went wrong; the last answer stays."""
        known = isinstance(error, SimlibError | ValueError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        self._say(StatusLine(text + (" (Below is the answer before.)" if self.answer else ""), "error"))

    def touched(self, chosen: Mapping[str, Any]) -> None:
        """Say whether what is shown is the answer to what is chosen now, and what is wrong with that.

        While something is worked out that is said at its end.
        """
        with self._lock:
            self._now = chosen
            if self.worker.busy:
                return
            try:
                self.question.checked(chosen)
            except ScenarioError as error:
                self.fail(error)
                return
            if self.answer is not None:
                self._say(StatusLine("This is the answer to what is chosen.") if self._same(chosen) else EARLIER)
