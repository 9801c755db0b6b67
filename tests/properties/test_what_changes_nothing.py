"""Changes that must not change the answer: names, order, the unit of time, and what never comes into play."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import simlib
from simlib.scenario.model import (
    Assume,
    Assumption,
    Change,
    Condition,
    Effect,
    Factor,
    Forbid,
    Force,
    Hold,
    Impact,
    Intervention,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    Scenario,
    Variable,
    View,
)
from simlib.scenario.views.variation import apply_view
from tests.properties.comparing import assert_same, assert_same_bits, drawn, numbers, report_times
from tests.strategies import seeded_world, worlds

# ---------------------------------------------------------------- names and order


def shuffled(mapping, dice):
    items = list(mapping.items())
    dice.shuffle(items)
    return dict(items)


def reordered(scenario: Scenario, dice: random.Random) -> Scenario:
    """Return the world with everything in another order but endings (precedence) and rungs and interventions."""
    moves = {
        name: replace(
            move,
            factors=tuple(dice.sample(move.factors, len(move.factors))),
            outcomes=tuple(dice.sample(move.outcomes, len(move.outcomes))),
        )
        for name, move in shuffled(scenario.moves, dice).items()
    }
    return scenario.replace(
        variables=shuffled(scenario.variables, dice),
        assumptions=shuffled(scenario.assumptions, dice),
        moves=moves,
        questions=shuffled(scenario.questions, dice),
        ladders=shuffled(scenario.ladders, dice),
    )


@pytest.mark.slow
@drawn(25)
@given(worlds(), st.integers(0, 10**6))
def test_the_order_of_variables_moves_factors_and_outcomes_changes_nothing(scenario, seed):
    times = report_times(scenario)
    other = reordered(scenario, random.Random(seed))
    assert_same(simlib.solve(scenario, times=times), simlib.solve(other, times=times))


@pytest.mark.slow
@drawn(15)
@given(worlds(), st.integers(0, 10**6))
def test_the_order_of_moves_and_variables_changes_no_die(scenario, seed):
    other = reordered(scenario, random.Random(seed))
    other = other.replace(
        moves={name: replace(move, outcomes=scenario.moves[name].outcomes) for name, move in other.moves.items()}
    )
    times = report_times(scenario)
    one = simlib.simulate(scenario, runs=300, seed=5, times=times)
    assert_same_bits(one, simlib.simulate(other, runs=300, seed=5, times=times))


class Renaming:
    """Gives every variable, level, move, outcome and ending another name, in every place that mentions it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.move_names = {name: f"renamed-{len(scenario.moves) - place}" for place, name in enumerate(scenario.moves)}

    def variable(self, name: str) -> str:
        return f"other-{name}"

    def level(self, name: str) -> str:
        return name if name.isdecimal() else f"quite {name}"  # the number of a counter is no name

    def outcome(self, name: str | None) -> str | None:
        return None if name is None else f"new-{name}"

    def ending(self, name: str) -> str:
        return f"last-{name}"

    def condition(self, when: Condition) -> Condition:
        return Condition(
            tuple(
                tuple((self.variable(v), tuple(map(self.level, levels))) for v, levels in clause)
                for clause in when.clauses
            )
        )

    def named_variable(self, old: Variable) -> Variable:
        return replace(
            old,
            id=self.variable(old.id),
            levels=tuple(map(self.level, old.levels)),
            start=tuple((self.level(level), share) for level, share in old.start),
        )

    def effect(self, old: Effect) -> Effect:
        level = None if old.level is None else self.level(old.level)
        return replace(old, variable=self.variable(old.variable), level=level, when=self.condition(old.when))

    def factors(self, old: tuple[Factor, ...]) -> tuple[Factor, ...]:
        return tuple(replace(f, when=self.condition(f.when), per=self.per(f.per)) for f in old)

    def per(self, name: str) -> str:
        return self.variable(name) if name else ""

    def move(self, old: Move) -> Move:
        return replace(
            old,
            id=self.move_names[old.id],
            when=self.condition(old.when),
            factors=self.factors(old.factors),
            outcomes=tuple(
                replace(
                    o,
                    id=self.outcome(o.id),
                    effects=tuple(map(self.effect, o.effects)),
                    factors=self.factors(o.factors),
                )
                for o in old.outcomes
            ),
        )

    def intervention(self, old: Intervention) -> Intervention:
        if isinstance(old, Assume):
            return replace(old, when=self.condition(old.when))
        if isinstance(old, Pin | Hold):
            return replace(old, variable=self.variable(old.variable), level=self.level(old.level))
        if isinstance(old, Force):
            return replace(old, move=self.move_names[old.move], outcome=self.outcome(old.outcome))
        return replace(old, move=self.move_names[old.move], when=self.condition(old.when))

    def question(self, old: Question) -> Question:
        names = self.move_names
        return replace(
            old,
            when=None if old.when is None else self.condition(old.when),
            move=None if old.move is None else names[old.move],
            outcome=self.outcome(old.outcome),
            count=None if old.count is None else replace(old.count, moves=tuple(names[m] for m in old.count.moves)),
        )

    def impact(self, old: Impact) -> Impact:
        return replace(
            old,
            on=tuple(
                replace(item, move=self.move_names[item.move], outcome=self.outcome(item.outcome)) for item in old.on
            ),
            per_day=tuple(replace(item, when=self.condition(item.when)) for item in old.per_day),
            at_endings=tuple(replace(item, ending=self.ending(item.ending)) for item in old.at_endings),
        )

    def renamed(self) -> Scenario:
        old = self.scenario
        return old.replace(
            variables={self.variable(v.id): self.named_variable(v) for v in old.variables.values()},
            moves={self.move_names[m.id]: self.move(m) for m in old.moves.values()},
            endings={
                self.ending(e.id): replace(e, id=self.ending(e.id), when=self.condition(e.when))
                for e in old.endings.values()
            },
            ladders={
                ladder.id: replace(ladder, rungs=tuple(replace(r, when=self.condition(r.when)) for r in ladder.rungs))
                for ladder in old.ladders.values()
            },
            questions={q.id: self.question(q) for q in old.questions.values()},
            impacts={impact.id: self.impact(impact) for impact in old.impacts.values()},
            interventions=tuple(map(self.intervention, old.interventions)),
        )

    def series(self) -> dict[str, str]:
        names = {f"moves.{old}": f"moves.{new}" for old, new in self.move_names.items()}
        names |= {f"endings.{name}": f"endings.{self.ending(name)}" for name in self.scenario.endings}
        return names | {
            f"variables.{v.id}.{level}": f"variables.{self.variable(v.id)}.{self.level(level)}"
            for v in self.scenario.variables.values()
            for level in v.levels
        }


