"""What stands for a while, in the tables: what is forbidden, policies, and which of them counts where both stand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from simlib.engines.exact.forecast import solve
from simlib.errors import ScenarioError
from simlib.machine import priors
from simlib.machine.tables import Tables
from simlib.machine.timeline import cut
from simlib.scenario.model import Forbid, Policy
from tests import worlds

RATE, POLICY = 0.1, 0.5


def hazard(*items, day=0.0):
    """Return the hazard of the only move, on the left bank."""
    scenario = worlds.two_states(RATE, horizon=30.0).replace(interventions=items)
    tables = Tables(scenario)
    segment = next(s for s in cut(tables, 30.0) if s.start <= day < s.end)
    return tables.rates(priors.theta(scenario), segment)[tables.local_index(0, np.array([[0]]))][0]


def test_a_policy_replaces_the_hazard_and_forbidding_ends_it():
    assert hazard() == RATE
    assert hazard(Policy("cross", POLICY)) == POLICY
    assert hazard(Forbid("cross")) == 0


@pytest.mark.parametrize("order", list(itertools.permutations([Forbid("cross"), Policy("cross", POLICY)])))
def test_forbidding_is_stronger_than_a_policy_in_whatever_order_they_stand(order):
    assert hazard(*order) == 0
    scenario = worlds.two_states(RATE, ends=True, horizon=30.0).replace(interventions=order)
    assert solve(scenario, times=1).endings["across"].probability[-1] == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_where_what_is_forbidden_is_allowed_again_the_policy_counts(order):
    both = Forbid("cross", until=worlds.date(10)), Policy("cross", POLICY)
    items = [both[place] for place in order]
    assert (hazard(*items, day=9.0), hazard(*items, day=10.0)) == (0, POLICY)


def test_of_two_policies_the_last_in_the_list_counts():
    assert hazard(Policy("cross", POLICY), Policy("cross", 0.2)) == 0.2


def test_an_intervention_outside_the_forecast_is_refused_with_the_side():
    """As of a later date, an intervention of a view may have begun too early."""
    scenario = worlds.two_states().replace(interventions=(Forbid("cross", worlds.date(2)),))
    later = scenario.replace(as_of=worlds.date(4))
    with pytest.raises(ScenarioError, match=f"^forbid cross@.*: {worlds.date(2)} is before the forecast begins"):
        solve(later)
    with pytest.raises(ScenarioError, match=f"{worlds.date(2)} is after the horizon; expected a day from"):
        solve(scenario, by=1)
