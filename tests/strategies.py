"""Random small worlds for the invariants: everything the language can say, a few dozen states at most.

`random_world` draws a world from any `random.Random`: from a seed for the statistical tests, from Hypothesis (whose
`randoms` shrink) for the properties. `without_interventions` and its like take away what a property does not allow.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import strategies as st

from simlib.scenario.model import (
    ALWAYS,
    Actor,
    Assume,
    Assumption,
    AssumptionKind,
    Condition,
    Effect,
    Ending,
    Factor,
    Forbid,
    Force,
    Hold,
    Impact,
    ImpulseReward,
    Intervention,
    Ladder,
    Lull,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    RateReward,
    Repeats,
    Rung,
    Scenario,
    TerminalReward,
    Variable,
    Wait,
    Window,
)
from simlib.scenario.views.intervention_rules import overlapping_holds
from simlib.scenario.waits import spread

AS_OF = dt.date(2031, 4, 1)
LEVELS = ("calm", "uneasy", "tense", "open")
ACTORS = {"nature": Actor("nature", "Nature"), "north": Actor("north", "North Island")}


def worlds(
    *, max_states: int = 48, interventions: bool = True, windows: bool = True, waits: bool = True
) -> st.SearchStrategy[Scenario]:
    """Draw worlds of at most `max_states` combinations of levels; the stages of a wait come on top."""
    return st.randoms(use_true_random=False).map(
        lambda dice: random_world(
            dice, max_states=max_states, interventions=interventions, windows=windows, waits=waits
        )
    )


def seeded_world(seed: int, **options: bool | int) -> Scenario:
    """Return the world of a seed, the same on every machine."""
    return random_world(random.Random(seed), **options)


def random_world(
    dice: random.Random,
    *,
    max_states: int = 48,
    interventions: bool = True,
    windows: bool = True,
    lulls: bool = False,
    waits: bool = True,
    dates: bool = True,
) -> Scenario:
    """Return one world drawn with `dice`. With `lulls` it asks for one, which only histories can answer.

    With `waits` it may have a move that takes a while, with `windows` and `dates` one on a date. They are drawn last.
    """
    drawing = _Drawing(dice, max_states, windows, lulls)
    world = drawing.world(interventions)
    world = drawing.with_wait(world) if waits else world
    return legal(drawing.with_a_counter(drawing.with_date(world) if windows and dates else world))


def legal(world: Scenario) -> Scenario:
    """Return the world without the holds that overlap an earlier one, which no scenario may have."""
    overlapping = {index for index, _ in overlapping_holds(world, world.interventions)}
    kept = tuple(item for index, item in enumerate(world.interventions) if index not in overlapping)
    return world.replace(interventions=kept)


class _Drawing:
    """A world under way: assumptions are collected as the parts that need them are drawn."""

    def __init__(self, dice: random.Random, max_states: int, windows: bool, lulls: bool = False) -> None:
        self.dice, self.windows, self.lulls = dice, windows, lulls
        self.horizon = dice.randint(4, 40)
        self.assumptions: dict[str, Assumption] = {}
        self.variables = self._variables(max_states)

    def world(self, interventions: bool) -> Scenario:
        moves = {name: self._move(name) for name in _names("move", 9 - self.dice.randint(1, 8))}
        endings = {name: self._ending(name) for name in _names("ending", self.dice.randint(1, 3))}
        ladders = {name: self._ladder(name) for name in _names("ladder", self.dice.randint(0, 2))}
        questions = {name: self._question(name, moves) for name in _names("question", self.dice.randint(0, 3))}
        impacts = {
            name: self._impact(name, moves, endings) for name in _names("impact", self.dice.choice((0, 1, 1, 2)))
        }
        acts = tuple(self._intervention(moves) for _ in range(self.dice.randint(0, 3))) if interventions else ()
        questions |= self._tallies(moves)
        return Scenario(
            "random-world",
            "A random world",
            AS_OF,
            float(self.horizon),
            ACTORS,
            self.variables,
            self.assumptions,
            moves,
            endings,
            ladders,
            questions,
            impacts,
            interventions=acts,
            ladder=next(iter(ladders), ""),
        )

    def with_a_counter(self, world: Scenario) -> Scenario:
        """Return at times the world with one variable as a counter, and some moves proportional to it."""
        if not self.often(30):
            return world
        name = self.dice.choice(list(self.variables))
        some = [move.id for move in world if move.rate and self.often(50)]
        return with_counter(world, name, self.dice.randint(0, 2), some)

    def with_wait(self, world: Scenario) -> Scenario:
        """Return the world, at times with one move that takes a while in place of having a rate."""
        own = [move for move in world if sum(move.rate in m.assumptions for m in world) == 1]
        if not own or not self.often(40):
            return world
        move = self.dice.choice(own)
        median, stages = self.dice.randint(1, 60) / 4, self.dice.choice((1, 2, 2, 3))
        low, high = spread(stages, median)
        name = self.number(f"{move.id}.takes", "duration", median)
        waiting = replace(move, rate=name, takes=Wait(stages, low, high))
        interventions = tuple(
            replace(item, assumption=name, value=1 / item.value)
            if isinstance(item, Assume) and item.assumption == move.rate
            else item
            for item in world.interventions
        )
        assumptions = {key: a for key, a in self.assumptions.items() if key != move.rate}
        moves = dict(world.moves) | {move.id: waiting}
        return world.replace(moves=moves, assumptions=assumptions, interventions=interventions)

    def with_date(self, world: Scenario) -> Scenario:
        """Return the world, at times with one more move, which happens on a date."""
        if not self.often(40):
            return world
        self.variables = dict(world.variables)
        names = _names("outcome", self.dice.randint(1, 2))
        chances = self.chances("dated", names, ".chance")
        outcomes = tuple(Outcome(branch, branch, chance, self._effects()) for branch, chance in chances)
        date = _date(self.dice.randint(0, self.horizon + 2))
        dated = Move("dated", "north", "dated", "", when=self.condition(always=40), outcomes=outcomes, at=date)
        moves = {"dated": dated} | dict(world.moves) if self.often(50) else dict(world.moves) | {"dated": dated}
        forbid = Forbid("dated", until=self._until(date), when=self.condition())
        own = {name: number for name, number in self.assumptions.items() if name.startswith("dated.")}
        more = (forbid,) if world.interventions and self.often(25) else ()
        assumptions = dict(world.assumptions) | own
        return world.replace(moves=moves, assumptions=assumptions, interventions=(*world.interventions, *more))

    # ------------------------------------------------------------ numbers

    def often(self, percent: int) -> bool:
        return self.dice.randint(1, 100) <= percent

    def number(self, name: str, kind: AssumptionKind, value: float) -> str:
        """Record an assumption, half of them with a prior, and return its id."""
        low = high = value
        if self.often(50):
            up, down = 1 + self.dice.randint(1, 20) / 10, 1 + self.dice.randint(1, 20) / 10
            odds = value / (1 - value) if kind == "chance" else value
            low, high = odds / down, odds * up
            low, high = (low / (1 + low), high / (1 + high)) if kind == "chance" else (low, high)
        self.assumptions[name] = Assumption(name, name, kind, value, low, high, "assumed")
        return name

    def rate(self, name: str) -> str:
        return self.number(name, "rate", 10.0 ** (self.dice.randint(-30, 5) / 10))

    def shared_factor(self, name: str) -> str:
        """Return a factor: one of its own, or at times one that another move uses already."""
        known = [a.id for a in self.assumptions.values() if a.kind == "factor"]
        if known and self.often(30):
            return self.dice.choice(known)
        return self.number(name, "factor", 10.0 ** (self.dice.randint(-10, 10) / 10))

    def chances(self, place: str, names: Sequence[str], suffix: str) -> list[tuple[str, str | None]]:
        """Return (name, assumption or None for the rest); at times every branch is stated and they sum to one."""
        cuts = sorted(self.dice.sample(range(1, 16), len(names) - 1))
        parts = [(b - a) / 16 for a, b in zip([0, *cuts], [*cuts, 16], strict=True)]
        rest = self.dice.randrange(len(names)) if self.often(85) or len(names) == 1 else None
        return [
            (name, None if index == rest else self.number(f"{place}.{name}{suffix}", "chance", part))
            for index, (name, part) in enumerate(zip(names, parts, strict=True))
        ]

    # ------------------------------------------------------------ the state

    def _variables(self, max_states: int) -> dict[str, Variable]:
        result: dict[str, Variable] = {}
        states = 1
        for name in _names("variable", 5 - self.dice.choice((1, 1, 2, 2, 3, 4))):
            size = min(self.dice.randint(2, 4), max_states // states)
            if size < 2:
                break
            states *= size
            result[name] = self._variable(name, LEVELS[:size])
        return result

    def _variable(self, name: str, levels: tuple[str, ...]) -> Variable:
        if self.often(70):
            return Variable(name, name, levels, ((self.dice.choice(levels), None),), hidden=self.often(20))
        some = self.dice.sample(levels, self.dice.randint(2, len(levels)))
        return Variable(name, name, levels, tuple(self.chances(f"{name}.start", some, "")), hidden=True)

    def condition(self, *, always: int = 0) -> Condition:
        """Return a condition of one or two clauses; with probability `always` percent one that asks for nothing."""
        if self.often(always):
            return ALWAYS
        return Condition(tuple(self._clause() for _ in range(2 if self.often(25) else 1)))

    def _clause(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        variables = self.dice.sample(list(self.variables.values()), min(self.dice.randint(1, 2), len(self.variables)))
        return tuple((v.id, self._some_levels(v)) for v in variables)

    def _some_levels(self, variable: Variable) -> tuple[str, ...]:
        size = len(variable.levels)
        chosen = self.dice.sample(variable.levels, size - self.dice.randint(1, size - 1))
        return tuple(level for level in variable.levels if level in chosen)

    # ------------------------------------------------------------ what happens

    def window(self, percent: int) -> Window | None:
        """Return a calendar window, at times one that opens before the start or closes after the horizon."""
        if not self.windows or not self.often(percent):
            return None
        first = self.dice.randint(-3, self.horizon + 2)
        return Window(_date(first), _date(first + self.dice.randint(0, self.horizon)))

    def _move(self, name: str) -> Move:
        factors = tuple(
            Factor(self.shared_factor(f"{name}.times.{place}"), self.condition(always=10), self.window(25))
            for place in range(1, 1 + self.dice.randint(0, 2))
        )
        names = _names("outcome", self.dice.randint(1, 3))
        outcomes = tuple(
            Outcome(branch, branch, chance, self._effects(), self._odds(name, branch) if len(names) > 1 else ())
            for branch, chance in self.chances(name, names, ".chance")
        )
        return Move(
            name,
            self.dice.choice(list(ACTORS)),
            name,
            self.rate(f"{name}.rate"),
            when=self.condition(always=50),
            between=self.window(20),
            factors=factors,
            outcomes=outcomes,
            covert=self.often(20),
        )

    def _odds(self, move: str, outcome: str) -> tuple[Factor, ...]:
        """Return up to two factors on the odds of an outcome."""
        return tuple(
            Factor(self.shared_factor(f"{move}.{outcome}.times.{place}"), self.condition(always=10), self.window(25))
            for place in range(1, 1 + self.dice.choice((0, 0, 0, 1, 2)))
        )

    def _effects(self) -> tuple[Effect, ...]:
        some = self.dice.sample(list(self.variables.values()), min(self.dice.choice((1, 1, 2, 0)), len(self.variables)))
        return tuple(effect for v in some for effect in self._effects_on(v))

    def _effects_on(self, variable: Variable) -> list[Effect]:
        """Return one effect, at times only where a condition holds, or two effects of which one holds at a time."""
        if self.often(75):
            return [self._effect(variable, self.condition(always=80))]
        decides = self.dice.choice(list(self.variables.values()))
        some = self._some_levels(decides)
        others = tuple(level for level in decides.levels if level not in some)
        return [self._effect(variable, Condition((((decides.id, levels),),))) for levels in (some, others)]

    def _effect(self, variable: Variable, when: Condition) -> Effect:
        if self.often(50):
            return Effect(variable.id, shift=self.dice.choice((-2, -1, 1, 2)), when=when)
        return Effect(variable.id, level=self.dice.choice(variable.levels), when=when)

    # ------------------------------------------------------------ what is asked

    def _ending(self, name: str) -> Ending:
        """Return an ending that asks for one level in each of several variables, so that most of a world goes on.

        One world in ten may start at an ending.
        """
        some = self.dice.sample(list(self.variables.values()), min(self.dice.randint(1, 3), len(self.variables)))
        levels = {v.id: self.dice.choice(v.levels) for v in some}
        away = [level for level in some[0].levels if level not in dict(some[0].start)]
        if away and self.often(90):
            levels[some[0].id] = self.dice.choice(away)
        return Ending(name, name, Condition((tuple((v, (level,)) for v, level in levels.items()),)))

    def _ladder(self, name: str) -> Ladder:
        rungs = [Rung(rung, self.condition()) for rung in _names("rung", self.dice.randint(1, 3))]
        return Ladder(name, name, (Rung("ground"), *rungs))

    def _question(self, name: str, moves: dict[str, Move]) -> Question:
        if self.often(50):
            return Question(name, name, self.condition())
        move = self.dice.choice(list(moves.values()))
        outcome = self.dice.choice(move.outcomes).id if self.often(50) else None
        return Question(name, name, None, move.id, outcome)

    def _tallies(self, moves: dict[str, Move]) -> dict[str, Question]:
        """Return at times a question about a count, and where they are asked for one about a lull."""
        some = tuple(self.dice.sample(list(moves), min(self.dice.randint(1, 2), len(moves))))
        repeats = Question("often", "often", count=Repeats(some, self.dice.randint(1, 4)))
        pause = Question("pause", "pause", lull=Lull(some, self.horizon * self.dice.randint(1, 12) / 10))
        return ({"often": repeats} if self.often(30) else {}) | ({"pause": pause} if self.lulls else {})

    def amount(self, name: str, *, spread: bool) -> str:
        """Record an amount of an impact, half of those of events with a spread, and return its id."""
        self.number(name, "amount", 10.0 ** (self.dice.randint(-10, 10) / 10))
        if spread and self.often(50):
            value = self.assumptions[name].value * self.dice.choice((0.25, 1.0, 1.5))
            self.assumptions[name] = replace(self.assumptions[name], spread=value)
        return name

    def _impact(self, name: str, moves: dict[str, Move], endings: dict[str, Ending]) -> Impact:
        on = []
        for place in range(self.dice.randint(1, 2)):
            move = self.dice.choice(list(moves.values()))
            outcome = self.dice.choice([None, *(o.id for o in move.outcomes)])
            on.append(ImpulseReward(move.id, self.amount(f"{name}.on.{place + 1}", spread=True), outcome))
        days, ends = (range(1, 1 + self.dice.randint(0, 1)) for _ in range(2))
        per_day = [
            RateReward(self.amount(f"{name}.per_day.{n}", spread=False), self.condition(always=20)) for n in days
        ]
        at = [TerminalReward(self.dice.choice(list(endings)), self.amount(f"{name}.at.{n}", spread=True)) for n in ends]
        return Impact(name, name, "units", tuple(on), tuple(per_day), tuple(at))

    def _intervention(self, moves: dict[str, Move]) -> Intervention:
        date = _date(self.dice.randint(0, self.horizon))
        move = self.dice.choice(list(moves.values()))
        kind = self.dice.randint(0, 5)
        if kind == 0:
            return Force(move.id, date, self.dice.choice([None, *(o.id for o in move.outcomes)]))
        if kind == 1:
            start = self.dice.choice([None, date])
            return Forbid(move.id, start, until=self._until(date), when=self.condition(always=60))
        if kind == 3:
            rate = 10.0 ** (self.dice.randint(-20, 5) / 10)
            return Policy(move.id, rate, self.condition(), self.dice.choice([None, date]), until=self._until(date))
        variable = self.dice.choice(list(self.variables.values()))
        level = self.dice.choice(variable.levels)
        if kind == 4:
            return Hold(variable.id, level, self.dice.choice([None, date]), until=self._until(date))
        if kind == 5:
            return self._assume(move, date)
        return Pin(variable.id, level, date)

    def _assume(self, move: Move, date: dt.date) -> Assume:
        """Return an intervention that gives one of the assumptions of a move another value for a while."""
        takes_rest = any(outcome.chance is None for outcome in move.outcomes)
        chances = [outcome.chance for outcome in move.outcomes if outcome.chance and takes_rest]
        names = [factor.by for _, factor in move.placed_factors() if factor.by]
        name = self.dice.choice([move.rate, *names, *chances])
        value, when = self.assumptions[name].value * self.dice.choice([0.25, 0.5, 1.0, 2.0]), self.condition(always=40)
        if name in chances:
            value, when = min(value, self.assumptions[name].value), ALWAYS
        return Assume(name, value, when, self.dice.choice([None, date]), until=self._until(date))

    def _until(self, date: dt.date) -> dt.date | None:
        """Return when an intervention ends: never, or some days after a date."""
        return date + dt.timedelta(days=self.dice.randint(1, self.horizon)) if self.often(40) else None


def with_counter(world: Scenario, name: str, first: int, proportional: Sequence[str]) -> Scenario:
    """Return a world whose variable `name` counts from `first`, with some moves proportional to it."""
    numbers = {level: str(first + place) for place, level in enumerate(world.variables[name].levels)}

    def renamed(part: Any) -> Any:
        """Return a part of a world in which the levels of the variable are numbers."""
        if isinstance(part, Condition):
            clauses = (
                tuple((v, tuple(numbers[x] for x in levels) if v == name else levels) for v, levels in clause)
                for clause in part.clauses
            )
            return Condition(tuple(clauses))
        if isinstance(part, tuple):
            return tuple(renamed(item) for item in part)
        if isinstance(part, dict):
            return {key: renamed(item) for key, item in part.items()}
        if not is_dataclass(part):
            return part
        changed = {f.name: renamed(getattr(part, f.name)) for f in fields(part)}
        if isinstance(part, Effect | Pin | Hold) and part.variable == name and part.level is not None:
            changed["level"] = numbers[part.level]
        return replace(part, **changed)

    moves = {
        move: replace(item, factors=(*item.factors, *([Factor("", per=name)] if move in proportional else [])))
        for move, item in renamed(world.moves).items()
    }
    old = world.variables[name]
    start = tuple((numbers[level], share) for level, share in old.start)
    variable = replace(old, levels=tuple(numbers.values()), start=start, counter=True)
    parts = {
        part: renamed(getattr(world, part)) for part in ("endings", "ladders", "questions", "impacts", "interventions")
    }
    return world.replace(variables={**world.variables, name: variable}, moves=moves, **parts)


def _names(kind: str, count: int) -> list[str]:
    return [f"{kind}-{'abcdefgh'[index]}" for index in range(count)]


def _date(day: int) -> dt.date:
    return AS_OF + dt.timedelta(days=day)


def without_windows(scenario: Scenario) -> Scenario:
    """Return the world with every move and factor free of the calendar."""
    return scenario.replace(moves={name: move.without_windows() for name, move in scenario.moves.items()})
