"""The most probable orders in which histories first visit the rungs of a ladder.

A single history has almost no probability, so histories are put in classes. A class is the order in which rungs are
first visited, and the state on the target day (an ending, or ongoing). Times and all other variables are summed out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from simlib.answer import Traced, pick
from simlib.formatting import counted, over_draws, percent
from simlib.machine.measures import Measure
from simlib.results import ONGOING
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Branch", "PathClass", "Paths"]


@dataclass(frozen=True, slots=True)
class PathClass:
    """A path: rungs in order of first visit, the state on the target day, its probability."""

    rungs: tuple[str, ...]
    ending: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Branch:
    """The beginning of a path: the rungs that are visited first, which many classes share.

    `entered` is the probability that a history begins so by the target day. `share_of_parent` is this probability
    divided by that of the beginning that is one rung shorter.
    """

    rungs: tuple[str, ...]
    entered: float
    share_of_parent: float


@dataclass(frozen=True)
class Paths(Traced):
    """The most probable path classes by day `by_day`, with their total probability `coverage`.

    With `given`, all probabilities are conditional on that ending, which has the probability `given_probability`.
    `tree` lists the beginnings of paths that were found. `left` bounds the probability of each class that the search
    did not reach. `unassigned` is the probability of all these classes together. Both are 0 if the histories were
    counted.
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
            return f"Which paths over “{self.scenario.ladders[self.ladder].label}” are likeliest by {self._by}?"
        return f"By which paths do histories reach {self.given.words} by {self._by}?"

    @property
    def _by(self) -> str:
        return self.by_words

    def frame(self, what: Literal["classes", "tree"] = "classes") -> pd.DataFrame:
        """Return one row for each class or, with "tree", one for each beginning of a path."""
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
        """Return the label of an ending, or of no ending yet."""
        return "No ending yet" if ending == ONGOING else self.scenario.endings[ending].label

    def where(self) -> str:
        """Say which values of the assumptions were used: the stated ones, or draws."""
        draws = self.provenance["draws"]
        return over_draws(self.provenance) + (f" ({counted(draws, 'draw')})" if draws else "")

    def made(self) -> str:
        """Say which values were used, and in how many histories the paths were counted."""
        histories = self.provenance.get("histories")
        return self.where() + (f", counted in {histories:,} histories" if histories else "")

    def finding(self) -> str:
        """Return the probability of the likeliest path, with its date, as a title."""
        if not self.classes:
            return f"No path is known by {self._by}"
        first = self.classes[0]
        if self.given is not None:
            whole = f"the histories that end in {self.given.words} by {self._by}"
            return f"Of {whole}, {_with_error(first)} {_way(first)}"
        return f"{self._of_all(first)} ({self.label(first.ending)})"

    def sentences(self, limit: int = 5) -> list[str]:
        """Return the `limit` likeliest paths, the share they cover, and how they were computed."""
        note = (
            f"A path is the order in which rungs are first visited; later returns are left out. Computed {self.made()}."
        )
        return [*self._likeliest(limit), *self._missing(), note]

    def _likeliest(self, limit: int) -> list[str]:
        first = self.classes[:limit]
        if not first:
            return [f"No path is known by {self._by}."]
        given, known = self.given, percent(self.given_probability)
        clauses = [f"{_with_error(c)} {_way(c)}{self._end(c)}." for c in first]
        if given:
            lead = f"Of the histories that end in {given.words} by {self._by} ({known} of all), {clauses[0]}"
        else:
            lead = f"{self._of_all(first[0])}{self._end(first[0])}."
        lines = [lead, *(f"A further {clause}" for clause in clauses[1:])]
        whole = "the histories that end so" if given else "all histories"
        paths = "This path covers" if len(first) == 1 else f"These {len(first)} paths cover"
        covered = f"{paths} {percent(min(sum(c.probability for c in first), 1.0))} of {whole}"
        more = f"; the {len(self.classes)} likeliest cover {percent(min(self.coverage, 1.0))}"
        return [*lines, f"{covered}{more if len(self.classes) > len(first) else ''}."]

    def _of_all(self, path: PathClass) -> str:
        return f"{_with_error(path)} of all histories {_way(path, self._by)}"

    def _end(self, path: PathClass) -> str:
        if self.given is not None:
            return ""
        return " and have not ended" if path.ending == ONGOING else f" and end in “{self.label(path.ending)}”"

    def _missing(self) -> list[str]:
        if not self.classes or self.left <= self.classes[-1].probability:
            return []
        rest = f"{percent(self.unassigned)} of the histories were not followed to their end"
        return [f"The search was cut short: {rest}, and paths of up to {percent(self.left)} each may be missing here."]

    def data(self) -> dict[str, Any]:
        """Return the data of this answer, without the keys that all answers share."""
        tables = {name: self.frame(name).to_dict("records") for name in ("classes", "tree")}
        numbers = pick(self, "ladder", "engine", "given_probability", "coverage", "left", "unassigned")
        return numbers | {"given": self.given and self.given.name} | tables


def _way(path: PathClass, by: str = "") -> str:
    verb, until = ("stay on", "until") if len(path.rungs) == 1 else ("take the path", "by")
    return f"{verb} “{' → '.join(path.rungs)}”" + (f" {until} {by}" if by else "")


def _with_error(path: PathClass) -> str:
    """Write a probability, with its 95% interval where it was counted."""
    sampled = path.low < path.probability - 1e-6
    return percent(path.probability) + (f" ({percent(path.low)} to {percent(path.high)})" if sampled else "")
