"""The design of a sweep: many points, for each of which a forecast is computed.

A point is a world (a scenario, or a scenario with a view), one set of assumption values and a seed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.errors import Problem, ScenarioError, SimlibError, collect, refuse
from simlib.machine import priors
from simlib.scenario.model import Intervention, Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["NO_PLAN", "SweepDesign", "grid_design", "sobol_design", "views_design"]

NO_PLAN = "baseline"
"""The name of the plan without interventions."""


@dataclass(frozen=True)
class SweepDesign:
    """The points of a sweep, each with a world (scenario), assumption values and a seed.

    P is the number of points, and A the number of assumptions.

    - `worlds`: the scenarios, each with its view and its interventions.
    - `world` (P,): the position of each point's world in `worlds`.
    - `theta` (P, A): the assumption values of each point, in base units.
    - `seed` (P,): the seed of each point.
    - `columns`: further columns that describe each point in a table, as {name: P values}.
    - `drawn`: whether `theta` holds draws from the priors of each point's world.
    - `plans`: named sets of interventions. Every group of `len(plans)` consecutive points differs only in the plan.
    """

    worlds: tuple[Scenario, ...]
    world: Ints
    theta: Floats
    seed: Ints
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    drawn: bool = False
    plans: Mapping[str, tuple[Intervention, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def sha256(self) -> str:
        """A hash of the scenarios, of all assumption values and seeds, and of `columns`."""
        text = json.dumps([self.drawn, [world.sha256 for world in self.worlds], dict(self.columns)], default=str)
        digest = hashlib.sha256(text.encode())
        for part in (self.world, self.theta, self.seed):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return a row per point: its number, scenario hash, seed, `columns` and assumption values."""
        import pandas as pd

        names = list(self.worlds[0].assumptions)
        shas = np.array([world.sha256 for world in self.worlds])
        columns = {
            "point": np.arange(len(self)),
            "scenario_sha256": shas[self.world],
            "seed": self.seed,
            **self.columns,
        }
        return pd.concat([pd.DataFrame(columns), pd.DataFrame(self.theta, columns=names)], axis=1)

    def order(self) -> Ints:
        """Return the positions of the points in the order in which they are computed.

        Cases (groups of points that differ only in their interventions) are shuffled, so that the finished part of an
        aborted sweep is a random sample. The points of a case follow one another, so that their results can be
        compared.
        """
        plans = max(len(self.plans), 1)
        cases = np.random.default_rng(0).permutation(len(self) // plans)
        return (cases[:, None] * plans + np.arange(plans)).ravel()

    def cross(self, plans: Mapping[str, Iterable[Intervention]]) -> SweepDesign:
        """Return a design with every point (set of inputs) as it is, and once more with each plan.

        `plans` are named sets of interventions. Points as they are have the plan `baseline`, which is empty. In the
        result, the column `case` gives the number of the repeated point, and `plan` the name of the plan.

        Raises ScenarioError for interventions that are impossible in a scenario of the design, and for a plan called
        `baseline` that has interventions. Raises SimlibError for a design that already has plans.
        """
        if self.plans:
            raise SimlibError(f"the design already has the plans {', '.join(self.plans)}; cross a design without plans")
        sets = {NO_PLAN: (), **{name: tuple(items) for name, items in plans.items()}}
        if sets[NO_PLAN]:
            what = "this name belongs to the scenario without interventions"
            raise ScenarioError(Problem("", 0, f"plan {NO_PLAN}", what, "expected another name"))
        worlds, count = _under_plans(self.worlds, sets), len(sets)
        columns = {name: [value for value in values for _ in sets] for name, values in self.columns.items()}
        columns |= {"case": [case for case in range(len(self)) for _ in sets], "plan": [*sets] * len(self)}
        return SweepDesign(
            worlds,
            (self.world[:, None] * count + np.arange(count)).ravel(),
            np.repeat(self.theta, count, axis=0),
            np.repeat(self.seed, count),
            columns,
            self.drawn,
            sets,
        )

    def part(self, rows: Ints) -> SweepDesign:
        """Return the design of the points at the positions `rows`, without columns and plans."""
        return SweepDesign(self.worlds, self.world[rows], self.theta[rows], self.seed[rows], {}, self.drawn)


def grid_design(
    scenario: Scenario, values: Mapping[str, Sequence[float | str]], *, seeds: Sequence[int] = (0,)
) -> SweepDesign:
    """Return the design of a sweep over every combination of assumption values and seeds.

    `values` is {assumption: list of its values}. A value is in base units, or a text such as "2 per week". Raises
    ScenarioError for unknown assumptions and for values that are impossible for their assumption.
    """
    from simlib.scenario.views.variation import with_values

    names = list(values)
    thetas, columns = [], []
    for combination in itertools.product(*values.values()):
        chosen = dict(zip(names, combination, strict=True))
        thetas.append(priors.theta(with_values(scenario, chosen)))
        columns.append(chosen)
    theta = np.repeat(np.array(thetas), len(seeds), axis=0)
    named = {f"set_{name}": [str(c[name]) for c in columns for _ in seeds] for name in names}
    world, every_seed = np.zeros(len(theta), np.int64), np.tile(np.asarray(seeds), len(thetas))
    return SweepDesign((scenario,), world, theta, every_seed, named)


def sobol_design(scenario: Scenario, draws: int, *, seed: int = 0, replicate_seed: int = 0) -> SweepDesign:
    """Return the design of a sweep over draws from the priors by a Sobol sequence.

    `seed` is the seed of the draws. `replicate_seed` is the seed of the simulation at every point, so all points have
    common random numbers.
    """
    theta = priors.draws(scenario, draws, seed=seed)
    world, seeds = np.zeros(draws, np.int64), np.full(draws, replicate_seed, np.int64)
    return SweepDesign((scenario,), world, theta, seeds, {}, drawn=True)


def views_design(
    views: Mapping[str, Scenario],
    *,
    plans: Mapping[str, Iterable[Intervention]] | None = None,
    seeds: Sequence[int] = (0,),
) -> SweepDesign:
    """Return the design of a sweep over every combination of views, plans and seeds.

    `views` is {name of a view: the scenario with this view applied}. Plans are named sets of interventions. If plans
    are given, the plan `baseline` without interventions is added (see `cross`). The assumptions keep the values that
    they have in `views`. Raises ScenarioError for interventions that are impossible in a scenario.
    """
    rows = [(number, view, seed) for number, view in enumerate(views) for seed in seeds]
    theta = np.array([priors.theta(views[view]) for _, view, _ in rows])
    which, seed_of = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 2))
    design = SweepDesign(tuple(views.values()), which, theta, seed_of, {"view": [view for _, view, _ in rows]})
    return design.cross(plans) if plans else design


def _under_plans(worlds: Iterable[Scenario], plans: Mapping[str, tuple[Intervention, ...]]) -> tuple[Scenario, ...]:
    """Return each world with the interventions of each plan: first all plans of the first world."""
    from simlib.scenario.views.variation import with_interventions

    changed: list[Scenario] = []
    problems: list[Problem] = []
    for world, (name, items) in itertools.product(worlds, plans.items()):
        where = f"plan {name}" + (f" through the view {world.view}" if world.view else "")
        with collect(problems, partial(Problem.inside, where=where)):
            changed.append(with_interventions(world, items))
    refuse(problems)
    return tuple(changed)
