"""Waypoints: the share of histories with a given ending that pass each rung and each move."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.paths.request import (
    PATH_HISTORIES,
    cannot_happen,
    engine_over,
    known_ending,
    known_ladder,
    never_happens,
    rungs_of_rows,
)
from simlib.analysis.samples import Sample, sampled
from simlib.answer import Answer, ScenarioKey, provenance
from simlib.arguments import Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.states import EMPTY_TABOO, Taboo
from simlib.engines.montecarlo.replay import Histories
from simlib.formatting import percent, quoted
from simlib.machine.belief import Belief
from simlib.machine.measures import By, Measure, days_by, headline
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Waypoint", "Waypoints", "counted_waypoints", "waypoints"]

_DIGITS = 9
"""Digits of a share that are reliable after the subtraction of two probabilities."""


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A rung (level of a ladder) or move that histories pass on their way to an ending.

    kind, id, label: "rung" or "move", with its id and label.
    share: the share of the histories with the ending that pass the rung or move.
    low, high: bounds from the truncation error of the exact engine, or a 95% interval if histories were counted.
    """

    kind: str
    id: str
    label: str
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Waypoints(Answer):
    """The rungs (levels of a ladder) and moves that histories pass on the way to an ending.

    ladder: the id of the ladder.
    given: the ending.
    by_day: the target in days after the scenario's first day.
    rows: the rungs and moves, the commonest first.
    """

    kind: ClassVar[str] = "waypoints"

    scenario: ScenarioKey
    ladder: str
    given: Measure
    by: dt.date
    by_day: float
    rows: tuple[Waypoint, ...]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        return f"Which rungs and moves lie on the paths to {self.given.words} by {self.by_words}?"

    @property
    def exact(self) -> bool:
        """Whether the answer is exact, without sampling."""
        return bool(self.provenance["engine"] == "exact")

    def sentences(self, limit: int = 4) -> list[str]:
        """Say what all histories with the ending pass, then the `limit` next commonest waypoints."""
        whole, needed, others = f"history that ends in {self.given.words} by {self.by_words}", [], []
        for kind in ("rung", "move"):
            shares = [(quoted(row.label), percent(row.share)) for row in self.rows if row.kind == kind]
            always = [label for label, share in shares if share == "100%"]
            often = [f"{label} in {share}" for label, share in shares if share not in ("100%", "0%")][:limit]
            if always:
                needed.append(f"the {kind}{'s' * (len(always) > 1)} {', '.join(always)}")
            if often:
                whose = f"Other {kind}s" if always else f"{kind.capitalize()}s"
                others.append(f"{whose} on the way: {'; '.join(often)}.")
        passed = " and ".join(needed)
        first = f"Every {whole} passes {passed}." if needed else f"No rung or move is common to every {whole}."
        return [first, *others]

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each rung and move: kind, id, label, share, low and high."""
        import pandas as pd

        names = ["kind", "id", "label", "share", "low", "high"]
        return pd.DataFrame([[getattr(row, name) for name in names] for row in self.rows], columns=names)

    def data(self) -> dict[str, Any]:
        """Return the ladder, the ending, and the shares of the rungs and moves, as plain data."""
        return {"ladder": self.ladder, "given": self.given.name, "rows": self.frame().to_dict("records")}


def waypoints(
    scenario: Scenario,
    given: str | None = None,
    *,
    ladder: str | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int | Belief = 0,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Waypoints:
    """Return the share of the histories with a given ending that pass each rung and each move.

    Rungs are the levels of a ladder of escalation. A history passes a move if the move happens, even if an intervention
    forces the move. Moves of nature that nobody sees are left out.

    Args:
        scenario: The scenario, with its interventions.
        given: The ending, such as "ending:open-war". Default: the headline if it is an ending, else the first ending.
        ladder: The id of the ladder. Default: the ladder that the scenario shows first.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: "exact" computes at the stated values, "montecarlo" counts histories. "auto" is exact if `draws` is 0
            and the states are few enough.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). 0: the values
            stated in the scenario.
        runs: Histories of each draw that Monte Carlo simulates. Histories with another ending, or with none, are then
            left out. Default: as many as make 5,000 in all.
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Returns:
        The shares, with bounds from truncation if exact, and with 95% intervals if histories were counted.

    Raises:
        ScenarioError: For unknown names, a day outside the forecast, or an ending that cannot happen.
        Unsupported: For a measure that is not an ending, a belief about another scenario or date, and "exact" over
            draws.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    target = known_ending(scenario, given or headline(scenario, ("ending",)).name)
    ladder, days = known_ladder(scenario, ladder), days_by(scenario, by)
    play = partial(sampled, scenario, draws, PATH_HISTORIES, runs, by=days, seed=seed, control=control)
    return exact_where_it_fits(
        engine_over(draws, engine),
        lambda: _exact_waypoints(scenario, target, ladder, days, control),
        lambda: counted_waypoints(play(), target.name, ladder=ladder),
    )


