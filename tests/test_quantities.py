import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simlib.errors import QuantityError
from simlib.quantities import check_range, parse, round_values, show, show_range, spoken, unit_days, window_days, write

RATE_UNITS = [
    "per minute",
    "per day",
    "per week",
    "per month",
    "per year",
    "every day",
    "every week",
    "within 90 days",
    "within 3 months",
    "within 1 week",
]


@pytest.mark.parametrize(
    ("text", "kind", "value", "unit"),
    [
        ("2 per week", "rate", 2 / 7, "per week"),
        ("2/week", "rate", 2 / 7, "per week"),
        ("  2  per  week ", "rate", 2 / 7, "per week"),
        ("0.5 per 3 days", "rate", 0.5 / 3, "per day"),
        ("1e-3 per day", "rate", 0.001, "per day"),
        ("3 per hour", "rate", 72, "per hour"),
        ("1 per minute", "rate", 1440, "per minute"),
        ("1 per month", "rate", 12 / 365.25, "per month"),
        ("1 per year", "rate", 1 / 365.25, "per year"),
        ("every 12 days", "rate", 1 / 12, "every day"),
        ("every day", "rate", 1, "every day"),
        ("every 2.5 weeks", "rate", 1 / 17.5, "every week"),
        ("12 days", "duration", 12, "days"),
        ("1 day", "duration", 1, "days"),
        ("2 Weeks", "duration", 14, "weeks"),
        ("30%", "chance", 0.3, "%"),
        ("30 %", "chance", 0.3, "%"),
        ("0.3", "number", 0.3, ""),
        (".3", "number", 0.3, ""),
        ("-2", "number", -2, ""),
        ("×3", "factor", 3, ""),
        ("x 3", "factor", 3, ""),
    ],
)
def test_quantities_are_read(text, kind, value, unit):
    quantity = parse(text)
    assert (quantity.kind, quantity.unit) == (kind, unit)
    assert quantity.value == pytest.approx(value, rel=1e-15)
    assert quantity.text == text.strip()


def test_a_chance_within_a_time_is_a_constant_hazard():
    quantity = parse("30% within 90 days")
    assert quantity.kind == "rate"
    assert quantity.value == pytest.approx(-math.log(0.7) / 90, rel=1e-15)
    assert quantity.within_days == 90
    assert parse("0.3 within 90 days").value == quantity.value
    assert parse("30% within 3 months").within_days == 3 * 365.25 / 12
    assert 1 - math.exp(-parse("50% within 1 week").value * 7) == pytest.approx(0.5, rel=1e-14)


def test_tiny_chances_within_a_time_lose_no_digits():
    assert parse("0.0000001% within 1 day").value == pytest.approx(1e-9, rel=1e-9)
    assert show(parse("0.0000001% within 1 day").value, "rate", "within 1 day") == "1e-07% within 1 day"


@pytest.mark.parametrize(
    ("given", "value"), [(0.3, 0.3), (3, 3), (np.float64(0.3), 0.3), (np.int64(3), 3), (Fraction(1, 4), 0.25)]
)
def test_plain_numbers_are_read_whatever_their_type(given, value):
    assert parse(given, "factor").value == value


@pytest.mark.parametrize(
    ("said", "per_day"),
    [
        ("weekly", 1 / 7),
        ("Daily", 1),
        ("3 a week", 3 / 7),
        ("twice a week", 2 / 7),
        ("once a day", 1),
        ("3/week", 3 / 7),
        ("3 times a week", 3 / 7),
        ("3 times per week", 3 / 7),
        ("3x a week", 3 / 7),
        ("three a week", 3 / 7),
        ("twice weekly", 2 / 7),
        ("3 weekly", 3 / 7),
        ("3 every week", 3 / 7),
        ("hourly", 24),
        ("once a fortnight", 1 / 14),
        ("every fortnight", 1 / 14),
        ("once every 5 days", 1 / 5),
        ("each week", 1 / 7),
        ("every other day", 1 / 2),
        ("every 5 days", 1 / 5),
        ("30% a month", -math.log(0.7) / 30.4375),
        ("30% in 90 days", -math.log(0.7) / 90),
        ("30% per month", -math.log(0.7) / 30.4375),
        ("0.5 per 3 days", 1 / 6),
    ],
)
def test_everyday_words_for_rates_are_understood(said, per_day):
    assert parse(spoken(said), "rate").value == pytest.approx(per_day)
    assert spoken("30% within 90 days") == "30% within 90 days"