@pytest.mark.slow
@drawn(25)
@given(worlds())
def test_names_change_nothing(scenario):
    renaming, times = Renaming(scenario), report_times(scenario)
    one, other = simlib.solve(scenario, times=times), simlib.solve(renaming.renamed(), times=times)
    assert_same(one, other, names=renaming.series())


# ---------------------------------------------------------------- the unit of time


@pytest.mark.slow
@drawn(25)
@given(worlds(interventions=False, windows=False), st.sampled_from([1e-3, 0.25, 7.0, 365.25]))
def test_all_rates_times_c_is_time_over_c(scenario, c):
    """An amount per day is a rate too."""
    times = report_times(scenario)
    faster = {a.id: c * a.value for a in scenario.assumptions.values() if a.kind == "rate"}
    faster |= {a.id: a.value / c for a in scenario.assumptions.values() if a.kind == "duration"}
    per_day = {item.amount for impact in scenario.impacts.values() for item in impact.per_day}
    faster |= {name: c * scenario.assumptions[name].value for name in per_day}
    one = simlib.solve(scenario, times=times)
    shorter = scenario.replace(horizon_days=scenario.horizon_days / c)
    other = simlib.solve(shorter, values=faster, times=[t / c for t in times])
    assert_same(one, other, within=3e-9)


# ---------------------------------------------------------------- what never comes into play


def with_a_move_that_never_fires(scenario: Scenario) -> Scenario:
    """Add a lamp that nobody can light, and a fast move with effects on everything that needs it lit."""
    effects = tuple(Effect(v.id, shift=1) for v in scenario.variables.values())
    lamp = Variable("lamp", "Lamp", ("dark", "lit"), (("dark", None),))
    rate = Assumption("idle.rate", "Idle", "rate", 50.0, 50.0, 50.0, "assumed")
    idle = Move(
        "idle",
        "nature",
        "Idle",
        rate.id,
        when=Condition(((("lamp", ("lit",)),),)),
        outcomes=(Outcome("done", "Done", None, effects),),
    )
    return scenario.replace(
        variables={"lamp": lamp} | dict(scenario.variables),
        assumptions={rate.id: rate} | dict(scenario.assumptions),
        moves={"idle": idle} | dict(scenario.moves),
    )


@pytest.mark.slow
@drawn(20)
@given(worlds())
def test_a_move_that_can_never_fire_changes_nothing(scenario):
    other, times = with_a_move_that_never_fires(scenario), report_times(scenario)
    forecast = simlib.solve(other, times=times)
    assert_same(simlib.solve(scenario, times=times), forecast)
    assert np.all(forecast.moves["idle"] == 0)


@pytest.mark.slow
@drawn(15)
@given(worlds())
def test_a_move_that_can_never_fire_changes_no_die(scenario):
    other, times = with_a_move_that_never_fires(scenario), report_times(scenario)
    one = simlib.simulate(scenario, runs=300, seed=2, times=times)
    assert_same_bits(one, simlib.simulate(other, runs=300, seed=2, times=times))


