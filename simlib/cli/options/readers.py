"""How single options are read, and kept in the order they were given."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def whole(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` up."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, not {text!r}")
        return int(text)

    return read


def names(text: str) -> list[str]:
    """Read names with commas between them."""
    return [part.strip() for part in text.split(",")]


def named(kind: str) -> Callable[[str], tuple[str, str]]:
    """Return a reader that says of what kind a text is, for options that share one list."""
    return lambda text: (kind, text)


class OfVariant(argparse.Action):
    """Keeps what belongs to each variant: a list of (name, changes), `--as` beginning another."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the face is argparse's
        namespace: argparse.Namespace,
        value: Any,
        option: str | None = None,
    ) -> None:
        """Begin a variant, or add a change to the one begun last (without one: to the unnamed one)."""
        variants = [*getattr(namespace, self.dest)]
        if option == "--as":
            variants.append((value, []))
        else:
            name, changes = variants.pop() if variants else ("", [])
            variants.append((name, [*changes, value]))
        setattr(namespace, self.dest, variants)


OF_VARIANT: dict[str, Any] = {"action": OfVariant, "dest": "variants", "default": []}
"""Settings of the options that `--as` shares out."""
