"""Small random worlds, one per seed, with everything the export must carry: spread starts, shifts that saturate, sets,
alternatives in conditions, factors, branches with and without a rest, names that PRISM reserves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simlib.scenario.model import Scenario
from tests.worlds import World, window

LEVELS = ("low", "some", "more", "full")
VARIABLES = ("rate", "init-level", "max", "tide")
MOVES = ("rise", "min", "the-fall", "label", "swap", "drift", "true-up")


def random_world(seed: int) -> Scenario:
    """Return the random world of a seed: at most 108 states, 3 to 7 moves, 1 to 3 endings."""
    rng = np.random.default_rng(seed)
    world = World(f"world-{seed}", horizon=float(rng.integers(10, 60)))
    sizes = {name: int(rng.integers(2, 5)) for name in VARIABLES[: rng.integers(2, 5)]}
    for name, size in sizes.items():
        world.variable(name, *LEVELS[:size], start=_start(rng, size))
    for name in MOVES[: rng.integers(3, 8)]:
        _add_move(world, name, rng, sizes)
    for number in range(int(rng.integers(1, 4))):
        world.ending(f"end-{number}", _condition(rng, sizes, exactly=2))
    world.question("seen-once", _condition(rng, sizes)).question("fired", move="rise")
    return world.scenario()


def _start(rng: np.random.Generator, size: int) -> str | dict[str, float | str | None]:
    if rng.random() < 0.6:
        return LEVELS[int(rng.integers(size))]
    share = float(rng.uniform(0.05, 0.95))
    return {LEVELS[0]: share, LEVELS[size - 1]: None}


def _condition(rng: np.random.Generator, sizes: Mapping[str, int], exactly: int = 0) -> list[dict[str, list[str]]]:
    """Return one or two clauses over one or two variables; with `exactly`, one clause over so many."""
    clauses = []
    for _ in range(1 if exactly else int(rng.integers(1, 3))):
        chosen = rng.choice(list(sizes), size=min(exactly or int(rng.integers(1, 3)), len(sizes)), replace=False)
        clauses.append({str(name): _levels(rng, sizes[str(name)]) for name in chosen})
    return clauses


def _levels(rng: np.random.Generator, size: int) -> list[str]:
    count = int(rng.integers(1, size))
    return [LEVELS[index] for index in sorted(rng.choice(size, size=count, replace=False))]


def _add_move(world: World, name: str, rng: np.random.Generator, sizes: Mapping[str, int]) -> None:
    factors: list[Any] = [
        (float(rng.uniform(0.2, 4)), _condition(rng, sizes) if rng.random() < 0.8 else None)
        for _ in range(int(rng.integers(0, 3)))
    ]
    if factors and rng.random() < 0.3:
        factors[0] = (*factors[0], window(2, 5))
    world.move(
        name, float(rng.uniform(0.02, 0.4)), when=_condition(rng, sizes) if rng.random() < 0.7 else None,
        between=window(1, 8) if rng.random() < 0.2 else None, times=factors, outcomes=_outcomes(rng, sizes),
    )  # fmt: skip


def _outcomes(rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, Any]:
    count = int(rng.integers(1, 4))
    shares = [float(share) for share in rng.dirichlet(np.ones(count))]
    chances: list[float | None] = [*shares[:-1], None]
    if count > 1 and rng.random() < 0.3:
        chances[-1] = 1.0 - sum(shares[:-1])
    return {f"branch-{number}": (chance, _effects(rng, sizes)) for number, chance in enumerate(chances)}


def _effects(rng: np.random.Generator, sizes: Mapping[str, int]) -> dict[str, str | int]:
    effects: dict[str, str | int] = {}
    for name, size in sizes.items():
        kind = rng.random()
        if kind < 0.35:
            effects[name] = int(rng.choice([-2, -1, 1, 2]))
        elif kind < 0.5:
            effects[name] = LEVELS[int(rng.integers(size))]
    return effects
