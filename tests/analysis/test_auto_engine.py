"""The engine "auto": Monte Carlo answers wherever the exact engine cannot number the states of a scenario."""

from __future__ import annotations

import inspect
import math

import pytest

import simlib
from simlib.analysis.sensitivity.screening import swings
from simlib.engines.exact.forecast import solve
from simlib.machine.measures import find
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.state import State
from simlib.widgets.questions import assumptions as panel
from tests.worlds import World, many_lights

WORLD = many_lights()
SMALL = {"forecast": {"draws": 8}, "indicators": {"runs": 50}, "discover": {"draws": 128, "runs": 64}}
SMALL |= {"sobol": {"draws": 64, "runs": 64, "top": 1}, "drivers": {"top": 1}, "evppi": {"draws": 128}}
SMALL |= {"uncertainty": {"draws": 128}, "write_report": {"draws": 16}}


def takes_an_engine(name: str) -> bool:
    value = getattr(simlib, name)
    return inspect.isfunction(value) and "engine" in inspect.signature(value).parameters


@pytest.mark.parametrize("name", sorted({*filter(takes_an_engine, simlib.__all__)} - {"register"}))
def test_every_question_is_answered_where_the_states_cannot_be_numbered(name, tmp_path):
    given = {"scenario": WORLD, "measure": "lit", "path": tmp_path / "page.html"}
    given |= {"views": {"one": WORLD, "two": WORLD}, "variants": {"faster": {"hall-rate": 0.2}}}
    question = getattr(simlib, name)
    parameters = inspect.signature(question).parameters
    assert parameters["engine"].default == "auto"
    needed = {key: given[key] for key, each in parameters.items() if each.default is each.empty}
    answer = question(**needed, **SMALL.get(name, {}))
    if name == "write_report":
        assert "histories, seed 0" in answer.read_text(encoding="utf-8")
    else:
        assert answer.provenance["engine"] == "montecarlo"
        with pytest.raises(simlib.Unsupported, match=r"more than 2\^62 states"):
            question(**needed, **SMALL.get(name, {}), engine="exact")


def test_slopes_and_base_rates_come_from_histories_as_well():
    measures = find(WORLD, "lit")
    found, expected = (swings(WORLD, measures, engine=engine)[:, 0] for engine in ("auto", "montecarlo"))
    assert found.tolist() == expected.tolist()
    assert found[0] > 0.01
    rates = {row.rate.id: row.implied for row in simlib.base_rates(WORLD)}
    assert rates["icb-open-62-days-30"] == pytest.approx(1 - math.exp(-3), abs=0.02)


def test_the_explorer_and_its_panels_take_histories_as_well(monkeypatch):
    assert AnswerCache(State(WORLD)).answer(State(WORLD).settings).engine == "montecarlo"
    monkeypatch.setattr(panel, "REPLICATES", 10)
    fan = panel.ChanceWithinDoubt(WORLD, draws=64)
    assert "10 simulated histories each" in " ".join(fan.answer(fan.chosen, simlib.Control()).sentences)


def test_a_count_whose_counter_makes_too_many_states_is_counted_in_histories():
    found = solve(World.of(many_lights(62)).count("twice", 2, "light-hall").scenario(), times=1)
    assert found.engine == "exact"
    assert found.by_histories == ("twice",)
