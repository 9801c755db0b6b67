import datetime as dt
from pathlib import Path

import pytest

import simlib
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.explanation import Sentence, explain, explain_text
from simlib.scenario.loader import load, load_text
from simlib.scenario.model import Assume, Condition, Forbid, Hold, Policy
from simlib.scenario.views.variation import with_values

BRIDGE = Path(__file__).parent / "bridge"
TEXT = (BRIDGE / "scenario.yaml").read_text(encoding="utf-8")


def said(world: simlib.Scenario, section: str, name: str) -> str:
    (sentence,) = [line.sentence for line in explain(world) if (line.section, line.id) == (section, name)]
    return sentence


def varied(*edits: tuple[str, str]) -> simlib.Scenario:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return load_text(text)


def test_a_scenario_is_said():
    assert said(load(BRIDGE), "scenario", "bridge") == (
        "A blockade of the valley bridge: from 1 April 2031 to 30 May 2031 (60 days); 2 variables, 1 move, 1 ending"
    )
    assert "seen through the view angry-valley: from 1 April 2031 to 15 May 2031 (45 days)" in said(
        load(BRIDGE, view="angry-valley"), "scenario", "bridge"
    )


def test_an_actor_is_said():
    assert said(load(BRIDGE), "actors", "farmers") == "The farmers: 1 move (block)"
    assert said(load(BRIDGE), "actors", "nature") == "Nature: no move of its own"


def test_a_variable_is_said():
    world = varied(("start: open}", "start: open, because: It was open at dawn., sources: [radio]}"))
    assert said(world, "variables", "bridge") == (
        "bridge: open < narrowed < blocked; it starts at open; because: It was open at dawn (source: Valley radio)"
    )
    assert said(world, "variables", "mood") == (
        "mood (hidden: nobody observes it): calm < angry; it starts at calm with 60%, otherwise angry; assumed"
    )


def test_a_move_is_said():
    assert said(load(BRIDGE), "moves", "block") == (
        "The farmers: Park tractors on the bridge - about 2 per month (90% range 1 to 4 per month) "
        "while bridge is open or narrowed; 3 times as often (90% range 1.5 to 6) while mood is angry; "
        "20% (90% range 10% to 40%): both lanes - bridge to blocked; otherwise: one lane - bridge to narrowed"
    )


def test_a_move_with_everything_is_said():
    move = """  clear:
    actor: nature
    label: The tractors run dry
    between: [2031-04-05, 2031-04-20]
    rate: {value: every 12 days, because: assumed}
    times: [{by: {value: 0.5, because: assumed}, between: [2031-04-06, 2031-04-07]}]
    then: {bridge: -2, mood: +1}
    covert: true
    sources: [radio]
  wave: {actor: farmers, target: nature, label: Wave, rate: {value: 30% within 90 days, because: assumed}}
endings:
"""
    world = varied(("endings:\n", move), ("title: Valley radio", "title: Valley radio, date: 2031-03-01"))
    assert said(world, "moves", "clear") == (
        "The tractors run dry - about every 12 days only from 2031-04-05 to 2031-04-20; "
        "0.5 times as often from 2031-04-06 to 2031-04-07; then bridge down 2 levels, "
        "mood up 1 level; nobody observes it (source: Valley radio, 2031-03-01)"
    )
    assert said(world, "moves", "wave") == (
        "The farmers, towards Nature: Wave - about 30% within 90 days at any time; then nothing changes"
    )


def test_an_ending_is_said():
    assert said(load(BRIDGE), "endings", "cut") == "The bridge is cut: the story ends once bridge is blocked"
    world = simlib.load("two-islands")
    assert said(world, "endings", "settlement") == (
        "A treaty is signed: the story ends once talks is treaty (number 2 in precedence); because: The dispute is over"
    )


def test_a_question_is_said():
    assert said(load(BRIDGE), "questions", "hindered") == (
        "Traffic is hindered: yes once bridge is narrowed or blocked; in reality, the radio says so"
    )
    assert said(simlib.load("two-islands"), "questions", "first-challenge") == (
        "Another patrol is challenged: yes once the move patrol happens with the outcome challenged; in reality, "
        "either government says that a patrol was ordered to turn back; decided by the editors of the Gazette"
    )


def test_a_ladder_is_said():
    assert said(load(BRIDGE), "ladders", "lanes") == (
        "lanes (shown first): free; one lane once bridge is narrowed or blocked"
    )


def test_an_assumption_is_said():
    world = varied(
        ("high: 4 per month", "high: 4 per month, observed: 8 per month, uses_log_until: 2031-03-31, sources: [radio]"),
        (", low: 1.5, high: 6, because: assumed", ", because: three in four trips were made in anger"),
    )
    assert said(world, "assumptions", "block_rate") == (
        "Farmers block the bridge: 2 per month (90% range 1 to 4 per month); observed: 8 per month; "
        "set from the log up to 2031-03-31; assumed (source: Valley radio)"
    )
    assert said(world, "assumptions", "angry_factor") == (
        "How much more often when angry: ×3, fixed; because: three in four trips were made in anger"
    )


