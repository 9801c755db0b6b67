"""Words of estimative probability, after ICD 203 (2015): one word for each probability."""

from __future__ import annotations

__all__ = ["icd203", "legend"]

_WORDS = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (0.99, "almost certain"),
)
"""Words from one of the two columns in ICD 203, each with its highest probability. The first begins at 1%."""


def icd203(p: float) -> str:
    """Return the words for a probability in the US intelligence standard ICD 203."""
    if p < 0.01:
        return "less than 1%"
    return "more than 99%" if p > _WORDS[-1][0] else next(word for top, word in _WORDS if p < top or top == 0.99)


def legend() -> str:
    """Return one sentence with the range of probabilities that each of the words stands for."""
    lows = (0.01, *(top for top, _ in _WORDS))
    ranges = [f"{word} {100 * low:.0f}–{100 * top:.0f}%" for low, (top, word) in zip(lows, _WORDS, strict=False)]
    return f"The words are those of ICD 203: {', '.join(ranges)}. Less than 1% and more than 99% lie beyond its scale."
