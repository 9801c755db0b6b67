"""What a sweep works out: many points over a few worlds."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.errors import Problem, ScenarioError, SimlibError
from simlib.machine import priors
from simlib.scenario.model import Intervention, Scenario
from simlib.typing import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


BASELINE = "baseline"
"""The plan under which nothing is done."""


@dataclass(frozen=True)
class Design:
    """What is to be worked out: P points over a few worlds.

    theta (P, A) are assumption values in base units, world (P,) indexes `worlds`, seed (P,). `drawn`: θ are draws from
    the priors around the stated values of their world. `columns` describe each point by name. `plans` are the named
    sets of interventions the design is crossed with: points that follow one another, one for each plan, make a *case*
    and differ in nothing else.
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
        """Hash of everything that decides the answers, and of what the points are called."""
        told = json.dumps([self.drawn, [world.sha256 for world in self.worlds], dict(self.columns)], default=str)
        digest = hashlib.sha256(told.encode())
        for part in (self.world, self.theta, self.seed):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return one row per point: its number, world, seed, what the design varies, and all assumption values."""
        import pandas as pd

        names = list(self.worlds[0].assumptions)
        shas = np.array([world.sha256 for world in self.worlds])
        told = {"point": np.arange(len(self)), "scenario_sha256": shas[self.world], "seed": self.seed, **self.columns}
        return pd.concat([pd.DataFrame(told), pd.DataFrame(self.theta, columns=names)], axis=1)

    def order(self) -> Ints:
        """Return the points in the order of work, so that wherever it stops, what is done is a fair sample.

        Cases are shuffled; the plans of a case follow one another, so that what is done can be compared.
        """
        plans = max(len(self.plans), 1)
        cases = np.random.default_rng(0).permutation(len(self) // plans)
        return (cases[:, None] * plans + np.arange(plans)).ravel()

    def crossed(self, plans: Mapping[str, Iterable[Intervention]]) -> Design:
        """Return the design under each plan, and as it stands as the plan `baseline`: same values, same dice.

        The columns `case` and `plan` name each point. Raises ScenarioError for what does not fit a world and for
        another plan called `baseline`, SimlibError for a design that is crossed with plans already.
        """
        if self.plans:
            raise SimlibError(f"the design is crossed with plans already: {', '.join(self.plans)}")
        sets = {BASELINE: (), **{name: tuple(items) for name, items in plans.items()}}
        if sets[BASELINE]:
            what = "the scenario as it stands is called so, and this plan does something"
            raise ScenarioError(Problem("", 0, f"plan {BASELINE}", what, "expected another name"))
        worlds, count = _under_plans(self.worlds, sets), len(sets)
        columns = {name: [value for value in values for _ in sets] for name, values in self.columns.items()}
        columns |= {"case": [case for case in range(len(self)) for _ in sets], "plan": [*sets] * len(self)}
        return Design(
            worlds,
            (self.world[:, None] * count + np.arange(count)).ravel(),
            np.repeat(self.theta, count, axis=0),
            np.repeat(self.seed, count),
            columns,
            self.drawn,
            sets,
        )

    def part(self, rows: Ints) -> Design:
        """Return the design of some of the points."""
        return Design(self.worlds, self.world[rows], self.theta[rows], self.seed[rows], {}, self.drawn)


def grid_design(
    scenario: Scenario, values: Mapping[str, Sequence[float | str]], *, seeds: Sequence[int] = (0,)
) -> Design:
    """Return every combination of some assumption values (base units, or quantities as in a file) and seeds.

    Raises ScenarioError for unknown names and for values that do not fit.
    """
    from simlib.scenario.views.variation import with_values

    names = list(values)
    thetas, columns = [], []
    for combination in itertools.product(*values.values()):
        chosen = dict(zip(names, combination, strict=True))
        thetas.append(priors.theta(with_values(scenario, chosen)))
        columns.append(chosen)
    theta = np.repeat(np.array(thetas), len(seeds), axis=0)
    told = {f"set_{name}": [str(c[name]) for c in columns for _ in seeds] for name in names}
    return Design((scenario,), np.zeros(len(theta), np.int64), theta, np.tile(np.asarray(seeds), len(thetas)), told)


def sobol_design(scenario: Scenario, points: int, *, seed: int = 0, dice: int = 0) -> Design:
    """Return `points` draws of the assumptions from their priors (scrambled Sobol), all with the same `dice`."""
    theta = priors.draws(scenario, points, seed=seed)
    return Design((scenario,), np.zeros(points, np.int64), theta, np.full(points, dice, np.int64), {}, drawn=True)


def views_design(
    worlds: Mapping[str, Scenario],
    *,
    plans: Mapping[str, Iterable[Intervention]] | None = None,
    seeds: Sequence[int] = (0,),
) -> Design:
    """Return worlds (views of one scenario) × plans (named sets of interventions) × seeds, at their stated values.

    Raises ScenarioError for interventions that do not fit a world.
    """
    rows = [(number, view, seed) for number, view in enumerate(worlds) for seed in seeds]
    theta = np.array([priors.theta(worlds[view]) for _, view, _ in rows])
    which, dice = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 2))
    design = Design(tuple(worlds.values()), which, theta, dice, {"view": [view for _, view, _ in rows]})
    return design.crossed(plans) if plans else design


def _under_plans(worlds: Iterable[Scenario], plans: Mapping[str, tuple[Intervention, ...]]) -> tuple[Scenario, ...]:
    """Return every world under every plan, the plans of a world one after another."""
    from simlib.scenario.views.variation import with_interventions

    made, problems = [], []
    for world, (name, items) in itertools.product(worlds, plans.items()):
        try:
            made.append(with_interventions(world, items))
        except ScenarioError as error:
            seen = f"plan {name}" + (f" through the view {world.view}" if world.view else "")
            problems += [Problem(p.file, p.line, f"{seen}: {p.where}", p.what, p.expected) for p in error.problems]
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return tuple(made)
