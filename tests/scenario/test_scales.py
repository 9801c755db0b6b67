import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.scenario.model import Assumption
from simlib.scenario.scales import forward, inverse, shifted


def number(kind, low, value, high):
    return Assumption("a", "A", kind, value, low, high, "assumed")


def test_the_scales_are_log_and_logit():
    assert forward("rate", math.e) == 1
    assert forward("factor", 1.0) == 0
    assert forward("chance", 0.5) == 0
    assert forward("chance", 0.8) == pytest.approx(math.log(4))


def test_the_ends_of_the_scales_are_infinite_and_come_back():
    assert forward("rate", 0.0) == -math.inf
    assert (forward("chance", 0.0), forward("chance", 1.0)) == (-math.inf, math.inf)
    assert (inverse("chance", -math.inf), inverse("chance", math.inf)) == (0, 1)
    assert inverse("rate", -math.inf) == 0


@given(st.floats(1e-12, 1 - 1e-12))
def test_the_logit_scale_and_back(x):
    assert inverse("chance", forward("chance", x)) == pytest.approx(x, rel=1e-12)


@given(st.lists(st.floats(1e-9, 1 - 1e-9), min_size=1, max_size=5), st.sampled_from(["rate", "factor", "chance"]))
def test_arrays_go_the_same_way_as_numbers(values, kind):
    array = np.array(values)
    assert forward(kind, array) == pytest.approx([forward(kind, value) for value in values], rel=1e-12, abs=1e-12)
    assert inverse(kind, forward(kind, array)) == pytest.approx(array, rel=1e-9)
    assert forward("chance", np.array([0.0, 1.0])).tolist() == [-math.inf, math.inf]


def test_bounds_shift_by_the_same_ratio_or_odds():
    rate = shifted(number("rate", 0.5, 1, 3), 2)
    assert (rate.low, rate.value, rate.high) == (1, 2, 6)
    chance = shifted(number("chance", 0.2, 0.5, 0.8), 0.8)
    odds = [x / (1 - x) for x in (chance.low, chance.value, chance.high)]
    assert odds == pytest.approx([1, 4, 16])


def test_given_bounds_are_taken_as_given():
    moved = shifted(number("rate", 0.5, 1, 3), 2, low=1.5, high=2.5)
    assert (moved.low, moved.value, moved.high) == (1.5, 2, 2.5)


def test_the_same_value_changes_no_bit():
    chance = number("chance", 0.123456789, 0.3, 0.7)
    assert shifted(chance, 0.3) == chance


def test_a_fixed_number_stays_fixed():
    assert shifted(number("factor", 3, 3, 3), 5) == number("factor", 5, 5, 5)
    assert shifted(number("chance", 0, 0, 0), 0.5) == number("chance", 0.5, 0.5, 0.5)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_chance_moved_to_an_end_is_fixed_there(end):
    assert shifted(number("chance", 0.2, 0.5, 0.8), end) == number("chance", end, end, end)
