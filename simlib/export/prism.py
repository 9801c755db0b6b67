"""A scenario as a PRISM model: the continuous-time Markov chain that PRISM and Storm read.

One module holds everything. A variable becomes a bounded integer (the index of its level). A move becomes one guarded
command whose rate is a formula over named constants. An ending becomes absorbing and gets a label. The labels of
endings are disjoint: if two endings hold, the first in the file wins. Each move and each impact also has a reward
structure, so that its expected count or amount by a time is `R{"move"}=? [C<=90]`. A firing that changes nothing counts
too, so it stays in the commands as a self-loop.

A move with `takes` has an additional variable `waiting_<move>`, the stage of its wait. It has two commands: one for the
next stage, one for the move. The variable goes back to 0 when the move is no longer possible or an ending is reached.

A variable with an uncertain start begins at an undefined constant `start_<variable>`. `starts` lists the combinations
of start levels with their weights. To check the model, solve it from each start and take the weighted sum. Time is in
days.

PRISM has no rates that change with the calendar, and no interventions. The export refuses scenarios that need them, and
gives the reason.

References: Kwiatkowska, Norman, Parker, "PRISM 4.0", CAV 2011 (the language); Hensel et al., "The probabilistic model
checker Storm", STTT 2022 (which reads it in PRISM-compatible mode).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.errors import Unsupported
from simlib.export.names import Names
from simlib.files import write_atomically
from simlib.formatting import counted, in_days
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.quantities import show
from simlib.scenario.document import dotted
from simlib.scenario.model import (
    Assumption,
    Condition,
    Factor,
    Impact,
    Intervention,
    Move,
    Outcome,
    Question,
    Scenario,
    TerminalReward,
    Variable,
)
from simlib.scenario.waits import percentiles

__all__ = ["model", "notes", "refusals", "starts", "write"]

START_FORMAT = 1
"""Version of the file that lists the starts."""

LISTED = 8
"""Largest set of levels, other than a range, that is written level by level."""

NEARLY = 1e-12
"""Chances are written unchanged if their sum differs from one by no more than this."""


def write(scenario: Scenario, folder: str | Path, *, ignore_windows: bool = False) -> list[Path]:
    """Write `<id>.sm`, and `<id>.start.json` if a start is uncertain, and return the paths.

    Raises Unsupported if the scenario has something that PRISM does not have (see `refusals`).
    """
    texts = {f"{scenario.id}.sm": model(scenario, ignore_windows=ignore_windows)}
    start = starts(scenario)
    if start is not None:
        texts[f"{scenario.id}.start.json"] = _start_text(start)
    for name, text in texts.items():
        write_atomically(Path(folder) / name, text)
    return [Path(folder) / name for name in texts]


def model(scenario: Scenario, *, ignore_windows: bool = False) -> str:
    """Return the text of the PRISM model at the stated values.

    With `ignore_windows`, calendar windows are treated as always open. Raises Unsupported for interventions, for moves
    at a date, and for windows that are not ignored. Raises ScenarioError if the chances of a move sum to more than one.
    """
    reasons = refusals(scenario, ignore_windows=ignore_windows)
    if reasons:
        raise Unsupported("\n".join(reasons))
    Tables(scenario).chances(theta(scenario))  # refuses chances above one
    return "\n".join(_Writer(scenario, Names(scenario), ignore_windows).lines()) + "\n"


def refusals(scenario: Scenario, *, ignore_windows: bool = False) -> list[str]:
    """Return the reasons why the scenario has no PRISM model. The list is empty if it has one."""
    reasons = [f"{item}: {_why_not(item)}" for item in scenario.interventions]
    reasons += [
        f"moves.{move.id}.at: happens on {move.at}, but PRISM has no events at a date in a continuous-time chain; "
        "give it a rate or a waiting time for the export"
        for move in scenario
        if move.at
    ]
    if not ignore_windows:
        reasons += [
            f"{place}: open only from {window.first} to {window.last}, but the rates of a PRISM chain cannot "
            "change with the calendar; --ignore-windows leaves calendar windows out"
            for place, window in _windows(scenario)
        ]
    return reasons


def _why_not(item: Intervention) -> str:
    if item.date is None and getattr(item, "until", None) is None:
        return "the export writes the scenario itself, without interventions; leave it out, or change a move instead"
    return "PRISM has no events at a date in a continuous-time chain; leave interventions out of the export"


def _windows(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    for move in scenario:
        for place, window in move.placed_windows():
            yield dotted(("moves", move.id, *place)), window


def notes(scenario: Scenario) -> list[str]:
    """Return a sentence for each question that gets no label, because it is not about the state."""
    return [
        f"questions.{question.id}: asks {_asked(question)}, which is no condition on the state, so it has no label"
        for question in scenario.questions.values()
        if question.when is None
    ]


def _asked(question: Question) -> str:
    """Say what a question asks that is about firings of moves, not about the state."""
    if question.lull:
        return f"for {in_days(question.lull.days)} without a firing of {', '.join(question.moves)}"
    if question.count:
        return f"for {counted(question.count.at_least, 'firing')} of {', '.join(question.moves)}"
    return f"whether the move {question.move!r} fires"


def starts(scenario: Scenario) -> dict[str, Any] | None:
    """Return the combinations of start levels with weights, or None if the start is certain.

    Under the key `starts` is a list of `{constants: {start_<variable>: level index}, levels: {variable: level},
    weight}`. The weights are those of the stated values and sum to one. Raises Unsupported for a scenario that starts
    from an event log.
    """
    if scenario.joint_start:
        raise Unsupported("a scenario that starts from a log cannot be exported; export it without the log")
    spread = [name for name, variable in scenario.variables.items() if variable.spread]
    if not spread:
        return None
    tables, names = Tables(scenario), Names(scenario)
    states, weights = tables.start_states(theta(scenario))
    columns = [(name, tables.variable(name), names.start[name]) for name in spread]
    return {
        "format": START_FORMAT,
        "scenario": scenario.id,
        "scenario_sha256": scenario.sha256,
        "model": f"{scenario.id}.sm",
        "constants": [names.start[name] for name in spread],
        "starts": [
            {
                "constants": {
                    constant: scenario.variables[name].first + int(state[column]) for name, column, constant in columns
                },
                "levels": {name: scenario.variables[name].levels[state[column]] for name, column, _ in columns},
                "weight": float(weight),
            }
            for state, weight in zip(states, weights, strict=True)
        ],
    }


def _start_text(start: Mapping[str, Any]) -> str:
    """Return what `starts` returns as JSON, with each combination of levels on its own line."""
    head = json.dumps({key: value for key, value in start.items() if key != "starts"}, ensure_ascii=False, indent=1)
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in start["starts"])
    return head.removesuffix("\n}") + f',\n "starts": [\n{rows}\n ]\n}}\n'


@dataclass(frozen=True, slots=True)
class _Writer:
    scenario: Scenario
    names: Names
    ignore_windows: bool

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield from self._constants()
        yield from self._formulas()
        yield from self._module()
        yield from self._labels()
        yield from self._rewards()

    # ---------------------------------------------------------------- sections

    def _head(self) -> Iterator[str]:
        world = self.scenario
        yield _comment(f"{world.title}")
        yield _comment(f"scenario {world.id}, as of {world.as_of}, horizon {world.horizon_days:g} days")
        yield _comment(f"sha256 of the resolved scenario: {world.sha256}")
        if world.view:
            yield _comment(f"view: {world.view}")
        if self.ignore_windows:
            yield from (_comment(f"window left out: {place}") for place, _ in _windows(world))
        yield _comment("Time in days. Values are the stated ones (medians of the priors).")
        if any(variable.spread for variable in world.variables.values()):
            yield _comment(f"The start is uncertain: {world.id}.start.json lists the start_ constants and weights.")
        yield from ("", "ctmc")

    def _constants(self) -> Iterator[str]:
        used = {name for item in (*self.scenario, *self.scenario.impacts.values()) for name in item.assumptions}
        if used:
            yield from ("", "// assumptions")
        for name, assumption in self.scenario.assumptions.items():
            if name in used:
                text = f"const double {self.names.constant[name]} = {assumption.value!r};"
                yield f"{text} {_comment(_described(assumption))}"
        spread = [variable for variable in self.scenario.variables.values() if variable.spread]
        if spread:
            yield from ("", "// start levels (by index) of the variables with an uncertain start")
        for variable in spread:
            yield f"const int {self.names.start[variable.id]};"

    def _formulas(self) -> Iterator[str]:
        yield from ("", "// a run that has reached an ending stays there")
        endings = [self._condition(ending.when) for ending in self.scenario.endings.values()]
        yield f"formula {self.names.ended} = {' | '.join(_bracket(text) for text in endings) or 'false'};"
        yield from ("", "// hazards per day while the guard holds")
        for move in self.scenario:
            yield f"formula {self.names.hazard[move.id]} = {self._hazard(move)};"
        weighted = [(move, outcome) for move in self.scenario if _weighted(move) for outcome in move.outcomes]
        if weighted:
            yield from ("", "// weights of outcomes; the probability is the weight over the sum for the move")
        for move, outcome in weighted:
            share = self._share(move, outcome)
            yield f"formula {self.names.weight[move.id, outcome.id]} = {self._product(share, outcome.factors)};"

    def _module(self) -> Iterator[str]:
        yield from ("", f"module {self.names.module}")
        for variable in self.scenario.variables.values():
            yield f"  {self._declaration(variable)}"
        for move, stages in self._waits():
            what = _comment(f"stage of the wait for {move.id}")
            yield f"  {self.names.waiting[move.id]} : [0..{stages - 1}] init 0; {what}"
        for move in self.scenario:
            yield from ("", f"  {_comment(f'{move.id} ({move.actor}): {move.label}')}")
            if move.id in self.names.waiting:
                stage = self.names.waiting[move.id]
                yield f"  [] {self._guard(move, waiting=True)} -> {self.names.hazard[move.id]} : ({stage}'={stage}+1);"
            yield f"  [] {self._guard(move)} ->"
            yield "      " + "\n    + ".join(self._branches(move)) + ";"
        if self.scenario.endings:
            yield from ("", f"  [] {self.names.ended} -> 1 : true;")
        yield "endmodule"

    def _labels(self) -> Iterator[str]:
        yield from ("", "// endings: disjoint, the first in the file wins")
        earlier: list[str] = []
        for ending in self.scenario.endings.values():
            when = _bracket(self._condition(ending.when))
            yield f'label "{self.names.ending[ending.id]}" = {" & ".join([when, *(f"!({text})" for text in earlier)])};'
            earlier.append(self._condition(ending.when))
        if self.scenario.questions:
            yield from ("", '// questions: the probability by time T is P=? [F<=T "..."]')
        for question in self.scenario.questions.values():
            yield self._question(question)

    def _question(self, question: Question) -> str:
        if question.when is None:
            return _comment(f"{question.id}: asks about firings, not about a state, so it has no label")
        return f'label "{self.names.question[question.id]}" = {self._condition(question.when)};'

    def _rewards(self) -> Iterator[str]:
        if self.scenario.moves:
            yield from ("", '// expected number of times a move fires by T: R{"..."}=? [C<=T]')
        for move in self.scenario:
            yield f'rewards "{self.names.move[move.id]}"'
            yield f"  {self._guard(move)} : {self.names.hazard[move.id]};"
            yield "endrewards"
        if self.scenario.impacts:
            yield from ("", '// expected amount of an impact by T: R{"..."}=? [C<=T]')
        for impact in self.scenario.impacts.values():
            yield from self._impact(impact)

    def _impact(self, impact: Impact) -> Iterator[str]:
        yield _comment(f"{impact.label}, in {impact.unit}")
        for payment in impact.at_endings:
            if self._begins_at(payment.ending):
                amount, ending = self.names.constant[payment.amount], self.names.ending[payment.ending]
                yield _comment(f'add {amount} if the start is already in the ending "{ending}"')
        yield f'rewards "{self.names.impact[impact.id]}"'
        for item in impact.on:
            move = self.scenario.moves[item.move]
            chance = self._chance(move, move.outcome(item.outcome)) if item.outcome else ""
            parts = [self.names.hazard[move.id], *([chance] if chance else []), self.names.constant[item.each]]
            yield f"  {self._guard(move)} : {' * '.join(parts)};"
        for reward in impact.per_day:
            when = self._condition(reward.when)
            more = "" if when == "true" else f" & {_bracket(when)}"
            yield f"  !{self.names.ended}{more} : {self.names.constant[reward.amount]};"
        for payment in impact.at_endings:
            yield from self._payment(payment)
        yield "endrewards"

    def _payment(self, payment: TerminalReward) -> Iterator[str]:
        """Yield the lines of PRISM that pay the amount when a move leads into the ending.

        PRISM counts rewards per day spent in a state. So each line pays the hazard of an outcome that leads into the
        ending, times the amount.
        """
        endings = list(self.scenario.endings)
        for move in self.scenario:
            for outcome in move.outcomes:
                after = self.names.variable | {name: f"({value})" for name, value in self._new_levels(outcome).items()}
                earlier = endings[: endings.index(payment.ending)]
                first, *others = (
                    self._condition(self.scenario.endings[name].when, after) for name in (payment.ending, *earlier)
                )
                if first == "false" or "true" in others:
                    continue
                tests = [_bracket(first)] * (first != "true") + [f"!({text})" for text in others if text != "false"]
                share = self._chance(move, outcome)
                parts = [self.names.hazard[move.id], *([share] if share else []), self.names.constant[payment.amount]]
                yield f"  {' & '.join([self._guard(move), *tests])} : {' * '.join(parts)};"

    def _begins_at(self, ending: str) -> bool:
        tables = Tables(self.scenario)
        return list(self.scenario.endings).index(ending) in tables.ending(tables.start_states()[0])

    # ---------------------------------------------------------------- pieces

    def _waits(self) -> Iterator[tuple[Move, int]]:
        """Yield each move whose wait has several stages, with the number of stages."""
        for move in self.scenario:
            if move.id in self.names.waiting and move.takes:
                yield move, move.takes.stages

    def _declaration(self, variable: Variable) -> str:
        first, levels = variable.first, variable.levels
        start = self.names.start[variable.id] if variable.spread else str(first + levels.index(variable.start[0][0]))
        text = f"{self.names.variable[variable.id]} : [{first}..{first + len(levels) - 1}] init {start};"
        meaning = (
            "a counter" if variable.counter else ", ".join(f"{index} {level}" for index, level in enumerate(levels))
        )
        return f"{text} {_comment(meaning)}"

    def _guard(self, move: Move, *, waiting: bool = False) -> str:
        """Return the guard under which a move fires or, with `waiting`, its next stage begins."""
        when = self._condition(move.when)
        parts = [f"!{self.names.ended}", *([] if when == "true" else [_bracket(when)])]
        parts += [f"{self.names.variable[name]}>0" for name in move.per]
        if move.id in self.names.waiting and move.takes:
            last = move.takes.stages - 1
            parts.append(f"{self.names.waiting[move.id]}{'<' if waiting else '='}{last}")
        return " & ".join(parts)

    def _hazard(self, move: Move) -> str:
        """Return the rate per day at which a move fires or, if it has stages, each stage ends."""
        rate = self.names.constant[move.rate]
        return self._product(f"{percentiles(move.takes.stages)[1]!r} / {rate}" if move.takes else rate, move.factors)

    def _product(self, first: str, factors: tuple[Factor, ...]) -> str:
        parts = [first]
        for factor in factors:
            if factor.per:
                parts.append(self.names.variable[factor.per])
                continue
            name, when = self.names.constant[factor.by], self._condition(factor.when)
            if when == "true":
                parts.append(name)
            elif when != "false":
                parts.append(f"({_bracket(when)} ? {name} : 1)")
        return " * ".join(parts)

    def _branches(self, move: Move) -> Iterator[str]:
        hazard = self.names.hazard[move.id]
        for outcome in move.outcomes:
            share = self._chance(move, outcome)
            yield f"{hazard}{' * ' * bool(share)}{share} : {self._update(move, outcome)}"

    def _chance(self, move: Move, outcome: Outcome) -> str:
        if _weighted(move):
            weights = [self.names.weight[move.id, each.id] for each in move.outcomes]
            return f"{self.names.weight[move.id, outcome.id]} / ({' + '.join(weights)})"
        given = [self.names.constant[o.chance] for o in move.outcomes if o.chance is not None]
        whole = outcome.chance is None or self._takes_rest(move) or abs(self._total(move) - 1) < NEARLY
        return self._share(move, outcome) + ("" if whole else f" / ({' + '.join(given)})")

    def _share(self, move: Move, outcome: Outcome) -> str:
        if outcome.chance is not None:
            return self.names.constant[outcome.chance]
        given = [self.names.constant[o.chance] for o in move.outcomes if o.chance is not None]
        rest = f"1 - {' - '.join(given)}"
        return "" if not given else f"({rest})" if self._total(move) < 1 - NEARLY else f"max(0, {rest})"

    @staticmethod
    def _takes_rest(move: Move) -> bool:
        return any(outcome.chance is None for outcome in move.outcomes)

    def _total(self, move: Move) -> float:
        return sum(self.scenario.assumptions[o.chance].value for o in move.outcomes if o.chance is not None)

    def _update(self, move: Move, outcome: Outcome) -> str:
        new = self._new_levels(outcome)
        parts = [f"{self.names.variable[name]}'={value}" for name, value in new.items()]
        parts += [part for awaited, _ in self._waits() if (part := self._new_stage(awaited, move, new))]
        return " & ".join(f"({part})" for part in parts) or "true"

    def _new_stage(self, awaited: Move, move: Move, new: Mapping[str, str]) -> str:
        """Return the update of the stage of `awaited` when `move` fires, "" if the stage stays."""
        stage = self.names.waiting[awaited.id]
        if awaited is move:
            return f"{stage}'=0"
        after = self.names.variable | {name: f"({value})" for name, value in new.items()}
        over = [ending.when for ending in self.scenario.endings.values() if set(ending.when.variables) & new.keys()]
        ended = [self._condition(when, after) for when in over]
        possible = self._condition(awaited.when, after) if set(awaited.when.variables) & new.keys() else "true"
        if possible == "false" or "true" in ended:
            return f"{stage}'=0"
        goes_on = [f"({possible})"] * (possible != "true") + [f"!({text})" for text in ended if text != "false"]
        goes_on += [f"{after[counter]}>0" for counter in awaited.per if counter in new]
        return f"{stage}'=({' & '.join(goes_on)}) ? {stage} : 0" if goes_on else ""

    def _new_levels(self, outcome: Outcome) -> dict[str, str]:
        """Return {variable: expression for its new level} for what an outcome changes."""
        changed = dict.fromkeys(effect.variable for effect in outcome.effects)
        return {name: self._new_level(name, outcome) for name in changed}

    def _new_level(self, variable: str, outcome: Outcome) -> str:
        """Return the expression for the level of a variable after an outcome.

        In each state at most one effect changes the variable, so the order of the effects does not matter.
        """
        name, known = self.names.variable[variable], self.scenario.variables[variable]
        first, last, result = known.first, known.first + len(known.levels) - 1, name
        for effect in (effect for effect in outcome.effects if effect.variable == variable):
            shift, when = effect.shift or 0, self._condition(effect.when)
            to = f"max({name}-{-shift}, {first})" if shift < 0 else f"min({name}+{shift}, {last})"
            to = to if effect.level is None else str(first + known.levels.index(effect.level))
            result = to if when == "true" else f"({_bracket(when)} ? {to} : {result})"
        return result

    def _condition(self, condition: Condition, values: Mapping[str, str] | None = None) -> str:
        """Return a condition on the state as a PRISM expression.

        It is "true" or "false" if the condition always or never holds. `values` gives the expression for the level of
        each variable. By default this is the identifier of the variable.
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
        if len(missing) == 1 and len(known) > LISTED:
            return f"{name}!={missing.pop()}"
        return "(" + " | ".join(f"{name}={index}" for index in allowed) + ")"


def _weighted(move: Move) -> bool:
    """Say whether factors make the chances of the outcomes depend on the state."""
    return any(outcome.factors for outcome in move.outcomes)


def _bracket(text: str) -> str:
    return f"({text})" if " & " in text or " | " in text else text


def _comment(text: str) -> str:
    """Return a comment on one line, in ASCII, which every PRISM parser accepts."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split()).replace("×", "x "))
    folded = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "// " + folded.encode("ascii", "replace").decode()


def _described(assumption: Assumption) -> str:
    shown = show(assumption.value, assumption.kind, assumption.unit)
    return f"{shown}: {assumption.label}" if assumption.label else shown
