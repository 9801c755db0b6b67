"""Numbers with units: "2 per week", "30% within 90 days", "12 days", "30%", 0.3.

No other module reads units. The base unit of time is the day: rates are returned per day, and durations in days. Five
kinds of quantity are kept apart, because a forecast that confuses them is wrong:

- a **rate** is a number of events per unit of time ("2 per week"). It is not a probability.
- a **chance** is the probability of one outcome when a move happens ("30%", 0.3).
- a **factor** multiplies a rate (3, 0.5).
- a **duration** is a length of time ("90 days").
- an **amount** is a quantity in any unit ("4.3 people", or 4.3 if the unit is known).

"30% within 90 days" also states a rate: the constant hazard `-ln(1 - 0.30) / 90` per day. At this hazard, an event that
is possible all the time happens within 90 days with probability 0.30.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from simlib.errors import QuantityError
from simlib.formatting import with_plural

QuantityKind = Literal["rate", "chance", "factor", "duration", "amount", "number"]

DAYS_PER = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
"""Days in one unit of time. A month is a twelfth of a Julian year (30.4375 days)."""

MAX_TEXT = 100
"""Largest number of characters in the text of a quantity."""

_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SPOKEN = (
    *(
        (rf"\b{adverb}$", f"every {unit}")
        for adverb, unit in (("daily", "day"), ("yearly", "year"), ("annually", "year"))
    ),
    (r"\b(hour|week|month)ly$", r"every \1"),
    *((rf"^{word}\b", str(number)) for number, word in enumerate(_COUNTS, start=1)),
    (r"^once\b", "1"),
    (r"^twice\b", "2"),
    (r"\bfortnight$", "2 weeks"),
    (r"^each\b", "every"),
    (r"^1\s+(every\b)", r"\1"),
    (r"^every other\b", "every 2"),
    (r"^(\S+)\s*(?:times|x)\b", r"\1"),
    (r"^(\S+%)\s*(?:(?:per|in|each|every)(?:\s+an?)?|an?)\b", r"\1 within"),
    (r"^(\d\S*)\s+(?:per\s+|in\s+)?(?:an?|each|every)\s+", r"\1 per "),
)
"""Everyday wordings, each as (pattern, replacement), replaced in this order."""

_NUMBER = r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_UNIT = r"(?P<unit>[A-Za-z]+)"
_DURATION = r"(?P<length>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?\s*" + _UNIT
_GRAMMAR: tuple[tuple[QuantityKind, str], ...] = (
    ("rate", rf"{_NUMBER}\s*(?P<percent>%)\s*within\s+{_DURATION}"),
    ("rate", rf"{_NUMBER}(?P<percent>)\s*within\s+{_DURATION}"),
    ("rate", rf"{_NUMBER}\s*(?:per\b|/)\s*{_DURATION}"),
    ("rate", rf"every\s+(?:{_NUMBER}\s*)?{_UNIT}"),
    ("chance", rf"{_NUMBER}\s*(?P<percent>%)"),
    ("factor", rf"[×x]\s*{_NUMBER}"),
    ("duration", rf"{_NUMBER}\s*{_UNIT}"),
    ("number", _NUMBER),
)
_AMOUNT = re.compile(rf"{_NUMBER}(?:\s+(?P<unit>\S.*))?", re.ASCII)
_PATTERNS = tuple((kind, re.compile(pattern, re.ASCII)) for kind, pattern in _GRAMMAR)

EXPECTED_QUANTITY: dict[QuantityKind, str] = {
    "rate": 'expected a rate, such as "2 per week", "every 12 days" or "30% within 90 days"',
    "chance": 'expected a chance from 0 to 1, such as "30%" or 0.3',
    "factor": "expected a factor above zero, such as 3 or 0.5",
    "duration": 'expected a length of time, such as "90 days"',
    "amount": "expected an amount above zero, such as 4.3",
    "number": "expected a number",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit that was read from a text.

    - `kind`: the kind of quantity. The kind is "number" if the text fits several kinds: 0.3 may be a chance or a
      factor.
    - `value`: the number in base units (per day, days, or plain).
    - `text`: the text that was read.
    - `unit`: the unit in which the number is shown: "per week", "every day", "within 90 days", "%", "days" or "".
    - `within_days`: the length of T in days for a text such as "30% within T" (else None).
    """

    kind: QuantityKind
    value: float
    text: str
    unit: str = ""
    within_days: float | None = None


