"""A lesson of 90 minutes on the scenario two-islands: nine exercises with computed answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import cached_property

from simlib.engines.exact.forecast import solve
from simlib.formatting import long_date, percent
from simlib.machine.asked_events import with_events
from simlib.machine.measures import find, of_forecast
from simlib.scenario.loader import load
from simlib.scenario.model import Forbid, Force, Move, Scenario
from simlib.scenario.views.variation import with_interventions
from simlib.widgets.classroom.exercise import Blank, Exercise, Grade, read_number, read_probability
from simlib.widgets.classroom.practice import elicit_a_range, score_the_class, three_moves

__all__ = ["DICE", "Lesson"]

WORLD = "two-islands"
DICE = (37, 62)
"""Two rolls of a die with a hundred sides, for the exercise in which a history is rolled by hand."""

_NEAR, _GUESS = 0.015, 0.05
"""Largest errors with which an answer counts as right: of a computed probability, and of a prediction."""

_READ_BY, _SEEN_BY = 30, 7
"""The day for which the curve is read, and the day by which a move is seen, in days after the start."""

_VERDICTS = (
    "a sign only",
    "mostly a sign, and a little of a cause",
    "mostly a cause, and a little of a sign",
    "a cause",
)

_SIGNS = {
    "offer-talks": "talks are offered when things are quiet, and then ships are safer; the offer adds less than quiet",
    "fire-on-patrol": "the shots themselves hit, and make things hot",
}
"""The moves that the learner sorts into signs and causes, each with the reason for the solution."""

_WHY = (
    "The computer draws at random, so that the two numbers differ by luck.",
    "A probability does not rise in step with a rate, so its mean over a range is not its value at the stated median.",
    "The ranges are too wide; with better ranges both numbers would be the same.",
)


class Lesson:
    """The exercises of the lesson, numbered from 1."""

    def __init__(self) -> None:
        self.world: Scenario = load(WORLD)

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """All exercises, in the order of the lesson."""
        makers: tuple[Callable[[], Exercise], ...] = (
            self._patrol_by_hand,
            self._history_by_hand,
            self._probability_with_a_date,
            self._forbid_patrols,
            self._stated_and_mean,
            lambda: elicit_a_range(self.world),
            self._sign_or_cause,
            three_moves,
            lambda: score_the_class(self.world, self.probability("question:ship-hit")),
        )
        return tuple(make() for make in makers)

    def __getitem__(self, number: int) -> Exercise:
        return self.exercises[number - 1]

    def exercise(self, number: int) -> object:
        """Return an exercise as a widget with fields and a check."""
        from simlib.widgets.classroom.exercise_view import ExerciseView

        return ExerciseView(number, self[number])

    def solution(self, number: int) -> str:
        """Return the solution of an exercise, an accepted answer, and the verdict on this answer."""
        one = self[number]
        verdict = one.check(*one.answers)
        accepted = " | ".join(one.answers)
        return f"{number}. {one.title}\n{one.worked}\nAccepted: {accepted}\nThe check says: {verdict.words}"

    # ---------------------------------------------------------------- results of the scenario

    def probability(self, measure: str, day: float | None = None, world: Scenario | None = None) -> float:
        """Return an event's exact probability by `day` days after the start (default: the horizon).

        `measure` names the event, such as "question:ship-hit". `world` is a scenario (default: the one of the lesson).
        """
        world = world or self.world
        chosen = find(world, measure)
        last = world.horizon_days if day is None else day
        forecast = solve(with_events(world, chosen, last), times=[last], by=last)
        return float(of_forecast(forecast, chosen[0])[0][-1])

    def open_moves(self) -> list[tuple[Move, float]]:
        """Return the moves that are possible at the start, each with its rate per day.

        A variable with several start levels is taken to be at the first of them. Factors with dates are left out.
        """
        levels = {name: variable.start[0][0] for name, variable in self.world.variables.items()}
        return [(move, self._rate(move, levels)) for move in self.world if move.when.holds(levels)]

    def _rate(self, move: Move, levels: dict[str, str]) -> float:
        numbers = self.world.assumptions
        factors = (f for f in move.factors if f.between is None and f.when.holds(levels))
        return numbers[move.rate].value * math.prod(numbers[factor.by].value for factor in factors)

    # ---------------------------------------------------------------- the exercises

    def _patrol_by_hand(self) -> Exercise:
        rate = self.world.assumptions["patrol_rate"].value * 7
        answer = 1 - math.exp(-rate)
        exact = self.probability("fired:patrol", 7)
        worked = (
            f"{rate:.1f} patrols are expected in a week. The probability of none is exp(-{rate:.1f}) = "
            f"{percent(math.exp(-rate))}, so for at least one it is {percent(answer)}. It is not {rate:.0%}: a rate "
            f"is no probability. The engine says {percent(exact)}, because things may be hot at the start, and then "
            f"patrols sail more often."
        )

        def judge(entries: Sequence[str]) -> Grade:
            right = abs(read_probability(entries[0]) - answer) <= _NEAR
            return Grade(right, worked if right else "Not yet. First find the probability that no patrol sails.")

        return Exercise(
            "A patrol within a week, by hand",
            8,
            f"While things are quiet North Island sends {rate:.1f} patrols per week. How probable is at least one "
            "patrol within a week? Use P(none) = exp(-rate × time).",
            (Blank("Probability"),),
            judge,
            (percent(answer),),
            worked,
            f"exp(-{rate:.1f}) is the probability that there is no patrol.",
        )

    def _history_by_hand(self) -> Exercise:
        moves = self.open_moves()
        total = sum(rate for _, rate in moves)
        first, second = (roll / 100 for roll in DICE)
        days, running, chosen = -math.log(first) / total, 0.0, moves[-1][0]
        for move, rate in moves:
            running += rate / total
            if second <= running:
                chosen = move
                break
        table = "; ".join(f"{move.label}: {rate:.4f}" for move, rate in moves)
        worked = (
            f"The rates sum to {total:.4f} per day. The wait is -ln({first:.2f}) / {total:.4f} = {days:.1f} days. "
            f"Shares of the total, added up in the order of the list, first reach {second:.2f} at “{chosen.label}”."
        )

        def judge(entries: Sequence[str]) -> Grade:
            near = abs(read_number(entries[0]) - days) <= 0.15 + 0.02 * days
            right = near and entries[1] == chosen.label
            return Grade(right, worked if right else "Not yet. Sum the rates first; then use the first die.")

        return Exercise(
            "One history, rolled by hand",
            12,
            "On the first day things are quiet, patrols sail, nobody talks and South Island is weak. These moves are "
            f"possible, with their rates per day: {table}. Your dice say {DICE[0]} and {DICE[1]} of 100. The wait "
            "until the next move is -ln(first) / sum of rates. The second die chooses the move: go down the list, "
            "adding each share of the sum, until you reach what this die says. Then draw the arrow on the diagram.",
            (Blank("Wait in days"), Blank("Move", "choice", tuple(move.label for move, _ in moves))),
            judge,
            (f"{days:.1f}", chosen.label),
            worked,
            f"ln({first:.2f}) = {math.log(first):.3f}",
        )

    def _probability_with_a_date(self) -> Exercise:
        early, late = self.probability("ending:settlement", _READ_BY), self.probability("ending:settlement")
        day, end = long_date(self.world.by_date(_READ_BY)), long_date(self.world.by_date(self.world.horizon_days))
        worked = (
            f"The curve is at {percent(early)} on {day} and at {percent(late)} on {end}. An ending is final, so the "
            f"probability that the treaty is signed between the two dates is the difference, {percent(late - early)}."
        )

        def judge(entries: Sequence[str]) -> Grade:
            probabilities = [read_probability(entry) for entry in entries]
            right = all(abs(x - y) <= 2 * _NEAR for x, y in zip(probabilities, (early, late - early), strict=True))
            return Grade(right, worked if right else "Not yet. Read the height of the curve at the end of each date.")

        return Exercise(
            "A probability has a date",
            8,
            f"Read the curve of “A treaty is signed” in the picture above. How probable is a treaty by the end of "
            f"{day}? And how probable is it that the treaty is signed after that, by {end}?",
            (Blank(f"By {day}"), Blank(f"After {day}, by {end}")),
            judge,
            (percent(early), percent(late - early)),
            worked,
            "The curve only rises. What happens between two dates is a difference of two heights.",
        )

    def _forbid_patrols(self) -> Exercise:
        before = self.probability("question:ship-hit")
        forbidden = with_interventions(self.world, [Forbid("patrol")])
        after = self.probability("question:ship-hit", world=forbidden)
        worked = (
            f"With patrols forbidden from the first day the probability goes from {percent(before)} to "
            f"{percent(after)}. Ships that are in the strait already may still be fired on, and a forbidden move "
            "deters nobody."
        )

        def judge(entries: Sequence[str]) -> Grade:
            off = abs(read_probability(entries[0]) - after)
            return Grade(off <= _GUESS, f"You were off by {100 * off:.0f} points. {worked}")

        return Exercise(
            "Predict, then forbid patrols",
            10,
            f"“A ship of North Island is hit” has a probability of {percent(before)} within 90 days. Write down your "
            "prediction before you press Check: what is the probability if no new patrol sails from the first day on?",
            (Blank("Your prediction"),),
            judge,
            (percent(after),),
            worked,
            "Who is in the strait on the first day?",
        )

    def _stated_and_mean(self) -> Exercise:
        number = self.world.assumptions["landing_rate"]
        ends = (number.low, number.value, number.high)
        three = [self.probability("ending:open-war", world=self._with(number.id, value)) for value in ends]
        mean = sum(three) / 3
        worked = (
            f"The mean of {', '.join(map(percent, three))} is {percent(mean)}; at the middle value the probability is "
            f"{percent(three[1])}. {_WHY[1]}"
        )

        def judge(entries: Sequence[str]) -> Grade:
            near = abs(read_probability(_as_percent(entries[0])) - mean) <= 0.1 * mean
            right = near and entries[1] == _WHY[1]
            return Grade(right, worked if right else "Not yet. Add the three probabilities, and divide by three.")

        return Exercise(
            "Why the mean over the range is not the answer at the stated value",
            10,
            "Three experts, equally good, disagree about how fast troops land after shots. The probability of open "
            f"war is {percent(three[0])} with the low value, {percent(three[1])} with the middle one and "
            f"{percent(three[2])} with the high one. You do not know who is right. What is your probability, and why "
            "does it differ from the one at the middle value?",
            (Blank("Your probability, in percent"), Blank("Why", "choice", _WHY)),
            judge,
            (percent(mean), _WHY[1]),
            worked,
            "If each may be right, take the mean of the three.",
        )

    def _with(self, name: str, value: float) -> Scenario:
        number = dataclasses.replace(self.world.assumptions[name], value=value, low=value, high=value)
        return self.world.replace(assumptions={**self.world.assumptions, name: number})

    def _sign_or_cause(self) -> Exercise:
        base, day = self.probability("question:ship-hit"), long_date(self.world.by_date(_SEEN_BY))
        kinds, tables, reasons = [], [], []
        for move, reason in _SIGNS.items():
            seen, forced = self._seen_and_forced(move)
            kinds.append(_VERDICTS[sum((forced - base) / (seen - base) > limit for limit in (0.1, 0.5, 0.8))])
            label = self.world.moves[move].label
            tables.append(f"“{label}”: {percent(seen)} if it is seen by {day}, {percent(forced)} if it is ordered")
            reasons.append(f"“{label}” is {kinds[-1]}: {reason}.")
        worked = " ".join(reasons)

        def judge(entries: Sequence[str]) -> Grade:
            right = list(entries) == kinds
            return Grade(right, worked if right else "Not yet. Compare both numbers with the first probability.")

        return Exercise(
            "Sign or cause?",
            6,
            f"“A ship of North Island is hit” has a probability of {percent(base)}. {'. '.join(tables)}. Here ordered "
            "means: made to happen on the first day, whatever the situation. Is each move a sign or a cause of this "
            "event?",
            tuple(Blank(self.world.moves[move].label, "choice", _VERDICTS) for move in _SIGNS),
            judge,
            tuple(kinds),
            worked,
            "A sign tells you what the situation is. A cause changes the situation.",
        )

    def _seen_and_forced(self, move: str) -> tuple[float, float]:
        """Return two probabilities of a hit: if `move` is seen by day `_SEEN_BY`, and if forced."""
        forced = with_interventions(self.world, [Force(move, self.world.as_of)])
        seen = self.probability(f"question:ship-hit|fired:{move}@{self.world.by_date(_SEEN_BY)}")
        return seen, self.probability("question:ship-hit", world=forced)


def _as_percent(text: str) -> str:
    """Add a missing percent sign, because the field asks for percent."""
    return text if "%" in text else f"{text}%"
