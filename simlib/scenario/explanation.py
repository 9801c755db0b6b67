"""Say a scenario in words: every actor, variable, move, number, ending and question in one plain sentence.

The sentences are made from the resolved scenario, not from the file, so they say what will be simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass

from simlib.quantities import show
from simlib.scenario.model import (
    ALWAYS,
    Assume,
    Assumption,
    Condition,
    Effect,
    Ending,
    Factor,
    Forbid,
    Force,
    Hold,
    Intervention,
    Ladder,
    Lasting,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    Scenario,
    Variable,
    Window,
)

NATURE = "nature"


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence about one thing: the `section` of the file it belongs to, its `id` there, and the `sentence`."""

    section: str
    id: str
    sentence: str


def explain(scenario: Scenario) -> list[Line]:
    """Return every sentence, in the order of the file."""
    say = _Speaker(scenario)
    return [
        Line("scenario", scenario.id, say.scenario()),
        *(Line("actors", actor, say.actor(actor)) for actor in scenario.actors),
        *(Line("variables", variable.id, say.variable(variable)) for variable in scenario.variables.values()),
        *(Line("moves", move.id, say.move(move)) for move in scenario),
        *(Line("endings", ending.id, say.ending(ending)) for ending in scenario.endings.values()),
        *(Line("questions", question.id, say.question(question)) for question in scenario.questions.values()),
        *(Line("ladders", ladder.id, say.ladder(ladder)) for ladder in scenario.ladders.values()),
        *(Line("assumptions", number.id, say.assumption(number)) for number in scenario.assumptions.values()),
        *(
            Line(
                "correlations",
                f"{pair.first}, {pair.second}",
                say.sentence(
                    f"when {pair.first} is high, {pair.second} tends to be {'high' if pair.rank > 0 else 'low'} "
                    f"(rank correlation {pair.rank:g})",
                    pair.because,
                    pair.sources,
                ),
            )
            for pair in scenario.correlations
        ),
        *(Line("interventions", str(each), say.intervention(each)) for each in scenario.interventions),
    ]


def explain_text(scenario: Scenario) -> str:
    """Return the sentences as text, one to a line, under a heading for each section."""
    parts: list[str] = []
    section = ""
    for line in explain(scenario):
        if line.section != section:
            section = line.section
            parts.append(("\n" if parts else "") + section.capitalize())
        parts.append(f"  {line.id}: {line.sentence}")
    return "\n".join(parts) + "\n"


def condition_in_words(condition: Condition, scenario: Scenario, *, labels: bool = False) -> str:
    """Say a condition: "standoff is patrols or above and tempo is hot"; "always" where it asks for nothing.

    `labels`: variables and levels are called as people call them, not by their ids.
    """
    if condition.always:
        return "always"
    clauses = [
        " and ".join(
            f"{_called(scenario.variables[name], labels)} is {_levels(scenario.variables[name], levels, labels)}"
            for name, levels in clause
        )
        for clause in condition.clauses
    ]
    return ", or ".join(clauses)


def _called(variable: Variable, labels: bool) -> str:
    return f"“{variable.label}”" if labels and variable.label else variable.id


def _levels(variable: Variable, levels: tuple[str, ...], labels: bool) -> str:
    text = _known_levels(variable, levels)
    return variable.words(text) if labels else text


def _known_levels(variable: Variable, levels: tuple[str, ...]) -> str:
    every, some = variable.levels, len(levels)
    if some == len(every):
        return "at any level"
    if some == 1:
        return levels[0]
    if some > 2 and levels == every[-some:]:
        return f"{levels[0]} or above"
    if some > 2 and levels == every[:some]:
        return f"{levels[-1]} or below"
    if some == len(every) - 1 and some > 2:
        return "not " + next(level for level in every if level not in levels)
    return _any_of(levels)


