"""What the properties share: how many worlds they draw, and how two forecasts are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from hypothesis import HealthCheck, Phase, settings

from simlib.results import Forecast
from simlib.scenario.model import Scenario

SLOW_DRAWS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def drawn(examples: int, *, shrink: bool = False) -> settings:
    """Return settings that draw the same worlds every time and never fail for being slow on a busy machine.

    Shrinking a world takes minutes: it is for the person who hunts a failure, not for every run.
    """
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=SLOW_DRAWS,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrink else [])],
    )


def report_times(scenario: Scenario, *parts: float) -> list[float]:
    """Return 0, the given parts of the horizon (default: an odd one in the middle), and the horizon."""
    return [0.0, *(part * scenario.horizon_days for part in parts or (0.37,)), scenario.horizon_days]


def numbers(forecast: Forecast) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every named series of a forecast: (name, values at the report times)."""
    for kind in ("endings", "questions"):
        for name, band in getattr(forecast, kind).items():
            yield f"{kind}.{name}", np.asarray(band.probability)
    for kind in ("variables", "ladders"):
        for name, parts in getattr(forecast, kind).items():
            for part, values in parts.items():
                yield f"{kind}.{name}.{part}", np.asarray(values)
    for name, values in forecast.moves.items():
        yield f"moves.{name}", np.asarray(values)
    for name, impact in forecast.impacts.items():
        yield f"impacts.{name}", np.asarray(impact.mean)
        yield f"chances.{name}", np.asarray(impact.chance)


def probabilities(forecast: Forecast) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the series that are probabilities."""
    amounts = ("moves.", "impacts.", "chances.")
    return ((name, values) for name, values in numbers(forecast) if not name.startswith(amounts))


def computed(forecast: Forecast) -> dict[str, np.ndarray]:
    """Return the series, with the mean square of an impact in the place of its standard deviation.

    The engine computes the mean square. The standard deviation is the root of a difference of two numbers that can be
    nearly equal: it loses digits that say nothing about two worlds being the same.
    """
    series = dict(numbers(forecast))
    squares = {f"squares.{name}": i.mean**2 + i.chance**2 for name, i in forecast.impacts.items()}
    return {name: values for name, values in series.items() if not name.startswith("chances.")} | squares


def assert_same(
    one: Forecast, other: Forecast, *, within: float = 1e-12, names: Mapping[str, str] | None = None
) -> None:
    """Fail unless every series of `one` is in `other`, equal to `within` (counts: relatively, where above one).

    `names` maps a name of a series in `one` to its name in `other`. A mean square is held to a hundredth of `within`,
    as the engine does, but not below 1e-12.
    """
    there = computed(other)
    for name, values in computed(one).items():
        expected = there[(names or {}).get(name, name)]
        close = max(1e-12, within / 100) if name.startswith("squares.") else within
        scale = max(1.0, float(np.max(np.abs(expected))))
        np.testing.assert_allclose(values, expected, rtol=0, atol=close * scale, err_msg=name)


def assert_same_bits(one: Forecast, other: Forecast) -> None:
    """Fail unless every series of `one` is in `other`, bit for bit."""
    there = dict(numbers(other))
    for name, values in numbers(one):
        np.testing.assert_array_equal(values, there[name], err_msg=name)