def parse(text: str | float, kind: QuantityKind | None = None, unit: str = "") -> Quantity:
    """Read one quantity, such as "2 per week", "30%" or 0.3.

    Args:
        text: The quantity as a text, or as a number without a unit.
        kind: The kind that the quantity must have. A number without a unit may serve as a chance or a factor. By
            default the form of the text decides its kind.
        unit: The unit of an amount, which the text may leave out.

    Raises:
        QuantityError: If the text is not a quantity, or has an unknown unit of time. Also if the value is impossible
            for its kind, or if the text has another kind than `kind` or another unit than `unit`.
    """
    quantity = _read(text.strip(), kind) if isinstance(text, str) else _from_number(text, kind)
    if kind is not None:
        quantity = _as_kind(quantity, kind)
    if kind == "amount":
        quantity = _in_unit(quantity, unit)
    check_range(quantity.value, quantity.kind, quantity.text)
    return quantity


def spoken(text: str) -> str:
    """Rewrite everyday wording ("weekly", "twice a week") as a text that `parse` reads."""
    plain = text.strip()
    for pattern, replacement in _SPOKEN:
        plain = re.sub(pattern, replacement, plain, flags=re.IGNORECASE)
    return plain


def _from_number(number: object, kind: QuantityKind | None) -> Quantity:
    if isinstance(number, bool) or not isinstance(number, numbers.Real):
        raise QuantityError(f"{number!r} is not a quantity", EXPECTED_QUANTITY[kind or "number"])
    try:
        value = float(number)
    except OverflowError:
        raise QuantityError("a number too large to hold", EXPECTED_QUANTITY[kind or "number"]) from None
    if not math.isfinite(value):
        raise QuantityError(f"'{value!r}' is not a quantity", EXPECTED_QUANTITY[kind or "number"])
    return Quantity("amount" if kind == "amount" else "number", value, repr(value))


def _read(written: str, kind: QuantityKind | None) -> Quantity:
    if len(written) > MAX_TEXT:
        raise QuantityError(f"a quantity of {len(written)} characters", f"expected at most {MAX_TEXT}")
    amount = _AMOUNT.fullmatch(written) if kind == "amount" else None
    if amount:
        return _build("amount", amount.groupdict(), written)
    for form, pattern in _PATTERNS:
        match = pattern.fullmatch(written)
        if match and form == "duration" and kind not in (None, form) and _singular(match["unit"]) not in DAYS_PER:
            raise QuantityError(f"{written!r} has the unit {match['unit']!r}", EXPECTED_QUANTITY[kind])
        if match:
            return _build(form, match.groupdict(), written)
    if re.search(r"\d,\d", written):
        raise QuantityError(f"{written!r} has a comma in a number", "expected a point, as in 0.8; no thousands mark")
    raise QuantityError(f"{written!r} is not a quantity", EXPECTED_QUANTITY[kind or "number"])


def _build(kind: QuantityKind, part: dict[str, str | None], written: str) -> Quantity:
    number = float(part.get("number") or 1.0)
    if not math.isfinite(number):
        raise QuantityError(f"{written!r} is not a finite number", EXPECTED_QUANTITY[kind])
    if kind == "chance":
        return Quantity("chance", number / 100, written, "%")
    if kind in ("number", "factor"):
        return Quantity(kind, number, written)
    if kind == "amount":
        return Quantity(kind, number, written, part["unit"] or "")
    name = _singular(part["unit"] or "")
    days = unit_days(part["unit"] or "", written)
    if kind == "duration":
        return Quantity("duration", number * days, written, name + "s")
    if written.startswith("every"):
        return Quantity("rate", 1 / (_positive(number, written) * days), written, f"every {name}")
    length = _positive(float(part["length"] or 1.0), written)
    if "percent" not in part:
        return Quantity("rate", number / (length * days), written, f"per {name}")
    hazard = _hazard(number / (100 if part["percent"] else 1), length * days, written)
    return Quantity("rate", hazard, written, f"within {_count(length, name)}", length * days)


def _positive(number: float, written: str) -> float:
    if number <= 0:
        raise QuantityError(f"{written!r} names a time that is not above zero", EXPECTED_QUANTITY["rate"])
    return number


