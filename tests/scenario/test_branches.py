"""Chances that depend on the state, and effects that depend on the level, as people write and read them."""

from pathlib import Path

import simlib
from simlib.plots.boxes_and_arrows import arrows, state_diagram
from simlib.report.assumption_blocks import readable
from simlib.scenario.explanation import explain
from simlib.scenario.loader import load, load_text
from simlib.scenario.model import ALWAYS, Condition, Effect, Factor
from simlib.scenario.views.variation import with_values
from simlib.widgets.explorer.sliders import sliders_of

BRIDGE = Path(__file__).parent / "bridge" / "scenario.yaml"
PLAIN = BRIDGE.read_text(encoding="utf-8")
QUARTER = "{by: {value: 0.25, low: 0.1, high: 0.5, because: assumed}, when: {mood: angry}}"


def varied(old: str, new: str) -> str:
    assert PLAIN.count(old) == 1
    return PLAIN.replace(old, new)


CHANCES = varied("{chance: full_chance,", f"{{chance: full_chance, times: [{QUARTER}, {{by: angry_factor}}],")
FACTOR = "block.both-lanes.times.1"
EFFECTS = varied(
    "then: {bridge: narrowed}",
    "then: [{set: {mood: angry, bridge: +1}, when: {bridge: open}}, {set: {bridge: blocked}, when: "
    "[{bridge: narrowed, mood: angry}]}, {set: {mood: calm}, when: {bridge: narrowed}}]",
)


def said(world: simlib.Scenario, move: str) -> str:
    (sentence,) = [line.sentence for line in explain(world) if (line.section, line.id) == ("moves", move)]
    return sentence


def test_factors_of_an_outcome_are_read_and_said():
    world = load_text(CHANCES)
    factors = world.moves["block"].outcome("both-lanes").factors
    assert [factor.by for factor in factors] == [FACTOR, "angry_factor"]
    assert factors[1] == Factor("angry_factor", ALWAYS)
    assert world.assumptions[FACTOR].kind == "factor"
    assert (
        "20% (90% range 10% to 40%), at 0.25 times the odds (90% range 0.1 to 0.5) while mood is angry, at 3 times the "
        "odds (90% range 1.5 to 6): both lanes - bridge to blocked; otherwise: one lane"
    ) in said(world, "block")


def test_the_diagram_says_that_a_chance_is_before_its_factors():
    texts = " ".join(" ".join(text.get_text() for text in state_diagram(load_text(CHANCES)).axes[0].texts).split())
    assert "20% (before its factors): both lanes; otherwise: one lane" in texts
    assert "before its factors" not in " ".join(text.get_text() for text in state_diagram(load(BRIDGE)).axes[0].texts)


def test_the_hash_of_a_world_without_them_is_as_before():
    plain = load(BRIDGE)
    (outcome, _) = plain.resolved()["moves"]["block"]["outcomes"]
    assert "factors" not in outcome
    assert "when" not in outcome["effects"][0]
    assert "factors" in load_text(CHANCES).resolved()["moves"]["block"]["outcomes"][1]


def test_a_factor_of_an_outcome_is_set_and_labelled():
    changed = with_values(load_text(CHANCES), {FACTOR: 0.5})
    assert changed.assumptions[FACTOR].high == 1.0
    assert sliders_of(changed)[FACTOR].uses == ("odds of both lanes: Park tractors on the bridge",)
    assert readable(changed).assumptions[FACTOR].label == (
        "Factor on the odds of ‘both lanes’ as the outcome of ‘Park tractors on the bridge’ while ‘mood’ is angry"
    )


def test_a_changed_factor_is_told_in_the_difference():
    (change,) = simlib.diff(load(BRIDGE), load_text(CHANCES), forecast=False).changes[-1:]
    assert "odds times “Factor 1 on the odds of 'both lanes'" in change.after


def test_a_changed_value_of_a_factor_changes_the_answer():
    rarely, often = (simlib.forecast(with_values(load_text(CHANCES), {FACTOR: value})) for value in (0.1, 4))
    assert often.endings["cut"].probability[-1] > rarely.endings["cut"].probability[-1] + 0.05


def test_effects_with_conditions_are_read_and_said():
    world = load_text(EFFECTS)
    effects = world.moves["block"].outcome("one-lane").effects
    assert [(effect.variable, effect.level, effect.shift) for effect in effects] == [
        *(("mood", "angry", None), ("bridge", None, 1), ("bridge", "blocked", None), ("mood", "calm", None))
    ]
    assert effects[0].when == effects[1].when == Condition(((("bridge", ("open",)),),))
    assert (
        "otherwise: one lane - mood to angry where bridge is open, bridge up 1 level where bridge is open, bridge to "
        "blocked where bridge is narrowed and mood is angry, mood to calm where bridge is narrowed"
    ) in said(world, "block")
    (change,) = simlib.diff(load(BRIDGE), world, forecast=False).changes
    assert "“bridge” up 1 level where “bridge” is open" in change.after


def test_the_move_may_have_the_list_in_place_of_outcomes():
    clear = (
        "  clear:\n    actor: nature\n    label: Clear the bridge\n    rate: {value: 1 per week, because: assumed}\n"
        "    then: [{set: {bridge: -1}, when: {mood: calm}}]\nendings:"
    )
    (outcome,) = load_text(varied("endings:", clear)).moves["clear"].outcomes
    assert outcome.effects == (Effect("bridge", shift=-1, when=Condition(((("mood", ("calm",)),),))),)


def test_an_arrow_of_the_diagram_starts_where_the_effect_can_happen():
    world = load_text(EFFECTS)
    ways = {(arrow.start, arrow.end) for arrow in arrows(world, world.variables["bridge"])}
    assert ways == {(0, 1), (0, 2), (1, 2)}
    assert {(a.start, a.end) for a in arrows(world, world.variables["mood"])} == {(0, 1), (1, 0)}