LIT = Condition(((("lamp", ("lit",)),),))


def that_do_nothing(scenario: Scenario, dice: random.Random) -> tuple[Intervention, ...]:
    """Return interventions on a world with an idle move: forbidding and forcing it, and setting what already holds."""
    later = scenario.as_of + (scenario.by_date(scenario.horizon_days) - scenario.as_of) / 2
    known = [v for v in scenario.variables.values() if not v.spread]
    holds = dice.choice(known)
    return (
        Pin(holds.id, holds.start[0][0], scenario.as_of),
        Pin("lamp", "dark", later),
        Forbid("idle"),
        Forbid("idle", later),
        Force("idle", later),
        Policy("idle", 30.0, until=later),
        Policy(dice.choice(list(scenario.moves)), 30.0, LIT),
        Forbid(dice.choice(list(scenario.moves)), when=LIT),
    )


@pytest.mark.slow
@drawn(20)
@given(worlds(interventions=False), st.integers(0, 10**6))
def test_interventions_that_do_what_already_holds_change_nothing(scenario, seed):
    world, times = with_a_move_that_never_fires(scenario), report_times(scenario)
    idle = world.replace(interventions=that_do_nothing(world, random.Random(seed)))
    forecast = simlib.solve(idle, times=times)
    assert_same(simlib.solve(world, times=times), forecast, within=3e-9)
    for line in forecast.interventions:
        assert line["without_effect"] in (1.0, None) or line["without_effect"] == pytest.approx(1.0), line


@drawn(15)
@given(worlds(interventions=False), st.integers(0, 10**6))
def test_interventions_that_do_what_already_holds_change_no_die(scenario, seed):
    world, times = with_a_move_that_never_fires(scenario), report_times(scenario)
    idle = world.replace(interventions=that_do_nothing(world, random.Random(seed)))
    one = simlib.simulate(world, runs=300, seed=4, times=times)
    assert_same_bits(one, simlib.simulate(idle, runs=300, seed=4, times=times))


def split(scenario: Scenario, name: str) -> Scenario:
    """Return a world in which the one outcome of a move is two, each with an even chance and the same effects."""
    half = Assumption("half", "Half", "chance", 0.5, 0.5, 0.5, "assumed")
    move = scenario.moves[name]
    (only,) = move.outcomes
    branches = replace(only, id="first", chance="half"), replace(only, id="second", chance=None)

    def gains(impact: Impact) -> Impact:
        """Return an impact that gains with either branch what it gained with the one outcome."""
        on = [
            replace(item, outcome=outcome)
            for item in impact.on
            for outcome in (("first", "second") if (item.move, item.outcome) == (name, only.id) else (item.outcome,))
        ]
        return replace(impact, on=tuple(on))

    return scenario.replace(
        assumptions=dict(scenario.assumptions) | {"half": half},
        moves=dict(scenario.moves) | {name: replace(move, outcomes=branches)},
        impacts={impact.id: gains(impact) for impact in scenario.impacts.values()},
    )


@pytest.mark.slow
@drawn(12)
@given(worlds())
def test_a_move_split_in_two_branches_that_do_the_same_is_the_same_move(scenario):
    """A question and a forced move name one outcome at most, so no world is split where they name the one split."""
    name, move = next(iter(scenario.moves.items()))
    assume(len(move.outcomes) == 1)
    assume(all(q.move != name or q.outcome is None for q in scenario.questions.values()))
    assume(all(not isinstance(i, Force) or i.move != name or i.outcome is None for i in scenario.interventions))
    times = report_times(scenario)
    other = simlib.solve(split(scenario, name), times=times)
    assert_same(simlib.solve(scenario, times=times), other, within=1e-11)


# ---------------------------------------------------------------- views


@pytest.mark.slow
@drawn(20)
@given(worlds())
def test_a_view_that_changes_nothing_changes_nothing(scenario):
    same = tuple(Change(a.id, a.value) for a in scenario.assumptions.values())
    other = apply_view(scenario, View("as-stated", "As stated", changes=same))
    assert dict(other.assumptions) == dict(scenario.assumptions)
    times = report_times(scenario)
    assert_same_bits(simlib.solve(scenario, times=times), simlib.solve(other, times=times))


def test_a_change_that_matters_is_noticed():
    """The comparisons above can fail: a rate one per cent higher shows in every random world that goes on."""
    noticed = 0
    for seed in range(10):
        scenario = seeded_world(seed, interventions=False)
        higher = {a.id: 1.01 * a.value for a in scenario.assumptions.values() if a.kind == "rate"}
        one, other = (simlib.solve(scenario, times=3, values=values) for values in (None, higher))
        noticed += any(
            not np.allclose(a, b, atol=1e-9) for (_, a), (_, b) in zip(numbers(one), numbers(other), strict=True)
        )
    assert noticed >= 8
