"""By which path? Classes of paths: the order in which a history first visits the rungs of a ladder.

A raw path carries almost no probability, so paths are put in classes: the start rung, then each rung when it is first
visited, then how the history stands at the horizon (an ending, or ongoing). Tempo and all else are summed out.

Exactly they come from a search (`path_search`); from samples, the same classes are counted in replayed histories.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.paths.search import Found, Search
from simlib.control import in_transition
from simlib.engines.exact.solver import Solver
from simlib.errors import Problem, ScenarioError, did_you_mean
from simlib.formatting import long_date, percent
from simlib.machine import priors
from simlib.results import ONGOING, Band
from simlib.scenario.model import Scenario
from simlib.typing import Ints

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.montecarlo.replay import Histories


STATED = "at the stated values"


@dataclass(frozen=True, slots=True)
class PathClass:
    """First visits to rungs in order, how it stands at the horizon, and its probability by then with an interval."""

    rungs: tuple[str, ...]
    ending: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Branch:
    """A prefix of first visits: `entered` is the probability of having begun so by the horizon."""

    rungs: tuple[str, ...]
    entered: float
    share_of_parent: float


@dataclass(frozen=True)
class Paths:
    """The most probable path classes by day `day`, and how much of the mass they cover.

    `given` is the ending they are all conditioned on ("" for none): then probabilities are given that ending, whose own
    probability is `given_probability`. `tree` lists the prefixes that were expanded. `values` says at which values of
    the assumptions.
    """

    scenario: Scenario
    ladder: str
    day: float
    engine: str
    classes: tuple[PathClass, ...]
    coverage: float
    tree: tuple[Branch, ...]
    given: str = ""
    given_probability: float = 1.0
    details: Mapping[str, Any] = field(default_factory=dict)
    values: str = STATED

    def frame(self) -> pd.DataFrame:
        """Return one row per class: rank, path, ending, label, probability, low, high and the mass covered so far."""
        import pandas as pd

        rows = [
            {
                "rank": rank,
                "path": " → ".join(c.rungs),
                "ending": c.ending,
                "label": self.label(c.ending),
                "probability": c.probability,
                "low": c.low,
                "high": c.high,
            }
            for rank, c in enumerate(self.classes, start=1)
        ]
        frame = pd.DataFrame(rows, columns=["rank", "path", "ending", "label", "probability", "low", "high"])
        return frame.assign(covered=frame["probability"].cumsum())

    def tree_frame(self) -> pd.DataFrame:
        """Return one row per prefix: path, rung it ends on, probability of being entered, share of its parent."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "path": " → ".join(b.rungs),
                    "depth": len(b.rungs),
                    "rung": b.rungs[-1],
                    "entered": b.entered,
                    "share_of_parent": b.share_of_parent,
                }
                for b in self.tree
            ],
            columns=["path", "depth", "rung", "entered", "share_of_parent"],
        )

    def label(self, ending: str) -> str:
        """Return the label of an ending, or of none."""
        return "No ending yet" if ending == ONGOING else self.scenario.endings[ending].label

    def made(self) -> str:
        """Say at which values, and where they were counted in how many histories."""
        counted = f", counted in {self.details['histories']:,} histories" if self.engine == "montecarlo" else ""
        return f"{self.values}{counted}"

    def finding(self) -> str:
        """Say how much of the histories goes the likeliest way, with a date."""
        by = long_date(self.scenario.by_date(self.day))
        if not self.classes:
            return f"No path is known by {by}"
        first = self.classes[0]
        verb = "stay on" if len(first.rungs) == 1 else "go"
        way = f"{verb} “{' → '.join(first.rungs)}”"
        if self.given:
            whole = f"the histories that end in “{self.label(self.given)}” by {by}"
            return f"Of {whole}, {_with_error(first)} {way}"
        return f"By {by}, {_with_error(first)} of all histories {way} ({self.label(first.ending)})"

    def sentences(self, limit: int = 5) -> list[str]:
        """Say what a path is and at which values, then tell the likeliest classes and what they cover, by a date."""
        made = self.made()
        what = (
            f"{made[0].upper()}{made[1:]}; a path is the order in which rungs are visited for the first time, and "
            "leaves out every return to one (in brackets: how it ends)."
        )
        return [what, *self._told(limit)]

    def _told(self, limit: int) -> list[str]:
        by = long_date(self.scenario.by_date(self.day))
        known = percent(self.given_probability)
        given = f"Given “{self.label(self.given)}” ({known} by then), with" if self.given else ""
        told = [
            f"{given or 'With'} probability {_with_error(c)} the path by {by} is: {', then '.join(c.rungs)}"
            f" ({self.label(c.ending)})."
            for c in self.classes[:limit]
        ]
        listed = self.classes[:limit]
        whole = "the histories that end so" if self.given else "all histories"
        ways = "This path covers" if len(listed) == 1 else f"These {len(listed)} paths cover"
        covered = f"{ways} {percent(min(sum(c.probability for c in listed), 1.0))} of {whole}"
        more = f"; the {len(self.classes)} likeliest cover {percent(min(self.coverage, 1.0))}"
        return [*told, f"{covered}{more if len(self.classes) > len(listed) else ''}.", *self._cut_short()]

    def _cut_short(self) -> list[str]:
        """Say so where the search ended before it was certain that no likelier class is left."""
        left = self.details.get("left", 0.0)
        if not self.classes or left <= self.classes[-1].probability:
            return []
        rest = f"{percent(self.details['unassigned'])} of the histories were not followed to their end"
        return [f"The search was cut short: {rest}, and paths of up to {percent(left)} each may be missing here."]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "scenario": self.scenario.id,
            "scenario_sha256": self.scenario.sha256,
            "ladder": self.ladder,
            "day": self.day,
            "by": self.scenario.by_date(self.day).isoformat(),
            "engine": self.engine,
            "given": self.given,
            "given_probability": self.given_probability,
            "coverage": self.coverage,
            "values": self.values,
            "classes": self.frame().to_dict("records"),
            "tree": self.tree_frame().to_dict("records"),
            **self.details,
        }


