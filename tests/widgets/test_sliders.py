"""Assumptions as sliders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simlib.machine import priors
from simlib.quantities import parse
from simlib.widgets.explorer.sliders import SLIDER_STEPS, START, dials, grouped


@pytest.fixture
def some(state):
    return dials(state.base)


def test_the_ends_are_low_and_high_and_the_middle_is_the_stated_value(some):
    for dial in some.values():
        a = dial.assumption
        assert (dial.grid[0], dial.grid[SLIDER_STEPS // 2], dial.grid[-1]) == (a.low, a.value, a.high)
        assert np.all(np.diff(dial.grid) > 0)
        assert dial.position(a.value) == SLIDER_STEPS // 2


def test_positions_are_quantiles_of_the_prior(some):
    dial = some["meeting"]
    score = priors.Z_95TH_PERCENTILE * (75 - 50) / 50
    expected = priors.quantile(dial.assumption, 0.5 * math.erfc(-score / math.sqrt(2)))
    assert dial.grid[75] == pytest.approx(float(expected))


def test_every_position_is_found_again_and_what_lies_beyond_stands_at_the_end(some):
    for dial in some.values():
        assert [dial.position(float(value)) for value in dial.grid] == list(range(SLIDER_STEPS + 1))
        assert dial.position(dial.assumption.high * 1.5) == SLIDER_STEPS
        assert dial.position(dial.assumption.low / 2) == 0
        assert dial.on_grid(float(dial.grid[3]))
        assert not dial.on_grid(float(dial.grid[3]) * 1.0001)


def test_readouts_have_units_and_can_be_read_back(some):
    for dial in some.values():
        for text, value in zip(dial.texts, dial.grid, strict=True):
            assert parse(text.removeprefix("×"), dial.assumption.kind).value == pytest.approx(value, rel=0.02)


def test_dials_belong_to_the_actor_who_uses_them(some, state):
    assert {name: dial.group for name, dial in some.items()} == {
        "closing": "The farmers",
        "meeting": "The valley council",
        "signing": "The valley council",
        "clearing": "The valley council",
        "pressure": "The valley council",
        "meet.accepted.chance": "The valley council",
    }
    assert START not in {dial.group for dial in some.values()}
    assert some["pressure"].uses == ("multiplies: Offer talks",)


def test_what_is_known_of_an_assumption_is_told(some, state):
    about = some["clearing"].about(state.base)
    assert about["because"] == "it took a month last time"
    assert about["sources"] == ["Valley radio, 31 March 2031"]
    assert about["prior"].startswith(
        "5th percentile 2% within 30 days · median 5% within 30 days · 95th percentile 12% within 30 days · mean "
    )


def test_fixed_and_unused_assumptions_have_no_slider(state):
    fixed = state.base.assumptions["closing"]
    assumptions = dict(state.base.assumptions)
    import dataclasses

    assumptions["closing"] = dataclasses.replace(fixed, low=fixed.value, high=fixed.value)
    assumptions["spare"] = dataclasses.replace(fixed, id="spare")
    assert not {"closing", "spare"} & dials(state.base.replace(assumptions=assumptions)).keys()


def test_groups_and_dials_are_in_order_of_influence(some):
    influence = {"closing": 0.5, "signing": 0.3, "pressure": 0.4}
    groups = grouped(some, influence)
    assert [group.title for group in groups] == ["The farmers", "The valley council"]
    assert [dial.id for dial in groups[1].dials][:3] == ["pressure", "signing", "meeting"]
    assert [dial.id for group in grouped(some) for dial in group.dials] == list(some)
