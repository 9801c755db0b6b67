"""Numbers with units: "2 per week", "every 12 days", "30% within 90 days", "12 days", "30%", 0.3.

The only parser of units in the project. The base unit of time is the day: rates come out per day, durations in
days. Four kinds are kept apart, because mixing them up is how forecasts go wrong:

- a **rate** says how often per unit of time ("2 per week"); never called a probability;
- a **chance** is a probability of one branch when the event happens ("30%", 0.3);
- a **factor** multiplies a rate (3, 0.5);
- a **duration** is a length of time ("90 days").

"30% within 90 days" is a rate in words people think in: the constant hazard `-ln(1 - 0.30) / 90` per day under
which the event has happened with probability 0.30 after 90 days in which it was possible throughout.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from simlib.errors import QuantityError

Kind = Literal["rate", "chance", "factor", "duration", "number"]

DAYS_PER = {
    "minute": 1 / 1440,
    "hour": 1 / 24,
    "day": 1.0,
    "week": 7.0,
    "month": 365.25 / 12,
    "year": 365.25,
}
"""Days in one unit of time; a month is a twelfth of a Julian year (30.4375 days)."""

MAX_TEXT = 100

_NUMBER = r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_UNIT = r"(?P<unit>[A-Za-z]+)"
_DURATION = r"(?P<length>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?\s*" + _UNIT
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("rate", re.compile(rf"{_NUMBER}\s*(?P<percent>%)\s*within\s+{_DURATION}")),
    ("rate", re.compile(rf"{_NUMBER}(?P<percent>)\s*within\s+{_DURATION}")),
    ("rate", re.compile(rf"{_NUMBER}\s*(?:per|/)\s*{_DURATION}")),
    ("rate", re.compile(rf"every\s+(?:{_NUMBER}\s*)?{_UNIT}")),
    ("chance", re.compile(rf"{_NUMBER}\s*(?P<percent>%)")),
    ("duration", re.compile(rf"{_NUMBER}\s*{_UNIT}")),
    ("number", re.compile(_NUMBER)),
)

EXPECTED: dict[Kind, str] = {
    "rate": 'expected a rate, such as "2 per week", "every 12 days" or "30% within 90 days"',
    "chance": 'expected a chance from 0 to 1, such as "30%" or 0.3',
    "factor": "expected a factor above zero, such as 3 or 0.5",
    "duration": 'expected a length of time, such as "90 days"',
    "number": "expected a number",
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number read: its `kind`, its `value` in base units (days), and how it was written.

    `unit` is the unit it is shown in ("per week", "%", "days", ""), `within_days` the window of an elicited
    "p within T" (else None). `kind` is "number" where the text alone does not say (0.3: a chance or a factor).
    """

    kind: Kind
    value: float
    text: str
    unit: str = ""
    within_days: float | None = None