def _exact_waypoints(scenario: Scenario, given: Measure, ladder: str, days: float, control: Control) -> Waypoints:
    quiet = control.silent()
    solver = Solver(scenario, times=1, by=days, control=quiet)
    index, chain = list(scenario.endings).index(given.of), solver.chain()

    def reach(taboo: Taboo) -> tuple[float, float]:
        """Return the probability of reaching the ending while avoiding `taboo`, and its error."""
        passage = chain.propagate(chain.start(), 0, days, taboo=taboo, control=quiet)
        return float(passage.vector[solver.space.ending == index].sum()), passage.tail

    whole, _ = reach(EMPTY_TABOO)
    if whole <= 0:
        raise cannot_happen(scenario, given, days)
    rung = solver.tables.rungs(solver.space.levels)[list(scenario.ladders).index(ladder)]
    candidates, rows = list(_candidates(scenario, ladder)), []
    for number, (kind, name, label, place) in enumerate(candidates):
        around, lost = reach(Taboo(rung == place) if kind == "rung" else Taboo(None, ((place, -1),)))
        share, error = 1 - around / whole, lost / whole
        bounds = np.round(np.clip([share, share - error, share + error], 0, 1), _DIGITS).tolist()
        rows.append(Waypoint(kind, name, label, *bounds))
        control.report((number + 1) / len(candidates))
    source = provenance(scenario, engine="exact", draws=0, states=len(solver.space), by_day=days)
    return _ranked(scenario, ladder, given, days, rows, source)


def counted_waypoints(played: Histories | Sample, given: str, *, ladder: str | None = None) -> Waypoints:
    """Count the share of the histories with a given ending that pass each rung and each move.

    Args:
        played: The histories.
        given: The ending, such as "ending:open-war".
        ladder: The id of the ladder whose rungs (levels) count. Default: the ladder that the scenario shows first.

    Returns:
        The shares, with 95% Wilson intervals.

    Raises:
        ScenarioError: For unknown names, and if no history has the ending.
        Unsupported: For a measure that is not an ending.
    """
    drawn = Sample.of(played)
    histories = drawn.histories
    scenario, ladder = histories.scenario, known_ladder(histories.scenario, ladder)
    target = known_ending(scenario, given)
    chosen = histories.ending == list(scenario.endings).index(target.of)
    if not chosen.any():
        raise never_happens(histories, target)
    owner, rung = np.repeat(np.arange(len(histories)), np.diff(histories.start)), rungs_of_rows(histories, ladder)
    rows = []
    for kind, name, label, place in _candidates(scenario, ladder):
        passing = np.zeros(len(histories), dtype=bool)
        passing[owner[(rung if kind == "rung" else histories.move) == place]] = True
        rows.append(Waypoint(kind, name, label, *drawn.share(passing, chosen)))
    source = drawn.provenance | {"histories": int(chosen.sum()), "by_day": histories.horizon}
    return _ranked(scenario, ladder, target, histories.horizon, rows, provenance(scenario, **source))


def _candidates(scenario: Scenario, ladder: str) -> Iterator[tuple[str, str, str, int]]:
    for number, step in enumerate(scenario.ladders[ladder].rungs):
        yield "rung", step.id, step.id, number  # its label is a description, and pictures write its name
    for number, move in enumerate(scenario.moves.values()):
        if not move.unseen:
            yield "move", move.id, move.label, number


def _ranked(
    scenario: Scenario, ladder: str, given: Measure, days: float, rows: list[Waypoint], source: Mapping[str, Any]
) -> Waypoints:
    ranked = tuple(sorted(rows, key=lambda row: (row.share, row.kind), reverse=True))
    return Waypoints(ScenarioKey.of(scenario), ladder, given, scenario.by_date(days), days, ranked, source)