def _hazard(probability: float, within_days: float, written: str) -> float:
    if not 0 < probability < 1:
        raise QuantityError(
            f"{written!r} is no rate: only probabilities between 0% and 100% have a finite hazard above 0",
            "expected a probability above 0% and below 100% within a time",
        )
    return -math.log1p(-probability) / within_days


def unit_days(unit: str, written: str = "") -> float:
    """Return the number of days in one `unit` of time: 7 for "weeks".

    `written` is the whole text, for the message. Raises QuantityError for an unknown unit.
    """
    name = _singular(unit)
    if name not in DAYS_PER:
        raise QuantityError(
            f"{written or unit!r} has the unit {unit!r}, which is no unit of time",
            "expected minutes, hours, days, weeks, months or years",
        )
    return DAYS_PER[name]


def window_days(unit: str) -> float | None:
    """Return the number of days in a unit such as "within 90 days", or None for any other unit."""
    manner, _, length = unit.partition(" ")
    return parse(length, "duration").value if manner == "within" else None


def _singular(unit: str) -> str:
    return unit.lower().removesuffix("s")


def _count(length: float, name: str) -> str:
    return f"{length!r} {name}s".replace(".0 ", " ") if length != 1 else f"1 {name}"


def _as_kind(quantity: Quantity, kind: QuantityKind) -> Quantity:
    if quantity.kind == "number" and kind in ("chance", "factor"):
        quantity = Quantity(kind, quantity.value, quantity.text)
    if quantity.kind != kind:
        raise QuantityError(f"{quantity.text!r} is {A_KIND[quantity.kind]}", EXPECTED_QUANTITY[kind])
    return quantity


def _in_unit(quantity: Quantity, unit: str) -> Quantity:
    if quantity.unit not in ("", unit):
        expected = f"expected a number, with or without its unit {unit!r}" if unit else "expected a number alone"
        raise QuantityError(f"{quantity.text!r} has the unit {quantity.unit!r}", expected)
    return Quantity("amount", quantity.value, quantity.text, unit)


A_KIND: dict[QuantityKind, str] = {
    "rate": "a rate",
    "chance": "a chance",
    "factor": "a factor",
    "duration": "a length of time",
    "amount": "an amount",
    "number": "a number without a unit",
}
"""Each kind of quantity with its article, for messages."""


def check_range(value: float, kind: QuantityKind, text: str = "") -> None:
    """Raise QuantityError if a value is not possible for its kind of quantity.

    A chance lies in [0, 1]. A rate, factor, duration or amount is above zero. Every value is finite.
    """
    shown = repr(text or value)
    if not math.isfinite(value):
        raise QuantityError(f"{shown} is not a finite number", EXPECTED_QUANTITY[kind])
    if kind == "chance" and not 0 <= value <= 1:
        raise QuantityError(f"{shown} is not between 0 and 1", EXPECTED_QUANTITY["chance"])
    if kind in ("rate", "factor", "duration", "amount") and value <= 0:
        raise QuantityError(f"{shown} is not above zero", EXPECTED_QUANTITY[kind])


def why_impossible(value: object, kind: QuantityKind) -> tuple[str, str] | None:
    """Return (fault, expected input), or None if a value in base units is possible for its kind."""
    try:
        if isinstance(value, str):
            raise QuantityError(
                f"{value!r} is not a number", "expected a number in base units (per day, days, or plain)"
            )
        check_range(_from_number(value, None).value, kind)
    except QuantityError as error:
        return error.what, error.expected
    return None


def show(value: float, kind: QuantityKind, unit: str = "") -> str:
    """Write a value in base units (per day, days, or plain) as people read it.

    Examples: "2 per week", "30%", "×3", "90 days". The number has three significant digits. `unit` is in the form of
    `Quantity.unit` ("per week", "every day", "within 90 days"). Without `unit`, a rate is written per day, week, month
    or year: the shortest time in which about one event or more is expected. `parse(show(v))` equals `v` to the digits
    shown. An amount of one keeps its plural unit: "1.0 people".
    """
    text = _phrase(value, kind, unit, _digits)
    return with_plural(text, "") if kind == "amount" else text


def show_range(low: float, high: float, kind: QuantityKind, unit: str = "") -> str:
    """Write a range as people read it, if possible with one unit: "0.1 to 0.4 per week".

    `low` and `high` are in base units. `kind` and `unit` have the same meaning as in `show`.
    """
    first, last = (show(value, kind, unit) for value in (low, high))
    number, space, rest = first.partition(" ")
    once = first[0].isdigit() and last.endswith(space + rest)
    return f"{number if once else first} to {last}"


