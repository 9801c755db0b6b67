"""A slow and simple engine in pure Python, which defines the meaning of a scenario.

This is the direct method (Doob 1945; Gillespie 1977). The engine waits an exponential time at the total hazard. It
picks a move in proportion to its hazard, and one of the move's outcomes in proportion to their probabilities. It
applies the effects, and checks whether the history has ended. Hazards are constant between *dates*. On a date, a
calendar window opens or closes, an intervention acts, or a move with a fixed date may happen. Exponential waits are
memoryless, so a new wait is drawn at each date.

A move with the key `takes` needs a gamma-distributed amount of work. The work starts when the guard of the move (its
condition `when`) holds. Factors multiply the speed of the work. The move happens when the work is done.

This engine uses neither the tables nor the random numbers of the fast engines. So agreement between this engine and a
fast engine is evidence that both are right.

References: Doob, J. (1945) Markoff chains: denumerable case, Trans. AMS 58. Gillespie, D. (1977) Exact stochastic
simulation of coupled chemical reactions, J. Phys. Chem. 81.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping

from simlib.engines.reference_history import Event, Run, WorldState
from simlib.scenario.model import (
    Assume,
    Effect,
    Factor,
    Forbid,
    Force,
    Hold,
    Lasting,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    Scenario,
    Window,
)
from simlib.scenario.waits import percentiles


class Reference:
    """A scenario with its assumption values, ready to be simulated.

    Args:
        scenario: The scenario, with its interventions.
        values: Assumption values that replace stated ones, by name, in base units.
        horizon: The end of the history, in days after `as_of`. Default: the scenario's horizon.
        ignore_windows: Whether to ignore the calendar windows of moves and factors.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        values: Mapping[str, float] | None = None,
        horizon: float | None = None,
        ignore_windows: bool = False,
    ) -> None:
        self.scenario = scenario
        self.horizon = scenario.horizon_days if horizon is None else horizon
        self.values = {name: a.value for name, a in scenario.assumptions.items()} | dict(values or {})
        self.ignore_windows = ignore_windows

    # ---------------------------------------------------------------- rates and interventions at a time

    def dates(self) -> list[float]:
        """Return the days, from 0 on, between which hazards are constant.

        On these days hazards may change, interventions may act, and moves with a fixed date may happen.
        """
        scenario = self.scenario
        windows = [window for move in scenario for _, window in move.placed_windows()]
        days = [scenario.day(day) for window in windows for day in (window.first, window.last)]
        days += [day + 1 for day in days]  # a window closes the day after its last day (other dates do no harm)
        days += [scenario.day(move.at) for move in scenario if move.at]
        items = scenario.interventions
        days += [scenario.day(item.date) for item in items if item.date]
        days += [scenario.day(item.until) for item in items if isinstance(item, Lasting) and item.until]
        return sorted({0.0, *(day for day in days if 0 < day <= self.horizon)})

    def open(self, window: Window | None, day: float) -> bool:
        """Whether a calendar window is open on a day. A window includes its first and its last day."""
        if window is None or self.ignore_windows:
            return True
        return self.scenario.day(window.first) <= day < self.scenario.day(window.last) + 1

    def possible(self, move: Move, state: WorldState) -> bool:
        """Return whether the condition of a move holds and no counter that multiplies its rate is 0."""
        return move.when.holds(state) and all(int(state[counter]) > 0 for counter in move.per)

    def hazard(self, move: Move, state: WorldState, day: float) -> float:
        """Return the hazard of a move per day, in a state on a day.

        The hazard is the rate times the factors, or the rate that an intervention sets. It is 0 if the move is
        forbidden or not possible. Unless an intervention sets a rate, a
        move that takes some time or has a date has hazard 0: it happens when its work is done, or on its date.
        """
        standing = self.ruling(move, state, day)
        if not self.possible(move, state) or any(isinstance(item, Forbid) for item in standing):
            return 0.0
        if standing:
            return next(item.rate for item in reversed(standing) if isinstance(item, Policy))
        return 0.0 if move.takes or move.at else self.speed(move, state, day)

    def speed(self, move: Move, state: WorldState, day: float) -> float:
        """Return the rate of a move times its factors.

        For a move that takes some time, the result is the amount of its work that is done per day.
        """
        if not self.possible(move, state) or not self.open(move.between, day):
            return 0.0
        speed = self.value(move.rate, state, day)
        if move.takes:
            speed = percentiles(move.takes.stages)[1] / speed
        return speed * self.product(move.factors, state, day)

    def ruling(self, move: Move, state: WorldState, day: float) -> list[Forbid | Policy]:
        """Return the interventions that forbid a move or set its rate, in a state on a day."""
        return [
            item
            for item in self.scenario.interventions
            if isinstance(item, Forbid | Policy)
            and item.move == move.id
            and self.stands(item, day)
            and item.when.holds(state)
        ]

    def product(self, factors: tuple[Factor, ...], state: WorldState, day: float) -> float:
        """Return the product of the factors that apply in a state on a day."""
        apply = [each for each in factors if each.when.holds(state) and self.open(each.between, day)]
        return math.prod(int(state[each.per]) if each.per else self.value(each.by, state, day) for each in apply)

    def value(self, assumption: str, state: WorldState, day: float) -> float:
        """Return the value of an assumption in a state on a day.

        An intervention may assume another value than the stated one. If several interventions do, the last one in the
        scenario's list counts.
        """
        for item in reversed(self.scenario.interventions):
            if not isinstance(item, Assume) or item.assumption != assumption:
                continue
            if self.stands(item, day) and item.when.holds(state):
                return item.value
        return self.values[assumption]

    def stands(self, item: Lasting, day: float) -> bool:
        """Whether a lasting intervention is in force on a day."""
        begun = item.date is None or self.scenario.day(item.date) <= day
        over = item.until is not None and self.scenario.day(item.until) <= day
        return begun and not over

    def held(self, day: float) -> set[str]:
        """Return the variables that an intervention holds on a day, so that no move can change them."""
        items = self.scenario.interventions
        return {item.variable for item in items if isinstance(item, Hold) and self.stands(item, day)}

    def ending(self, state: WorldState) -> str | None:
        """Return the ending whose condition holds in a state, None if there is none.

        If the conditions of several endings hold, the first of them in the file counts.
        """
        return next((name for name, ending in self.scenario.endings.items() if ending.when.holds(state)), None)

    # ---------------------------------------------------------------- random choices

    def start(self, rng: random.Random) -> WorldState:
        """Draw the level of each variable on day 0, from the joint start if the scenario has one."""
        if states := self.scenario.joint_start:
            chosen = dict(rng.choices([state.levels for state in states], [s.probability for s in states])[0])
            return {name: chosen.get(name, v.start[0][0]) for name, v in self.scenario.variables.items()}
        starts = ((name, dict(v.start)) for name, v in self.scenario.variables.items())
        return {name: self.pick(rng, shares, self.values, {}) for name, shares in starts}

    def outcome(self, move: Move, state: WorldState, day: float, rng: random.Random) -> Outcome:
        """Draw an outcome of a move that happens in a state on a day."""
        now = {name: self.value(name, state, day) for name in self.values}
        odds = {outcome.id: self.product(outcome.factors, state, day) for outcome in move.outcomes}
        return move.outcome(self.pick(rng, {outcome.id: outcome.chance for outcome in move.outcomes}, now, odds))

    def pick(
        self,
        rng: random.Random,
        shares: Mapping[str, str | None],
        values: Mapping[str, float],
        odds: Mapping[str, float],
    ) -> str:
        """Draw one of several names.

        Args:
            rng: The random numbers.
            shares: For each name the assumption that gives its probability, or None for the name that gets the
                remaining probability.
            values: The values of the assumptions.
            odds: For each name a factor on its probability. Default: 1. The products are then normalized.
        """
        given = {name: values[share] for name, share in shares.items() if share is not None}
        rest = 1 - sum(given.values())
        return rng.choices(list(shares), [given.get(name, rest) * odds.get(name, 1.0) for name in shares])[0]

    def after(self, state: WorldState, effects: tuple[Effect, ...], held: Collection[str] = ()) -> WorldState:
        """Return the state that results from applying effects to a state.

        The conditions of all effects are tested in the state before the effects. A shift stops at the lowest or highest
        level. The variables in `held` keep their levels.
        """
        result = dict(state)
        for effect in effects:
            if effect.variable in held or not effect.when.holds(state):
                continue
            levels = self.scenario.variables[effect.variable].levels
            if effect.level is not None:
                result[effect.variable] = effect.level
            else:
                place = levels.index(state[effect.variable]) + (effect.shift or 0)
                result[effect.variable] = levels[min(max(place, 0), len(levels) - 1)]
        return result

    # ---------------------------------------------------------------- questions

    def first_time(self, story: Run, question: Question) -> float:
        """Return the day on which the answer to a question becomes yes in a history, or infinity."""
        if question.when is not None:
            states = [(0.0, story.start), *((event.time, event.state) for event in story.events)]
            return next((time for time, state in states if question.when.holds(state)), math.inf)
        firings = [e.time for e in story.events if e.move and question.counts(e.move, e.outcome or "")]
        return question.first_time(firings, min(story.ending_time, self.horizon))

    # ---------------------------------------------------------------- the story

    def run(self, rng: random.Random) -> Run:
        """Simulate one history to its ending or to the horizon."""
        start = self.start(rng)
        story = Run(start, start, ending=self.ending(start), impacts=dict.fromkeys(self.scenario.impacts, 0.0))
        story.ending_time = math.inf if story.ending is None else 0.0
        self._await(story, rng)
        self._gain_ending(story, rng)
        dates = self.dates()
        for begin, end in zip(dates, [*dates[1:], self.horizon], strict=True):
            self._intervene(story, begin, rng)
            self._keep_dates(story, begin, rng)
            self._wander(story, begin, end, rng)
        self._gain_days(story, self.horizon)
        return story

    def _intervene(self, story: Run, day: float, rng: random.Random) -> None:
        items = sorted(enumerate(self.scenario.interventions), key=lambda pair: not isinstance(pair[1], Hold))
        for number, item in items:
            if story.ending is not None:
                break
            if isinstance(item, Force) and self.scenario.day(item.date) == day:
                move = self.scenario.moves[item.move]
                story.without_effect[number] = not self.possible(move, story.state)
                if self.possible(move, story.state):
                    outcome = move.outcome(item.outcome) if item.outcome else self.outcome(move, story.state, day, rng)
                    self._happen(story, day, move.id, outcome, rng, number)
            elif isinstance(item, Pin | Hold) and (self.scenario.day(item.date) if item.date else 0.0) == day:
                if isinstance(item, Pin):
                    story.without_effect[number] = story.state[item.variable] == item.level
                if story.state[item.variable] != item.level:
                    effect = Outcome("", "", None, (Effect(item.variable, level=item.level),))
                    self._happen(story, day, None, effect, rng, number)

    def _keep_dates(self, story: Run, day: float, rng: random.Random) -> None:
        """Let the moves that have `day` as their fixed date happen.

        A move does not happen if its condition does not hold, or if an intervention forbids it or sets its rate.
        """
        for move in (move for move in self.scenario if move.at and self.scenario.day(move.at) == day):
            if story.ending is None and move.when.holds(story.state) and not self.ruling(move, story.state, day):
                self._happen(story, day, move.id, self.outcome(move, story.state, day, rng), rng)

    def _wander(self, story: Run, day: float, end: float, rng: random.Random) -> None:
        while story.ending is None:
            state = story.state
            hazards = {move.id: self.hazard(move, state, day) for move in self.scenario}
            total = sum(hazards.values())
            chance = rng.expovariate(total) if total > 0 else math.inf
            speeds = {name: self._awaited_speed(name, state, day) for name in story.work}
            due = {name: story.work[name] / speed for name, speed in speeds.items() if speed > 0}
            first = min(due, key=lambda name: due[name], default=None)
            step = min(chance, due[first] if first else math.inf)
            now = min(day + step, end)
            story.work = {name: left - speeds[name] * (now - day) for name, left in story.work.items()}
            day += step
            if day >= end:
                break
            by_chance = first is None or chance < due[first]
            name = rng.choices(list(hazards), list(hazards.values()))[0] if by_chance else first
            move = self.scenario.moves[name or ""]
            self._happen(story, day, move.id, self.outcome(move, state, day, rng), rng)

    def _awaited_speed(self, name: str, state: WorldState, day: float) -> float:
        # While an intervention replaces the rate of the move, no work is done.
        move = self.scenario.moves[name]
        return 0.0 if self.ruling(move, state, day) else self.speed(move, state, day)

    def _await(self, story: Run, rng: random.Random) -> None:
        """Draw an amount of work for each move that takes time and has just become possible.

        Remove the work of moves that are no longer possible.
        """
        for move in self.scenario:
            if not move.takes or not self.possible(move, story.state):
                story.work.pop(move.id, None)
            elif move.id not in story.work:
                story.work[move.id] = rng.gammavariate(move.takes.stages, 1.0)

    def _happen(
        self, story: Run, day: float, move: str | None, outcome: Outcome, rng: random.Random, number: int | None = None
    ) -> None:
        self._gain_days(story, day)
        story.state = self.after(story.state, outcome.effects, () if move is None else self.held(day))
        story.events.append(Event(day, move, None if move is None else outcome.id, story.state, number))
        story.work.pop(move or "", None)
        self._await(story, rng)
        story.ending = self.ending(story.state)
        for impact in self.scenario.impacts.values():
            for item in impact.on:
                if item.move == move and item.outcome in (None, outcome.id):
                    story.impacts[impact.id] += self.amount(item.each, rng)
        if story.ending is not None:
            story.ending_time = day
            self._gain_ending(story, rng)

    # ---------------------------------------------------------------- impacts

    def amount(self, assumption: str, rng: random.Random) -> float:
        """Draw a lognormal amount of an impact with the assumption's mean and spread.

        If the spread is 0, return the mean.
        """
        mean, spread = self.values[assumption], self.scenario.assumptions[assumption].spread
        variance = math.log(1 + (spread / mean) ** 2)
        return rng.lognormvariate(math.log(mean) - variance / 2, math.sqrt(variance)) if spread else mean

    def _gain_days(self, story: Run, day: float) -> None:
        """Add what the impacts gain per day in the present state, from day `story.noted` to `day`.

        After an ending, nothing is added.
        """
        if story.ending is None:
            for impact in self.scenario.impacts.values():
                for item in impact.per_day:
                    if item.when.holds(story.state):
                        story.impacts[impact.id] += self.values[item.amount] * (day - story.noted)
        story.noted = day

    def _gain_ending(self, story: Run, rng: random.Random) -> None:
        for impact in self.scenario.impacts.values():
            for item in impact.at_endings:
                if item.ending == story.ending:
                    story.impacts[impact.id] += self.amount(item.amount, rng)


def sample(scenario: Scenario, runs: int, *, seed: int = 0, **options: object) -> list[Run]:
    """Simulate `runs` independent histories of a scenario. `options` are passed to `Reference`."""
    reference, rng = Reference(scenario, **options), random.Random(seed)  # type: ignore[arg-type]
    return [reference.run(rng) for _ in range(runs)]
