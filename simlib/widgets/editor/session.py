"""The state of an editor: a text, its problems and its forecast.

Every text is checked at once. If the text is a valid scenario, the linter, the diagram and the forecast follow. As long
as the text has problems, the pictures of the last valid text stay.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simlib.control import UNWATCHED, Control
from simlib.errors import DOES_NOT_FIT, Cancelled, MissingDependency, Problem, ScenarioError, SimlibError
from simlib.files import write_atomically
from simlib.results import Forecast
from simlib.scenario.loader import SCENARIO_FILE, find, load_text
from simlib.scenario.model import Scenario
from simlib.widgets.explorer.autosave import Drafts
from simlib.widgets.kit.latest_worker import LatestWorker

if TYPE_CHECKING:
    from simlib.analysis.lint.subject import Finding

DRAFT = "scenario.draft.yaml"
"""File name of a text that is saved with problems. No tool reads a file of this name as a scenario."""

TEMPLATE = Path(__file__).parent / "template.yaml"
TYPING_PAUSE = 0.3
"""Seconds between the last keystroke and the computation of the forecast."""

EDITOR_STATE_CAP = 60_000
"""Largest number of states for an exact solution. A larger scenario is simulated, which is always quick."""

EDITOR_RUNS = 4_000


@dataclass(frozen=True)
class CheckedText:
    """A text of the editor, and the results of checking it.

    - `problems`: the errors of the text. A text with errors has no scenario.
    - `scenario`: the scenario of a text without errors.
    - `findings`: the warnings of the linter.
    - `forecast`: the forecast, once it is computed.
    - `trouble`: the reason why there is no forecast, or "".
    """

    text: str
    problems: tuple[Problem, ...] = ()
    scenario: Scenario | None = None
    findings: tuple[Finding, ...] = ()
    forecast: Forecast | None = None
    trouble: str = ""

    def summary(self) -> str:
        """Return the text of the status line."""
        if self.problems:
            count = len(self.problems)
            return f"{count} problem{'s' if count > 1 else ''}; the answer and the pictures are for the last valid text"
        if self.trouble:
            return self.trouble
        if self.forecast is None:
            return "valid scenario; computing the forecast"
        how = "exact" if self.forecast.engine == "exact" else f"{EDITOR_RUNS:,} replicates"
        size = f", {self.forecast.states:,} states" if self.forecast.states else ""
        return f"valid scenario ({how}{size})"


def check(text: str) -> CheckedText:
    """Check a text, and return the text with all its problems or with its scenario."""
    try:
        return CheckedText(text, scenario=load_text(text, SCENARIO_FILE))
    except ScenarioError as error:
        return CheckedText(text, problems=error.problems)


def complete(reading: CheckedText, control: Control = UNWATCHED) -> CheckedText:
    """Return a text with the linter's findings and a forecast, or why it has neither of them.

    Raises Cancelled.
    """
    scenario = reading.scenario
    if scenario is None:
        return reading
    from simlib.analysis.lint.rules import lint

    try:
        findings = tuple(lint(scenario, strands=False, cap=EDITOR_STATE_CAP, control=control))
        return CheckedText(reading.text, (), scenario, findings, _forecast(scenario, control))
    except Cancelled:
        raise
    except SimlibError as error:
        return CheckedText(reading.text, (), scenario, trouble=str(error))


def _forecast(scenario: Scenario, control: Control) -> Forecast:
    from simlib.engines.exact.forecast import solve

    try:
        return solve(scenario, cap=EDITOR_STATE_CAP, control=control)
    except DOES_NOT_FIT as error:
        from simlib.engines.montecarlo.simulator import simulate

        try:
            return simulate(scenario, runs=EDITOR_RUNS, control=control)
        except MissingDependency:
            raise error from None


class EditorSession:
    """The work on one text: checking, forecasting, drafts and saving.

    A checked text is passed to `show` on the thread that checked it, unless the user has changed the text since.
    """

    def __init__(
        self, path: str | Path | None, show: Callable[[CheckedText], None], *, home: Path | None = None
    ) -> None:
        self.path = None if path is None else find(path)
        self._show, self._lock, self.worker = show, threading.RLock(), LatestWorker("simlib-writing")
        self.drafts = Drafts(str(self.path.resolve()) if self.path else "new scenario", home)
        self.saved_text = (self.path or TEMPLATE).read_text(encoding="utf-8")
        self.text = self.saved_text
        self._left = self.drafts.find() or {}
        left = self._left.get("text")
        self.draft = left if isinstance(left, str) and left != self.text else ""
        self.reading = CheckedText(self.text)

    def start(self) -> None:
        """Check the opened text, and compute its forecast."""
        self._take(check(self.text))
        self._take(complete(self.reading))

    def write(self, text: str) -> None:
        """Replace the text, check it at once, and compute its forecast after a pause."""
        with self._lock:
            self.text = text
            if text == self.saved_text:
                self.drafts.drop()
            else:
                self.drafts.keep({"text": text})
            self._take(check(text))
            reading = self.reading
            if reading.scenario is None:
                self.worker.cancel()
                return

            def fail(error: Exception) -> None:
                self._take(dataclasses.replace(reading, trouble=f"{type(error).__name__}: {error}"))

            self.worker.submit(lambda control: complete(reading, control), self._take, fail, delay=TYPING_PAUSE)

    def _take(self, reading: CheckedText) -> None:
        with self._lock:
            if reading.text == self.text:
                self.reading = reading
                self._show(reading)

    def restore(self) -> str:
        """Continue with the unsaved text of an earlier session, and return that text."""
        text = self.draft
        self.discard()
        self.write(text)
        return text

    def discard(self) -> None:
        """Delete the unsaved text of an earlier session."""
        self.draft = ""
        if self._left:
            self.drafts.drop(self._left)

    def save(self, folder: str = "") -> Path:
        """Write the text to its file or to `scenario.yaml` in a given `folder`, and return the path.

        A text with problems is saved as a draft beside the file, and the file stays unchanged. Raises ScenarioError in
        three cases:

        - The text has no file, and no folder is given.
        - The folder already has another scenario.
        - The file cannot be written.
        """
        target = Path(folder).expanduser() / SCENARIO_FILE if folder else self.path
        if target is None:
            raise ScenarioError(Problem("", 0, "folder", "no folder was given", "expected the name of a new folder"))
        if folder and target.exists() and (self.path is None or target.resolve() != self.path.resolve()):
            raise ScenarioError(Problem(str(target), 0, "", "there is a scenario already", "expected another folder"))
        draft = target.with_name(DRAFT)
        faulty = bool(self.reading.problems)
        try:
            write_atomically(draft if faulty else target, self.text.encode())
            if not faulty:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise ScenarioError(Problem(str(target), 0, "", f"cannot be written: {error.strerror}")) from error
        if faulty:
            return draft
        self.path, self.saved_text = target, self.text
        self.drafts.drop()
        self.drafts = Drafts(str(target.resolve()), self.drafts.home)
        return target
