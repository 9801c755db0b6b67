"""Segments of time, cut on days when hazards or effects may change or an intervention acts."""

from __future__ import annotations

import itertools
import math

from simlib.errors import Problem, ScenarioError
from simlib.machine.interventions import Action, Segment
from simlib.machine.tables import Tables
from simlib.scenario.model import Force, Hold, Lasting, Pin, Scenario
from simlib.scenario.views.intervention_rules import why_outside


def cut(tables: Tables, horizon: float) -> list[Segment]:
    """Cut the days from 0 to `horizon` into segments, each with its interventions.

    A segment lists the interventions that act at its start, and those in force throughout the segment. An intervention
    that acts at the horizon itself gives a last segment of length zero. Raises ScenarioError for an intervention before
    the start or after the horizon.
    """
    scenario = tables.scenario
    _refuse_outside(scenario, horizon)
    actions, lasting = _actions(tables, horizon), _lasting(scenario)
    cuts = {0.0, horizon, *(day for day, _ in actions), *(start for start, _, _ in lasting)}
    cuts |= {end for _, end, _ in lasting if 0 < end < horizon}
    cuts |= {day for window in tables.windows for day in window if 0 < day < horizon}
    joints = [question.joint for question in scenario.questions.values() if question.joint]
    cuts |= {joint.until for joint in joints if joint.until is not None and joint.until < horizon}
    days = sorted(cuts)
    if any(day == horizon for day, _ in actions):
        days.append(horizon)
    result = []
    for start, end in itertools.pairwise(days):
        closed = tuple(i for (first, last), i in tables.windows.items() if not first <= start < last)
        stands = [number for first, last, number in lasting if first <= start < last]
        holds = {number: item for number in stands if isinstance(item := scenario.interventions[number], Hold)}
        held = tuple(sorted({tables.variable(item.variable) for item in holds.values()}))
        here = tuple(action for day, action in actions if day == start and (start < horizon or end == start))
        result.append(Segment(start, end, here, closed, tuple(n for n in stands if n not in holds), held))
    return result


def _refuse_outside(scenario: Scenario, horizon: float) -> None:
    for item in scenario.interventions:
        if item.date is not None and not 0 <= scenario.day(item.date) <= horizon:
            raise ScenarioError(Problem("", 0, str(item), *why_outside(scenario, item.date, horizon)))


def _actions(tables: Tables, horizon: float) -> list[tuple[float, Action]]:
    """Return (day, action) for each action up to `horizon`, in order of time.

    An action is the start of a `Force`, `Pin` or `Hold` intervention, or a move with a fixed date. On the same day,
    `Hold` comes first, then `Force` and `Pin`, then moves with a fixed date.
    """
    actions: list[tuple[float, int, Action]] = []
    for number, item in enumerate(tables.scenario.interventions):
        day = 0.0 if item.date is None else tables.scenario.day(item.date)
        match item:
            case Force():
                outcome = -1 if item.outcome is None else tables.outcome(item.move, item.outcome)
                actions.append((day, 1, Action(move=tables.move(item.move), outcome=outcome, number=number)))
            case Pin() | Hold():
                variable, level = tables.variable(item.variable), tables.level(item.variable, item.level)
                actions.append((day, int(isinstance(item, Pin)), Action(variable=variable, level=level, number=number)))
    dated = [(tables.scenario.day(move.at), tables.move(move.id)) for move in tables.scenario if move.at]
    actions += [(day, 2, Action(move=move, number=-1)) for day, move in dated if 0 <= day <= horizon]
    return [(day, action) for day, _, action in sorted(actions, key=lambda each: each[:2])]


def _lasting(scenario: Scenario) -> list[tuple[float, float, int]]:
    return [
        (
            0.0 if item.date is None else scenario.day(item.date),
            math.inf if item.until is None else scenario.day(item.until),
            number,
        )
        for number, item in enumerate(scenario.interventions)
        if isinstance(item, Lasting)
    ]


def held_together(tables: Tables) -> set[tuple[int, ...]]:
    """Return each set of variables (indices) that interventions keep fixed at the same time."""
    scenario = tables.scenario
    spans = [
        (first, last, tables.variable(item.variable))
        for first, last, number in _lasting(scenario)
        if isinstance(item := scenario.interventions[number], Hold)
    ]
    days = {day for first, last, _ in spans for day in (first, last)}
    return {tuple(sorted({v for first, last, v in spans if first <= day < last})) for day in days} - {()}
