"""Answers that others have published, beside those of the exact engine."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import simlib
from tests.published import models


def last(world, **options):
    return simlib.solve(world, **options)


def test_a_queue_is_full_by_a_time():
    """M/M/1/3: Katoen, Kwiatkowska, Norman and Parker (PRISM's and Storm's test suites)."""
    found = last(models.queue(7.5, stops=True)).endings["full"]
    assert found.probability[-1] == pytest.approx(0.6404780884741, abs=1e-9)


def test_a_queue_serves_so_many_on_average():
    """The expected number of customers served by 5.5 (the same suites)."""
    assert last(models.queue(5.5)).moves["serve"][-1] == pytest.approx(7.0690195181688, abs=1e-8)


@pytest.mark.parametrize(("by", "dead"), [(1, 0.0429), (5, 0.251), (10, 0.505)])
def test_heart_transplants(by, dead):
    """msm's manual, probabilities of death from state 1; three digits are printed there."""
    found = last(models.heart_transplant(1), times=[by], by=by)
    assert found.variables["x"]["s4"][-1] == pytest.approx(dead, abs=6e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("by", "below"), [(0.2, 2.575834331e-9), (20, 1.312642064e-5), (2000, 0.00182210514902)])
def test_a_cluster_falls_below_its_least_service(by, below):
    """N = 4, PRISM's benchmark suite: a probability of two in a billion keeps its digits."""
    found = last(models.cluster(4, by), times=1).questions["too-few"]
    assert found.probability[-1] == pytest.approx(below, rel=1e-5)


def test_a_tandem_of_queues_holds_so_many():
    """c = 5, customers expected at time 10 (PRISM's benchmark suite)."""
    found = last(models.tandem(5, 10), times=1).variables
    expected = sum(k * found[name][str(k)][-1] for name in ("sc", "sm") for k in range(6))
    assert expected == pytest.approx(5.67924385, rel=1e-6)  # computed there to a relative 1e-6


def test_erlangs_loss_formula():
    """Ten servers, a load of eight: the share of time in which all are busy, in the long run (Erlang 1917)."""
    found = last(models.erlang_loss(10, 8.0, 60), times=1).variables["busy"]["10"][-1]
    assert found == pytest.approx(0.1216610643, abs=1e-9)


def test_immigration_and_death_are_poisson():
    """DSMTS 002-01 (Evans, Gillespie and Wilkinson 2008): 51 means and variances, which the closed form gives."""
    days = np.arange(1.0, 51.0)
    law = np.array(list(last(models.immigration_death(50), times=days).variables["x"].values())).T
    mean = 10 * (1 - np.exp(-0.1 * days))
    counts = np.arange(61)
    assert law @ counts == pytest.approx(mean, abs=1e-8)
    assert law @ counts**2 - (law @ counts) ** 2 == pytest.approx(mean, abs=1e-6)
    assert law[9] == pytest.approx(stats.poisson.pmf(counts, mean[9]), abs=1e-9)
