"""Base rates: figures with their ranges, roles, what a world implies, and the times between events."""

import importlib.util
import math
import os
from pathlib import Path

import numpy as np
import pytest

from simlib.calibration import interevent, reference_classes
from simlib.calibration.reference_classes import base_rates
from simlib.errors import ScenarioError
from simlib.scenario.loader import load, load_text

WORLD = """
format: 1
id: two-rivers
title: A fictional dispute about two rivers
as_of: 2031-04-01
horizon: 60 days
reference_class: "Nearest is mid-force; for its length icb-open-62-days, for its rhythm icbe-rhythm."
actors: {east: East, west: West}
variables:
  river: {levels: [calm, skirmish, war], start: skirmish}
  tempo: {levels: [cold, hot], start: hot, hidden: true}
moves:
  fight:
    actor: east
    label: Go to war
    when: {river: skirmish}
    rate: {value: 0.001 per day, because: assumed}
    then: {river: war}
  make-peace:
    actor: west
    label: Make peace
    when: {river: skirmish}
    rate: {value: 0.004 per day, because: assumed}
    then: {river: calm}
  shell:
    actor: east
    label: Shell the far bank
    rate: {value: 0.5 per day, because: assumed}
    times: [{by: {value: 0.02, because: assumed}, when: {tempo: cold}}]
  talk: {actor: west, label: Talk, rate: {value: 0.1 per day, because: assumed}}
  muster: {actor: west, label: Muster, rate: {value: 0.3 per day, because: assumed}}
  cool:
    actor: nature
    label: Cool
    when: {tempo: hot}
    rate: {value: 0.1 per day, because: assumed}
    then: {tempo: cold}
    covert: true
endings:
  war: {when: {river: war}, label: War}
  peace: {when: {river: calm}, label: Peace}
ladders:
  mid: [{rung: quiet}, {rung: force, when: {river: skirmish}}, {rung: war, when: {river: war}}]
"""
ROLES = "role,is,because\nforce,shell,shells\nnegotiation,talk,words\nmobilisation,muster,drums\n"


def world(tmp_path: Path, roles: str | None = None):
    (tmp_path / "scenario.yaml").write_text(WORLD, encoding="utf-8")
    if roles is not None:
        (tmp_path / reference_classes.ROLES_FILE).write_text(roles, encoding="utf-8")
    return load(tmp_path)


def by_id(comparisons):
    return {comparison.rate.id: comparison for comparison in comparisons}


def test_every_figure_has_a_range_or_says_none_and_a_citation():
    ids = [rate.id for rate in reference_classes.figures()]
    assert len(ids) == len(set(ids)) >= 15
    for rate in reference_classes.figures():
        assert rate.citation
        assert rate.low is None or rate.low <= rate.figure <= rate.high
        assert rate.measure in {"reached", "ended", "gap-shape", "after-force"}


def test_shares_have_the_range_of_the_stated_recipe():
    assert reference_classes.share_with_range(0, 37) == pytest.approx((0, 0, 0.065), abs=5e-4)
    assert reference_classes.share_with_range(106, 2436) == pytest.approx((0.0435, 0.036, 0.052), abs=5e-4)


def test_classes_are_whole_words_of_the_reference_class():
    scenario = load_text(WORLD)
    assert reference_classes.classes_of(scenario) == ("mid-force", "icb-open-62-days", "icbe-rhythm")
    assert reference_classes.classes_of(scenario.replace(reference_class="none")) == ()


def test_what_the_world_implies_is_the_closed_form():
    found = by_id(base_rates(load_text(WORLD), runs=0))
    ended = {days: 1 - math.exp(-0.005 * days) for days in (30, 60, 90)}
    assert found["mid-war-after-force"].implied == pytest.approx(0.2 * ended[90], rel=1e-6)
    assert found["icb-open-62-days-30"].implied == pytest.approx(ended[30], rel=1e-6)
    assert found["icb-open-62-days-90"].implied == pytest.approx(ended[90], rel=1e-6)
    assert found["mid-war-after-force"].verdict == "above"
    assert found["icb-open-62-days-90"].verdict == "inside"
    assert found["icbe-gap-shape"].note == "No histories were simulated."
    assert found["icbe-first-strike-7"].note == reference_classes.NOT_APPLIED


def test_over_the_priors_a_fixed_world_says_the_same():
    scenario = load_text(WORLD)
    stated, mixed = (by_id(base_rates(scenario, draws=draws, runs=0)) for draws in (0, 3))
    assert mixed["icb-open-62-days-90"].implied == pytest.approx(stated["icb-open-62-days-90"].implied)


def test_a_world_too_large_to_enumerate_is_simulated(monkeypatch):
    monkeypatch.setattr(reference_classes, "EXACT_UP_TO", 2)
    found = by_id(base_rates(load_text(WORLD), runs=0))
    assert found["icb-open-62-days-90"].implied == pytest.approx(1 - math.exp(-0.45), abs=0.02)


