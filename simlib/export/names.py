"""Identifiers of the PRISM language for the names in a scenario.

Hyphens and dots become underscores. A prefix, an underscore or a number is added to a name that begins with a digit, is
a reserved word of the language, or would be the same as another name. Constants, variables, formulas and modules share
one name space. Labels and reward structures have separate name spaces.
"""

from __future__ import annotations

import itertools
import re

from simlib.scenario.model import Scenario

_KEYWORDS = """
    A bool clock const ctmc ctmdp C double dtmc E endinit endinvariant endmodule endobservables endplayer endrewards
    endsystem false formula filter func F global G init invariant I int label max mdp min module X nondeterministic
    observable observables of Pmax Pmin P pomdp popta player probabilistic prob pta rate rewards Rmax Rmin R S smg
    stochastic system true U W ma mod pow log exp floor ceil round abs sgn trunc sin cos tan iff ite not and or xor
    deadlock multi LRA T
"""
PRISM_KEYWORDS = frozenset(_KEYWORDS.split())
"""Words of PRISM and Storm that cannot be names. `init` and `deadlock` are labels of every model."""


class _Space:
    """Makes identifiers that are different from one another."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, name: str, otherwise: str = "") -> str:
        """Return an unused identifier. It is made from `name`, or else from `otherwise`.

        If both are used already, a number is added.
        """
        options = [identifier(name), *([identifier(otherwise)] if otherwise else [])]
        numbered = (f"{options[-1]}_{number}" for number in itertools.count(2))
        free = next(option for option in itertools.chain(options, numbered) if option not in self._taken)
        self._taken.add(free)
        return free


def identifier(name: str) -> str:
    """Return `name`, changed if it is no valid PRISM identifier or is a reserved word."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not text or text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if text in PRISM_KEYWORDS else text


class Names:
    """The PRISM identifiers for the names in a scenario, as one mapping for each kind of thing.

    Most mappings are {id: identifier}. `weight` is {(move, outcome): identifier}.
    """

    def __init__(self, scenario: Scenario) -> None:
        space, labels, rewards = _Space(), _Space(), _Space()
        spread = [name for name, variable in scenario.variables.items() if variable.spread]
        self.variable = {name: space.claim(name) for name in scenario.variables}
        waits = [move.id for move in scenario if move.takes is not None and move.takes.stages > 1]
        self.waiting = {name: space.claim(f"waiting_{name}") for name in waits}
        self.start = {name: space.claim(f"start_{name}") for name in spread}
        self.ended = space.claim("ended")
        self.constant = {name: space.claim(name, f"value_{name}") for name in scenario.assumptions}
        self.hazard = {name: space.claim(f"hazard_{name}") for name in scenario.moves}
        branches = [(move.id, outcome.id) for move in scenario for outcome in move.outcomes if outcome.factors]
        weighted = {move for move, _ in branches}
        self.weight = {
            (move.id, outcome.id): space.claim(f"odds_{move.id}_{outcome.id}")
            for move in scenario
            if move.id in weighted
            for outcome in move.outcomes
        }
        self.module = space.claim(scenario.id, f"world_{scenario.id}")
        self.ending = {name: labels.claim(name) for name in scenario.endings}
        self.question = {name: labels.claim(name, f"question_{name}") for name in scenario.questions}
        self.move = {name: rewards.claim(name) for name in scenario.moves}
        self.impact = {name: rewards.claim(name, f"impact_{name}") for name in scenario.impacts}
