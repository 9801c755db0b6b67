"""By which path? Classes of paths: the order in which a history first visits the rungs of a ladder.

A raw path carries almost no probability, so paths are put in classes: the start rung, then each rung when it is first
visited, then how the history stands at the horizon (an ending, or ongoing). Tempo and all else are summed out.

Exactly: a prefix of first visits confines the chain to the rungs visited so far; what leaves for a new rung feeds the
prefix one longer. Prefixes are expanded in order of the probability that flows into them, which bounds everything
below them, so the most probable classes are found with certainty, and the mass not yet assigned is known. All
prefixes share the jumps of one uniformised chain. From samples: the same classes are counted in replayed histories.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib import priors
from simlib.engines.flows import Generator, Kill, flow
from simlib.engines.jumps import Jump
from simlib.engines.poisson import poisson, survival, truncation
from simlib.engines.solver import Solver
from simlib.errors import Cancelled, Problem, ScenarioError, did_you_mean
from simlib.results import ONGOING, Band, long_date, percent
from simlib.scenario.model import Scenario
from simlib.tables import Floats, Ints, Segment

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.histories import Histories

_TOLERANCE = 1e-10


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
    probability is `given_probability`. `tree` lists the prefixes that were expanded.
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

    def frame(self) -> pd.DataFrame:
        """Return one row per class: rank, path, ending, label, probability, low, high and the mass covered so far."""
        import pandas as pd

        rows = [
            {"rank": rank, "path": " → ".join(c.rungs), "ending": c.ending, "label": self.label(c.ending),
             "probability": c.probability, "low": c.low, "high": c.high}
            for rank, c in enumerate(self.classes, start=1)
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=["rank", "path", "ending", "label", "probability", "low", "high"])
        return frame.assign(covered=frame["probability"].cumsum())

    def tree_frame(self) -> pd.DataFrame:
        """Return one row per prefix: path, rung it ends on, probability of being entered, share of its parent."""
        import pandas as pd

        return pd.DataFrame(
            [{"path": " → ".join(b.rungs), "depth": len(b.rungs), "rung": b.rungs[-1], "entered": b.entered,
              "share_of_parent": b.share_of_parent} for b in self.tree],
            columns=["path", "depth", "rung", "entered", "share_of_parent"],
        )  # fmt: skip

    def label(self, ending: str) -> str:
        """Return the label of an ending, or of none."""
        return "No ending yet" if ending == ONGOING else self.scenario.endings[ending].label

    def sentences(self, limit: int = 5) -> list[str]:
        """Tell the likeliest classes, and the mass they cover, in sentences with a date."""
        by = long_date(self.scenario.by_date(self.day))
        known = percent(self.given_probability)
        given = f"Given “{self.label(self.given)}” ({known} by then), with" if self.given else ""
        told = [
            f"{given or 'With'} probability {percent(c.probability)} the path by {by} is: {', then '.join(c.rungs)}"
            f" ({self.label(c.ending)})."
            for c in self.classes[:limit]
        ]
        covered = percent(min(self.coverage, 1.0))
        return [
            *told,
            f"These {len(self.classes)} classes of paths cover {covered} of the mass.",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "scenario": self.scenario.id, "scenario_sha256": self.scenario.sha256, "ladder": self.ladder,
            "day": self.day, "by": self.scenario.by_date(self.day).isoformat(), "engine": self.engine,
            "given": self.given, "given_probability": self.given_probability, "coverage": self.coverage,
            "classes": self.frame().to_dict("records"), "tree": self.tree_frame().to_dict("records"), **self.details,
        }  # fmt: skip


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
    `top`, or after `most_prefixes`. Raises TooManyStates, ScenarioError for unknown names, Cancelled.
    """
    ladder = _ladder(scenario, ladder)
    if given:
        _check(given, scenario.endings, "given")
    solver = Solver(scenario, times=1, horizon=horizon, cancel=cancel)
    search = _Search(solver, priors.theta(scenario, values), ladder, given, cancel)
    return search.run(top, most_prefixes, progress)


