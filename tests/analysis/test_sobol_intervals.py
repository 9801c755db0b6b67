"""Intervals of Sobol indices cover as often as they say, for exact and for noisy answers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import qmc

from simlib.analysis.sensitivity.pick_freeze import SCRAMBLES, jackknife, products
from simlib.analysis.sensitivity.sobol_indices import sobol
from tests.analysis.test_drivers import additive, additive_shares


def ishigami(u):
    """The function of Ishigami and Homma (1990) at points (D, 3) of the unit cube, with a = 7 and b = 0.1."""
    x = np.pi * (2 * u - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices():
    first, second, third = (1 + np.pi**4 / 50) ** 2 / 2, 49 / 8, 8 * np.pi**8 / 22500
    whole = first + second + third
    return np.array([first, second, 0.0]) / whole, np.array([first + third, second, third]) / whole


def replicate(seed, *, draws, noise=0.0, blocks=1):
    """Return (first, total, their half-widths) of Ishigami's function; noisy rows share dice within a sequence."""
    parts, each = [], draws // SCRAMBLES
    for number in range(SCRAMBLES):
        rng = np.random.default_rng([seed, number])
        a, b = np.split(qmc.Sobol(6, scramble=True, rng=rng).random(each), 2, axis=1)
        pushes = noise * rng.normal(size=(3, blocks))  # what the shared dice do, which hangs on the inputs too
        points = [a, b, *(np.where(np.arange(3) == column, b, a) for column in range(3))]
        first, second, *mixed = (
            ishigami(u)[:, None] + u @ pushes + noise * rng.normal(size=(each, blocks)) for u in points
        )
        parts.append(products(first, second, np.stack(mixed, axis=-1)))
    return jackknife(np.stack(parts))


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(("noise", "blocks"), [(0.0, 1), (3.0, 8)])
def test_intervals_of_indices_cover_as_often_as_they_say(noise, blocks):
    """100 seeds x 5 indices: 95% intervals hold in 92 to 98% (a bootstrap over rows held always)."""
    truth, held = ishigami_indices(), []
    for seed in range(100):
        (_, *found), (_, *halves) = replicate(seed, draws=512, noise=noise, blocks=blocks)
        held += [abs(e - t) <= h for e, t, h in zip(found, truth, halves, strict=True)]
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("engine", ["exact", "montecarlo"])
def test_intervals_of_indices_of_a_world_are_no_wider_than_they_must_be(engine):
    """12 seeds x 6 intervals: they hold, and are about as wide as the estimates spread over the seeds."""
    shares, _ = additive_shares()
    held, spreads = [], {}
    for seed in range(12):
        found = sobol(additive(), "across", engine=engine, draws=64, runs=160, seed=seed)
        for s in found.measures["ending:across"].shares:
            for kind, i in (("first", s.first), ("total", s.total)):
                held.append(i.low <= shares[s.input.name] <= i.high)
                spreads.setdefault((s.input.name, kind), []).append((i.estimate, i.high - i.low))
    assert np.mean(held) > 0.88
    for pairs in spreads.values():
        estimates, widths = np.transpose(pairs)
        assert np.mean(widths) / 2 < 2 * 1.96 * estimates.std(ddof=1)


def test_a_variance_that_one_sequence_carries_leaves_nothing_known():
    """Without the one sequence that varies there is nothing to divide by: the interval is everything, not a NaN."""
    each = np.zeros((4, 6, 2))
    each[0, 0], each[0, 1] = 1.0, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, (_, first, total) = jackknife(each)
    assert not np.any(np.isnan(first) | np.isnan(total))
    assert np.all(np.isinf(first))
