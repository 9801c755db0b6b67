"""A scenario as the text of a continuous-time Markov chain that PRISM and Storm can read.

The text has one PRISM module. Time is in days.

- A variable becomes a bounded integer, the index of its level.
- A move becomes one guarded command whose rate is a formula over named constants. A move that happens without changing
  anything counts too, so it stays in the commands as a self-loop.
- An ending becomes absorbing and gets a label. The labels are disjoint: if the conditions of two endings hold, the
  first ending in the file wins.
- Each move and each impact has a reward structure. The expected count or amount by day 90 is `R{"move"}=? [C<=90]`.
- A move whose waiting time is a sum of several stages has an additional variable `waiting_<move>`, the present stage.
  Such a move has two commands: one begins the next stage, and one makes the move happen. The variable returns to 0 when
      the move happens or is no longer possible, and when an ending is reached.
- A variable with an uncertain start begins at an undefined constant `start_<variable>`. `starts` lists the combinations
  of these constants with their weights. To check the model, solve it for each combination and take the weighted sum.

PRISM has no rates that change with the calendar, no moves at a fixed date, and no interventions. A scenario that needs
any of these is refused, with the reason.

References: Kwiatkowska, Norman, Parker, "PRISM 4.0", CAV 2011 (the language). Hensel et al., "The probabilistic model
checker Storm", STTT 2022 (which reads the language in PRISM-compatible mode).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.errors import Unsupported
from simlib.export.expressions import Expressions, bracket, weighted
from simlib.export.names import Names
from simlib.files import write_atomically
from simlib.formatting import counted, in_days
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.quantities import show
from simlib.scenario.document import dotted
from simlib.scenario.model import Assumption, Impact, Intervention, Move, Question, Scenario, TerminalReward, Variable

__all__ = ["model", "notes", "refusals", "starts", "write"]

START_FORMAT = 1
"""Version of the format of the file that lists the start states."""


def write(scenario: Scenario, folder: str | Path, *, ignore_windows: bool = False) -> list[Path]:
    """Write a scenario as a PRISM model into a folder, and return the paths of the files.

    The model is written to `<id>.sm`. If the start is uncertain, the result of `starts` is written to
    `<id>.start.json`. With `ignore_windows`, the periods `between` of moves and factors are ignored. Raises the same
    errors as `model` and `starts`.
    """
    texts = {f"{scenario.id}.sm": model(scenario, ignore_windows=ignore_windows)}
    start = starts(scenario)
    if start is not None:
        texts[f"{scenario.id}.start.json"] = _start_text(start)
    for name, text in texts.items():
        write_atomically(Path(folder) / name, text)
    return [Path(folder) / name for name in texts]


def model(scenario: Scenario, *, ignore_windows: bool = False) -> str:
    """Return the text of the PRISM model, with each assumption at the value in the file.

    With `ignore_windows`, the periods `between` of moves and factors are ignored. Raises Unsupported for interventions,
    for moves at a fixed date, and for periods that are not ignored. Raises ScenarioError if the probabilities of the
    outcomes of a move sum to more than 1.
    """
    reasons = refusals(scenario, ignore_windows=ignore_windows)
    if reasons:
        raise Unsupported("\n".join(reasons))
    Tables(scenario).chances(theta(scenario))  # refuses chances above one
    names = Names(scenario)
    return "\n".join(_Writer(scenario, names, Expressions(scenario, names), ignore_windows).lines()) + "\n"


def refusals(scenario: Scenario, *, ignore_windows: bool = False) -> list[str]:
    """Return the reasons, if any, why a scenario cannot be written as a PRISM model.

    With `ignore_windows`, the periods `between` of moves and factors are ignored.
    """
    reasons = [f"{item}: {_why_not(item)}" for item in scenario.interventions]
    reasons += [
        f"moves.{move.id}.at: happens on {move.at}, but PRISM has no events at a date in a continuous-time chain; "
        "give the move a rate or a waiting time for the export"
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
        return "the export writes the scenario itself, without interventions; omit this one, or change a move instead"
    return "PRISM has no events at a date in a continuous-time chain; leave interventions out of the export"


def _windows(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    for move in scenario:
        for place, window in move.placed_windows():
            yield dotted(("moves", move.id, *place)), window


def notes(scenario: Scenario) -> list[str]:
    """Return a sentence for each question that gets no label in PRISM because it is about moves."""
    return [
        f"questions.{question.id}: asks {_asked(question)}, which is no condition on a state: the question has no label"
        for question in scenario.questions.values()
        if question.when is None
    ]


def _asked(question: Question) -> str:
    if question.lull:
        return f"for {in_days(question.lull.days)} without a firing of {', '.join(question.moves)}"
    if question.count:
        return f"for {counted(question.count.at_least, 'firing')} of {', '.join(question.moves)}"
    return f"whether the move {question.move!r} fires"


def starts(scenario: Scenario) -> dict[str, Any] | None:
    """Return the start states with their weights as JSON data, None if the start is certain.

    The key `starts` holds a list with an entry for each combination of levels of the variables with uncertain start:

    - `constants`: {start_<variable>: index of the level}.
    - `levels`: {variable: level}.
    - `weight`: the probability of the combination, at the values in the file. The weights sum to one.

    Raises Unsupported for a scenario that starts from an event log.
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
    head = json.dumps({key: value for key, value in start.items() if key != "starts"}, ensure_ascii=False, indent=1)
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in start["starts"])
    return head.removesuffix("\n}") + f',\n "starts": [\n{rows}\n ]\n}}\n'