def test_what_is_said_is_what_is_simulated():
    world = with_values(load(BRIDGE), {"block_rate": "1 per week", "full_chance": 0.5})
    assert "about 1 per week (90% range 0.5 to 2 per week)" in said(world, "moves", "block")
    assert "50% (90% range 30.8% to 72.7%): both lanes" in said(world, "moves", "block")


def test_a_correlation_and_interventions_are_said():
    pair = "correlations: [{of: [block_rate, angry_factor], rank: -0.3, because: assumed}]\nmoves:\n"
    assert said(varied(("moves:\n", pair)), "correlations", "block_rate, angry_factor") == (
        "when block_rate is high, angry_factor tends to be low (rank correlation -0.3); assumed"
    )
    lines = [line.sentence for line in explain(load(BRIDGE, view="angry-valley")) if line.section == "interventions"]
    assert lines == [
        "“Park tractors on the bridge” (one lane) forced on 7 April 2031; because: the fair",
        "“Park tractors on the bridge” forbidden from 1 May 2031",
        "mood set to angry on 3 April 2031",
    ]


def test_a_forecast_that_ends_inside_a_day_says_the_hour():
    half, whole = (said(load(BRIDGE).replace(horizon_days=days), "scenario", "bridge") for days in (0.5, 1.0))
    assert "to 1 April 2031, 12:00 UTC (0.5 days)" in half
    assert "to 1 April 2031 (1 day)" in whole


def test_policies_are_said():
    angry = Condition(((("mood", ("angry",)),),))
    world = load(BRIDGE).replace(
        interventions=(
            Policy("block", 1.0, angry, dt.date(2031, 4, 5), "a vow", dt.date(2031, 5, 1)),
            Forbid("block", None, "", dt.date(2031, 5, 1), angry),
            Hold("mood", "calm", dt.date(2031, 5, 1)),
            Assume("block_rate", 2 / 7, angry, unit="per week"),
        )
    )
    assert [line.sentence for line in explain(world) if line.section == "interventions"] == [
        (
            "“Park tractors on the bridge” by a standing rule, about 1 per day from 5 April 2031 until 1 May 2031 "
            "while “mood” is angry; because: a vow"
        ),
        "“Park tractors on the bridge” forbidden until 1 May 2031 while “mood” is angry",
        "mood kept at calm from 1 May 2031",
        "Farmers block the bridge: 2 per week while “mood” is angry",
    ]


@pytest.mark.parametrize(
    ("clauses", "words"),
    [
        (((),), "always"),
        (((("bridge", ("open",)),),), "bridge is open"),
        (((("bridge", ("open", "narrowed")), ("mood", ("calm",))),), "bridge is open or narrowed and mood is calm"),
        (((("bridge", ("open",)),), (("mood", ("angry",)),)), "bridge is open, or mood is angry"),
        (((("bridge", ("open", "narrowed", "blocked")),),), "bridge is at any level"),
    ],
)
def test_conditions_are_said(clauses, words):
    assert condition_in_words(Condition(clauses), load(BRIDGE)) == words


def test_wide_level_sets_are_said_as_people_write_them():
    world = varied(("[open, narrowed, blocked]", "[open, slow, narrowed, closing, blocked]"))
    for levels in ("slow or above", "closing or below", "not narrowed", "slow or narrowed"):
        written = f"[{levels.replace(' or ', ', ')}]" if levels == "slow or narrowed" else levels
        varied_world = load_text(
            TEXT.replace("[open, narrowed, blocked]", "[open, slow, narrowed, closing, blocked]").replace(
                "when: {bridge: not blocked}", f"when: {{bridge: {written}}}"
            )
        )
        assert condition_in_words(varied_world.moves["block"].when, world) == f"bridge is {levels}"


def test_everything_is_said_once_and_as_text():
    world = simlib.load("two-islands")
    lines = explain(world)
    assert len({(line.section, line.id) for line in lines}) == len(lines)
    for section in ("actors", "variables", "moves", "assumptions", "endings", "questions", "ladders"):
        assert [line.id for line in lines if line.section == section] == list(getattr(world, section))
    text = explain_text(world)
    assert text.startswith("Scenario\n  two-islands: A fictional dispute")
    assert "\n\nMoves\n  patrol: North Island, towards South Island: Sail a patrol" in text
    assert all(f"  {line.id}: {line.sentence}\n" in text for line in lines)
    assert all(isinstance(line, Sentence) and "\n" not in line.sentence for line in lines)
