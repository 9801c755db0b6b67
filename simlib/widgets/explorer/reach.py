"""The reach of each slider: the probability of the leading question at both ends of the slider.

No widget here. The leading question or ending is the one that the explorer is about.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from simlib.formatting import percent

Ends = tuple[float, float, bool]
"""The probabilities at the low and the high end of a slider, and whether they are exact.

Inexact ones are estimates from the gradient.
"""


class Reach:
    """The probabilities of the leading question at both ends of each slider.

    All of them belong to one key, which stands for some settings and their leading question.
    """

    def __init__(self) -> None:
        self._key: Hashable = None
        self.ends: dict[str, Ends] = {}

    def of(self, key: Hashable) -> dict[str, Ends]:
        """Return the probabilities that belong to a key, or {} for another key."""
        return self.ends if key == self._key else {}

    def add(self, key: Hashable, found: Mapping[str, Ends]) -> None:
        """Add the probabilities `found` {assumption: ends}.

        With another key, first remove all earlier ones. An estimate does not replace an exact probability.
        """
        before = self.of(key)
        self.ends = before | {name: ends for name, ends in found.items() if ends[2] or not before.get(name, ends)[2]}
        self._key = key

    def texts(self, key: Hashable, label: str) -> dict[str, list[str]]:
        """Return {assumption: [text at the low end, text at the high end, sentence]}, or {} for another key.

        `label` is the label of the leading question.
        """
        result = {}
        for name, (low, high, solved) in self.of(key).items():
            about, mark = ("", "") if solved else ("about ", "≈ ")
            words = f"{label}: {about}{percent(low)} at the low end, {about}{percent(high)} at the high end"
            result[name] = [f"{mark}{percent(low)}", f"{mark}{percent(high)}", words]
        return result