@dataclass(frozen=True, slots=True)
class _Writer:
    scenario: Scenario
    names: Names
    express: Expressions
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
        yield _comment(world.title)
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
        endings = [self.express.condition(ending.when) for ending in self.scenario.endings.values()]
        yield f"formula {self.names.ended} = {' | '.join(bracket(text) for text in endings) or 'false'};"
        yield from ("", "// hazards per day while the guard holds")
        for move in self.scenario:
            yield f"formula {self.names.hazard[move.id]} = {self.express.hazard(move)};"
        branches = [(move, outcome) for move in self.scenario if weighted(move) for outcome in move.outcomes]
        if branches:
            yield from (
                "",
                "// weights of outcomes; the probability of an outcome is its share of the weights of its move",
            )
        for move, outcome in branches:
            share = self.express.share(move, outcome)
            yield f"formula {self.names.weight[move.id, outcome.id]} = {self.express.product(share, outcome.factors)};"

    def _module(self) -> Iterator[str]:
        yield from ("", f"module {self.names.module}")
        for variable in self.scenario.variables.values():
            yield f"  {self._declaration(variable)}"
        for move, stages in self.express.waits():
            what = _comment(f"stage of the wait for {move.id}")
            yield f"  {self.names.waiting[move.id]} : [0..{stages - 1}] init 0; {what}"
        for move in self.scenario:
            yield from ("", f"  {_comment(f'{move.id} ({move.actor}): {move.label}')}")
            if move.id in self.names.waiting:
                stage = self.names.waiting[move.id]
                guard = self.express.guard(move, waiting=True)
                yield f"  [] {guard} -> {self.names.hazard[move.id]} : ({stage}'={stage}+1);"
            yield f"  [] {self.express.guard(move)} ->"
            yield "      " + "\n    + ".join(self._branches(move)) + ";"
        if self.scenario.endings:
            yield from ("", f"  [] {self.names.ended} -> 1 : true;")
        yield "endmodule"

    def _labels(self) -> Iterator[str]:
        yield from ("", "// endings: if several conditions hold, the first ending in the file counts")
        earlier: list[str] = []
        for ending in self.scenario.endings.values():
            when = bracket(self.express.condition(ending.when))
            yield f'label "{self.names.ending[ending.id]}" = {" & ".join([when, *(f"!({text})" for text in earlier)])};'
            earlier.append(self.express.condition(ending.when))
        if self.scenario.questions:
            yield from ("", '// questions: the probability by time T is P=? [F<=T "..."]')
        for question in self.scenario.questions.values():
            yield self._question(question)

    def _question(self, question: Question) -> str:
        if question.when is None:
            return _comment(f"{question.id}: asks about firings, not about a state, so this question has no label")
        return f'label "{self.names.question[question.id]}" = {self.express.condition(question.when)};'

    def _rewards(self) -> Iterator[str]:
        if self.scenario.moves:
            yield from ("", '// expected number of times a move fires by T: R{"..."}=? [C<=T]')
        for move in self.scenario:
            yield f'rewards "{self.names.move[move.id]}"'
            yield f"  {self.express.guard(move)} : {self.names.hazard[move.id]};"
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
            chance = self.express.chance(move, move.outcome(item.outcome)) if item.outcome else ""
            parts = [self.names.hazard[move.id], *([chance] if chance else []), self.names.constant[item.each]]
            yield f"  {self.express.guard(move)} : {' * '.join(parts)};"
        for reward in impact.per_day:
            when = self.express.condition(reward.when)
            more = "" if when == "true" else f" & {bracket(when)}"
            yield f"  !{self.names.ended}{more} : {self.names.constant[reward.amount]};"
        for payment in impact.at_endings:
            yield from self._payment(payment)
        yield "endrewards"

    def _payment(self, payment: TerminalReward) -> Iterator[str]:
        """Yield the PRISM lines that add the amount of `payment` when a move leads into its ending.

        PRISM counts rewards per day spent in a state. So the reward in each line is the amount times the hazard of an
        outcome that leads into the ending.
        """
        endings = list(self.scenario.endings)
        for move in self.scenario:
            for outcome in move.outcomes:
                after = self.express.levels_after(self.express.new_levels(outcome))
                earlier = endings[: endings.index(payment.ending)]
                whens = (self.scenario.endings[name].when for name in (payment.ending, *earlier))
                first, *others = (self.express.condition(when, after) for when in whens)
                if first == "false" or "true" in others:
                    continue
                tests = [bracket(first)] * (first != "true") + [f"!({text})" for text in others if text != "false"]
                share = self.express.chance(move, outcome)
                parts = [self.names.hazard[move.id], *([share] if share else []), self.names.constant[payment.amount]]
                yield f"  {' & '.join([self.express.guard(move), *tests])} : {' * '.join(parts)};"

    def _begins_at(self, ending: str) -> bool:
        tables = Tables(self.scenario)
        return list(self.scenario.endings).index(ending) in tables.ending(tables.start_states()[0])

    # ---------------------------------------------------------------- pieces

    def _declaration(self, variable: Variable) -> str:
        first, levels = variable.first, variable.levels
        start = self.names.start[variable.id] if variable.spread else str(first + levels.index(variable.start[0][0]))
        text = f"{self.names.variable[variable.id]} : [{first}..{first + len(levels) - 1}] init {start};"
        meaning = (
            "a counter" if variable.counter else ", ".join(f"{index} {level}" for index, level in enumerate(levels))
        )
        return f"{text} {_comment(meaning)}"

    def _branches(self, move: Move) -> Iterator[str]:
        hazard = self.names.hazard[move.id]
        for outcome in move.outcomes:
            share = self.express.chance(move, outcome)
            yield f"{hazard}{' * ' * bool(share)}{share} : {self.express.update(move, outcome)}"


def _comment(text: str) -> str:
    """Return a comment on one line, in ASCII, which every PRISM parser accepts."""
    plain = unicodedata.normalize("NFKD", " ".join(text.split()).replace("×", "x "))
    folded = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return "// " + folded.encode("ascii", "replace").decode()


def _described(assumption: Assumption) -> str:
    shown = show(assumption.value, assumption.kind, assumption.unit)
    return f"{shown}: {assumption.label}" if assumption.label else shown