def _ladder(scenario: Scenario, ladder: str | None) -> str:
    name = ladder or scenario.ladder or next(iter(scenario.ladders), "")
    _check(name, scenario.ladders, "ladder")
    return name


def _check(name: str, known: Mapping[str, object], where: str) -> None:
    if name not in known:
        raise ScenarioError(Problem("", 0, where, f"{name!r} is not known", did_you_mean(name, known)))


@dataclass(frozen=True)
class _Span:
    """A segment: its uniformised chain, and what a state is worth after each of K + 1 jumps (None: one)."""

    segment: Segment
    generator: Generator
    weights: Floats
    entry: Floats
    worth: Floats | None
    jumps: list[Jump]

    @property
    def first(self) -> int:
        """The moment before anything acts; see `_Prefix`."""
        return -len(self.jumps) - 1


@dataclass
class _Prefix:
    """First visits so far, with what flows in at each step of each span: {(span, step): (states, mass)}.

    Steps below 0 are the moments around what acts at the start of a span: the first before it all, -1 after it all.
    """

    rungs: tuple[int, ...]
    entered: float
    inflow: dict[tuple[int, int], list[tuple[Ints, Floats]]]


class _Search:
    """Best-first expansion of prefixes."""

    def __init__(self, solver: Solver, theta: Floats, ladder: str, given: str, cancel: Any) -> None:
        self.solver, self.theta, self.given, self.cancel = solver, theta, given, cancel
        self.ladder = ladder
        scenario, space = solver.scenario, solver.space
        self.rung = solver.tables.rungs(space.levels)[list(scenario.ladders).index(ladder)]
        self.rung_ids = [step.id for step in scenario.ladders[ladder].rungs]
        self.endings = [*scenario.endings, ONGOING]
        self.ending = np.where(space.ended, space.ending, len(scenario.endings))
        self.wanted = list(scenario.endings).index(given) if given else -1
        self.states_of = [np.flatnonzero(self.rung == r) for r in range(len(self.rung_ids))]
        self.spans = self._spans()

    def _spans(self) -> list[_Span]:
        value = (self.ending == self.wanted).astype(float) if self.given else None
        result = []
        for segment in reversed(self.solver.segments):
            span, value = self._span(segment, value)
            result.append(span)
        return result[::-1]

    def _span(self, segment: Segment, value: Floats | None) -> tuple[_Span, Floats | None]:
        from simlib.engines.conditioned import backward_steps

        solver, duration = self.solver, segment.end - segment.start
        space, pair_rates = solver.space.held(segment.held), solver.pair_rates(self.theta, segment)
        generator = Generator.build(space.incoming, pair_rates, None, duration)
        last = truncation(generator.uniform * duration, _TOLERANCE) if duration else 0
        steps, mean = np.arange(last + 1), np.array([generator.uniform * duration])
        weights = poisson(steps, mean)[0]
        entry = np.append(1.0, survival(steps[:-1], mean)[0])
        jumps = solver.jumps(self.theta, segment)
        if value is None:
            return _Span(segment, generator, weights, entry, None, jumps), None
        back = backward_steps(space, pair_rates, generator.uniform, value, last)
        shifted = np.array([np.append(weights[k:], np.zeros(k)) for k in range(last + 1)])
        worth = shifted @ back
        before = worth[0]
        for jump in reversed(jumps):
            before = jump.pull(before)
        return _Span(segment, generator, weights, entry, worth, jumps), before

    def run(self, top: int, most: int, progress: Callable[[float], None] | None) -> Paths:
        queue = [(-p.entered, number, p) for number, p in enumerate(self._roots())]
        total = sum(p.entered for _, _, p in queue)
        heapq.heapify(queue)
        ticket = itertools.count(len(queue))
        found: list[tuple[float, tuple[int, ...], int]] = []
        tree: list[tuple[tuple[int, ...], float]] = []
        while queue and len(tree) < most:
            best = sorted((mass for mass, _, _ in found), reverse=True)[:top]
            if len(best) == top and best[-1] >= -queue[0][0]:
                break
            _, _, prefix = heapq.heappop(queue)
            tree.append((prefix.rungs, prefix.entered))
            stays, children = self._expand(prefix)
            found += [(mass, prefix.rungs, ending) for ending, mass in stays if mass > 0]
            for child in children:
                heapq.heappush(queue, (-child.entered, next(ticket), child))
            if progress:
                progress(min(sum(mass for mass, _, _ in found) / max(total, 1e-300), 1.0))
            if self.cancel is not None and self.cancel():
                raise Cancelled("the search for paths was cancelled")
        return self._paths(found, tree + [(p.rungs, p.entered) for _, _, p in queue], total, top)

    def _roots(self) -> list[_Prefix]:
        start = self.solver.start(self.theta)
        result = []
        for rung in np.unique(self.rung[start > 0]):
            states = self.states_of[rung]
            states = states[start[states] > 0]
            mass = start[states]
            span = self.spans[0]
            worth = 1.0 if span.worth is None else self._before(span)[states]
            result.append(_Prefix((int(rung),), float(np.sum(mass * worth)), {(0, span.first): [(states, mass)]}))
        return result

    def _before(self, span: _Span) -> Floats:
        assert span.worth is not None
        value = span.worth[0]
        for jump in reversed(span.jumps):
            value = jump.pull(value)
        return value

    def _expand(self, prefix: _Prefix) -> tuple[list[tuple[int, float]], list[_Prefix]]:
        """Carry a prefix to the horizon: how it stands there by ending, and the prefixes it feeds."""
        outside = ~np.isin(self.rung, prefix.rungs)
        new = [r for r in range(len(self.rung_ids)) if r not in prefix.rungs and len(self.states_of[r])]
        children = {r: _Prefix((*prefix.rungs, r), 0.0, {}) for r in new}
        vector = np.zeros(len(self.rung))
        for place, span in enumerate(self.spans):
            self._pour(prefix, (place, span.first), vector)
            for number, jump in enumerate(span.jumps):
                vector, moment = jump.apply(vector), (place, span.first + number + 1)
                self._spill(children, vector, outside, moment, self._worth_between(span, number))
                self._pour(prefix, moment, vector)
            vector = self._carry(prefix, children, place, vector, outside)
        kept = np.bincount(self.ending, weights=vector, minlength=len(self.endings))
        stays = [(e, float(kept[e])) for e in range(len(self.endings)) if self.wanted in (-1, e)]
        return stays, [child for child in children.values() if child.entered > 0]

    def _worth_between(self, span: _Span, number: int) -> Floats | None:
        """Return what states are worth just after intervention `number` of a span."""
        if span.worth is None:
            return None
        value = span.worth[0]
        for jump in reversed(span.jumps[number + 1 :]):
            value = jump.pull(value)
        return value

    def _carry(self, prefix: _Prefix, children: dict[int, _Prefix], place: int, vector: Floats, outside: Any) -> Floats:
        span = self.spans[place]
        end, spare = np.zeros_like(vector), np.empty_like(vector)
        for step, weight in enumerate(span.weights):
            if step:
                span.generator.step(vector, spare)
                vector, spare = spare, vector
                worth = None if span.worth is None else span.worth[step]
                self._spill(children, vector, outside, (place, step), worth, float(span.entry[step]))
                self._pour(prefix, (place, step), vector)
            end += weight * vector
        return end

    @staticmethod
    def _pour(prefix: _Prefix, key: tuple[int, int], vector: Floats) -> None:
        for states, mass in prefix.inflow.get(key, ()):
            vector[states] += mass

    def _spill(
        self, children: dict[int, _Prefix], vector: Floats, outside: Any, key: tuple[int, int],
        worth: Floats | None, reached: float = 1.0,
    ) -> None:  # fmt: skip
        """Move what has left for a new rung out of the vector and into the inflow of the child it feeds."""
        for rung, child in children.items():
            states = self.states_of[rung]
            mass = vector[states]
            some = np.flatnonzero(mass)
            if len(some):
                states, mass = states[some], mass[some]
                child.inflow.setdefault(key, []).append((states, mass))
                child.entered += float(mass.sum() * reached) if worth is None else float(mass @ worth[states])
        vector[outside] = 0.0

    def _paths(self, found: list[Any], tree: list[Any], total: float, top: int) -> Paths:
        scale = total if self.given else 1.0
        doubt = _TOLERANCE * len(self.spans) / max(scale, 1e-300)
        ranked = sorted(found, key=lambda item: -item[0])[:top]
        classes = tuple(
            PathClass(self._names(rungs), self.endings[ending], mass / scale, mass / scale,
                      min(mass / scale + doubt, 1.0))
            for mass, rungs, ending in ranked
        )  # fmt: skip
        entered = dict(tree)
        branches = tuple(
            Branch(self._names(rungs), mass / scale, mass / entered.get(rungs[:-1], total)) for rungs, mass in tree
        )
        return Paths(
            self.solver.scenario, self.ladder, self.solver.horizon, "exact", classes,
            sum(c.probability for c in classes), branches, self.given, total if self.given else 1.0,
            {"prefixes": len(tree), "states": len(self.solver.space)},
        )  # fmt: skip

    def _names(self, rungs: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(self.rung_ids[r] for r in rungs)


# -------------------------------------------------------------------- from samples


def first_visits(told: Histories, ladder: str) -> list[tuple[str, ...]]:
    """Return for each history the rungs of a ladder in the order of their first visits."""
    from simlib.tables import Tables

    names = [rung.id for rung in told.scenario.ladders[ladder].rungs]
    rungs = Tables(told.scenario).rungs(told.levels)[list(told.scenario.ladders).index(ladder)]
    return [tuple(names[r] for r in dict.fromkeys(rungs[a:b].tolist())) for a, b in itertools.pairwise(told.start)]


def sampled_paths(told: Histories, *, ladder: str | None = None, given: str = "", top: int = 20) -> Paths:
    """Return the most frequent path classes of sampled histories, each with its 95% Wilson interval.

    `given` keeps the histories with that ending (histories drawn given it may be passed as they are).
    """
    ladder = _ladder(told.scenario, ladder)
    endings = [*told.scenario.endings, ONGOING]
    pairs = list(zip(first_visits(told, ladder), (endings[e] for e in told.ending), strict=True))
    everything = len(pairs)
    pairs = [pair for pair in pairs if not given or pair[1] == given]
    if not pairs:
        raise ScenarioError(Problem("", 0, "given", f"none of the {everything} histories ends in {given!r}",
                                    "draw histories given that ending"))  # fmt: skip
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
        told.scenario, ladder, told.horizon, "montecarlo", classes, sum(c.probability for c in classes), tree, given,
        len(pairs) / everything, {"histories": len(pairs), "seed": told.seed},
    )  # fmt: skip