def test_a_bare_number_is_a_chance_or_a_factor_as_the_place_asks():
    assert parse("0.3", "chance").kind == "chance"
    assert parse("0.3", "factor").kind == "factor"
    assert parse("-0.3", "number").value == -0.3


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("2", "rate", "'2' is a number without a unit; expected a rate, such as \"2 per week\""),
        ("30%", "rate", "'30%' is a chance; expected a rate"),
        ("12 days", "rate", "'12 days' is a length of time; expected a rate"),
        ("2 per week", "chance", "'2 per week' is a rate; expected a chance from 0 to 1"),
        ("30%", "factor", "'30%' is a chance; expected a factor above zero"),
        ("×3", "chance", "'×3' is a factor; expected a chance"),
        ("3", "duration", "'3' is a number without a unit; expected a length of time, such as \"90 days\""),
        ("120%", None, "'120%' is not between 0 and 1"),
        ("1.2", "chance", "'1.2' is not between 0 and 1"),
        ("-10%", None, "'-10%' is not between 0 and 1"),
        ("0", "factor", "'0' is not above zero"),
        ("-3", "factor", "'-3' is not above zero"),
        ("0 per week", None, "'0 per week' is not above zero"),
        ("-1 per week", "rate", "'-1 per week' is not above zero"),
        ("0 days", None, "'0 days' is not above zero"),
        ("every 0 days", None, "'every 0 days' names a time that is not above zero"),
        ("every -3 days", None, "names a time that is not above zero"),
        ("2 per 0 days", None, "names a time that is not above zero"),
        ("30% within 0 days", None, "names a time that is not above zero"),
        ("0% within 3 days", None, "no rate: only probabilities between 0% and 100% have a finite hazard"),
        ("100% within 3 days", None, "no rate: only probabilities between 0% and 100% have a finite hazard"),
        ("30 within 3 days", None, "no rate: only probabilities between 0% and 100% have a finite hazard"),
        ("2 per moon", None, "'2 per moon' has the unit 'moon', which is no unit of time; expected minutes, hours"),
        ("3 km", "rate", "'3 km' has the unit 'km'; expected a rate, such as"),
        ("3 persons", None, "'3 persons' has the unit 'persons', which is no unit of time"),
        ("2 s", None, "has the unit 's', which is no unit of time"),
        ("0,8 per week", None, "'0,8 per week' has a comma in a number; expected a point, as in 0.8"),
        ("1,000", "factor", "has a comma in a number"),
        ("soon", None, "'soon' is not a quantity; expected a number"),
        ("soon", "rate", "'soon' is not a quantity; expected a rate"),
        ("", None, "'' is not a quantity"),
        ("2 per week or so", "rate", "is not a quantity"),
        ("١ per week", "rate", "is not a quantity"),
        ("nan", "factor", "'nan' is not a quantity"),
        ("1e999", "factor", "'1e999' is not a finite number"),
        ("1e308 per minute", None, "is not a finite number"),
        ("9" * 101, "factor", "a quantity of 101 characters; expected at most 100"),
        (math.nan, "factor", "'nan' is not a quantity"),
        (math.inf, "factor", "'inf' is not a quantity"),
        (10**400, "factor", "a number too large to hold"),
        (True, "factor", "True is not a quantity"),
        (None, "factor", "None is not a quantity"),
        ([1], "factor", r"\[1\] is not a quantity"),
    ],
)
def test_what_is_no_quantity_of_its_kind_is_refused_in_words(text, kind, words):
    with pytest.raises(QuantityError, match=words.replace("(", r"\(")):
        parse(text, kind)


def test_ranges_are_checked_for_plain_floats_too():
    check_range(0.0, "chance")
    check_range(1.0, "chance")
    with pytest.raises(QuantityError, match=r"-0\.1 is not between 0 and 1"):
        check_range(-0.1, "chance")
    with pytest.raises(QuantityError, match="nan is not a finite number"):
        check_range(math.nan, "rate")


