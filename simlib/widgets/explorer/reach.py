"""The reach of each slider: the probability of the leading question at both of its ends."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from simlib.formatting import percent
from simlib.widgets.explorer.answer_cache import AnswerCache

Ends = tuple[float, float, bool]
"""The probabilities at the low and the high end of a slider, and whether they are exact or estimates."""


class Reach:
    """The probabilities of the leading question at both ends of each slider."""

    def __init__(self, answers: AnswerCache) -> None:
        self._answers = answers
        self._ends: dict[str, tuple[Hashable, Ends]] = {}
        self._latest: Hashable = None

    def _key(self, name: str = "") -> Hashable:
        """Return a key of the settings that decide the ends of a slider ("": of all settings).

        The position of this slider is not part of the key, so known ends stay valid while only this slider moves.
        """
        state = self._answers.state
        return self._answers.slider_key(state.settings, name), state.lead.name

    def of(self) -> dict[str, Ends]:
        """Return the probabilities that belong to the present settings and to the leading question."""
        return {name: ends for name, (key, ends) in self._ends.items() if key == self._key(name)}

    def anew(self) -> dict[str, Ends]:
        """Return the result of `of`, or {} if nothing was found since the settings last changed.

        After a slider moved, only its own ends are known, until the idle work finds the ends of the other sliders.
        """
        return self.of() if self._latest == self._key() else {}

    def add(self, ends_by_name: Mapping[str, Ends]) -> None:
        """Add probabilities by slider. An estimate does not replace an exact probability."""
        known, self._latest = self.of(), self._key()
        for name, ends in ends_by_name.items():
            if ends[2] or not known.get(name, ends)[2]:
                self._ends[name] = self._key(name), ends

    def texts(self) -> dict[str, list[str]]:
        """Return {assumption: [text at the low end, text at the high end, sentence]}."""
        result, label = {}, self._answers.state.lead.label
        for name, (low, high, solved) in self.of().items():
            about, mark = ("", "") if solved else ("about ", "≈ ")
            words = f"{label}: {about}{percent(low)} at the low end, {about}{percent(high)} at the high end"
            result[name] = [f"{mark}{percent(low)}", f"{mark}{percent(high)}", words]
        return result
