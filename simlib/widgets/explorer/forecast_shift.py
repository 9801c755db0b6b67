"""Arithmetic on forecasts: mixtures, a shift by the difference of two samples, and equality."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simlib.results import Band, Forecast
from simlib.typing import Floats


def mixture(forecasts: Sequence[Forecast], weights: Sequence[float] | Floats) -> Forecast:
    """Return the weighted sum of forecasts with the same dates (the weights sum to one).

    Everything but endings, questions, ladders and moves comes from the last forecast.
    """
    kinds = ("endings", "questions", "ladders", "moves")
    parts: dict[str, Any] = {kind: _mix([getattr(each, kind) for each in forecasts], weights) for kind in kinds}
    return dataclasses.replace(forecasts[-1], **parts)


def _mix(parts: Sequence[Any], weights: Sequence[float] | Floats) -> Any:
    if isinstance(parts[-1], Mapping):
        return {name: _mix([part[name] for part in parts], weights) for name in parts[-1]}
    if isinstance(parts[-1], Band):
        return Band(*(_mix([getattr(part, name) for part in parts], weights) for name in Band.__slots__))
    return sum(weight * part for weight, part in zip(weights, parts, strict=True))


def shift(exact: Forecast, before: Forecast, now: Forecast) -> Forecast:
    """Add to `exact` the change from `before` to `now`, two runs with common random numbers.

    `exact` and `before` have the same values of the assumptions. Probabilities stay between 0 and 1. Endings, levels of
    a variable and rungs of a ladder still sum to one. Expected counts stay at or above zero.
    """
    every = exact, before, now
    endings = _shift_shares(*({name: band.probability for name, band in each.endings.items()} for each in every))
    groups: dict[str, Any] = {
        kind: {name: _shift_shares(*(getattr(each, kind)[name] for each in every)) for name in getattr(exact, kind)}
        for kind in ("variables", "ladders")
    }
    questions = {
        name: np.clip(band.probability + now.questions[name].probability - before.questions[name].probability, 0.0, 1.0)
        for name, band in exact.questions.items()
    }
    return dataclasses.replace(
        now,
        engine="preview",
        endings={name: Band(p, p, p) for name, p in endings.items()},
        questions={name: Band(p, p, p) for name, p in questions.items()},
        **groups,
        moves={
            name: np.maximum(count + now.moves[name] - before.moves[name], 0.0) for name, count in exact.moves.items()
        },
        error=None,
        states=exact.states,
    )


def _shift_shares(exact: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    moved = np.array([np.maximum(exact[name] + now[name] - before[name], 0.0) for name in exact])
    moved /= moved.sum(axis=0)
    return dict(zip(exact, moved, strict=True))


def same_answer(one: Forecast, other: Forecast, tolerance: float = 1e-7) -> bool:
    """Return whether two forecasts have equal probabilities and move counts within `tolerance`."""
    if one.times.shape != other.times.shape or set(one.ladders) != set(other.ladders):
        return False
    pairs = [(one.endings[k].probability, other.endings[k].probability) for k in one.endings]
    pairs += [(one.questions[k].probability, other.questions[k].probability) for k in one.questions]
    pairs += [(one.ladders[k][r], other.ladders[k][r]) for k in one.ladders for r in one.ladders[k]]
    pairs += [(one.moves[k], other.moves[k]) for k in one.moves]
    return all(np.allclose(a, b, rtol=0.0, atol=tolerance) for a, b in pairs)
