"""Writing a scenario: what a text says, what is wrong with it, and what it implies, as it is typed. No widget here.

Checking is quick and done for every text; the second reading, the diagram and the forecast follow when the text is a
world. While a text is broken the last good picture stays, and says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.control import Cancel, Control
from simlib.errors import Cancelled, MissingDependency, Problem, ScenarioError, SimlibError, TooManyStates
from simlib.files import write_atomically
from simlib.results import Forecast
from simlib.scenario.loader import FILE, find, load_text
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.autosave import Drafts
from simlib.widgets.kit.latest_worker import Latest

if TYPE_CHECKING:
    from simlib.analysis.lint.subject import Finding

TEMPLATE = Path(__file__).parent / "template.yaml"
PAUSE = 0.3
"""Seconds without a keystroke before a text is read."""

CAP = 60_000
"""States up to which a world under the pen is solved exactly; above, it is sampled, which is quick for any size."""

RUNS = 4_000


@dataclass(frozen=True)
class Reading:
    """What one text came to. `scenario` is None where there are problems; the rest follows from it."""

    text: str
    problems: tuple[Problem, ...] = ()
    scenario: Scenario | None = None
    findings: tuple[Finding, ...] = ()
    forecast: Forecast | None = None
    trouble: str = ""

    def summary(self) -> str:
        """Say in a line how it stands."""
        if self.problems:
            count = len(self.problems)
            return f"{count} problem{'s' if count > 1 else ''}: the pictures show the last text that could be read"
        if self.trouble:
            return self.trouble
        if self.forecast is None:
            return "this is a world; computing what it implies"
        how = "exact" if self.forecast.engine == "exact" else f"{RUNS:,} replicates"
        size = f", {self.forecast.states:,} states" if self.forecast.states else ""
        return f"this is a world ({how}{size})"


def check(text: str) -> Reading:
    """Read a text; every problem at once, none raised."""
    try:
        return Reading(text, scenario=load_text(text, FILE))
    except ScenarioError as error:
        return Reading(text, problems=error.problems)


def work_out(reading: Reading, cancel: Cancel | None = None) -> Reading:
    """Add what the second reading finds and what the world implies; say what cannot be computed. Raises Cancelled."""
    scenario = reading.scenario
    if scenario is None:
        return reading
    from simlib.analysis.lint.rules import lint

    try:
        findings = tuple(lint(scenario, cap=CAP, cancel=cancel))
        return Reading(reading.text, (), scenario, findings, _forecast(scenario, cancel))
    except Cancelled:
        raise
    except SimlibError as error:
        return Reading(reading.text, (), scenario, trouble=str(error))


def _forecast(scenario: Scenario, cancel: Cancel | None) -> Forecast:
    from simlib.engines.exact.forecast import solve

    control = Control(cancel=cancel)
    try:
        return solve(scenario, cap=CAP, control=control)
    except TooManyStates as error:
        from simlib.engines.montecarlo.simulator import simulate

        try:
            return simulate(scenario, runs=RUNS, control=control)
        except MissingDependency:
            raise error from None


class Desk:
    """One text being written. `show` is called with every reading, from the thread that made it."""

    def __init__(self, path: str | Path | None, show: Callable[[Reading], None], *, home: Path | None = None) -> None:
        self.path = None if path is None else find(path)
        self._show, self._lock, self.worker = show, threading.RLock(), Latest("simlib-writing")
        self.drafts = Drafts(str(self.path.resolve()) if self.path else "new scenario", home)
        self.saved_text = (self.path or TEMPLATE).read_text(encoding="utf-8")
        self.text = self.saved_text
        self._left = self.drafts.find() or {}
        left = self._left.get("text")
        self.draft = left if isinstance(left, str) and left != self.text else ""
        self.reading = Reading(self.text)

    def start(self) -> None:
        """Read the text as it was opened, to the end."""
        self._take(check(self.text))
        self._take(work_out(self.reading))

    def write(self, text: str) -> None:
        """Take a new text: check it at once, and work out what it implies once the hand rests."""
        with self._lock:
            self.text = text
            if text == self.saved_text:
                self.drafts.drop()
            else:
                self.drafts.keep({"text": text})
            self._take(check(text))
            if self.reading.scenario is None:
                self.worker.cancel()
                return
            self.worker.submit(self._work(self.reading), self._take, self._failed, delay=PAUSE)

    def _work(self, reading: Reading) -> Callable[[Cancel, Any], Reading]:
        return lambda cancel, _: work_out(reading, cancel)

    def _take(self, reading: Reading) -> None:
        with self._lock:
            if reading.text == self.text:
                self.reading = reading
                self._show(reading)

    def _failed(self, error: Exception) -> None:
        self._take(Reading(self.text, (), self.reading.scenario, trouble=f"{type(error).__name__}: {error}"))

    def restore(self) -> str:
        """Take up the text that an earlier session left behind; return it."""
        text = self.draft
        self.discard()
        self.write(text)
        return text

    def discard(self) -> None:
        """Forget the text that an earlier session left behind."""
        self.draft = ""
        if self._left:
            self.drafts.drop(self._left)

    def save(self, folder: str = "") -> Path:
        """Write the text: to its own file, or as `scenario.yaml` in a folder of one's own; return the path.

        Broken texts may be saved: nothing typed is lost. Raises ScenarioError when there is no place to write to, or
        the place holds another world already.
        """
        target = Path(folder).expanduser() / FILE if folder else self.path
        if target is None:
            raise ScenarioError(Problem("", 0, "folder", "no folder was given", "expected the name of a new one"))
        if folder and target.exists() and (self.path is None or target.resolve() != self.path.resolve()):
            raise ScenarioError(Problem(str(target), 0, "", "there is a world already", "choose another folder"))
        try:
            write_atomically(target, self.text.encode())
        except OSError as error:
            raise ScenarioError(Problem(str(target), 0, "", f"cannot be written: {error.strerror}")) from error
        self.path, self.saved_text = target, self.text
        self.drafts.drop()
        self.drafts = Drafts(str(target.resolve()), self.drafts.home)
        return target
