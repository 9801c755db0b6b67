"""Describe every part of a scenario in plain sentences.

The sentences are made from the resolved scenario, not from the file, so they say what will be simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass

from simlib.errors import Problem, ScenarioError, did_you_mean
from simlib.formatting import end_of, long_date
from simlib.quantities import show, show_range
from simlib.scenario.condition_wording import condition_in_words, firings_in_words, shift_in_words
from simlib.scenario.evidence import Coverage, RowRule
from simlib.scenario.model import (
    NATURE,
    Assumption,
    Condition,
    Effect,
    Ending,
    Factor,
    Impact,
    Ladder,
    Move,
    Outcome,
    Question,
    Scenario,
    Variable,
    Window,
)
from simlib.scenario.views.wording import intervention_in_words
from simlib.scenario.waits import spread

__all__ = ["Sentence", "explain"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence about one item of a scenario.

    - `section`: the heading of the sentence, which is the item's section of the file or, in `explain_move`, a topic.
    - `id`: the id of the item.
    - `sentence`: the text about the item.
    """

    section: str
    id: str
    sentence: str


def explain(scenario: Scenario) -> list[Sentence]:
    """Return sentences about every item of a scenario, section by section."""
    say = _Speaker(scenario)
    return [
        Sentence("scenario", scenario.id, say.scenario()),
        *(Sentence("actors", actor, say.actor(actor)) for actor in scenario.actors),
        *(Sentence("variables", variable.id, say.variable(variable)) for variable in scenario.variables.values()),
        *(Sentence("moves", move.id, say.move(move)) for move in scenario),
        *(Sentence("endings", ending.id, say.ending(ending)) for ending in scenario.endings.values()),
        *(Sentence("questions", question.id, say.question(question)) for question in scenario.questions.values()),
        *(Sentence("impacts", impact.id, say.impact(impact)) for impact in scenario.impacts.values()),
        *(Sentence("ladders", ladder.id, say.ladder(ladder)) for ladder in scenario.ladders.values()),
        *(Sentence("assumptions", number.id, say.assumption(number)) for number in scenario.assumptions.values()),
        *(
            Sentence(
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
        *(Sentence("evidence", *pair) for pair in say.evidence()),
        *(
            Sentence("interventions", str(each), say.sentence(intervention_in_words(each, scenario), each.because))
            for each in scenario.interventions
        ),
    ]


def explain_text(scenario: Scenario) -> str:
    """Return the sentences about a scenario, one to a line, with a heading for each section."""
    parts: list[str] = []
    section = ""
    for line in explain(scenario):
        if line.section != section:
            section = line.section
            parts.append(("\n" if parts else "") + section.capitalize())
        parts.append(f"  {line.id}: {line.sentence}")
    return "\n".join(parts) + "\n"


def explain_move(scenario: Scenario, name: str) -> list[Sentence]:
    """Return sentences about one move: its actor, frequency, effects, assumptions and sources.

    Raises ScenarioError for a move that the scenario does not have.
    """
    if name not in scenario.moves:
        expected = did_you_mean(name, scenario.moves)
        raise ScenarioError(Problem("", 0, "--move", f"the scenario has no move {name!r}", expected))
    say, move = _Speaker(scenario), scenario.moves[name]
    sections = [
        ("move", [f"{say.whose(move)}{' (nobody observes it)' if move.covert else ''}"]),
        ("how often, and when it is possible", [say.often(move), *say.factors(move)]),
        ("what it changes", say.outcomes(move)),
        ("its assumptions", (say.assumption(scenario.assumptions[each]) for each in move.assumptions)),
        ("its sources", (say.source(each) for each in move.sources)),
    ]
    return [Sentence(section, name, sentence) for section, sentences in sections for sentence in sentences]


def _range(number: Assumption) -> str:
    """Write the 90% range of a number with the unit written once: "0.4 to 1.6 per week"."""
    text = show_range(number.low, number.high, number.kind, number.unit)
    return text.replace("×", "") if number.kind == "factor" else text


def _events(number: Assumption) -> str:
    spread = show(number.spread, "amount", number.unit)
    return f" with a standard deviation of {spread} from event to event" if number.spread else ""


def _window(window: Window) -> str:
    return f"from {window.first} to {window.last}"


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _list(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)


class _Speaker:
    def __init__(self, scenario: Scenario) -> None:
        self.world = scenario
        self.numbers = {**scenario.assumptions, **scenario.log_assumptions}

    def sentence(self, text: str, because: str = "", sources: tuple[str, ...] = ()) -> str:
        reason = "; assumed" if because == "assumed" else f"; because: {because.rstrip('.')}" if because else ""
        cited = [self.source(name) for name in sources]
        return text + reason + (f" (source{'s' * (len(cited) > 1)}: {'; '.join(cited)})" if cited else "")

    def source(self, name: str) -> str:
        source = self.world.sources.get(name)
        if source is None:
            return name
        return f"{source.title}, {source.date}" if source.date else source.title

    def scenario(self) -> str:
        world = self.world
        view = f", seen through the view {world.view}" if world.view else ""
        parts = (world.variables, "variable"), (world.moves, "move"), (world.endings, "ending")
        count = ", ".join(_count(things, name) for things, name in parts)
        leads = f"; headline: {world.headline.replace(':', ' ')}" if world.headline else ""
        end = end_of(world.as_of, world.horizon_days)
        length = show(world.horizon_days, "duration")
        return f"{world.title}{view}: from {long_date(world.as_of)} to {end} ({length}); {count}{leads}"

    def actor(self, actor: str) -> str:
        moves = [move.id for move in self.world if move.actor == actor]
        deeds = f"{_count(moves, 'move')} ({', '.join(moves)})" if moves else "no move of its own"
        return f"{self.world.actors[actor].label}: {deeds}"

    def variable(self, variable: Variable) -> str:
        if variable.spread:
            stated = sorted(variable.start, key=lambda pair: pair[1] is None)
            start = "it starts at " + ", ".join(self._share(level, share) for level, share in stated)
        else:
            start = f"it starts at {variable.start[0][0]}"
        hidden = " (hidden: nobody observes it)" if variable.hidden else ""
        labels = dict(variable.level_labels)
        if variable.counter:
            text = f"{variable.label}{hidden}: a number from {variable.levels[0]} to {variable.levels[-1]}; {start}"
            return self.sentence(text, variable.because, variable.sources)
        levels = " < ".join(f"{level} (“{labels[level]}”)" if level in labels else level for level in variable.levels)
        text = f"{variable.label}{hidden}: {levels}; {start}"
        return self.sentence(text, variable.because, variable.sources)

    def _share(self, level: str, share: str | None) -> str:
        return f"otherwise {level}" if share is None else f"{level} with {self._stated(share)}"

    def _stated(self, name: str, after: str = "") -> str:
        """Return an assumption as text, with its range: "20% (90% range 10% to 35%)".

        `after` is added directly after the value.
        """
        number = self.numbers[name]
        value = show(number.value, number.kind, number.unit).removeprefix("×") + after
        return value if number.fixed else f"{value} (90% range {_range(number)})"

    def move(self, move: Move) -> str:
        text = f"{self.whose(move)} - {_list([self.often(move), *self.factors(move), *self.outcomes(move)])}"
        return self.sentence(text + ("; nobody observes it" if move.covert else ""), sources=move.sources)

    def whose(self, move: Move) -> str:
        names = [self.world.actors[actor].label for actor in (move.actor, move.target) if actor]
        return move.label if move.actor == NATURE else f"{', towards '.join(names)}: {move.label}"

    def often(self, move: Move) -> str:
        if move.at:
            return f"happens on {long_date(move.at)}" + ("" if move.when.always else f", {self._only_if(move)}")
        return self._wait(move) if move.takes else f"about {self._stated(move.rate)} {self._possible(move)}"

    def factors(self, move: Move) -> Iterator[str]:
        return map(self._factor, move.factors)

    def _only_if(self, move: Move) -> str:
        return f"if on that day {condition_in_words(move.when, self.world)}"

    def _wait(self, move: Move) -> str:
        stages, median = move.takes.stages if move.takes else 1, self.world.assumptions[move.rate]
        low, high = (show(days, "duration", median.unit) for days in spread(stages, median.value))
        clock = f"a hidden clock of {stages} stages" if stages > 1 else "one exponential stage, without a clock"
        text = f"takes {self._stated(move.rate)} in the median, {low} to {high} in 90% of waits, simulated as {clock}"
        text = f"{text}; the wait starts anew whenever the move becomes possible; possible {self._possible(move)}"
        return self.sentence(text, move.takes.because, move.takes.sources) if move.takes else text

    def _while(self, when: Condition) -> str:
        return "at any time" if when.always else f"while {condition_in_words(when, self.world)}"

    def _possible(self, move: Move) -> str:
        if move.between and move.when.always:
            return f"only {_window(move.between)}"
        return self._while(move.when) + (f", only {_window(move.between)}" if move.between else "")

    def _factor(self, factor: Factor, unit: str = " times as often") -> str:
        if factor.per:
            return f"times the number of {factor.per}"
        when = "" if factor.when.always else f" while {condition_in_words(factor.when, self.world)}"
        between = f" {_window(factor.between)}" if factor.between else ""
        return f"{self._stated(factor.by, unit)}{when}{between}"

    def outcomes(self, move: Move) -> Iterator[str]:
        if len(move.outcomes) == 1:
            yield f"then {self.effects(move.outcomes[0])}"
            return
        for outcome in sorted(move.outcomes, key=lambda outcome: outcome.chance is None):
            chance = "otherwise" if outcome.chance is None else self._stated(outcome.chance)
            odds = "".join(f", at {self._factor(factor, ' times the odds')}" for factor in outcome.factors)
            yield f"{chance}{odds}: {outcome.label} - {self.effects(outcome)}"

    def effects(self, outcome: Outcome) -> str:
        parts = (f"{self.effect(effect)}{self._where(effect.when)}" for effect in outcome.effects)
        return ", ".join(parts) or "nothing changes"

    def _where(self, when: Condition) -> str:
        return "" if when.always else f" where {condition_in_words(when, self.world)}"

    def effect(self, effect: Effect) -> str:
        if effect.level is not None:
            return f"{effect.variable} to {effect.level}"
        return f"{effect.variable} {shift_in_words(effect, self.world)}"

    def ending(self, ending: Ending) -> str:
        rank = list(self.world.endings).index(ending.id) + 1
        text = f"{ending.label}: the story ends once {condition_in_words(ending.when, self.world)}"
        several = f" (number {rank} in precedence)" if len(self.world.endings) > 1 else ""
        return self.sentence(text + several, ending.because)

    def question(self, question: Question) -> str:
        if question.when is not None:
            event = f"yes once {condition_in_words(question.when, self.world)}"
        elif question.lull is not None:
            event = f"yes once {firings_in_words(question.lull, self.world)}"
        elif question.count is not None:
            event = f"yes once {firings_in_words(question.count, self.world)}"
        else:
            event = f"yes once {self._event(question.move or '', question.outcome)}"
        decides = f"decided by {question.decides}" if question.decides else ""
        return _list([f"{question.label}: {event}", f"in reality, {question.resolves}", decides])

    def impact(self, impact: Impact) -> str:
        parts = [
            *(f"{self._amount(item.each)} each time {self._event(item.move, item.outcome)}" for item in impact.on),
            *(f"{self._amount(item.amount)} {self._while(item.when)}" for item in impact.per_day),
            *(f"{self._amount(item.amount)} once on reaching the ending {item.ending}" for item in impact.at_endings),
        ]
        return f"{impact.label}, in {impact.unit}: {_list([*parts, 'what happens after an ending is not counted'])}"

    def _amount(self, name: str) -> str:
        return self._stated(name) + _events(self.world.assumptions[name])

    @staticmethod
    def _event(move: str, outcome: str | None) -> str:
        return f"the move {move} happens" + (f" with the outcome {outcome}" if outcome else "")

    def ladder(self, ladder: Ladder) -> str:
        first, *rest = ladder.rungs
        steps = [f"{rung.id} once {condition_in_words(rung.when, self.world)}" for rung in rest]
        shown = " (shown first)" if ladder.id == self.world.ladder else ""
        return f"{ladder.label}{shown}: {_list([first.id, *steps])}"

    def evidence(self) -> Iterator[tuple[str, str]]:
        evidence = self.world.evidence
        if evidence is None:
            return
        if evidence.history:
            yield (
                "history",
                self.sentence(f"the log is used from {evidence.history.since} on", evidence.history.because),
            )
        for each in evidence.seen:
            name = f"{each.move}:{each.outcome}" if each.outcome else each.move
            yield name, self.sentence(self._coverage(each), each.because)
        for rule in evidence.rules:
            yield ", ".join(rule.words), self.sentence(self._rule(rule), rule.because)

    def _coverage(self, seen: Coverage) -> str:
        if isinstance(seen.chance, str):
            text = f"shows in the log with a chance of {self._stated(seen.chance)}"
        else:
            text = "always shows in the log" if seen.chance else "need not show in the log, so its absence says nothing"
        delay = f", within {_count(range(seen.within_days), 'day')}" if seen.within_days else ""
        return text + delay + (f", from {seen.since} on" if seen.since else "")

    def _rule(self, rule: RowRule) -> str:
        only = [str(part) for part in (rule.date, rule.actor, rule.target, rule.confidence) if part]
        rows = f"rows of {' or '.join(rule.words)}" + (f" ({', '.join(only)})" if only else "")
        ratio = "" if rule.ratio is None else f"; each row is {rule.ratio:g} times as likely if this is true"
        if rule.ignore:
            return f"{rows} are left out: {rule.ignore}"
        if rule.setting:
            return f"{rows} set {', '.join(f'{name} to {level}' for name, level in rule.setting)}"
        if rule.level is not None:
            return f"{rows} say that {condition_in_words(rule.level, self.world)}{ratio}"
        outcomes = f" with the outcome {' or '.join(rule.outcomes)}" if rule.outcomes else ""
        return f"{rows} are firings{f' of {rule.move}' if rule.move else ''}{outcomes}{ratio}"

    def assumption(self, number: Assumption) -> str:
        spread = ", fixed" if number.fixed else f" (90% range {_range(number)})"
        observed = f"; observed: {show(number.observed, 'rate', number.unit)}" if number.observed is not None else ""
        until = f"; set from the log up to {number.uses_log_until}" if number.uses_log_until else ""
        value = show(number.value, number.kind, number.unit)
        return self.sentence(
            f"{number.label}: {value}{spread}{_events(number)}{observed}{until}", number.because, number.sources
        )