# -------------------------------------------------------------------- passages and times


def passages(
    scenario: Scenario,
    ending: str,
    *,
    ladder: str | None = None,
    horizon: float | None = None,
    values: Mapping[str, float] | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> pd.DataFrame:
    """Return for every rung and move the share of the histories to an ending that pass through it, exactly.

    Columns: kind ("rung", "move"), id, label, share (given the ending by the horizon), low, high (truncation bound).
    A share of one is a necessary passage. Only for scenarios without interventions that act on a date.
    """
    import pandas as pd

    ladder = _ladder(scenario, ladder)
    _check(ending, scenario.endings, "ending")
    solver = Solver(scenario, times=1, horizon=horizon, cancel=cancel)
    around = _Around(solver, priors.theta(scenario, values), ending, cancel)
    rung = solver.tables.rungs(solver.space.levels)[list(scenario.ladders).index(ladder)]
    wanted: list[tuple[str, str, str, Any, int]] = [
        ("rung", step.id, step.label or step.id, rung == number, -1)
        for number, step in enumerate(scenario.ladders[ladder].rungs)
    ]
    wanted += [("move", m.id, m.label, None, number) for number, m in enumerate(scenario.moves.values())]
    rows = []
    for done, (kind, name, label, inside, move) in enumerate(wanted):
        share, low, high = around.share(inside, move)
        rows.append({"kind": kind, "id": name, "label": label, "share": share, "low": low, "high": high})
        if progress:
            progress((done + 1) / len(wanted))
    return pd.DataFrame(rows).sort_values(["share", "kind"], ascending=False, ignore_index=True)


class _Around:
    """How likely an ending is by a way around something: the chain is stopped where it would pass."""

    def __init__(self, solver: Solver, theta: Floats, ending: str, cancel: Any) -> None:
        self.solver, self.theta, self.cancel = solver, theta, cancel
        self.index = list(solver.scenario.endings).index(ending)
        self.whole, _ = self._reaches(None, -1)
        if self.whole <= 0:
            raise ScenarioError(Problem("", 0, "ending", f"{ending!r} cannot happen by the horizon"))

    def share(self, inside: Any, move: int) -> tuple[float, float, float]:
        """Return the share of the ending's probability that passes, with the bounds that truncation leaves."""
        around, lost = self._reaches(inside, move)
        share = 1 - around / self.whole
        doubt = lost / self.whole
        return float(np.clip(share, 0, 1)), float(np.clip(share - doubt, 0, 1)), float(np.clip(share + doubt, 0, 1))

    def _reaches(self, inside: Any, move: int) -> tuple[float, float]:
        solver, space = self.solver, self.solver.space
        vector, lost = solver.start(self.theta), 0.0
        for segment in solver.segments:
            for jump in solver.jumps(self.theta, segment):
                vector = jump.apply(vector)
            duration, pair_rates = segment.end - segment.start, solver.pair_rates(self.theta, segment)
            fire = None
            if move >= 0:
                pairs = solver.tables.entry_move[space.pair_entry] == move
                fire = solver.occurs(pair_rates, move, pairs)
                pair_rates = np.where(pairs, 0.0, pair_rates)
            kill = Kill(inside, fire) if inside is not None or fire is not None else None
            generator = Generator.build(space.held(segment.held).incoming, pair_rates, fire, duration)
            done = flow(generator, vector, duration, np.zeros(0), kill=kill, tolerance=1e-14, cancel=self.cancel)
            vector, lost = done.end, lost + done.end_tail
        return float(vector[space.ending == self.index].sum()), lost


def times_between_rungs(told: Histories, *, ladder: str | None = None) -> pd.DataFrame:
    """Return the days from entering each rung to entering the next one, over sampled histories.

    Columns: rung, to (the next rung, an ending being a rung like others, or "end of forecast"), count, and the 10, 25,
    50, 75 and 90% points in days. Stays cut off by the horizon are counted under "end of forecast", not dropped.
    """
    import pandas as pd

    from simlib.tables import Tables

    ladder = _ladder(told.scenario, ladder)
    names = [rung.id for rung in told.scenario.ladders[ladder].rungs]
    rungs = Tables(told.scenario).rungs(told.levels)[list(told.scenario.ladders).index(ladder)]
    stays: dict[tuple[str, str], list[float]] = {}
    for number, (first, last) in enumerate(itertools.pairwise(told.start.tolist())):
        cuts = [first, *(first + 1 + np.flatnonzero(np.diff(rungs[first:last]))).tolist()]
        for here, there in itertools.pairwise(cuts):
            stays.setdefault((names[rungs[here]], names[rungs[there]]), []).append(told.time[there] - told.time[here])
        if told.ending[number] < 0:
            here = cuts[-1]
            stays.setdefault((names[rungs[here]], "end of forecast"), []).append(told.horizon - told.time[here])
    points = (0.1, 0.25, 0.5, 0.75, 0.9)
    return pd.DataFrame([
        {"rung": rung, "to": to, "count": len(days)}
        | {f"p{round(100 * p)}": q for p, q in zip(points, np.quantile(days, points), strict=True)}
        for (rung, to), days in sorted(stays.items(), key=lambda item: (names.index(item[0][0]), item[0][1]))
    ])  # fmt: skip
