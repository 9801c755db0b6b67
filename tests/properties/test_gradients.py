"""The adjoint gradient against central differences of the exact answer, on random worlds."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

import simlib
from simlib.engines.exact.forecast import Solver
from simlib.scenario.model import Assume, Intervention, Scenario
from tests.properties.comparing import drawn, numbers
from tests.strategies import worlds
from tests.worlds import date, intervened_world

STEP = 3e-5
"""Relative step of a central difference: its own error is of order STEP² of the third derivative."""


def measures(scenario: Scenario) -> dict[str, str]:
    """Return every measure the gradient knows, and the series of a forecast that it is the derivative of."""
    result = {f"ending:{e}": f"endings.{e}" for e in scenario.endings}
    result |= {f"question:{q}": f"questions.{q}" for q in scenario.questions}
    result |= {f"moves:{m}": f"moves.{m}" for m in scenario.moves}
    result |= {f"impact:{i}": f"impacts.{i}" for i in scenario.impacts}
    result |= {f"level:{v.id}={x}": f"variables.{v.id}.{x}" for v in scenario.variables.values() for x in v.levels}
    return result | {
        f"rung:{ladder.id}={r.id}": f"ladders.{ladder.id}.{r.id}"
        for ladder in scenario.ladders.values()
        for r in ladder.rungs
    }


def along(scenario: Scenario, assumption: str, value: float) -> Scenario:
    """Return the world in which what is assumed for a while has moved along with its assumption."""
    old = scenario.assumptions[assumption]

    def moved(item: Intervention) -> Intervention:
        if not isinstance(item, Assume) or item.assumption != assumption:
            return item
        if old.kind != "chance":
            return replace(item, value=item.value * value / old.value)
        return replace(item, value=float(expit(logit(item.value) + logit(value) - logit(old.value))))

    return scenario.replace(interventions=tuple(map(moved, scenario.interventions)))


def differences(scenario: Scenario, assumption: str) -> dict[str, float]:
    """Return the central difference of every series at the horizon with respect to one assumption."""
    value = scenario.assumptions[assumption].value
    up, down = (
        dict(
            numbers(
                Solver(along(scenario, assumption, value * (1 + step)), times=1).solve(
                    simlib.machine.priors.theta(scenario, {assumption: value * (1 + step)}), tolerance=1e-13
                )
            )
        )
        for step in (STEP, -STEP)
    )
    return {name: float(up[name][-1] - down[name][-1]) / (2 * STEP * value) for name in up}


@pytest.mark.slow
@drawn(24)
@given(worlds(), st.integers(0, 10**6))
def test_gradient_agrees_with_central_differences(scenario, seed):
    dice = random.Random(seed)
    known = measures(scenario)
    asked = dice.sample(list(known), min(5, len(known)))
    slopes = simlib.elasticities(scenario, asked).frame().set_index(["measure", "assumption"])["derivative"]
    for assumption in dice.sample(list(scenario.assumptions), min(4, len(scenario.assumptions))):
        expected = differences(scenario, assumption)
        for measure in asked:
            slope, wanted = slopes[measure, assumption], expected[known[measure]]
            value = scenario.assumptions[assumption].value
            scale = max(1.0, abs(wanted * value))
            # Compared as the change per relative change of the assumption: rates differ by orders of magnitude.
            assert abs(slope - wanted) * value <= 2e-7 * scale, (measure, assumption, slope, wanted)


@pytest.mark.slow
def test_the_gradient_with_every_kind_of_intervention():
    """What is assumed for a while has the same value as it is stated to have: only its derivative tells them apart."""
    scenario = intervened_world()
    same = Assume("patrol.challenged.chance", scenario.assumptions["patrol.challenged.chance"].value, date=date(15))
    scenario = scenario.replace(interventions=(*scenario.interventions, same))
    known = measures(scenario)
    asked = ["ending:war", "question:any-clash", "question:large-clash", "moves:patrol", "level:talks=open"]
    slopes = simlib.elasticities(scenario, asked).frame().set_index(["measure", "assumption"])["derivative"]
    for assumption in scenario.assumptions.values():
        expected = differences(scenario, assumption.id)
        for measure in asked:
            slope, wanted = slopes[measure, assumption.id], expected[known[measure]]
            assert slope * assumption.value == pytest.approx(wanted * assumption.value, rel=1e-5, abs=2e-7)


@pytest.mark.slow
@drawn(12)
@given(worlds())
def test_answers_beside_the_gradient_are_those_of_the_engine(scenario):
    known = measures(scenario)
    frame = simlib.elasticities(scenario, list(known)).frame().drop_duplicates("measure").set_index("measure")
    answers = dict(numbers(simlib.solve(scenario, times=1)))
    for measure, series in known.items():
        scale = max(1.0, answers[series][-1])
        np.testing.assert_allclose(frame.answer[measure], answers[series][-1], rtol=0, atol=2e-9 * scale)
