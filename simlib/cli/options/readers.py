"""Functions that read values of options, and an action that keeps options in their order."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import unicodedata
from collections.abc import Callable
from typing import Any

from simlib.errors import INVISIBLE, UNSEEN
from simlib.scenario.scalars import describe

LARGEST_WHOLE_NUMBER = 2**63 - 1
"""Largest seed or count. An array cannot hold a larger whole number."""


def whole(least: int) -> Callable[[str], int]:
    """Return a function that reads a whole number of at least `least`.

    The function raises argparse.ArgumentTypeError for any other text.
    """

    def read(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_WHOLE_NUMBER))
        if not digits or not least <= int(text) <= LARGEST_WHOLE_NUMBER:
            most = (
                f" and at most {LARGEST_WHOLE_NUMBER:,}" if text.isascii() and text.isdigit() and len(text) > 1 else ""
            )
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}{most}, not {describe(text)}")
        return int(text)

    return read


def day(text: str) -> float | str:
    """Read a day: an ISO date is returned as text, a number of days after the start as a float.

    Raises argparse.ArgumentTypeError for any other text.
    """
    try:
        days = float(text)
    except ValueError:
        try:
            return dt.date.fromisoformat(text).isoformat()
        except ValueError:
            days = math.nan
    if not math.isfinite(days):
        raise argparse.ArgumentTypeError(
            f"expected a date such as 2031-05-01 or a number of days, not {describe(text)}"
        )
    return days


def date(text: str) -> dt.date:
    """Read an ISO date. Raises argparse.ArgumentTypeError for any other text."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date such as 2031-05-01, not {describe(text)}") from None


def name(text: str) -> str:
    """Read a name. Letters with accents are put in composed form (NFC), as in scenario files.

    Raises argparse.ArgumentTypeError for a control character, which a terminal would obey.
    """
    if UNSEEN.search(text):
        raise argparse.ArgumentTypeError(f"{INVISIBLE[1]}, not {describe(text)}")
    return unicodedata.normalize("NFC", text)


def names(text: str) -> list[str]:
    """Read names that are separated by commas."""
    return [name(part.strip()) for part in text.split(",")]


def whole_numbers(text: str) -> list[int]:
    """Read whole numbers above zero that are separated by commas."""
    return [whole(1)(part.strip()) for part in text.split(",")]


def change(kind: str) -> Callable[[str], tuple[str, str]]:
    """Return a function that reads a text as the pair (kind, text).

    Options of several kinds are collected in one list, where the kind tells them apart.
    """
    return lambda text: (kind, name(text))


class VariantAction(argparse.Action):
    """An argparse action that collects changes in a list of variants: pairs (name, changes).

    The option `--as` begins a variant. Changes before the first `--as` belong to a variant without a name.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse passes it
        namespace: argparse.Namespace,
        value: Any,
        option: str | None = None,
    ) -> None:
        """Begin a variant, or add a change to the last variant."""
        variants = [*getattr(namespace, self.dest)]
        if option == "--as":
            variants.append((value, []))
        else:
            last, changes = variants.pop() if variants else ("", [])
            variants.append((last, [*changes, value]))
        setattr(namespace, self.dest, variants)


OF_VARIANT: dict[str, Any] = {"action": VariantAction, "dest": "variants", "default": []}
"""Arguments of `add_argument` for options whose values are collected by `VariantAction`."""