def _any_of(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _range(number: Assumption) -> str:
    """The 90% range, its unit written once: "0.4 to 1.6 per week"."""
    low, high = (show(value, number.kind, number.unit).removeprefix("×") for value in (number.low, number.high))
    head, space, unit = low.partition(" ")
    return (
        f"{head} to {high}"
        if space and high.endswith(f" {unit}") and not low.startswith("every")
        else f"{low} to {high}"
    )


def _window(window: Window) -> str:
    return f"from {window.first} to {window.last}"


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _list(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)


class _Speaker:
    """Makes the sentences of one scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.world = scenario

    def sentence(self, text: str, because: str = "", sources: tuple[str, ...] = ()) -> str:
        reason = "; assumed" if because == "assumed" else f"; because: {because.rstrip('.')}" if because else ""
        cited = [self._source(name) for name in sources]
        return text + reason + (f" (source{'s' * (len(cited) > 1)}: {'; '.join(cited)})" if cited else "")

    def _source(self, name: str) -> str:
        source = self.world.sources.get(name)
        if source is None:
            return name
        return f"{source.title}, {source.date}" if source.date else source.title

    def scenario(self) -> str:
        world = self.world
        last = world.by_date(world.horizon_days)
        view = f", seen through the view {world.view}" if world.view else ""
        parts = (world.variables, "variable"), (world.moves, "move"), (world.endings, "ending")
        count = ", ".join(_count(things, name) for things, name in parts)
        return f"{world.title}{view}: from {world.as_of} to {last} ({show(world.horizon_days, 'duration')}); {count}"

    def actor(self, actor: str) -> str:
        moves = [move.id for move in self.world if move.actor == actor]
        made = f"{_count(moves, 'move')} ({', '.join(moves)})" if moves else "no move of its own"
        return f"{self.world.actors[actor].label}: {made}"

    def variable(self, variable: Variable) -> str:
        if variable.spread:
            stated = sorted(variable.start, key=lambda pair: pair[1] is None)
            start = "it starts at " + ", ".join(self._share(level, share) for level, share in stated)
        else:
            start = f"it starts at {variable.start[0][0]}"
        hidden = " (hidden: nobody observes it)" if variable.hidden else ""
        text = f"{variable.label}{hidden}: {' < '.join(variable.levels)}; {start}"
        return self.sentence(text, variable.because, variable.sources)

    def _share(self, level: str, share: str | None) -> str:
        return f"otherwise {level}" if share is None else f"{level} with {self._stated(share)}"

    def _stated(self, name: str, after: str = "") -> str:
        """A number with its range: "20% (90% range 10% to 35%)"; `after` follows the value directly."""
        number = self.world.assumptions[name]
        value = show(number.value, number.kind, number.unit).removeprefix("×") + after
        return value if number.fixed else f"{value} (90% range {_range(number)})"

    def move(self, move: Move) -> str:
        names = [self.world.actors[actor].label for actor in (move.actor, move.target) if actor]
        subject = move.label if move.actor == NATURE else f"{', towards '.join(names)}: {move.label}"
        often = f"about {self._stated(move.rate)} {self._possible(move)}"
        parts = [often, *(self._factor(factor) for factor in move.factors), *self._outcomes(move)]
        covert = "nobody observes it" if move.covert else ""
        return self.sentence(f"{subject} - {_list([*parts, covert])}", sources=move.sources)

    def _possible(self, move: Move) -> str:
        when = "at any time" if move.when.always else f"while {condition_in_words(move.when, self.world)}"
        return f"{when}, only {_window(move.between)}" if move.between else when

    def _factor(self, factor: Factor) -> str:
        when = "" if factor.when.always else f" while {condition_in_words(factor.when, self.world)}"
        between = f" {_window(factor.between)}" if factor.between else ""
        return f"{self._stated(factor.by, ' times as often')}{when}{between}"

    def _outcomes(self, move: Move) -> Iterator[str]:
        if len(move.outcomes) == 1:
            yield f"then {self.effects(move.outcomes[0])}"
            return
        for outcome in sorted(move.outcomes, key=lambda outcome: outcome.chance is None):
            chance = "otherwise" if outcome.chance is None else self._stated(outcome.chance)
            yield f"{chance}: {outcome.label} - {self.effects(outcome)}"

    def effects(self, outcome: Outcome) -> str:
        return ", ".join(self.effect(effect) for effect in outcome.effects) or "nothing changes"

    def effect(self, effect: Effect) -> str:
        if effect.level is not None:
            return f"{effect.variable} to {effect.level}"
        shift = effect.shift or 0
        return f"{effect.variable} {'up' if shift > 0 else 'down'} {abs(shift)} level{'s' * (abs(shift) != 1)}"

    def ending(self, ending: Ending) -> str:
        rank = list(self.world.endings).index(ending.id) + 1
        text = f"{ending.label}: the story ends once {condition_in_words(ending.when, self.world)}"
        several = f" (number {rank} in precedence)" if len(self.world.endings) > 1 else ""
        return self.sentence(text + several, ending.because)

    def question(self, question: Question) -> str:
        if question.when is not None:
            event = f"yes once {condition_in_words(question.when, self.world)}"
        else:
            outcome = f" with the outcome {question.outcome}" if question.outcome else ""
            event = f"yes once the move {question.move} happens{outcome}"
        decides = f"decided by {question.decides}" if question.decides else ""
        return _list([f"{question.label}: {event}", f"in the world, {question.resolves}", decides])

    def ladder(self, ladder: Ladder) -> str:
        first, *rest = ladder.rungs
        steps = [f"{rung.id} once {condition_in_words(rung.when, self.world)}" for rung in rest]
        shown = " (shown first)" if ladder.id == self.world.ladder else ""
        return f"{ladder.label}{shown}: {_list([first.id, *steps])}"

    def assumption(self, number: Assumption) -> str:
        spread = ", fixed" if number.fixed else f" (90% range {_range(number)})"
        observed = f"; observed: {show(number.observed, 'rate', number.unit)}" if number.observed is not None else ""
        until = f"; set from the log up to {number.uses_log_until}" if number.uses_log_until else ""
        value = show(number.value, number.kind, number.unit)
        return self.sentence(f"{number.label}: {value}{spread}{observed}{until}", number.because, number.sources)

    def intervention(self, intervention: Intervention) -> str:
        match intervention:
            case Force():
                outcome = f" with the outcome {intervention.outcome}" if intervention.outcome else ""
                text = f"the move {intervention.move} happens on {intervention.date}{outcome} if it is possible then"
            case Pin():
                text = f"{intervention.variable} is set to {intervention.level} on {intervention.date}"
            case Forbid():
                text = f"the move {intervention.move} cannot happen{self._while(intervention)}"
            case Policy():
                often = show(intervention.rate, "rate")
                text = f"the move {intervention.move} happens about {often} if possible{self._while(intervention)}"
            case Hold():
                text = f"{intervention.variable} is kept at {intervention.level}{self._while(intervention)}"
            case Assume():
                assumption = self.world.assumptions[intervention.assumption]
                value = show(intervention.value, assumption.kind, intervention.unit or assumption.unit)
                text = f"the assumption {assumption.id} is {value}{self._while(intervention)}"
        return self.sentence(text, intervention.because)

    def _while(self, intervention: Lasting) -> str:
        condition = ALWAYS if isinstance(intervention, Hold) else intervention.when
        when = "" if condition.always else f" while {condition_in_words(condition, self.world)}"
        until = f" to the day before {intervention.until}" if intervention.until else ""
        return f"{when}, from {intervention.date or 'the start'} on{until}".replace(" on to ", " to ")
