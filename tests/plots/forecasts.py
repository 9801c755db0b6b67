"""Made-up forecasts of a made-up world, to be drawn."""

from __future__ import annotations

import datetime as dt

import numpy as np

from simlib.answer import ScenarioKey
from simlib.results import Band, Forecast

AS_OF = dt.date(2031, 4, 1)
ENDINGS = {
    "treaty": ("A treaty is signed and kept", 0.004),
    "war": ("Open war between the islands", 0.001),
    "quiet": ("Everybody goes home quietly", 0.0009),
    "third": ("A third power takes the strait for itself", 0.0008),
}
RUNGS = ("calm", "shows of force", "armed clashes", "war")
MOVES = {f"move-{k}": (f"North: does thing number {k}", 12.0 / (k + 1)) for k in range(14)}


def forecast(scale: float = 1.0, *, horizon: float = 90.0, runs: int = 0, steps: int = 30) -> Forecast:
    """A forecast whose endings come `scale` times as often; with `runs`, as if by Monte Carlo."""
    times = np.linspace(0.0, horizon, steps + 1)
    total = scale * sum(rate for _, rate in ENDINGS.values())
    ended = -np.expm1(-total * times)
    endings = {name: _band(ended * scale * rate / total, runs) for name, (_, rate) in ENDINGS.items()}
    endings["ongoing"] = _band(1 - ended, runs)
    raw = np.array([1.0 + 0 * times, scale * (0.2 + times / 90), 0.1 + 0 * times, 0.02 * scale * times / 90 + 0.001])
    rungs = dict(zip(RUNGS, raw / raw.sum(axis=0), strict=True))
    counts = {name: scale * mean * times / horizon for name, (_, mean) in MOVES.items()}
    half = {name: 0.1 * count for name, count in counts.items()}
    error = (
        {"variables": {}, "ladders": {"own": dict.fromkeys(RUNGS, 0.01 + 0 * times)}, "moves": half} if runs else None
    )
    return Forecast(
        scenario=ScenarioKey("islands", "Two made-up islands", "0" * 64, AS_OF),
        horizon_days=horizon,
        engine="montecarlo" if runs else "exact",
        times=times,
        endings=endings,
        variables={},
        ladders={"own": rungs},
        moves=counts,
        questions={"shots": endings["war"]},
        assumptions={},
        provenance={"view": ""},
        labels={
            "endings": {name: label for name, (label, _) in ENDINGS.items()},
            "questions": {"shots": "Shots are fired"},
            "moves": {name: label for name, (label, _) in MOVES.items()},
            "ladders": {"own": "Escalation in the strait"},
        },
        error=error,
        states=None if runs else 36,
    )


def _band(probability: np.ndarray, runs: int) -> Band:
    return (
        Band.wilson(np.round(probability * runs), runs)
        if runs
        else Band(probability, probability, np.clip(probability + 1e-9, 0, 1))
    )
