"""Numbers and probabilities in words: as many digits as are known, and no false zero."""

import datetime as dt
import math

import pytest

from simlib.formatting import (
    end_of,
    how_made,
    listed,
    one_digit,
    percent,
    percent_within,
    plainly,
    quoted,
    with_error,
    with_long_dates,
)


@pytest.mark.parametrize(("words", "told"), [("A", "A"), ("AB", "A and B"), ("ABC", "A, B and C")])
def test_words_are_listed_with_one_and_before_the_last(words, told):
    assert listed(words) == told


def test_a_label_with_quotation_marks_gets_no_others():
    assert quoted("Offer talks") == "“Offer talks”"
    assert quoted("“Offer talks” forbidden") == "“Offer talks” forbidden"
    assert quoted('the "long" war') == 'the "long" war'


def test_errors_are_written_to_one_digit():
    assert [one_digit(x) for x in (0.0314, 0.5, 3.4, 9.6, 12.2)] == ["0.03", "0.5", "3", "10", "12"]


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.123, "12%"),
        (0.0123, "1.2%"),
        (0.00042, "0.042%"),
        (2e-6, "1 in 500,000"),
        (3e-9, "1 in 330 million"),
        (2.6e-8, "1 in 38 million"),
        (7e-7, "1 in 1.4 million"),
        (4e-12, "1 in 250 billion"),
        (4e-46, "0%"),
        (0.9999, "more than 99.9%"),
        (0.995, "99.5%"),
    ],
)
def test_percent_never_says_a_false_zero(p, words):
    assert percent(p) == words


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.27, 0.2, "0.3 ± 0.2"),
        (14.62, 0.71, "14.6 ± 0.7"),
        (27.3, 20.1, "30 ± 20"),
        (0.00041, 0.0003, "0.0004 ± 0.0003"),
        (36.2, 12.4, "36 ± 12"),
        (0.2, 0.61, "0.2 ± 0.6"),
        (1234, 250, "1,200 ± 200"),
        (1234, 195, "1,200 ± 200"),
        (1.0, 0.0999, "1.00 ± 0.10"),
        (5.4321, 0, "5.4"),
        (0.00054321, 0, "0.00054"),
        (3.0, math.nan, "3"),
    ],
)
def test_an_estimate_has_no_more_digits_than_its_error_allows(value, half, text):
    assert with_error(value, half) == text


def test_small_sizes_are_written_without_exponent_and_dust_is_called_so():
    assert plainly(0.00767, " points") == "0.0077 points"
    assert plainly(4.1e-7, " points") == "less than 0.0001 points"
    assert plainly(1.0, " points") == "1.0 points"
    assert plainly(1.0) == "1"


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.013, 0.0109, 0.0161), "1.3% [1.1–1.6%]"),
        ((0.0021, 0.00212, 0.00213), "0.2%"),
        ((0.11, 0.094, 0.136), "11% [9–14%]"),
        ((0.00102, 0.0006, 0.0016), "0.1% [0.1–0.2%]"),
        ((0.00102, 0.00036, 0.0037), "0.10% [0.04–0.37%]"),
        ((0.0004, 0.00028, 0.00057), "0.040% [0.028–0.057%]"),
        ((0.0, 0.0, 0.01), "0% [0–1.0%]"),
        ((1.0, 1.0, 1.0), "100%"),
    ],
)
def test_an_interval_has_the_digits_of_its_centre_or_is_left_out(numbers, text):
    assert percent_within(*numbers) == text


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (1.0, "1 April 2031"),
        (90.0, "29 June 2031"),
        (90 + 1e-12, "29 June 2031"),
        (0.5, "1 April 2031, 12:00 UTC"),
        (1.25, "2 April 2031, 06:00 UTC"),
        (30.4375, "1 May 2031, 10:30 UTC"),
    ],
)
def test_a_time_inside_a_day_says_the_hour(days, words):
    assert end_of(dt.date(2031, 4, 1), days) == words


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        ({"engine": "exact", "runs": 5, "seed": 3}, "exact, at the stated values"),
        ({"engine": "exact", "draws": 128, "seed": 3}, "exact, over the priors (128 draws, seed 3)"),
        ({"engine": "montecarlo", "draws": 0, "runs": 20_000, "seed": 0}, "Monte Carlo, at the stated values (20,000 "),
        ({"engine": "montecarlo", "draws": 500, "runs": 40, "seed": 0}, "(500 draws of 40 replicates, seed 0)"),
        ({"engine": "montecarlo", "draws": [0.5, 0.5], "runs": 40, "seed": 0}, "(2 draws of 40 replicates, seed 0)"),
    ],
)
def test_how_an_answer_was_made_is_one_sentence(provenance, words):
    assert words in how_made(provenance)


def test_dates_as_they_stand_in_files_get_their_months_as_words():
    assert with_long_dates("2026-01-31 is after 2025-02-30, in run 12026-01-01") == (
        "31 January 2026 is after 2025-02-30, in run 12026-01-01"
    )
