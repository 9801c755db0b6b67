"""Exercises without a single right answer: a range, three moves, and the score of the class."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from simlib.calibration.scores import brier
from simlib.engines.exact.forecast import solve
from simlib.errors import ScenarioError
from simlib.formatting import percent
from simlib.machine import priors
from simlib.scenario.event_log import read_log
from simlib.scenario.loader import load_text
from simlib.scenario.model import Scenario
from simlib.widgets.classroom.exercise import BadEntry, Blank, Exercise, Grade, read_number, read_probability

__all__ = ["elicit_a_range", "score_the_class", "three_moves"]

_HERE = Path(__file__).parent


def elicit_a_range(world: Scenario) -> Exercise:
    """Return the exercise of asking one another for a range: first the ends, then the middle."""
    number = world.assumptions["recall_rate"]
    stated = [f"{1 / rate:.0f}" for rate in (number.high, number.value, number.low)]

    def judge(entries: Sequence[str]) -> Grade:
        low, middle, high = map(read_number, entries)
        if not 0 < low < middle < high:
            raise BadEntry("Numbers must rise: surprisingly short, as likely too short as too long, surprisingly long.")
        drawn = dataclasses.replace(number, low=1 / high, value=1 / middle, high=1 / low)
        points = [1 / float(priors.quantile(drawn, p)) for p in (0.99, 0.75, 0.25, 0.01)]
        return Grade(
            None,
            "Your range implies: 1 in 100 that the average is {:.0f} days or less, 1 in 4 for {:.0f} or less, 1 "
            "in 4 for {:.0f} or more, 1 in 100 for {:.0f} or more. Do you believe that? If not, change an "
            "end. The file has {}, {} and {} days.".format(*points, *stated),
        )

    return Exercise(
        "Elicit a range",
        8,
        "How long, on average, until North Island calls its patrols home while things are quiet? Ask your "
        "neighbour for three numbers in days. First the ends: an average that would be surprisingly short (1 in "
        "20), and one that would be surprisingly long (1 in 20). Only then the middle: an average as likely "
        "too short as too long.",
        (Blank("Surprisingly short (5%)"), Blank("Middle (50%)"), Blank("Surprisingly long (95%)")),
        judge,
        tuple(stated),
        f"There is no right answer. The file has {', '.join(stated)} days. People who give the ends "
        "first give wider ranges, and are surprised less often, than people who begin with the middle.",
        "Most people's ranges are too narrow. What would surprise you?",
    )


def three_moves() -> Exercise:
    """Return the exercise in which learners add three moves to a scenario."""

    def judge(entries: Sequence[str]) -> Grade:
        try:
            scenario = load_text(entries[0] + "\n", "your text")
        except ScenarioError as error:
            first = error.problems[0]
            more = f" {len(error.problems) - 1} more after that." if len(error.problems) > 1 else ""
            return Grade(False, f"Line {first.line}: {first.what}; {first.expected}.{more}".replace("; .", "."))
        moves = len(scenario.moves) - 1
        if moves < 3:
            return Grade(False, f"A valid scenario with {moves} of your own moves; write {3 - moves} more.")
        last = solve(scenario, times=1)
        ended = {e.label: float(last.endings[e.id].probability[-1]) for e in scenario.endings.values()}
        endings = "; ".join(f"{label} {percent(p)}" for label, p in ended.items())
        return Grade(True, f"A valid scenario with {moves} moves of your own. By {last.by_words}: {endings}.")

    return Exercise(
        "Write three moves",
        13,
        "The text below has one move and no way to its ending. Add three moves of your own: each with an actor, a "
        "label that begins with a verb, a condition, a rate with its range and its reason, and what it changes.",
        (Blank("The scenario", "text", start=_text("starter.yaml")),),
        judge,
        (_text("three_moves.yaml"),),
        "Any three moves that the check accepts will do. These are ours: answer, apologise, forget.",
        "Copy the move that is there, and change every line of it.",
    )


def score_the_class(world: Scenario, ours: float) -> Exercise:
    """Return the exercise that scores the class and `ours`, the model's probability of a hit."""
    usual, happened = _climatology(world), _happened(world)
    outcome = "it happened" if happened else "it did not happen"

    def judge(entries: Sequence[str]) -> Grade:
        names = dict(_forecasts(entries[0]))
        scores = {name: _brier(p, happened) for name, p in names.items()}
        pooled = sum(names.values()) / len(names)
        rivals = {"the class together": pooled, "the model": ours, "past seasons": usual}
        scores |= {name: _brier(p, happened) for name, p in rivals.items()}
        ranked = sorted(scores.items(), key=lambda pair: pair[1])
        table = "; ".join(f"{name} {score:.3f}" for name, score in ranked)
        return Grade(
            None, f"The log says that {outcome}. Brier scores, the best first: {table}. One event says little."
        )

    return Exercise(
        "Score the class",
        7,
        "“A ship of North Island is hit” by 29 June 2031: collect everybody's probability from the beginning of "
        "the lesson, one name and one probability per line. The Brier score is (probability - outcome)², so 0 is "
        "best and 0.25 is what 50% always gets. The log of the three months settles it.",
        (Blank("Names and probabilities", "text", start="Ana 20%\nBen 50%\n"),),
        judge,
        ("Ana 20%\nBen 50%",),
        f"The log says that {outcome}. With {percent(ours)} the model scores {_brier(ours, happened):.3f}; the share "
        f"of past seasons, {percent(usual)}, scores {_brier(usual, happened):.3f}. The mean of the "
        "class scores at least as well as the average of its members, because squares punish large errors most.",
        "A score of one event is mostly luck. Score many before you trust a forecaster.",
    )


def _happened(world: Scenario) -> bool:
    rows = read_log(Path(world.path) / "later.csv")
    return any(row.word == "fire-on-patrol" and row.outcome == "ship-hit" for row in rows)


def _climatology(world: Scenario) -> float:
    file = Path(world.path) / "forecasts" / "terms.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        rows = {row["question"]: row["climatology"] for row in csv.DictReader(lines)}
    return read_probability(rows["ship-hit"])


def _forecasts(text: str) -> Iterator[tuple[str, float]]:
    """Yield (name, probability) for lines such as "Ana 20%", and raise BadEntry for other lines."""
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, number = line.rpartition(" ")
        if not name:
            raise BadEntry(f"“{line}” has no name or no probability; write a line such as “Ana 20%”.")
        yield name, read_probability(number)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _brier(probability: float, happened: bool) -> float:
    return float(brier([probability], [float(happened)])[0])
