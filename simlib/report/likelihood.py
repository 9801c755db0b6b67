"""Words of estimative probability (ICD 203, 2015): a term for each range of probabilities."""

from __future__ import annotations

__all__ = ["icd203", "legend"]

_WORDED = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (0.99, "almost certain"),
)
"""Pairs of (highest probability, term), from one of the two columns of ICD 203. The first term begins at 1%."""


def icd203(p: float) -> str:
    """Return the term for a probability in the US intelligence standard ICD 203."""
    if p < 0.01:
        return "less than 1%"
    return "more than 99%" if p > _WORDED[-1][0] else next(word for top, word in _WORDED if p < top or top == 0.99)


def legend() -> str:
    """Explain in two sentences the range of probabilities of each term of ICD 203."""
    lows = (0.01, *(top for top, _ in _WORDED))
    ranges = [f"{word} {100 * low:.0f}–{100 * top:.0f}%" for low, (top, word) in zip(lows, _WORDED, strict=False)]
    return f"The words are those of ICD 203: {', '.join(ranges)}. Less than 1% and more than 99% lie beyond its scale."