def _with_error(path: PathClass) -> str:
    """Write a probability, with its 95% interval where it was counted."""
    counted = path.low < path.probability - 1e-6
    return percent(path.probability) + (f" ({percent(path.low)} to {percent(path.high)})" if counted else "")


@in_transition
def path_classes(
    scenario: Scenario,
    *,
    ladder: str | None = None,
    given: str = "",
    top: int = 20,
    horizon: float | None = None,
    values: Mapping[str, float] | None = None,
    most_prefixes: int = 400,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Paths:
    """Return the `top` most probable path classes over a ladder by the horizon, exactly.

    `given` is an ending to condition on. The search stops when no unexpanded prefix can hold a class among the first
    `top`, or after `most_prefixes`; `sentences` then say what may be missing. Raises TooManyStates, ScenarioError for
    unknown names and for an ending that cannot happen, Cancelled.
    """
    ladder = known_ladder(scenario, ladder)
    if given:
        check_known(given, scenario.endings, "given")
    solver = Solver(scenario, times=1, horizon=horizon, cancel=cancel)
    search = Search(solver, priors.theta(scenario, values), ladder, given or None, cancel)
    found = search.run(top, most_prefixes, progress)
    if given and found.total <= 0:
        raise cannot_happen(scenario, given, solver.horizon)
    return _named(scenario, ladder, given, solver, found, "at the values given" if values else STATED)


def _named(scenario: Scenario, ladder: str, given: str, solver: Solver, found: Found, values: str) -> Paths:
    """Return what a search found, with names, as probabilities given the ending."""
    ids, endings = [step.id for step in scenario.ladders[ladder].rungs], [*scenario.endings, ONGOING]
    scale = found.total if given else 1.0
    doubt = found.doubt / max(scale, 1e-300)
    classes = tuple(
        PathClass(
            tuple(ids[r] for r in rungs), endings[ending], mass / scale, mass / scale, min(mass / scale + doubt, 1.0)
        )
        for mass, rungs, ending in found.classes
    )
    entered = dict(found.prefixes)
    branches = tuple(
        Branch(tuple(ids[r] for r in rungs), mass / scale, mass / entered.get(rungs[:-1], found.total))
        for rungs, mass in found.prefixes
    )
    return Paths(
        scenario,
        ladder,
        solver.horizon,
        "exact",
        classes,
        sum(c.probability for c in classes),
        branches,
        given,
        scale,
        {
            "prefixes": len(found.prefixes),
            "states": len(solver.space),
            "left": found.left / scale,
            "unassigned": found.unassigned / scale,
        },
        values,
    )


def known_ladder(scenario: Scenario, ladder: str | None) -> str:
    """Return the ladder asked for, or the one shown first; raises ScenarioError where there is no such ladder."""
    if not scenario.ladders:
        raise ScenarioError(
            Problem("", 0, "ladder", f"{scenario.id!r} has no ladder", "expected one, over which paths are told")
        )
    name = ladder or scenario.ladder or next(iter(scenario.ladders))
    check_known(name, scenario.ladders, "ladder")
    return name


def check_known(name: str, known: Mapping[str, object], where: str) -> None:
    """Raise ScenarioError, with the nearest known name, for one that is not known."""
    if name not in known:
        raise ScenarioError(Problem("", 0, where, f"{name!r} is not known", did_you_mean(name, known)))


def cannot_happen(scenario: Scenario, ending: str, day: float) -> ScenarioError:
    """Return the refusal of an ending that has probability zero by a day."""
    by = long_date(scenario.by_date(day))
    return ScenarioError(
        Problem(
            "",
            0,
            "given",
            f"“{scenario.endings[ending].label}” cannot happen by {by}: no history leads there",
            "expected an ending that can",
        )
    )


def none_ends_so(told: Histories, ending: str) -> ScenarioError:
    """Return the refusal of an ending that no sampled history has."""
    label = told.scenario.endings[ending].label
    return ScenarioError(
        Problem(
            "",
            0,
            "given",
            f"none of the {len(told):,} histories ends in “{label}”",
            "expected more histories, or histories drawn given that ending",
        )
    )


# -------------------------------------------------------------------- from samples


def rungs_of_rows(told: Histories, ladder: str) -> Ints:
    """Return the rung of a ladder, by index, on which every row of the histories stands (N,)."""
    from simlib.machine.tables import Tables

    return Tables(told.scenario).rungs(told.levels)[list(told.scenario.ladders).index(ladder)]


def first_visits(told: Histories, ladder: str) -> list[tuple[str, ...]]:
    """Return for each history the rungs of a ladder in the order of their first visits."""
    names, rungs = [rung.id for rung in told.scenario.ladders[ladder].rungs], rungs_of_rows(told, ladder)
    return [tuple(names[r] for r in dict.fromkeys(rungs[a:b].tolist())) for a, b in itertools.pairwise(told.start)]


def sampled_paths(
    told: Histories, *, ladder: str | None = None, given: str = "", top: int = 20, values: str = STATED
) -> Paths:
    """Return the most frequent path classes of sampled histories, each with its 95% Wilson interval.

    `given` keeps the histories with that ending (histories drawn given it may be passed as they are). `values` says at
    which values of the assumptions they were played.
    """
    ladder = known_ladder(told.scenario, ladder)
    if given:
        check_known(given, told.scenario.endings, "given")
    endings = [*told.scenario.endings, ONGOING]
    pairs = list(zip(first_visits(told, ladder), (endings[e] for e in told.ending), strict=True))
    everything = len(pairs)
    pairs = [pair for pair in pairs if not given or pair[1] == given]
    if not pairs:
        raise none_ends_so(told, given)
    counted = Counter(pairs).most_common(top)
    bands = [Band.wilson(np.array([count]), np.array([len(pairs)])) for _, count in counted]
    classes = tuple(
        PathClass(rungs, ending, count / len(pairs), float(band.low[0]), float(band.high[0]))
        for ((rungs, ending), count), band in zip(counted, bands, strict=True)
    )
    prefixes = Counter(rungs[: n + 1] for rungs, _ in pairs for n in range(len(rungs)))
    tree = tuple(
        Branch(rungs, count / len(pairs), count / prefixes.get(rungs[:-1], len(pairs)))
        for rungs, count in sorted(prefixes.items(), key=lambda item: -item[1])
    )
    return Paths(
        told.scenario,
        ladder,
        told.horizon,
        "montecarlo",
        classes,
        sum(c.probability for c in classes),
        tree,
        given,
        len(pairs) / everything,
        {"histories": len(pairs), "seed": told.seed},
        values,
    )


# -------------------------------------------------------------------- times


FEWEST = 10
"""Stays on a rung that a percentage point is taken from, at the least."""


def times_between_rungs(told: Histories, *, ladder: str | None = None) -> pd.DataFrame:
    """Return the days from entering each rung to entering the next one, over sampled histories.

    Columns: rung, to (the next rung, an ending being a rung like others, or "end of forecast"), count, and the 10, 25,
    50, 75 and 90% points in days, which are not numbers where fewer than `FEWEST` were counted. Stays cut off by an
    ending or by the horizon are counted under the ending's label or "end of forecast", not dropped.
    """
    import pandas as pd

    ladder = known_ladder(told.scenario, ladder)
    names, rungs = [rung.id for rung in told.scenario.ladders[ladder].rungs], rungs_of_rows(told, ladder)
    ends = [ending.label for ending in told.scenario.endings.values()]
    stays: dict[tuple[str, str], list[float]] = {}
    for number, (first, last) in enumerate(itertools.pairwise(told.start.tolist())):
        cuts = [first, *(first + 1 + np.flatnonzero(np.diff(rungs[first:last]))).tolist()]
        for here, there in itertools.pairwise(cuts):
            stays.setdefault((names[rungs[here]], names[rungs[there]]), []).append(told.time[there] - told.time[here])
        here, how = cuts[-1], int(told.ending[number])
        there, end = (ends[how], told.ending_time[number]) if how >= 0 else ("end of forecast", told.horizon)
        if how < 0 or end > told.time[here]:  # where the ending is a rung, the stay before it is counted already
            stays.setdefault((names[rungs[here]], there), []).append(end - told.time[here])
    points = (0.1, 0.25, 0.5, 0.75, 0.9)

    def read(days: list[float]) -> dict[str, float]:
        known = np.quantile(days, points) if len(days) >= FEWEST else np.full(len(points), np.nan)
        return {f"p{round(100 * p)}": float(q) for p, q in zip(points, known, strict=True)}

    return pd.DataFrame(
        [
            {"rung": rung, "to": to, "count": len(days)} | read(days)
            for (rung, to), days in sorted(stays.items(), key=lambda item: (names.index(item[0][0]), item[0][1]))
        ]
    )
