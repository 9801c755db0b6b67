"""Necessary passages: the share of the histories to an ending that pass through a rung or a move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.paths.classes import cannot_happen, check_known, known_ladder, none_ends_so
from simlib.control import Control, in_transition
from simlib.engines.exact.solver import Solver
from simlib.engines.exact.taboo import Taboo
from simlib.machine import priors
from simlib.machine.tables import Tables
from simlib.results import Band
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

    from simlib.engines.montecarlo.replay import Histories

_DIGITS = 9
"""Digits of a share that a difference of two probabilities is good for."""


@in_transition
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
    A share of one is a necessary passage. A move that an intervention forces is passed where it fires.
    Raises TooManyStates, ScenarioError for unknown names and for an ending that cannot happen, Cancelled.
    """
    ladder = known_ladder(scenario, ladder)
    check_known(ending, scenario.endings, "ending")
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
    return _ranked(rows)


def sampled_passages(told: Histories, ending: str, *, ladder: str | None = None) -> pd.DataFrame:
    """Return the same table as `passages` does, counted in sampled histories, low and high the 95% Wilson interval.

    Histories that end otherwise are left out. Raises ScenarioError for unknown names and where none ends so.
    """
    scenario, ladder = told.scenario, known_ladder(told.scenario, ladder)
    check_known(ending, scenario.endings, "ending")
    chosen = np.flatnonzero(told.ending == list(scenario.endings).index(ending))
    if not len(chosen):
        raise none_ends_so(told, ending)
    owner = np.repeat(np.arange(len(told)), np.diff(told.start))
    rung = Tables(scenario).rungs(told.levels)[list(scenario.ladders).index(ladder)]
    wanted: list[tuple[str, str, str, Any]] = [
        ("rung", step.id, step.label or step.id, rung == number)
        for number, step in enumerate(scenario.ladders[ladder].rungs)
    ]
    wanted += [("move", m.id, m.label, told.move == number) for number, m in enumerate(scenario.moves.values())]
    rows = []
    for kind, name, label, passing in wanted:
        count = len(np.intersect1d(owner[passing], chosen))
        band = Band.wilson(np.array([count]), np.array([len(chosen)]))
        rows.append(
            {
                "kind": kind,
                "id": name,
                "label": label,
                "share": count / len(chosen),
                "low": float(band.low[0]),
                "high": float(band.high[0]),
            }
        )
    return _ranked(rows)


def _ranked(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows).sort_values(["share", "kind"], ascending=False, ignore_index=True)


class _Around:
    """How likely an ending is by a way around something: the chain is stopped where it would pass."""

    @in_transition
    def __init__(self, solver: Solver, theta: Floats, ending: str, cancel: Any) -> None:
        self.solver, self.theta, self.cancel = solver, theta, cancel
        self.index = list(solver.scenario.endings).index(ending)
        self.whole, _ = self._reaches(None, -1)
        if self.whole <= 0:
            raise cannot_happen(solver.scenario, ending, solver.horizon)

    def share(self, inside: Any, move: int) -> tuple[float, float, float]:
        """Return the share of the ending's probability that passes, with the bounds that truncation leaves."""
        around, lost = self._reaches(inside, move)
        share = 1 - around / self.whole
        doubt = lost / self.whole
        low, middle, high = np.round(np.clip([share - doubt, share, share + doubt], 0, 1), _DIGITS).tolist()
        return middle, low, high

    def _reaches(self, inside: Any, move: int) -> tuple[float, float]:
        chain, control = self.solver.chain(self.theta), Control(cancel=self.cancel)
        done = chain.propagate(chain.start(), 0, self.solver.horizon, taboo=Taboo(inside, move), control=control)
        return float(done.vector[self.solver.space.ending == self.index].sum()), done.tail
