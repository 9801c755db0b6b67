"""Questions added to a scenario for the events in measures (the numbers of a forecast).

A measure may ask whether a move has happened, whether a level has been reached, or how probable one event is given
another. An engine records such an event only for a question, so a question is added before the engine runs. The id of
the added question is made from the name of the measure, and cannot be the id of a question in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simlib.errors import Problem, ScenarioError
from simlib.machine.measures import Measure, days_by, find
from simlib.scenario.model import Condition, Joint, Question, Scenario

__all__ = ["events", "with_events"]


def with_events(scenario: Scenario, measures: Iterable[Measure], by_day: float | None = None) -> Scenario:
    """Return the scenario with a question for each event that the measures ask about.

    Raises ScenarioError if the condition of a conditional probability has a date after `by_day` (default: the horizon).
    """
    questions = events(scenario, measures, by_day)
    return scenario.replace(questions={**scenario.questions, **questions}) if questions else scenario


def events(scenario: Scenario, measures: Iterable[Measure], by_day: float | None = None) -> dict[str, Question]:
    """Return {id: question} for the questions that are needed to compute these measures.

    Raises ScenarioError if the condition of a conditional probability has a date after `by_day` (default: the horizon).
    """
    last = scenario.horizon_days if by_day is None else by_day
    return {question.id: question for measure in measures for question in _questions(scenario, measure, last)}


def _questions(scenario: Scenario, measure: Measure, last: float) -> Iterator[Question]:
    if measure.kind == "fired":
        yield Question(measure.name, measure.label, move=measure.of)
    elif measure.kind == "reached":
        yield Question(measure.name, measure.label, when=_or_above(scenario, measure))
    elif measure.kind == "given":
        name, _, date = measure.part.partition("@")
        until = days_by(scenario, date) if date else None
        if until is not None and until > last:
            what, expected = "the date of the condition is after the day asked about", "expected a date up to that day"
            raise ScenarioError(Problem("", 0, f"measure {measure.name!r}", what, expected))
        event, given = find(scenario, [measure.of])[0], find(scenario, [name])[0]
        for part in (event, given):
            yield from _questions(scenario, part, last)
            if part.kind == "question":
                yield scenario.questions[part.of]
        yield Question(measure.condition, given.label, joint=Joint(_place(given), until))
        yield Question(measure.both, measure.label, joint=Joint(_place(given), until, _place(event)))


def _place(event: Measure) -> tuple[str, str]:
    """Return ("question", id) or ("ending", id), whichever records the event."""
    return ("question", event.question_id) if event.question_id else ("ending", event.of)


def _or_above(scenario: Scenario, measure: Measure) -> Condition:
    if measure.of in scenario.variables:
        levels = scenario.variables[measure.of].levels
        return Condition((((measure.of, levels[levels.index(measure.part) :]),),))
    rungs = scenario.ladders[measure.of].rungs
    first = [rung.id for rung in rungs].index(measure.part)
    return Condition(tuple(clause for rung in rungs[first:] for clause in rung.when.clauses))
