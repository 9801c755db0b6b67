"""An independent second opinion on the exact engine: dense, slow, and short enough to check by eye.

It reads a `Scenario` word by word (level names, `Condition.holds`, dates) and shares nothing with the tables or the
engines. Every combination of levels is a state, reachable or not; the generator is one dense matrix; time is carried
by `scipy.linalg.expm` between the instants at which anything changes. Good for a few hundred states.

A question needs to remember whether it has happened, so each is answered by a chain of its own over (state, happened).
Expected counts are integrals of the hazards: they ride along as extra columns of the matrix (Van Loan 1978).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import expm
from scipy.stats import gamma

from simlib.scenario.model import (
    Assume,
    Effect,
    Factor,
    Forbid,
    Force,
    Hold,
    Impact,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    Scenario,
)

State = tuple[tuple[str, ...], int]
"""One level for each variable, then the stages done of each move that takes a while, and a count.

The count says how often what the question asks for has happened, up to its goal.
"""

NOBODY = 1e-9
"""A probability that rounding in a dense product may leave behind: of so few, no share is told."""


@dataclass
class Answer:
    """What the oracle says at each report time, in the shapes of a `Forecast`."""

    endings: dict[str, np.ndarray] = field(default_factory=dict)
    variables: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    ladders: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    moves: dict[str, np.ndarray] = field(default_factory=dict)
    questions: dict[str, np.ndarray] = field(default_factory=dict)
    without_effect: list[float | None] = field(default_factory=list)
    impacts: dict[str, np.ndarray] = field(default_factory=dict)
    """For each impact its mean and its mean square (2, times)."""
    given: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    """For each impact and ending the mean where that ending has been reached, times its probability."""


def solve(scenario: Scenario, times: Sequence[float], values: Mapping[str, float] | None = None) -> Answer:
    """Answer everything about a scenario at its stated values, some replaced by `values`, at `times` in days."""
    answer = Answer()
    machine = Machine(scenario, values)
    vectors, answer.without_effect = machine.carry(times)
    levels = [(vectors[:, x], state[0]) for x, state in enumerate(machine.states)]
    for ending in [*scenario.endings, "ongoing"]:
        answer.endings[ending] = total((p for p, x in levels if (machine.ending(x) or "ongoing") == ending), len(times))
    for place, variable in enumerate(scenario.variables.values()):
        answer.variables[variable.id] = {
            level: total((p for p, x in levels if x[place] == level), len(times)) for level in variable.levels
        }
    for ladder in scenario.ladders.values():
        answer.ladders[ladder.id] = {
            rung.id: total((p for p, x in levels if machine.rung(ladder, x) == rung.id), len(times))
            for rung in ladder.rungs
        }
    for place, move in enumerate(scenario.moves):
        answer.moves[move] = vectors[:, len(machine.states) + place]
    for question in scenario.questions.values():
        asked = Machine(scenario, values, question)
        vectors, _ = asked.carry(times)
        happened = [x for x, state in enumerate(asked.states) if state[1] == asked.goal]
        answer.questions[question.id] = vectors[:, happened].sum(axis=1)
    for impact in scenario.impacts.values():
        summing = Summing(scenario, values, impact)
        first, second = np.split(summing.carry(times)[0], 3, axis=1)[1:]
        answer.impacts[impact.id] = np.array([first.sum(axis=1), second.sum(axis=1)])
        at = [summing.ending(levels) for levels, _ in summing.states]
        answer.given[impact.id] = {
            e: first[:, [index for index, name in enumerate(at) if name == e]].sum(axis=1) for e in scenario.endings
        }
    return answer


def total(parts: Iterable[np.ndarray], times: int) -> np.ndarray:
    """Sum series over the report times, of which there may be none."""
    return sum(parts, np.zeros(times))


class Machine:
    """A scenario as one dense chain over (levels, how often has what the question asks for happened)."""

    def __init__(self, scenario: Scenario, values: Mapping[str, float] | None = None, question: Question | None = None):
        self.scenario, self.question = scenario, question
        self.value = {name: a.value for name, a in scenario.assumptions.items()} | dict(values or {})
        self.waits = [move for move in scenario if move.takes]
        stages = [[str(done) for done in range(move.takes.stages)] for move in self.waits]
        combinations = itertools.product(*(v.levels for v in scenario.variables.values()), *stages)
        self.goal = question.count.at_least if question and question.count else 1
        flags = (0,) if question is None else range(self.goal + 1)
        self.states: list[State] = list(itertools.product(combinations, flags))
        self.position = {state: index for index, state in enumerate(self.states)}
        self.counter = {move: len(self.states) + place for place, move in enumerate(scenario.moves)}

    # ------------------------------------------------------------ what a state is

    def named(self, levels: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(self.scenario.variables, levels, strict=False))

    def done(self, move: Move, levels: tuple[str, ...]) -> int:
        """Return the stages that a move which takes a while has behind it."""
        return int(levels[len(self.scenario.variables) + self.waits.index(move)])

    def settled(self, levels: tuple[str, ...]) -> tuple[str, ...]:
        """Begin the waits of all moves that are not possible anew."""
        count, named = len(self.scenario.variables), self.named(levels)
        stages = [s if self.possible(m, named) else "0" for m, s in zip(self.waits, levels[count:], strict=True)]
        return (*levels[:count], *stages)

    def with_stages(self, levels: tuple[str, ...], move: Move, done: int) -> tuple[str, ...]:
        place = len(self.scenario.variables) + self.waits.index(move)
        return (*levels[:place], str(done), *levels[place + 1 :])

    def ending(self, levels: tuple[str, ...]) -> str | None:
        return next((e.id for e in self.scenario.endings.values() if e.when.holds(self.named(levels))), None)

    def rung(self, ladder, levels: tuple[str, ...]) -> str:
        return next(rung.id for rung in reversed(ladder.rungs) if rung.when.holds(self.named(levels)))

    def happened(self, levels: tuple[str, ...], before: int = 0) -> int:
        """Say how often the question has happened, given that the state is now `levels`."""
        if self.question is None or self.question.when is None:
            return min(before, self.goal)
        return max(before, int(self.question.when.holds(self.named(levels))))

    def asks_for(self, move: Move, outcome: Outcome) -> bool:
        asked = self.question
        if asked is None:
            return False
        moves = asked.count.moves if asked.count else (asked.move,)
        return move.id in moves and asked.outcome in (None, outcome.id)

    # ------------------------------------------------------------ what can happen in it

    def hazard(self, move: Move, levels: tuple[str, ...], day: float) -> float:
        """Return the hazard per day of a move, or of the next stage of its wait, in a state at a time."""
        named = self.named(levels)
        if self.ending(levels) or not self.possible(move, named):
            return 0.0
        ruling = [i for i in self.scenario.interventions if isinstance(i, Forbid | Policy) and i.move == move.id]
        standing = [i for i in ruling if self.stands(i, named, day)]
        if any(isinstance(i, Forbid) for i in standing):
            return 0.0
        if standing:
            return standing[-1].rate
        if not self.open(move.between, day):
            return 0.0
        if move.at:
            return 0.0
        value = self.values(named, day)
        rate = gamma(move.takes.stages).median() / value[move.rate] if move.takes else value[move.rate]
        return rate * self.product(move.factors, named, day)

    def product(self, factors: Sequence[Factor], named: Mapping[str, str], day: float) -> float:
        """Return the product of the factors that apply at a time in a state."""
        value, result = self.values(named, day), 1.0
        for factor in factors:
            if factor.when.holds(named) and self.open(factor.between, day):
                result *= float(named[factor.per]) if factor.per else value[factor.by]
        return result

    def ruled(self, move: Move, levels: tuple[str, ...], day: float) -> bool:
        """Say whether an intervention decides about a move in a state at a time."""
        ruling = [i for i in self.scenario.interventions if isinstance(i, Forbid | Policy) and i.move == move.id]
        return any(self.stands(i, self.named(levels), day) for i in ruling)

    def possible(self, move: Move, named: Mapping[str, str]) -> bool:
        """Say whether a move can happen in a state: not if it is proportional to a counter that is at 0."""
        return move.when.holds(named) and all(int(named[counter]) > 0 for counter in move.per)

    def stands(self, item, named: Mapping[str, str], day: float) -> bool:
        """Say whether an intervention that lasts applies at a time in a state."""
        if not isinstance(item, Hold) and not item.when.holds(named):
            return False
        return self.day(item) <= day and (item.until is None or day < self.scenario.day(item.until))

    def values(self, named: Mapping[str, str], day: float) -> dict[str, float]:
        """Return the values of all assumptions at a time in a state."""
        assumed = [i for i in self.scenario.interventions if isinstance(i, Assume) and self.stands(i, named, day)]
        return self.value | {item.assumption: item.value for item in assumed}

    def held(self, day: float) -> set[str]:
        """Return the variables that no move changes at a time."""
        return {i.variable for i in self.scenario.interventions if isinstance(i, Hold) and self.stands(i, {}, day)}

    def open(self, window, day: float) -> bool:
        """Say whether a calendar window is open: both its dates count in full."""
        return window is None or self.scenario.day(window.first) <= day < self.scenario.day(window.last) + 1

    def day(self, intervention) -> float:
        return 0.0 if intervention.date is None else self.scenario.day(intervention.date)

    def chances(self, move: Move, levels: tuple[str, ...], day: float) -> dict[str, float]:
        named = self.named(levels)
        stated = shares([(outcome.id, outcome.chance) for outcome in move.outcomes], self.values(named, day))
        weights = {o.id: stated[o.id] * self.product(o.factors, named, day) for o in move.outcomes}
        return {name: weight / sum(weights.values()) for name, weight in weights.items()}

    def after(self, outcome: Outcome, levels: tuple[str, ...], day: float) -> tuple[str, ...]:
        """Return the state that an outcome leads to: effects read the state before it, then saturate."""
        new, held = self.named(levels), self.held(day)
        for effect in outcome.effects:
            if effect.variable not in held and effect.when.holds(self.named(levels)):
                new[effect.variable] = self.moved(effect, levels)
        return self.settled((*new.values(), *levels[len(new) :]))

    def moved(self, effect: Effect, levels: tuple[str, ...]) -> str:
        names = self.scenario.variables[effect.variable].levels
        if effect.shift is None:
            return str(effect.level)
        place = names.index(self.named(levels)[effect.variable]) + effect.shift
        return names[min(max(place, 0), len(names) - 1)]

    def fired(self, move: Move, outcome: Outcome, state: State, day: float) -> State:
        before = self.with_stages(state[0], move, 0) if move.takes else state[0]
        new = self.after(outcome, before, day)
        return new, self.happened(new, state[1] + self.asks_for(move, outcome))

    # ------------------------------------------------------------ how probability flows

    def generator(self, day: float) -> np.ndarray:
        """Return the generator at a time, and beside it one column for the count of each move."""
        size = len(self.states) + len(self.counter)
        matrix = np.zeros((size, size))
        for x, state in enumerate(self.states):
            for move, _, new, rate in self.flows(state, day):
                matrix[x, self.position[new]] += rate
                matrix[x, x] -= rate
                if move is not None:
                    matrix[x, self.counter[move]] += rate
        return matrix

    def flows(self, state: State, day: float) -> Iterator[tuple[str | None, str | None, State, float]]:
        """Yield (move, outcome, state after it, rate per day) of all that can happen in a state (None: a stage)."""
        for move in self.scenario.moves.values():
            hazard = self.hazard(move, state[0], day)
            if move.takes and not self.ruled(move, state[0], day):
                done = self.done(move, state[0]) + 1
                if done < move.takes.stages:
                    yield None, None, (self.with_stages(state[0], move, done), state[1]), hazard
                    continue
            for outcome, chance in self.chances(move, state[0], day).items():
                yield move.id, outcome, self.fired(move, move.outcome(outcome), state, day), hazard * chance

    def start(self) -> np.ndarray:
        """Return the distribution at t = 0 before any intervention, with all counts at zero."""
        spreads = [shares(v.start, self.value).items() for v in self.scenario.variables.values()]
        vector = np.zeros(len(self.states) + len(self.counter))
        for combination in itertools.product(*spreads):
            levels = (*(level for level, _ in combination), *("0" for _ in self.waits))
            vector[self.position[levels, self.happened(levels)]] += np.prod([share for _, share in combination])
        return vector

    def act(self, intervention: Force | Pin | Hold, vector: np.ndarray, day: float) -> tuple[np.ndarray, float | None]:
        """Apply an intervention; return the new vector, and the share without effect of what was still going."""
        result, going, idle = vector.copy(), 0.0, 0.0
        for x, state in enumerate(self.states):
            branches = self.branches(intervention, state, day)
            going += 0.0 if self.ending(state[0]) else vector[x]
            idle += 0.0 if self.ending(state[0]) or self.has_effect(intervention, state) else vector[x]
            if branches:
                result[x] -= vector[x]
            for new, chance in branches:
                result[self.position[new]] += vector[x] * chance
            if isinstance(intervention, Force):
                result[self.counter[intervention.move]] += vector[x] if branches else 0.0
        return result, idle / going if going > NOBODY and not isinstance(intervention, Hold) else None

    def has_effect(self, intervention: Force | Pin | Hold, state: State) -> bool:
        """Say whether a forced move fires at all, or a pin changes the level, in a state that is no ending."""
        if isinstance(intervention, Force):
            return self.possible(self.scenario.moves[intervention.move], self.named(state[0]))
        return self.named(state[0])[intervention.variable] != intervention.level

    def branches(self, intervention: Force | Pin | Hold, state: State, day: float) -> list[tuple[State, float]]:
        """Return where an intervention leads from a state, with chances; nothing where it does nothing."""
        if self.ending(state[0]):
            return []
        if isinstance(intervention, Pin | Hold):
            named = self.named(state[0]) | {intervention.variable: intervention.level}
            new = self.settled((*named.values(), *state[0][len(named) :]))
            return [((new, self.happened(new, state[1])), 1.0)]
        move = self.scenario.moves[intervention.move]
        if not self.possible(move, self.named(state[0])):
            return []
        given = intervention.outcome
        chances = self.chances(move, state[0], day) if given is None else {given: 1.0}
        return [(self.fired(move, move.outcome(name), state, day), chance) for name, chance in chances.items()]

    # ------------------------------------------------------------ time

    def actions(self) -> list[tuple[float, int]]:
        """Return (day, number) of all that acts at a moment: by time, what is held first, then as listed."""
        listed = [(n, i) for n, i in enumerate(self.scenario.interventions) if isinstance(i, Force | Pin | Hold)]
        return [(day, n) for day, _, n in sorted((self.day(i), not isinstance(i, Hold), n) for n, i in listed)]

    def changes(self) -> set[float]:
        """Return every time at which a rate changes or an intervention acts."""
        factors = [f for m in self.scenario.moves.values() for some in (m, *m.outcomes) for f in some.factors]
        windows = [w.between for w in (*self.scenario.moves.values(), *factors) if w.between]
        opens = {self.scenario.day(w.first) for w in windows}
        closes = {self.scenario.day(w.last) + 1 for w in windows}
        ends = {self.scenario.day(i.until) for i in self.scenario.interventions if getattr(i, "until", None)}
        dates = {self.scenario.day(move.at) for move in self.scenario if move.at}
        return opens | closes | ends | dates | {self.day(item) for item in self.scenario.interventions}

    def keep_date(self, move: Move, vector: np.ndarray, day: float) -> np.ndarray:
        """Let a move on its date happen where its guard holds and no intervention decides about it."""
        result = vector.copy()
        for x, state in enumerate(self.states):
            happens = move.when.holds(self.named(state[0])) and not self.ruled(move, state[0], day)
            if happens and not self.ending(state[0]):
                result[x] -= vector[x]
                result[self.counter[move.id]] += vector[x]
                for name, chance in self.chances(move, state[0], day).items():
                    new = self.fired(move, move.outcome(name), state, day)
                    result[self.position[new]] += vector[x] * chance
        return result

    def carry(self, times: Sequence[float]) -> tuple[np.ndarray, list[float | None]]:
        """Return the vector at each time, what happens at that instant included, and how often each action idled."""
        vector, clock, vectors = self.start(), 0.0, {}
        idle: list[float | None] = [None] * len(self.scenario.interventions)
        for stop in sorted({0.0, *times} | {t for t in self.changes() if 0 <= t <= max(times)}):
            vector = vector @ expm(self.generator(clock) * (stop - clock))
            clock = stop
            for _, number in (pair for pair in self.actions() if pair[0] == stop):
                vector, idle[number] = self.act(self.scenario.interventions[number], vector, stop)
            for move in self.scenario:
                if move.at and self.scenario.day(move.at) == stop:
                    vector = self.keep_date(move, vector, stop)
            vectors[stop] = vector
        return np.array([vectors[time] for time in times]), idle


class Summing(Machine):
    """The dense chain with the first two moments of one impact: vectors are (p, E[R; x], E[R²; x]), end to end."""

    def __init__(self, scenario: Scenario, values: Mapping[str, float] | None, impact: Impact):
        super().__init__(scenario, values)
        self.impact, self.counter = impact, {}

    def moments(self, amounts: Iterable[str]) -> np.ndarray:
        """Return 1, the mean and the mean square of a sum of independent amounts."""
        names = list(amounts)
        mean = sum(self.value[name] for name in names)
        return np.array([1, mean, mean**2 + sum(self.scenario.assumptions[name].spread ** 2 for name in names)])

    def gained(self, move: str | None, outcome: str | None, before: State, after: State) -> np.ndarray:
        by_firing = [r.each for r in self.impact.on if r.move == move and r.outcome in (None, outcome)]
        new = self.ending(after[0]) if self.ending(before[0]) is None else None
        return self.moments([*by_firing, *(r.amount for r in self.impact.at_endings if r.ending == new is not None)])

    def blocks(self, one: np.ndarray, two: np.ndarray, three: np.ndarray) -> np.ndarray:
        """Return the map of (p, n, s) made of maps that gain nothing, an amount, and its square."""
        none = np.zeros_like(one)
        return np.block([[one, two, three], [none, one, 2 * two], [none, none, one]])

    def generator(self, day: float) -> np.ndarray:
        size = len(self.states)
        flow = np.zeros((3, size, size))
        for x, state in enumerate(self.states):
            named = self.named(state[0])
            for move, outcome, new, rate in self.flows(state, day):
                flow[0, x, x] -= rate
                flow[:, x, self.position[new]] += rate * self.gained(move, outcome, state, new)
            if self.ending(state[0]) is None:
                flow[1, x, x] += sum(self.value[r.amount] for r in self.impact.per_day if r.when.holds(named))
        return self.blocks(*flow)

    def start(self) -> np.ndarray:
        spread = super().start()
        at = [
            [r.amount for r in self.impact.at_endings if r.ending == self.ending(levels)] for levels, _ in self.states
        ]
        return np.concatenate(list(spread * np.array([self.moments(amounts) for amounts in at]).T))

    def act(self, intervention: Force | Pin | Hold, vector: np.ndarray, day: float) -> tuple[np.ndarray, float | None]:
        size = len(self.states)
        flow = np.zeros((3, size, size))
        for x, state in enumerate(self.states):
            branches = self.named_branches(intervention, state, day)
            for name, new, chance in branches or [(None, state, 1.0)]:
                move = intervention.move if isinstance(intervention, Force) and branches else None
                flow[:, x, self.position[new]] += chance * self.gained(move, name, state, new)
        return vector @ self.blocks(*flow), None

    def keep_date(self, move: Move, vector: np.ndarray, day: float) -> np.ndarray:
        size = len(self.states)
        flow = np.zeros((3, size, size))
        for x, state in enumerate(self.states):
            happens = move.when.holds(self.named(state[0])) and not self.ruled(move, state[0], day)
            if not happens or self.ending(state[0]):
                flow[0, x, x] = 1.0
                continue
            for name, chance in self.chances(move, state[0], day).items():
                new = self.fired(move, move.outcome(name), state, day)
                flow[:, x, self.position[new]] += chance * self.gained(move.id, name, state, new)
        return vector @ self.blocks(*flow)

    def named_branches(self, intervention, state: State, day: float) -> list[tuple[str | None, State, float]]:
        branches = self.branches(intervention, state, day)
        if not branches or not isinstance(intervention, Force):
            return [(None, *branch) for branch in branches]
        move = self.scenario.moves[intervention.move]
        names = [intervention.outcome] if intervention.outcome else [outcome.id for outcome in move.outcomes]
        return [(name, *branch) for name, branch in zip(names, branches, strict=True)]


def shares(parts, value: Mapping[str, float]) -> dict[str, float]:
    """Return {name: probability}: the given ones, and what they leave for the one that takes the rest."""
    given = {name: value[assumption] for name, assumption in parts if assumption is not None}
    rest = {name: 1 - sum(given.values()) for name, assumption in parts if assumption is None}
    return {name: (given | rest)[name] for name, _ in parts}
