"""Assumptions as sliders."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simlib.machine import priors
from simlib.quantities import parse
from simlib.scenario.scales import Z_95TH_PERCENTILE
from simlib.widgets.explorer.sliders import SLIDER_STEPS, START, grouped, sliders_of


@pytest.fixture
def some(state):
    return sliders_of(state.base)


def test_the_ends_are_low_and_high_and_the_middle_is_the_stated_value(some):
    for slider in some.values():
        a = slider.assumption
        assert (slider.grid[0], slider.grid[SLIDER_STEPS // 2], slider.grid[-1]) == (a.low, a.value, a.high)
        assert np.all(np.diff(slider.grid) > 0)
        assert slider.position(a.value) == SLIDER_STEPS // 2


def test_positions_are_quantiles_of_the_prior(some):
    slider = some["meeting"]
    score = Z_95TH_PERCENTILE * (75 - 50) / 50
    expected = priors.quantile(slider.assumption, 0.5 * math.erfc(-score / math.sqrt(2)))
    assert slider.grid[75] == pytest.approx(float(expected))


def test_every_position_is_found_again_and_what_lies_beyond_stands_at_the_end(some):
    for slider in some.values():
        assert [slider.position(float(value)) for value in slider.grid] == list(range(SLIDER_STEPS + 1))
        assert slider.position(slider.assumption.high * 1.5) == SLIDER_STEPS
        assert slider.position(slider.assumption.low / 2) == 0
        assert slider.on_grid(float(slider.grid[3]))
        assert not slider.on_grid(float(slider.grid[3]) * 1.0001)


def test_readouts_have_units_and_can_be_read_back(some):
    for slider in some.values():
        for text, value in zip(slider.texts, slider.grid, strict=True):
            assert parse(text.removeprefix("×"), slider.assumption.kind).value == pytest.approx(value, rel=0.02)


def test_sliders_belong_to_the_actor_who_uses_them(some, state):
    assert {name: slider.group for name, slider in some.items()} == {
        "closing": "The farmers",
        "meeting": "The valley council",
        "signing": "The valley council",
        "clearing": "The valley council",
        "pressure": "The valley council",
        "meet.accepted.chance": "The valley council",
    }
    assert START not in {slider.group for slider in some.values()}
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
    assert not {"closing", "spare"} & sliders_of(state.base.replace(assumptions=assumptions)).keys()


def test_groups_and_sliders_are_in_order_of_influence(some):
    influence = {"closing": 0.5, "signing": 0.3, "pressure": 0.4}
    groups = grouped(some, influence)
    assert [group.title for group in groups] == ["The farmers", "The valley council"]
    assert [slider.id for slider in groups[1].sliders][:3] == ["pressure", "signing", "meeting"]
    assert [slider.id for group in grouped(some) for slider in group.sliders] == list(some)
