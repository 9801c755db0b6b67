"""The reach of each slider: the probability of the leading question at both of its ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from simlib.formatting import percent

Ends = tuple[float, float, bool]
"""The probabilities at the low and the high end of a slider, and whether they are exact or estimates."""

Key = Callable[[str], Hashable]
"""A function from an assumption to a key of the settings that decide the ends of its slider.

The position of this slider is not part of the key, so the ends stay when it alone moves.
"""


class Reach:
    """The probabilities of the leading question at both ends of each slider."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Hashable, Ends]] = {}

    def of(self, key: Key) -> dict[str, Ends]:
        """Return the probabilities that belong to the present keys."""
        return {name: ends for name, (old, ends) in self._found.items() if old == key(name)}

    def add(self, key: Key, found: Mapping[str, Ends]) -> None:
        """Add the probabilities `found`. An estimate does not replace an exact probability."""
        known = self.of(key)
        for name, ends in found.items():
            if ends[2] or not known.get(name, ends)[2]:
                self._found[name] = key(name), ends

    def texts(self, key: Key, label: str) -> dict[str, list[str]]:
        """Return {assumption: [text at the low end, text at the high end, sentence]}.

        `label` is the label of the leading question.
        """
        result = {}
        for name, (low, high, solved) in self.of(key).items():
            about, mark = ("", "") if solved else ("about ", "≈ ")
            words = f"{label}: {about}{percent(low)} at the low end, {about}{percent(high)} at the high end"
            result[name] = [f"{mark}{percent(low)}", f"{mark}{percent(high)}", words]
        return result