def test_roles_beside_the_scenario_are_used_and_a_departure_gives_its_reason(tmp_path):
    roles = ROLES + "war,mid: force,a lower bar\nmid-war-after-force,differs,because it does\n"
    found = by_id(base_rates(world(tmp_path, roles), runs=100, seed=3))
    war = found["mid-war-after-force"]
    assert war.implied == pytest.approx(1.0)
    assert war.note == "By day 90. a lower bar because it does"
    assert found["icbe-mobilisation-after-force"].implied == pytest.approx(1.0, abs=0.35)
    note = found["icbe-threat-after-force"].note
    assert "One of 'threat', force and negotiation has no move; name a move in base_rate_roles.csv." in note
    assert found["icbe-gap-shape"].implied == pytest.approx(1.0, abs=0.2)  # mostly memoryless


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("war,mid: ware,x", "unknown rung 'mid: ware'; did you mean 'mid: war'"),
        ("force,shel,x", "unknown move 'shel'; did you mean 'shell'"),
        ("fource,shell,x", "unknown role 'fource'; did you mean 'force'"),
        ("mid-warr,differs,x", "unknown figure 'mid-warr'; did you mean 'mid-war'"),
    ],
)
def test_a_wrong_role_is_refused_with_file_and_line(tmp_path, line, words):
    with pytest.raises(ScenarioError, match=rf"base_rate_roles\.csv:3: .*{words}"):
        reference_classes.read_roles(world(tmp_path, f"role,is,because\nforce,shell,x\n{line}\n"))


def test_the_report_prints_both_numbers_and_names_what_was_not_applied():
    answer = base_rates(load_text(WORLD), runs=0)
    text = "\n".join(answer.sentences())
    assert "2.4% [1.6% to 3.3%]; this scenario 7.2% (above)" in text
    assert "Not applied: mid-disputes" in text
    assert list(answer.frame().columns[:4]) == ["figure_id", "class", "what", "figure"]
    nothing = base_rates(load_text(WORLD).replace(reference_class="none"), runs=0)
    assert nothing.sentences()[0] == "The scenario names no class of past crises."
    assert nothing.applied == ()


def history(days, moves=None, last_day=90.0):
    days = np.asarray(days, float)
    return interevent.PublicEvents(days, tuple(moves or ["shell"] * len(days)), last_day)


def test_the_shape_of_memoryless_gaps_is_one_and_of_clusters_less():
    dice = np.random.default_rng(5)
    even = [history(np.sort(dice.uniform(0, 90, 60))) for _ in range(300)]
    bursts = [history(np.sort(np.concatenate([dice.uniform(0, 9, 45), dice.uniform(0, 90, 15)]))) for _ in range(300)]
    assert interevent.gap_shape(even) == pytest.approx(1.04, abs=0.05)
    assert interevent.gap_shape(bursts) < 0.75
    assert interevent.gap_shape([history([1, 2, 3])]) is None


def test_the_ratio_after_force_is_the_one_counted_by_hand():
    # Days 1-3 follow force on day 0 and see one muster; days 7-9 follow talk on day 6 and see one as well; one third.
    one = history([0.5, 2.5, 6.5, 8.5], ["shell", "muster", "talk", "muster"], last_day=30.0)
    assert interevent.after_force([one], {"muster"}, {"shell"}, {"talk"}) == pytest.approx(1.0)
    two = history([0.5, 1.5, 2.5, 6.5, 8.5], ["shell", "muster", "muster", "talk", "muster"], last_day=30.0)
    assert interevent.after_force([two], {"muster"}, {"shell"}, {"talk"}) == pytest.approx(2.0)
    assert interevent.after_force([one], {"muster"}, {"shell"}, {"drum"}) is None


def docs_script():
    path = Path(reference_classes.__file__).parents[2] / "docs" / "base_rates.py"
    spec = importlib.util.spec_from_file_location("docs_base_rates", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_counts_are_written_where_they_belong_and_nowhere_else():
    text = "figures:\n  - id: a\n    what: x\n    k: 1\n    n: 2\n  - id: b\n    k: 3\n    n: 4\n"
    assert docs_script().written(text, {"b": (5, 6)}) == text.replace("k: 3\n    n: 4", "k: 5\n    n: 6")
    with pytest.raises(SystemExit, match="0 entries for c"):
        docs_script().written(text, {"c": (5, 6)})


@pytest.mark.slow
@pytest.mark.skipif("SIMLIB_DATA" not in os.environ, reason="SIMLIB_DATA names no folder with the real files")
def test_the_shipped_figures_are_those_of_the_real_files():
    script = docs_script()
    counts = script.counted(Path(os.environ["SIMLIB_DATA"]))
    text = script.FILE.read_text(encoding="utf-8")
    assert script.written(text, counts) == text
    assert {rate.id for rate in reference_classes.figures() if rate.share} == set(counts)
