"""The most probable orders in which histories first visit the rungs (levels) of a ladder.

A single history has almost no probability, so histories are put in path classes. A path class is the order in which
rungs are first visited, together with the ending on the target day (or none). Times and all other variables are summed
out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simlib.answer import Traced, pick
from simlib.formatting import counted, over_draws, percent, quoted
from simlib.machine.measures import Measure
from simlib.results import NO_ENDING, ONGOING
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Branch", "PathClass", "Paths"]


@dataclass(frozen=True, slots=True)
class PathClass:
    """All histories with the same ending and the same order of first visits to rungs.

    rungs: the ids of the rungs (levels of escalation), in the order of first visits.
    ending: the id of the ending on the target day, or "ongoing".
    probability: the probability of these histories.
    low, high: bounds from the error of the exact search, or a 95% interval if histories were counted.
    """

    rungs: tuple[str, ...]
    ending: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Branch:
    """All histories whose first visits to rungs begin with the same rungs in the same order.

    rungs: the ids of the rungs (levels of escalation), in the order of first visits.
    entered: the probability that a history visits these rungs first, in this order, by the target day.
    share_of_parent: among the histories that first visit all but the last of these rungs in this order, the share that
        visit the last rung next.
    """

    rungs: tuple[str, ...]
    entered: float
    share_of_parent: float


@dataclass(frozen=True)
class Paths(Traced):
    """The most probable path classes: orders of first visits to the rungs of a ladder.

    by_day: the target in days after the scenario's first day.
    given: the ending on which all probabilities are conditional (None: no condition).
    given_probability: the probability of that ending (1 without condition).
    classes: the path classes, the most probable first.
    coverage: the probability of these classes together.
    tree: the beginnings of paths (rungs visited first) that were found, with their probabilities.
    left: a bound on the probability of each class that the exact search did not reach (0 if histories were counted).
    unassigned: the total probability of the classes that the search did not reach (0 if histories were counted).
    """

    kind: ClassVar[str] = "paths"

    scenario: Scenario
    ladder: str
    by_day: float
    given: Measure | None
    given_probability: float
    classes: tuple[PathClass, ...]
    coverage: float
    tree: tuple[Branch, ...]
    left: float
    unassigned: float
    provenance: Mapping[str, Any]

    @property
    def by(self) -> dt.date:
        """The target date."""
        return self.scenario.by_date(self.by_day)

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        if self.given is None:
            return (
                f"Which paths over {quoted(self.scenario.ladders[self.ladder].label)} are likeliest by {self.by_words}?"
            )
        return f"By which paths do histories reach {self.given.words} by {self.by_words}?"

    def frame(self, what: Literal["classes", "tree"] = "classes") -> pd.DataFrame:
        """Return a table of the path classes or, with "tree", of the beginnings of paths.

        A beginning of a path is a list of rungs that one or more classes visit first. Raises ValueError for any other
        `what`.
        """
        import pandas as pd

        if what == "tree":
            branches = [
                (" → ".join(b.rungs), len(b.rungs), b.rungs[-1], b.entered, b.share_of_parent) for b in self.tree
            ]
            return pd.DataFrame(branches, columns=["path", "depth", "rung", "entered", "share_of_parent"])
        if what != "classes":
            raise ValueError(f"no table {what!r}; expected classes or tree")
        rows = [
            (rank, " → ".join(c.rungs), c.ending, self.label(c.ending), c.probability, c.low, c.high)
            for rank, c in enumerate(self.classes, start=1)
        ]
        frame = pd.DataFrame(rows, columns=["rank", "path", "ending", "label", "probability", "low", "high"])
        return frame.assign(covered=frame["probability"].cumsum())

    def label(self, ending: str) -> str:
        """Return the label of an ending, or "No ending yet" for "ongoing"."""
        return NO_ENDING if ending == ONGOING else self.scenario.endings[ending].label

    def where(self) -> str:
        """Return a phrase that says which assumption values were used: the stated values, or draws."""
        draws = self.provenance["draws"]
        return over_draws(self.provenance) + (f" ({counted(draws, 'draw')})" if draws else "")

    def made(self) -> str:
        """Return a phrase with the assumption values that were used and the number of histories."""
        histories = self.provenance.get("histories")
        return self.where() + (f", counted in {histories:,} histories" if histories else "")

    def finding(self) -> str:
        """Return a title that says the probability of the likeliest path, with the target date."""
        if not self.classes:
            return f"No path is known by {self.by_words}"
        first = self.classes[0]
        if self.given is not None:
            whole = f"the histories that end in {self.given.words} by {self.by_words}"
            return f"Of {whole}, {_with_error(first)} {_way(first)}"
        return f"{self._of_all(first)} ({self.label(first.ending)})"

    def sentences(self, limit: int = 5) -> list[str]:
        """Describe the `limit` likeliest paths, their coverage, and how the numbers were computed."""
        note = (
            f"A path is the order in which rungs are first visited; later returns are left out. Computed {self.made()}."
        )
        return [*self._likeliest(limit), *self._missing(), note]

    def _likeliest(self, limit: int) -> list[str]:
        first = self.classes[:limit]
        if not first:
            return [f"No path is known by {self.by_words}."]
        given, known = self.given, percent(self.given_probability)
        clauses = [f"{_with_error(c)} {_way(c)}{self._end(c)}." for c in first]
        if given:
            lead = f"Of the histories that end in {given.words} by {self.by_words} ({known} of all), {clauses[0]}"
        else:
            lead = f"{self._of_all(first[0])}{self._end(first[0])}."
        lines = [lead, *(f"A further {clause}" for clause in clauses[1:])]
        whole = "the histories that end so" if given else "all histories"
        paths = "This path covers" if len(first) == 1 else f"These {len(first)} paths cover"
        covered = f"{paths} {percent(min(sum(c.probability for c in first), 1.0))} of {whole}"
        more = f"; the {len(self.classes)} likeliest cover {percent(min(self.coverage, 1.0))}"
        return [*lines, f"{covered}{more if len(self.classes) > len(first) else ''}."]

    def _of_all(self, path: PathClass) -> str:
        return f"{_with_error(path)} of all histories {_way(path, self.by_words)}"

    def _end(self, path: PathClass) -> str:
        if self.given is not None:
            return ""
        return " and have not ended" if path.ending == ONGOING else f" and end in {quoted(self.label(path.ending))}"

    def _missing(self) -> list[str]:
        if not self.classes or self.left <= self.classes[-1].probability:
            return []
        rest = f"{percent(self.unassigned)} of the histories were not followed to their end"
        return [f"The search was cut short: {rest}, and paths with up to {percent(self.left)} each may be missing."]

    def data(self) -> dict[str, Any]:
        """Return the path classes, the beginnings of paths, and their probabilities."""
        tables = {name: self.frame(name).to_dict("records") for name in ("classes", "tree")}
        numbers = pick(self, "ladder", "engine", "given_probability", "coverage", "left", "unassigned")
        return numbers | {"given": self.given and self.given.name} | tables


def _way(path: PathClass, by: str = "") -> str:
    verb, until = ("stay on", "until") if len(path.rungs) == 1 else ("take the path", "by")
    return f"{verb} {quoted(' → '.join(path.rungs))}" + (f" {until} {by}" if by else "")


def _with_error(path: PathClass) -> str:
    sampled = path.low < path.probability - 1e-6
    return percent(path.probability) + (f" ({percent(path.low)} to {percent(path.high)})" if sampled else "")