_ROUND = ((10,), (10, 30), (10, 20, 50), (10, 20, 30, 50, 70), (10, 15, *range(20, 100, 10)), tuple(range(10, 100, 2)))
"""Sets of the first two digits of round numbers. Each set is larger than the one before."""


def round_values(low: float, high: float, kind: QuantityKind, unit: str = "") -> dict[float, str]:
    """Return round values from `low` to `high` (above zero, in base units) as {value: text}.

    The values are round in the unit in which they are written. The result has at least three values, if the range
    contains that many numbers with two significant digits. If no value is round, `low` and `high` themselves are
    returned.
    """
    middle = math.sqrt(low * high)
    if kind == "rate" and not unit:
        unit = f"per {_natural_unit(middle)}"
    text, values = _phrase(middle, kind, unit, lambda _: "{}"), list[float]()
    for firsts in _ROUND:
        numbers = (f"{first * 10.0**power:.12g}" for power in range(-9, 10) for first in firsts)
        values = sorted(
            {value for number in numbers if low <= (value := _value(text.format(number), kind, unit)) <= high}
        )
        if len(values) >= 3:
            break
    return {value: show(value, kind, unit) for value in values or sorted({low, high})}


def _value(text: str, kind: QuantityKind, unit: str) -> float:
    try:
        return parse(text, kind, unit).value
    except QuantityError:
        return math.nan


def write(value: float, kind: QuantityKind, unit: str = "") -> str:
    """Write a value as briefly as possible so that `parse` reads back exactly the same float.

    The text has the unit `unit` if some number of at most 17 digits in this unit reads back exactly. Otherwise the unit
    is the day. An amount is written without its unit, because a scenario file states the unit in another place.
    """
    if kind == "amount":
        unit = ""
    for digits in range(1, 18):
        text = _phrase(value, kind, unit, partial(_rounded, digits=digits))
        try:
            if parse(text, kind).value == value:
                return text.removeprefix("×")
        except QuantityError:
            continue
    return {"rate": f"{value!r} per day", "duration": f"{value!r} days"}.get(kind, repr(value))


def _phrase(value: float, kind: QuantityKind, unit: str, digits: Callable[[float], str]) -> str:
    if kind == "chance":
        return f"{digits(100 * value)}%" if value <= 0.5 or digits is not _digits else f"{_near_hundred(value)}%"
    if kind == "factor":
        return f"×{digits(value)}"
    if kind == "duration":
        name = _singular(unit) if unit else "day"
        number = digits(value / DAYS_PER[name])
        return f"{number} {name}" + ("" if number == "1" else "s")
    if kind == "amount":
        return f"{digits(value)} {unit}".rstrip()
    return _phrase_rate(value, unit, digits) if kind == "rate" else digits(value)


def _phrase_rate(per_day: float, unit: str, digits: Callable[[float], str]) -> str:
    manner, _, length = (unit or f"per {_natural_unit(per_day)}").partition(" ")
    if manner == "within":
        percent = -100 * math.expm1(-per_day * parse(length, "duration").value)
        number = _near_hundred(percent / 100) if digits is _digits and percent > 50 else digits(percent)
        return f"{number}% within {length}"
    if manner == "every":
        number = digits(1 / (per_day * DAYS_PER[length]))
        return f"every {length}" if number == "1" else f"every {number} {length}s"
    return f"{digits(per_day * DAYS_PER[length])} per {length}"


def _natural_unit(per_day: float) -> str:
    return next((name for name in ("day", "week", "month") if per_day * DAYS_PER[name] >= 0.95), "year")


def _near_hundred(probability: float) -> str:
    """Write a probability near 1 in percent, with enough decimals to differ from 100: "99.97"."""
    missing = 100 * (1 - probability)
    if missing < 1e-12:
        return _digits(100 * probability)
    decimals = max(1, 1 - math.floor(math.log10(missing)))
    return f"{100 * probability:.{decimals}f}".rstrip("0").rstrip(".")


def _rounded(value: float, digits: int) -> str:
    return repr(float(f"{value:.{digits}g}")).removesuffix(".0")


def _digits(value: float) -> str:
    """Write a number to three significant digits, or as a whole number from 1,000 to a million."""
    if 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"
