"""Write numbers, probabilities and dates as people read them.

Numbers have no exponent and no more digits than are known. A small number is not rounded to zero.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_ROUND_OFF = 1e-9
"""Tolerance in days: a computed time this close to midnight counts as midnight."""


def percent(p: float) -> str:
    """Write a probability as people read it.

    Examples: "12%", "0.3%", "1 in 3.8 million". Only a probability below 1e-12 is written as "0%", and only one of at
    least 1 - 1e-9 as "100%".
    """
    if p < 1e-12:
        return "0%"
    if p >= 1 - 1e-9:  # the accuracy of the exact engine
        return "100%"
    if p < 1e-5:
        return one_in(1 / p)
    if p > 0.999:
        return "more than 99.9%"
    return f"{100 * p:.0f}%" if 0.0995 <= p <= 0.9905 else f"{100 * p:.{1 if p >= 0.001 else 3}f}%"


def one_in(many: float) -> str:
    """Write a small probability 1 / `many` to two digits: "1 in 120,000" or "1 in 3.8 million"."""
    many = float(f"{many:.2g}")
    for size, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if many >= size:
            return f"1 in {many / size:,.{0 if many >= 10 * size else 1}f}{name}"
    return f"1 in {many:,.0f}"


def in_a_hundred(share: float) -> str:
    """Write a share (0 to 1) as a count out of a round number, such as "about 2 in 100"."""
    for many in (100, 1_000, 10_000):
        if share * many >= 0.95:
            return f"about {share * many:.0f} in {many:,}"
    return f"about {one_in(1 / share)}"


def percent_within(p: float, low: float, high: float) -> str:
    """Write a probability with the two ends of its interval, all three to the same digit.

    Examples: "1.3% [1.1–1.6%]". The interval is left out if all three numbers are equal after rounding.
    """
    alone = percent(p)
    if " " in alone or alone in ("0%", "100%"):
        first, last = percent(low), percent(high)
        return alone if first == last == alone or high < 1e-9 else f"{alone} [{first.removesuffix('%')}–{last}]"
    digits = len(alone.partition(".")[2].removesuffix("%"))

    def write(x: float) -> str:
        return f"{100 * x:.{digits}f}"

    if (low > 0 and float(write(low)) == 0) or (high < 1 and float(write(high)) == 100):
        digits += 1
    return alone if write(low) == write(p) == write(high) else f"{write(p)}% [{write(low)}–{write(high)}%]"


def points(change: float) -> str:
    """Write a difference of probabilities in percentage points, to two digits: "+4.1 points"."""
    size = 100 * change
    if abs(size) < 5e-4:
        return "±0 points"
    return f"{size:+.0f} points" if abs(size) >= 9.95 else f"{size:+.2g} points"


def one_digit(error: float) -> str:
    """Write an error with one digit, or as a whole number above 9: "0.04", "3", "12"."""
    return f"{error:.0f}" if error >= 9.5 else f"{error:.1g}"


SMALLEST_WRITTEN_SIZE = 1e-4
"""Sizes below this limit are written as "less than 0.0001"."""


def plainly(size: float, unit: str = "") -> str:
    """Write a size with two digits and no exponent: "0.0076 points", "less than 0.0001 points"."""
    if size < SMALLEST_WRITTEN_SIZE:
        return f"less than 0.0001{unit}"
    return with_plural(f"{_two_digits(size)}{unit}", "")


def _two_digits(size: float) -> str:
    return np.format_float_positional(size, precision=2, unique=False, fractional=False, trim="-")


def with_error(value: float, half: float) -> str:
    """Write an estimate with the half-width of its 95% interval, both rounded to the same digit.

    Examples: "15.0 ± 0.7", "30 ± 20". The half-width has one significant digit, or two if the first is a 1. If the
    half-width is zero or unknown (nan), the estimate stands alone, with two significant digits.
    """
    if not half > 0:
        return _two_digits(value)
    place = math.floor(math.log10(half))
    place -= half < 1.95 * 10.0**place
    digits = max(-place, 0)
    return " ± ".join(f"{round(number, -place):,.{digits}f}" for number in (value, half))


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: "1 draw", "2 draws", "1,000 histories".

    The plural is `many`, by default `one` with an "s".
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def with_plural(number: str, unit: str) -> str:
    """Write a number before a plural unit: "12 people". One is written as "1.0 people"."""
    text = f"{number} {unit}".rstrip()
    return f"1.0 {text[2:]}" if text.startswith("1 ") else text


def quoted(label: str) -> str:
    """Put a label in quotation marks, unless the label already has some."""
    return label if any(mark in label for mark in '“”"') else f"“{label}”"


def capital(text: str) -> str:
    """Return a text with a capital first letter. The other letters stay as they are."""
    return text[:1].upper() + text[1:]


def listed(words: Iterable[str], before_last: str = "and") -> str:
    """Return words as part of a sentence: "A", "A and B", "A, B and C"."""
    *most, last = words
    return f"{', '.join(most)} {before_last} {last}" if most else last


def in_days(number: float) -> str:
    """Write a length of time in days: "1 day", "90 days", "45.5 days"."""
    return f"{number:g} {'day' if number == 1 else 'days'}"


def long_date(date: dt.date) -> str:
    """Write a date with its month as a word: "31 January 2026"."""
    return f"{date.day} {date:%B %Y}"


def with_long_dates(text: str) -> str:
    """Return a text with each ISO date ("2026-01-31") written with its month as a word."""

    def long(match: re.Match[str]) -> str:
        try:
            return long_date(dt.date.fromisoformat(match[0]))
        except ValueError:  # the calendar has no such day
            return match[0]

    return re.sub(r"\b\d{4}-\d\d-\d\d\b", long, text)


def is_whole(days: float) -> bool:
    """Whether a number of days is whole, up to round-off."""
    return abs(days - round(days)) < _ROUND_OFF


def by_date(as_of: dt.date, days: float) -> dt.date:
    """Return the last date of a period of `days` days that begins at 00:00 of `as_of`.

    For 90 days, the result is the 90th day, and `as_of` is the first. A part of a day counts as a day. The result is
    never before `as_of`. For times before `as_of` use `date_at`.
    """
    return as_of + dt.timedelta(days=max(math.ceil(days - _ROUND_OFF) - 1, 0))


def date_at(as_of: dt.date, days: float) -> dt.date:
    """Return the date `days` days after 00:00 of `as_of`, or before it if `days` is negative."""
    return as_of + dt.timedelta(days=math.floor(days + _ROUND_OFF))


def end_of(as_of: dt.date, days: float) -> str:
    """Write the moment that lies `days` days after 00:00 of `as_of`, as the end of a period.

    Examples: "31 January 2026", "1 April 2031, 12:00 UTC". If `days` is whole, the text names the last day of the
    period. Otherwise the text includes the hour.
    """
    if is_whole(days):
        return long_date(by_date(as_of, days))
    moment = dt.datetime.combine(as_of, dt.time()) + dt.timedelta(minutes=round(days * 1440))
    return f"{long_date(moment)}, {moment:%H:%M} UTC"


def over_draws(provenance: Mapping[str, Any]) -> str:
    """Say in words which values of the assumptions an answer uses.

    The values come from the file, from draws of the priors, or from weighted draws (a belief, which is named).
    `provenance` is the record of the answer. Its keys `draws` and `belief` are read.
    """
    if not provenance.get("draws"):
        return "at the stated values"
    belief = provenance.get("belief")
    return "over the priors" if belief in (None, "prior") else f"over the belief {quoted(belief)}"


def how_made(provenance: Mapping[str, Any], runs: str = "replicates") -> str:
    """Say how an answer was computed, such as "exact, over the priors (500 draws, seed 0)".

    Args:
        provenance: The record of the answer. Its keys `engine`, `draws`, `runs` (for each draw) and `seed` are read.
            `draws` may be a number or a sequence of draws.
        runs: The word for the runs of the Monte Carlo engine.
    """
    exact, draws = provenance["engine"] == "exact", provenance.get("draws") or 0
    several = len(draws) if hasattr(draws, "__len__") else int(draws)
    replicates = 0 if exact else int(provenance.get("runs") or 0)
    numbers = [f"{several:,} draws" if several else "", f"{replicates:,} {runs}" if replicates else ""]
    inside = " of ".join(filter(None, numbers))
    return f"{'exact' if exact else 'Monte Carlo'}, {over_draws(provenance)}" + (
        f" ({inside}, seed {provenance['seed']})" if inside else ""
    )
