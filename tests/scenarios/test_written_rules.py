"""Each question of a shipped world against its written rule (`resolves`), played on simulated histories.

A rule is played by a function that sees what the person who settles the question sees: dated moves with their outcomes,
never a level. Histories are played beyond the horizon, because a rule may look further ("28 days in a row"). The gap is
P(yes by the horizon), rule against model. `decisions/written-rules.md` says why the rules stand here.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from simlib.analysis.samples import question_times
from simlib.engines.montecarlo.replay import Histories, histories
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario

RUNS, BEYOND = 4_000, 28.0
"""Histories, and days that are played beyond the horizon."""

LARGEST_GAP = 0.005
"""Share of the histories in which rule and model may disagree."""


@dataclass(frozen=True)
class Seen:
    """What outsiders see of one history: (day, move, outcome) in order, until the story is over."""

    events: Sequence[tuple[float, str, str]]
    over: float

    def first(self, *names: str) -> float:
        """Return the day of the first of some moves, or of outcomes written "move:outcome"; infinity for none."""
        return min(
            (day for day, move, outcome in self.events if {move, f"{move}:{outcome}"} & {*names}), default=math.inf
        )

    def pause(self, days: float, *moves: str) -> float:
        """Return the first day of the first stretch of so many days without any of some moves."""
        marks = [0.0, *(day for day, move, _ in self.events if move in moves), self.over]
        return next((begin for begin, end in itertools.pairwise(marks) if end - begin >= days), math.inf)


Rule = Callable[[Seen], float]
"""Maps what is seen to the day on which a question is settled with yes, or infinity."""

AT_SEA = ("vessel-strike-caribbean", "vessel-strike-pacific")
ANNOUNCED_STOP = ("suspend-strikes", "council-meets:heeded", "draw-down", "settle", "leave-by-deal")

RULES: dict[str, dict[str, Rule]] = {
    "caribbean-2025": {
        "force-on-land": lambda seen: seen.first("strike-on-land", "begin-ground-operation"),
        "maduro-out": lambda seen: seen.first(
            *("strike-on-land:removes-leader", "leader-falls-under-campaign", "leave-by-deal", "oust-from-within")
        ),
        "strikes-suspended": lambda seen: seen.first(*ANNOUNCED_STOP),
        "no-strike-for-28-days": lambda seen: seen.pause(28, *AT_SEA) + 28,
        "iranian-delivery": lambda seen: seen.first("deliver-shipment"),
        "third-party-show": lambda seen: seen.first("russian-visit"),
        "rupture-with-colombia": lambda seen: seen.first("step-against-bogota:ruptures", "bogota-answers:ruptures"),
    },
    "cuba-1962": {
        "quarantine": lambda seen: seen.first("decide:quarantine", "impose-quarantine"),
        "strike": lambda seen: seen.first("decide:strikes", "strike-sites"),
        "aircraft-lost": lambda seen: seen.first("fire-on-aircraft:brought-down"),
        "withdrawal": lambda seen: seen.first("agree"),
    },
    "falklands-1982": {
        "landing": lambda seen: seen.first("land"),
        "british-attack": lambda seen: seen.first("strike-first", "fight-for-the-seas"),
        "british-landing": lambda seen: seen.first("land-british"),
        "settled": lambda seen: seen.first("stand-down", "settle"),
        "surrender": lambda seen: seen.first("decide-battle:surrender"),
    },
    "kuwait-1994": {
        "invasion": lambda seen: seen.first("cross"),
        "us-strike": lambda seen: seen.first("strike"),
        "pull-back": lambda seen: seen.first("pull-back"),
        "resolution": lambda seen: seen.first("demand"),
        "recognition-of-kuwait": lambda seen: seen.first("recognise"),
    },
    "two-islands": {
        "ship-hit": lambda seen: seen.first("fire-on-patrol:ship-hit"),
        "first-challenge": lambda seen: seen.first("patrol:challenged"),
    },
}

CASES = [(world, name) for world, rules in RULES.items() for name in rules]


@pytest.fixture(scope="module")
def played() -> dict[str, tuple[Histories, list[Seen]]]:
    histories_of = {name: play(load(name)) for name in RULES}
    return {name: (history, seen(history)) for name, history in histories_of.items()}


def play(scenario: Scenario) -> Histories:
    return histories(scenario.replace(horizon_days=scenario.horizon_days + BEYOND), RUNS, seed=5)


def seen(history: Histories) -> list[Seen]:
    """Return what outsiders see of each history; covert moves and variables that were set are left out."""
    outcomes = [(move.id, outcome.id, move.covert) for move in history.scenario for outcome in move.outcomes]
    result = []
    for place, (first, last) in enumerate(itertools.pairwise(history.start)):
        rows = [(float(history.time[k]), *outcomes[history.outcome[k]]) for k in range(first + 1, last)]
        over = min(float(history.ending_time[place]), history.horizon)
        result.append(Seen([(day, move, outcome) for day, move, outcome, covert in rows if not covert], over))
    return result


def test_every_question_of_a_shipped_world_has_a_rule_that_can_be_played():
    assert {name: list(rules) for name, rules in RULES.items()} == {
        name: list(load(folder).questions) for name, folder in sorted(shipped_scenarios().items())
    }


@pytest.mark.slow
@pytest.mark.parametrize(("world", "name"), CASES)
def test_a_question_is_settled_by_its_written_rule(world, name, played):
    (history, outside), rule = played[world], RULES[world][name]
    question, by = history.scenario.questions[name], history.horizon - BEYOND
    model = question_times(history, question) <= by
    written = np.array([rule(one) for one in outside]) <= by
    apart = float(np.mean(model != written))
    gap = f"{question.label}: model {model.mean():.1%}, written rule {written.mean():.1%}, apart in {apart:.1%}\n"
    sys.stdout.write(gap)
    assert apart <= LARGEST_GAP, gap


def test_a_pause_is_found_where_it_begins():
    struck = [(3.0, "strike", "done"), (40.0, "strike", "done"), (41.0, "talk", "done")]
    assert Seen(struck, 90.0).pause(28, "strike") == 3.0
    assert Seen(struck, 90.0).pause(40, "strike") == 40.0
    assert Seen(struck, 60.0).pause(40, "strike") == math.inf
    assert Seen([], 28.0).pause(28, "strike") == 0.0
    assert Seen(struck, 60.0).first("talk:done", "strike:other") == 41.0
