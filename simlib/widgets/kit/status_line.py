"""The text beside a picture: a forecast in a sentence, and a status line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simlib.errors import SimlibError
from simlib.formatting import percent, plainly
from simlib.results import NO_ENDING, ONGOING, Forecast

Part = Mapping[str, Any]

_NAMED = 4
"""Largest number of endings that a sentence names."""


@dataclass(frozen=True)
class ShownPicture:
    """One picture with its texts.

    - `png`, `size`: the picture, and its width and height in pixels of the page.
    - `sentence`: the answer in words, as parts {text, strong}.
    - `status`: the status line {text, kind, share}.
    """

    png: bytes
    size: tuple[int, int]
    sentence: list[Part]
    status: Part

    @property
    def alt(self) -> str:
        """The answer in words, for readers who cannot see the picture."""
        return "".join(each["text"] for each in self.sentence)


def part(text: str, *, strong: bool = False) -> Part:
    """Return a part of a sentence, which is shown in bold if `strong`."""
    return {"text": text, "strong": strong}


def status(text: str, kind: str = "", share: float | None = None) -> Part:
    """Return a status line of kind "", "preview", "busy" or "error", with progress from 0 to 1."""
    return {"text": text, "kind": kind, "share": share}


def failure(error: Exception) -> Part:
    """Return the status line of an error: its message, after its name if it is unexpected."""
    known = isinstance(error, SimlibError | ValueError)
    return status(str(error) if known else f"{type(error).__name__}: {error}", "error")


def sentence(forecast: Forecast) -> list[Part]:
    """Return a forecast in words (parts {text, strong}): the likeliest endings, then impacts.

    The sentence names at most four endings, and “no ending yet”.
    """
    last = {name: float(band.probability[-1]) for name, band in forecast.endings.items()}
    ranked = sorted((name for name in last if name != ONGOING), key=lambda name: -last[name])[:_NAMED]
    parts: list[Part] = []
    for name in [*ranked, *([ONGOING] if ONGOING in last else [])]:
        label = NO_ENDING.lower() if name == ONGOING else forecast.label("endings", name)
        by = "" if parts else f"by {forecast.by_words}: "
        parts += [part(f"{label} {by}"), part(percent(last[name]), strong=True), part("; ")]
    return [*parts[:-1], part(parts[-1]["text"].removesuffix("; ") + "."), *_impacts(forecast)]


def _impacts(forecast: Forecast) -> Iterator[Part]:
    for name, impact in forecast.impacts.items():
        yield part(f" {forecast.label('impacts', name)}: ")
        yield part(plainly(float(impact.mean[-1]), f" {impact.unit}"), strong=True)
        if impact.fan is None:
            yield part(f" on average (standard deviation {plainly(float(impact.chance[-1]))}).")
        else:
            low, _, high = (plainly(float(x[-1])) for x in impact.fan)
            yield part(f" on average ({low} to {high} in nine of ten histories).")
