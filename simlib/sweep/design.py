"""What a sweep works out: many points over a few worlds."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simlib import priors
from simlib.scenario.model import Intervention, Scenario
from simlib.tables import Floats

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Design:
    """What is to be worked out: P points over a few worlds.

    theta (P, A) are assumption values in base units, world (P,) indexes `worlds`, seed (P,). `drawn`: θ are draws from
    the priors around the stated values of their world. `columns` describe each point by name.
    """

    worlds: tuple[Scenario, ...]
    world: NDArray[np.int64]
    theta: Floats
    seed: NDArray[np.int64]
    columns: Mapping[str, list[Any]] = field(default_factory=dict)
    drawn: bool = False

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def sha256(self) -> str:
        """Hash of everything that decides the answers."""
        digest = hashlib.sha256(repr((self.drawn, [world.sha256 for world in self.worlds])).encode())
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

    def part(self, rows: NDArray[np.int64]) -> Design:
        """Return the design of some of the points."""
        return Design(self.worlds, self.world[rows], self.theta[rows], self.seed[rows], {}, self.drawn)


def grid_design(
    scenario: Scenario, values: Mapping[str, Sequence[float | str]], *, seeds: Sequence[int] = (0,)
) -> Design:
    """Return every combination of some assumption values (base units, or quantities as in a file) and seeds.

    Raises ScenarioError for unknown names and for values that do not fit.
    """
    from simlib.scenario.views import with_values

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
    worlds: Mapping[str, Scenario], *, interventions: Mapping[str, Sequence[Intervention]] | None = None,
    seeds: Sequence[int] = (0,),
) -> Design:  # fmt: skip
    """Return worlds (views of one scenario) × sets of interventions × seeds, by name, at their stated values."""
    acts = {"none": ()} if interventions is None else interventions
    made, rows = [], []
    for (view, world), (act, items) in itertools.product(worlds.items(), acts.items()):
        made.append(world.replace(interventions=(*world.interventions, *items)))
        rows += [(len(made) - 1, view, act, seed) for seed in seeds]
    theta = np.array([priors.theta(made[row[0]]) for row in rows])
    columns = {"view": [row[1] for row in rows], "interventions": [row[2] for row in rows]}
    which, dice = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 3))
    return Design(tuple(made), which, theta, dice, columns)
