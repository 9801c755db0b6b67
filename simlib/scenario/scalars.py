"""Read single words of a scenario file: names, dates, whole numbers, true or false.

Numbers with units are read by `simlib.quantities`.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

PHRASE_WORDS = ("or", "above", "below", "not")
"""Words in phrases for several levels: `X or above`, `not X`. No id and no level may contain them."""

NOT_NAMES = ("true", "false", "null", "nan", "inf", "infinity")
"""Words that cannot be names, because they look like a number or a truth value."""
DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
"""Pattern of a date such as 2031-04-01."""
NAME_LENGTH = 60
"""Largest number of characters in a name."""
SHORT = 28
"""Largest number of characters in a short label."""

_JOINERS = "\u200c\u200d"
"""Invisible marks between letters that Persian and Indian scripts need."""


class Refusal(Exception):
    """The error for an unreadable text: `what` names the fault, and `expected` the right form."""

    def __init__(self, what: str, expected: str) -> None:
        self.what, self.expected = what, expected
        super().__init__(f"{what}; {expected}")


def describe(value: object) -> str:
    """Describe a value for a message: a short quoted text, "a list", "a mapping" or "nothing"."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value) if len(value) <= NAME_LENGTH else repr(value[: NAME_LENGTH - 3] + "...")
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else str(value)


def read_name(name: str) -> str:
    """Return the name unchanged.

    Raises Refusal if the name could be read as something else, such as `true` or `X or above`.
    """
    words = [word for word in re.split(r"[ -]", name.lower()) if word in PHRASE_WORDS]
    if words:
        raise Refusal(
            f"the name {name!r} contains the word {words[0]!r}", f"expected none of: {', '.join(PHRASE_WORDS)}"
        )
    if name.lower() in NOT_NAMES:
        raise Refusal(f"the name {name!r} looks like a number or a truth value", "expected another word")
    return name


def read_words(name: str) -> str:
    """Return a name unchanged if it consists of words in any script. Otherwise, raise Refusal.

    Words consist of letters, digits, hyphens and underscores. The first character of the name must be a letter.
    """
    words = name.split(" ")
    kinds = [unicodedata.category(letter)[0] for word in words for letter in word if letter not in f"-_{_JOINERS}"]
    sound = all(words) and name[:1] not in f"-_{_JOINERS}" and kinds[:1] == ["L"] and set(kinds) <= set("LMN")
    if not sound:
        expected = "expected words of letters, digits, hyphens and underscores, a letter first"
        raise Refusal(f"{describe(name)} cannot be a name", expected)
    return read_name(name)


def read_date(value: object) -> dt.date:
    """Return the date in a text such as 2031-04-01. Raises Refusal for any other value."""
    if isinstance(value, str) and re.fullmatch(DATE_PATTERN, value, re.ASCII):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise Refusal(f"{describe(value)} is not a date", "expected a date such as 2031-04-01")


def read_flag(value: object) -> bool:
    """Read a text such as "true", "True" or "FALSE", and raise Refusal for any other value."""
    if isinstance(value, str) and value in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return value.lower() == "true"
    raise Refusal(f"{describe(value)} is neither true nor false", "expected true or false")


def read_days(value: object) -> float:
    """Read a number of days above 0 and at most 36,525, and raise Refusal for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,5}(\.\d{1,6})?", value, re.ASCII) and 0 < float(value) <= 36_525:
        return float(value)
    raise Refusal(f"{describe(value)} is no number of days", "expected a number above 0, such as 28")


def read_at_least(value: object) -> int:
    """Read a whole number from 1 to 1,000, and raise Refusal for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}", value, re.ASCII) and 1 <= int(value) <= 1000:
        return int(value)
    raise Refusal(f"{describe(value)} is no number of firings", "expected a whole number from 1 to 1000")


LARGEST_COUNTER_LEVEL = 1000
"""The largest number that a counter (a variable whose levels are whole numbers) may have."""


def read_number(value: object) -> int:
    """Read a whole number from 0 to 1,000, and raise Refusal for anything else."""
    if (
        isinstance(value, str)
        and re.fullmatch(r"0|[1-9]\d{0,3}", value, re.ASCII)
        and int(value) <= LARGEST_COUNTER_LEVEL
    ):
        return int(value)
    raise Refusal(
        f"{describe(value)} is no number of a counter", f"expected a whole number from 0 to {LARGEST_COUNTER_LEVEL}"
    )


def read_format(value: object) -> int:
    """Read the version of the file format, and raise Refusal unless it is 1, the only version."""
    if value != "1":
        raise Refusal(f"{describe(value)} is no known version of the file format", "expected 1")
    return 1