def parse(text: str | float, kind: Kind | None = None) -> Quantity:
    """Read one quantity; with `kind`, insist on it (a bare number may serve as a chance or a factor).

    Raises QuantityError for what is no quantity, for a unit that is no unit of time, for a value out of the
    range of its kind, and for a quantity of another kind than `kind`.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise QuantityError(f"{text!r} is not a quantity", EXPECTED[kind or "number"])
    written = text.strip() if isinstance(text, str) else repr(text)
    if len(written) > MAX_TEXT:
        raise QuantityError(f"a quantity of {len(written)} characters", f"expected at most {MAX_TEXT}")
    quantity = _read(written, kind)
    return quantity if kind is None else _as_kind(quantity, kind)


def _read(written: str, kind: Kind | None) -> Quantity:
    for found, pattern in _PATTERNS:
        match = pattern.fullmatch(written)
        if match:
            return _build(found, match.groupdict(), written)
    raise QuantityError(f"{written!r} is not a quantity", EXPECTED[kind or "number"])


def _build(kind: Kind, part: dict[str, str | None], written: str) -> Quantity:
    number = float(part.get("number") or 1.0)
    if not math.isfinite(number):
        raise QuantityError(f"{written!r} is not a finite number", EXPECTED[kind])
    if kind == "chance":
        return Quantity("chance", number / 100, written, "%")
    if kind == "number":
        return Quantity("number", number, written)
    days = unit_days(part["unit"] or "", written)
    unit = _singular(part["unit"] or "")
    if kind == "duration":
        return Quantity("duration", number * days, written, unit + "s")
    if "percent" in part:
        within = float(part["length"] or 1.0) * days
        return Quantity("rate", _hazard(number / (100 if part["percent"] else 1), within, written),
                        written, f"within {within:g} days", within)  # fmt: skip
    if written.startswith("every"):
        _positive(number, written)
        return Quantity("rate", 1 / (number * days), written, f"per {unit}")
    length = float(part["length"] or 1.0)
    _positive(length, written)
    return Quantity("rate", number / (length * days), written, f"per {unit}")


def _positive(number: float, written: str) -> None:
    if number <= 0:
        raise QuantityError(f"{written!r} divides by a time of {number:g}", EXPECTED["rate"])


def _hazard(probability: float, within_days: float, written: str) -> float:
    if not 0 < probability < 1:
        raise QuantityError(
            f"{written!r} is no rate: a probability of exactly 0% or 100%, or beyond, has no finite hazard",
            "expected a probability above 0% and below 100% within a time",
        )
    _positive(within_days, written)
    return -math.log1p(-probability) / within_days


def unit_days(unit: str, written: str = "") -> float:
    """Return how many days one `unit` has ("weeks" -> 7); raises QuantityError for an unknown unit."""
    name = _singular(unit)
    if name not in DAYS_PER:
        raise QuantityError(
            f"{written or unit!r} has the unit {unit!r}, which is no unit of time",
            "expected minutes, hours, days, weeks, months or years",
        )
    return DAYS_PER[name]


def _singular(unit: str) -> str:
    return unit.lower().removesuffix("s")


def _as_kind(quantity: Quantity, kind: Kind) -> Quantity:
    if quantity.kind == "number" and kind in ("chance", "factor"):
        quantity = Quantity(kind, quantity.value, quantity.text)
    if quantity.kind != kind:
        raise QuantityError(f"{quantity.text!r} is {_A[quantity.kind]}", EXPECTED[kind])
    check_range(quantity.value, kind, quantity.text)
    return quantity


_A: dict[Kind, str] = {
    "rate": "a rate",
    "chance": "a chance",
    "factor": "a factor",
    "duration": "a length of time",
    "number": "a number without a unit",
}


def check_range(value: float, kind: Kind, text: str = "") -> None:
    """Refuse a value that its kind cannot have: a chance outside [0, 1], any other number not above zero."""
    shown = repr(text or value)
    if not math.isfinite(value):
        raise QuantityError(f"{shown} is not a finite number", EXPECTED[kind])
    if kind == "chance" and not 0 <= value <= 1:
        raise QuantityError(f"{shown} is not between 0 and 1", EXPECTED["chance"])
    if kind in ("rate", "factor", "duration") and value <= 0:
        raise QuantityError(f"{shown} is not above zero", EXPECTED[kind])


def show(value: float, kind: Kind, unit: str = "") -> str:
    """Write a value in base units as people read it: "2.0 per week", "30%", "x3", "90 days".

    `unit` is a unit as `Quantity.unit` has it; without one, a rate picks the unit that gives a number from
    about 1 upwards. `parse(show(v))` gives `v` back to the digits shown.
    """
    if kind == "chance":
        return f"{_digits(100 * value)}%"
    if kind == "factor":
        return f"×{_digits(value)}"
    if kind == "duration":
        name = _singular(unit) if unit else "day"
        return f"{_digits(value / DAYS_PER[name])} {name}s"
    if kind == "rate":
        return _show_rate(value, unit)
    return _digits(value)


def _show_rate(per_day: float, unit: str) -> str:
    if unit.startswith("within "):
        within = float(unit.split()[1])
        return f"{_digits(-100 * math.expm1(-per_day * within))}% within {within:g} days"
    name = unit.removeprefix("per ") if unit else _natural_unit(per_day)
    return f"{_digits(per_day * DAYS_PER[name])} per {name}"


def _natural_unit(per_day: float) -> str:
    return next((name for name in ("day", "week", "month") if per_day * DAYS_PER[name] >= 0.95), "year")


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(decimals, 12)}f}"
    return text if "e" not in text else f"{value:.2g}"