@pytest.mark.parametrize(
    ("value", "kind", "unit", "text"),
    [
        (2 / 7, "rate", "per week", "2 per week"),
        (2 / 7, "rate", "", "2 per week"),
        (1.0, "rate", "", "1 per day"),
        (0.001, "rate", "", "0.365 per year"),
        (1 / 12, "rate", "every day", "every 12 days"),
        (1.0, "rate", "every day", "every day"),
        (1 / 17.5, "rate", "every week", "every 2.5 weeks"),
        (-math.log(0.7) / 90, "rate", "within 90 days", "30% within 90 days"),
        (0.3, "chance", "%", "30%"),
        (0.29, "chance", "", "29%"),
        (0.9997, "chance", "", "99.97%"),
        (1.0, "chance", "", "100%"),
        (0.0, "chance", "", "0%"),
        (3.0, "factor", "", "×3"),
        (1234.5, "factor", "", "×1234"),
        (90.0, "duration", "days", "90 days"),
        (1.0, "duration", "", "1 day"),
        (14.0, "duration", "weeks", "2 weeks"),
        (0.4, "number", "", "0.4"),
    ],
)
def test_values_are_shown_as_people_read_them(value, kind, unit, text):
    assert show(value, kind, unit) == text


@given(st.floats(1e-6, 1e3), st.sampled_from(RATE_UNITS))
def test_what_is_shown_is_read_back_to_the_digits_shown(value, unit):
    window = window_days(unit)
    if window is None or value * window < 5:
        assert parse(show(value, "rate", unit), "rate").value == pytest.approx(value, rel=0.01)


@given(st.floats(1e-9, 1e6), st.sampled_from(["", *RATE_UNITS]))
def test_what_is_written_is_read_back_exactly(value, unit):
    assert parse(write(value, "rate", unit), "rate").value == value
    assert parse(write(value, "factor"), "factor").value == value
    assert parse(write(value, "duration"), "duration").value == value


@given(st.floats(0, 1))
def test_a_chance_that_is_written_is_read_back_exactly(value):
    assert parse(write(value, "chance"), "chance").value == value


def test_short_numbers_are_written_short():
    assert write(2 / 7, "rate", "per week") == "2 per week"
    assert write(parse("30% within 90 days").value, "rate", "within 90 days") == "30% within 90 days"
    assert write(1 / 3, "factor") == "0.3333333333333333"
    assert write(0.3, "chance") == "30%"


def test_units_know_their_days():
    assert unit_days("weeks") == 7
    assert window_days("within 2 weeks") == 14
    assert window_days("per week") is None
    with pytest.raises(QuantityError, match="'fortnight' has the unit 'fortnight', which is no unit of time"):
        unit_days("fortnight")


@pytest.mark.parametrize(
    ("low", "high", "kind", "unit", "texts"),
    [
        (0.001, 0.05, "rate", "within 30 days", ["3% within 30 days", "10% within 30 days", "30% within 30 days"]),
        (0.02, 0.3, "rate", "", ["1 per month", "2 per month", "5 per month"]),
        (1.27, 7.01, "factor", "", ["×2", "×3", "×5", "×7"]),
        (0.01, 0.3, "rate", "every day", ["every 100 days", "every 30 days", "every 10 days"]),
        (2.1, 2.9, "factor", "", ["×2.2", "×2.4", "×2.6", "×2.8"]),
        (2.11, 2.119, "factor", "", ["×2.11", "×2.12"]),
    ],
)
def test_round_values_are_round_in_the_unit_shown(low, high, kind, unit, texts):
    found = round_values(low, high, kind, unit)
    assert list(found.values()) == texts
    assert all(low <= value <= high for value in found)
    assert len(found) == 2 or [parse(text, kind).value for text in texts] == pytest.approx(list(found))


@pytest.mark.parametrize(
    ("low", "high", "kind", "unit", "text"),
    [
        (0.1 / 7, 0.4 / 7, "rate", "per week", "0.1 to 0.4 per week"),
        (1 / 7, 1 / 14, "rate", "every week", "every week to every 2 weeks"),
        (0.1, 0.4, "chance", "", "10% to 40%"),
        (0.1, 0.4, "factor", "", "×0.1 to ×0.4"),
        (1, 3, "duration", "days", "1 day to 3 days"),
        (1, 3, "amount", "people", "1.0 to 3 people"),
    ],
)
def test_a_range_has_its_unit_once(low, high, kind, unit, text):
    assert show_range(low, high, kind, unit) == text
