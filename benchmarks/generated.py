"""Generated worlds of any size for measuring speed.

All levels can be reached, events keep happening, and few histories reach an ending.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from simlib.scenario.model import (
    Actor,
    Assumption,
    AssumptionKind,
    Condition,
    Effect,
    Ending,
    Factor,
    Ladder,
    Move,
    Outcome,
    Question,
    Rung,
    Scenario,
    Variable,
)

SIZES = (5, 5, 4, 4, 4, 3, 3, 3, 3)
"""Levels of nine variables: 129,600 states."""


class Generator:
    """Builds one world from a seed, and keeps the assumptions and moves that it makes."""

    def __init__(self, sizes: Sequence[int], moves: int, factors: int, events_per_day: float, seed: int) -> None:
        self.dice = random.Random(seed)
        self.sizes, self.rate = sizes, events_per_day / moves
        self.names = [f"v{index}" for index in range(len(sizes))]
        self.levels = {
            name: tuple(f"{name}-{chr(97 + k)}" for k in range(size))
            for name, size in zip(self.names, sizes, strict=True)
        }
        self.assumptions: dict[str, Assumption] = {}
        extra = factors - 2 * moves
        self.moves = [self.move(index, 3 if index < extra else 2) for index in range(moves)]

    def number(self, name: str, kind: AssumptionKind, value: float) -> str:
        if kind == "chance":
            odds = value / (1 - value)
            low, high = odds / 2 / (1 + odds / 2), odds * 2 / (1 + odds * 2)
        else:
            low, high = value / 2, value * 2
        self.assumptions[name] = Assumption(name, name, kind, value, low, high, "generated")
        return name

    def subset(self, name: str) -> tuple[str, ...]:
        levels = self.levels[name]
        return tuple(sorted(self.dice.sample(levels, self.dice.randint(1, len(levels) - 1))))

    def condition(self, variables: int) -> Condition:
        chosen = self.dice.sample(self.names, variables)
        return Condition((tuple((name, self.subset(name)) for name in chosen),))

    def move(self, index: int, factors: int) -> Move:
        """Return a move that shifts one variable, and sometimes sets another.

        The variables take turns. As many moves shift a variable up as down.
        """
        target, name = self.names[index % len(self.names)], f"m{index:02d}"
        step = 1 if (index // len(self.names)) % 2 == 0 else -1
        times = tuple(
            Factor(self.number(f"{name}.times.{k}", "factor", self.dice.choice((0.5, 2.0, 3.0))), self.condition(1))
            for k in range(1, factors + 1)
        )
        rate = self.number(f"{name}.rate", "rate", self.rate * self.dice.uniform(0.7, 1.4))
        guard = self.condition(1) if index >= 2 * len(self.names) else Condition()
        return Move(name, "nature", name, rate, when=guard, factors=times, outcomes=self.outcomes(name, target, step))

    def outcomes(self, name: str, target: str, step: int) -> tuple[Outcome, ...]:
        other = self.dice.choice([n for n in self.names if n != target])
        level = self.dice.choice(self.levels[other])
        nothing = Outcome("nothing", "nothing", None)
        chance = self.number(f"{name}.plain.chance", "chance", 0.5)
        plain = Outcome("plain", "plain", chance, (Effect(target, shift=step),))
        chance = self.number(f"{name}.both.chance", "chance", 0.2)
        both = Outcome("both", "both", chance, (Effect(target, shift=step), Effect(other, level=level)))
        return (nothing, plain, both) if self.dice.random() < 0.7 else (nothing, plain)

    def all_at(self, names: Sequence[str], from_top: int = 1) -> Condition:
        return Condition((tuple((name, self.levels[name][-from_top:]) for name in names),))

    def scenario(self, name: str, horizon: float, endings: int) -> Scenario:
        names, count = self.names, len(self.names)
        rungs = [Rung("low"), *(Rung(f"rung-{n}", self.all_at(names[: n + 1], 2)) for n in range(4))]
        return Scenario(
            name,
            name,
            dt.date(2031, 4, 1),
            horizon,
            {"nature": Actor("nature", "Nature")},
            {n: Variable(n, n, levels, ((levels[0], None),)) for n, levels in self.levels.items()},
            self.assumptions,
            {move.id: move for move in self.moves},
            {
                f"end-{k}": Ending(
                    f"end-{k}", f"end-{k}", self.all_at(sorted({names[(k + j) % count] for j in range(6)}))
                )
                for k in range(endings)
            },
            {"height": Ladder("height", "height", tuple(rungs))},
            {f"q{k}": Question(f"q{k}", f"q{k}", self.all_at([names[k], names[(k + 3) % count]])) for k in range(4)},
        )


def generated(
    sizes: Sequence[int] = SIZES,
    moves: int = 32,
    factors: int = 81,
    *,
    horizon: float = 180.0,
    events_per_day: float = 0.75,
    endings: int = 2,
    seed: int = 1,
) -> Scenario:
    """Return a world with the given numbers of levels (`sizes`), moves and factors.

    Each move has 2 or 3 factors. The rates are such that about `events_per_day` events happen a day.
    """
    return Generator(sizes, moves, factors, events_per_day, seed).scenario("generated", horizon, endings)
