"""PRISM expressions for the conditions, hazards, probabilities and updates of a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simlib.export.names import Names
from simlib.scenario.model import Condition, Factor, Move, Outcome, Scenario
from simlib.scenario.waits import percentiles

LISTED_LEVELS = 8
"""A condition "any level but one" is written as a list if the variable has at most this many levels."""

OUTCOME_SUM_TOLERANCE = 1e-12
"""The probabilities of outcomes are not scaled if their sum differs from 1 by less than this."""


@dataclass(frozen=True, slots=True)
class Expressions:
    """Writes parts of a scenario as expressions of PRISM, with the identifiers in `names`."""

    scenario: Scenario
    names: Names

    def waits(self) -> Iterator[tuple[Move, int]]:
        """Yield (move, number of stages) for each move whose waiting time has several stages."""
        for move in self.scenario:
            if move.id in self.names.waiting and move.takes:
                yield move, move.takes.stages

    def guard(self, move: Move, *, waiting: bool = False) -> str:
        """Return the condition under which a move can happen.

        With `waiting`, return the condition under which the waiting time of the move can enter its next stage.
        """
        when = self.condition(move.when)
        parts = [f"!{self.names.ended}", *([] if when == "true" else [bracket(when)])]
        parts += [f"{self.names.variable[name]}>0" for name in move.per]
        if move.id in self.names.waiting and move.takes:
            last = move.takes.stages - 1
            parts.append(f"{self.names.waiting[move.id]}{'<' if waiting else '='}{last}")
        return " & ".join(parts)

    def hazard(self, move: Move) -> str:
        """Return a move's rate per day or, if its wait has stages, the rate at which a stage ends."""
        rate = self.names.constant[move.rate]
        return self.product(f"{percentiles(move.takes.stages)[1]!r} / {rate}" if move.takes else rate, move.factors)

    def product(self, first: str, factors: tuple[Factor, ...]) -> str:
        """Return the expression `first` times each factor whose condition holds."""
        parts = [first]
        for factor in factors:
            if factor.per:
                parts.append(self.names.variable[factor.per])
                continue
            name, when = self.names.constant[factor.by], self.condition(factor.when)
            if when == "true":
                parts.append(name)
            elif when != "false":
                parts.append(f"({bracket(when)} ? {name} : 1)")
        return " * ".join(parts)

    def chance(self, move: Move, outcome: Outcome) -> str:
        """Return the probability of an outcome when its move happens ("" if it is 1)."""
        if weighted(move):
            weights = [self.names.weight[move.id, each.id] for each in move.outcomes]
            return f"{self.names.weight[move.id, outcome.id]} / ({' + '.join(weights)})"
        given = [self.names.constant[o.chance] for o in move.outcomes if o.chance is not None]
        whole = len(given) < len(move.outcomes) or abs(self._total(move) - 1) < OUTCOME_SUM_TOLERANCE
        return self.share(move, outcome) + ("" if whole else f" / ({' + '.join(given)})")

    def share(self, move: Move, outcome: Outcome) -> str:
        """Return the probability of an outcome, before factors and normalization ("" if it is 1)."""
        if outcome.chance is not None:
            return self.names.constant[outcome.chance]
        given = [self.names.constant[o.chance] for o in move.outcomes if o.chance is not None]
        rest = f"1 - {' - '.join(given)}"
        return "" if not given else f"({rest})" if self._total(move) < 1 - OUTCOME_SUM_TOLERANCE else f"max(0, {rest})"

    def _total(self, move: Move) -> float:
        return sum(self.scenario.assumptions[o.chance].value for o in move.outcomes if o.chance is not None)

    def update(self, move: Move, outcome: Outcome) -> str:
        """Return the PRISM update of variables and stages of waits for a move with an outcome."""
        new = self.new_levels(outcome)
        parts = [f"{self.names.variable[name]}'={value}" for name, value in new.items()]
        parts += [part for awaited, _ in self.waits() if (part := self._new_stage(awaited, move, new))]
        return " & ".join(f"({part})" for part in parts) or "true"

    def _new_stage(self, awaited: Move, move: Move, new: Mapping[str, str]) -> str:
        """Return the PRISM update for the stage of the wait for `awaited`, when `move` happens.

        Return "" if the stage stays the same.
        """
        stage = self.names.waiting[awaited.id]
        if awaited is move:
            return f"{stage}'=0"
        after = self.levels_after(new)
        over = [ending.when for ending in self.scenario.endings.values() if set(ending.when.variables) & new.keys()]
        ended = [self.condition(when, after) for when in over]
        possible = self.condition(awaited.when, after) if set(awaited.when.variables) & new.keys() else "true"
        if possible == "false" or "true" in ended:
            return f"{stage}'=0"
        goes_on = [f"({possible})"] * (possible != "true") + [f"!({text})" for text in ended if text != "false"]
        goes_on += [f"{after[counter]}>0" for counter in awaited.per if counter in new]
        return f"{stage}'=({' & '.join(goes_on)}) ? {stage} : 0" if goes_on else ""

    def new_levels(self, outcome: Outcome) -> dict[str, str]:
        """Return {variable: expression for its new level} for the variables that an outcome changes."""
        changed = dict.fromkeys(effect.variable for effect in outcome.effects)
        return {name: self._new_level(name, outcome) for name in changed}

    def levels_after(self, new: Mapping[str, str]) -> dict[str, str]:
        """Return {variable: expression for its level} after an outcome with the changes `new`."""
        return self.names.variable | {name: f"({value})" for name, value in new.items()}

    def _new_level(self, variable: str, outcome: Outcome) -> str:
        """Return the PRISM expression for the level of a variable after an outcome.

        In each state at most one effect of the outcome changes the variable. So the order of the effects does not
        matter.
        """
        name, known = self.names.variable[variable], self.scenario.variables[variable]
        first, last, result = known.first, known.first + len(known.levels) - 1, name
        for effect in (effect for effect in outcome.effects if effect.variable == variable):
            shift, when = effect.shift or 0, self.condition(effect.when)
            to = f"max({name}-{-shift}, {first})" if shift < 0 else f"min({name}+{shift}, {last})"
            to = to if effect.level is None else str(first + known.levels.index(effect.level))
            result = to if when == "true" else f"({bracket(when)} ? {to} : {result})"
        return result

    def condition(self, condition: Condition, values: Mapping[str, str] | None = None) -> str:
        """Return a condition on the state as a PRISM expression.

        The expression is "true" or "false" if the condition always or never holds. `values` gives the expression for
        the level of each variable. By default this expression is the identifier of the variable.
        """
        values = self.names.variable if values is None else values
        clauses = [self._clause(clause, values) for clause in condition.clauses]
        if "true" in clauses:
            return "true"
        possible = [clause for clause in clauses if clause != "false"]
        if len(possible) > 1:
            return " | ".join(f"({clause})" if " & " in clause else clause for clause in possible)
        return possible[0] if possible else "false"

    def _clause(self, clause: tuple[tuple[str, tuple[str, ...]], ...], values: Mapping[str, str]) -> str:
        tests = [self._levels(variable, levels, values[variable]) for variable, levels in clause]
        if "false" in tests:
            return "false"
        return " & ".join(test for test in tests if test != "true") or "true"

    def _levels(self, variable: str, levels: tuple[str, ...], name: str) -> str:
        known, lowest = self.scenario.variables[variable].levels, self.scenario.variables[variable].first
        last, some = lowest + len(known) - 1, set(levels)
        allowed = [index for index, level in enumerate(known, start=lowest) if level in some]
        if not allowed or len(allowed) == len(known):
            return "true" if allowed else "false"
        if (level := name.strip("()")).isdecimal():  # an outcome sets the variable
            return "true" if int(level) in allowed else "false"
        first, final = allowed[0], allowed[-1]
        if first == final:
            return f"{name}={first}"
        if final - first + 1 == len(allowed):
            bounds = [f"{name}>={first}"] * (first > lowest) + [f"{name}<={final}"] * (final < last)
            return " & ".join(bounds)
        missing = set(range(lowest, last + 1)) - set(allowed)
        if len(missing) == 1 and len(known) > LISTED_LEVELS:
            return f"{name}!={missing.pop()}"
        return "(" + " | ".join(f"{name}={index}" for index in allowed) + ")"


def weighted(move: Move) -> bool:
    """Whether factors make the probabilities of the outcomes of a move depend on the state."""
    return any(outcome.factors for outcome in move.outcomes)


def bracket(text: str) -> str:
    """Put an expression in brackets if it contains an operator "and" or "or"."""
    return f"({text})" if " & " in text or " | " in text else text
