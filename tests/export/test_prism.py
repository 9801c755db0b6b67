"""The text of the export: names, precedence, starts, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from simlib.errors import ScenarioError, Unsupported
from simlib.export import prism
from simlib.export.names import PRISM_KEYWORDS, Names, identifier
from simlib.scenario.model import Forbid, Force, Pin, Policy
from tests import worlds
from tests.engines.test_waits import stormy
from tests.worlds import World


def test_the_file_is_a_ctmc_with_one_label_per_ending_and_condition() -> None:
    text = prism.model(worlds.two_states(ends=True))
    assert re.search(r"^ctmc$", text, re.MULTILINE)
    assert re.findall(r'^label "(\w+)" = (.*);$', text, re.MULTILINE) == [("across", "bank=1"), ("crossed", "bank=1")]
    assert "\n  bank : [0..1] init 0; // 0 left, 1 right\n" in text


def test_the_first_ending_in_the_file_takes_a_state_that_is_two() -> None:
    text = prism.model(worlds.absorbing_start())
    assert 'label "shut" = door=0;' in text
    assert 'label "locked" = lock=0 & !(door=0);' in text


def test_numbers_are_constants_named_after_their_assumptions_and_read_back_to_the_bit() -> None:
    scenario = worlds.tempo_world()
    text = prism.model(scenario, ignore_windows=True)
    written = dict(re.findall(r"^const double (\w+) = (\S+);", text, re.MULTILINE))
    names = Names(scenario).constant
    used = {names[name]: a.value for name, a in scenario.assumptions.items() if "start" not in name}
    assert {name: float(value) for name, value in written.items()} == used


def test_shifts_saturate_and_a_factor_applies_while_its_condition_holds() -> None:
    text = prism.model(worlds.tempo_world(), ignore_windows=True)
    assert "(standoff'=min(standoff+1, 3)) & (tempo'=1)" in text
    assert "(standoff'=max(standoff-1, 0))" in text
    assert "patrol_rate * (tempo=1 ? patrol_times_1 : 1) * (talks=1 ? patrol_times_2 : 1)" in text


def test_chances_that_leave_no_rest_are_never_negative_and_always_whole() -> None:
    world = World("tosses").variable("coin", "heads", "tails", start="heads")
    world.move("even", 1.0, outcomes={"one": (0.1, {}), "two": (0.7, {}), "three": (0.2, {}), "none": (None, {})})
    world.move("odd", 1.0, outcomes={"one": (0.2, {}), "two": (0.6, {})})
    text = prism.model(world.scenario())
    assert "max(0, 1 - even_one_chance - even_two_chance - even_three_chance)" in text
    assert "odd_one_chance / (odd_one_chance + odd_two_chance)" in text


def test_a_spread_start_is_an_undefined_constant_and_the_list_has_the_weights(tmp_path: Path) -> None:
    model, start = prism.write(worlds.tempo_world(), tmp_path, ignore_windows=True)
    assert (model.name, start.name) == ("tempo.sm", "tempo.start.json")
    assert "const int start_talks;\nconst int start_tempo;\n" in model.read_text()
    listed = json.loads(start.read_text())
    assert listed["constants"] == ["start_talks", "start_tempo"]
    assert sum(row["weight"] for row in listed["starts"]) == pytest.approx(1, abs=1e-15)
    weights = {tuple(row["levels"].values()): row["weight"] for row in listed["starts"]}
    assert weights["open", "hot"] == pytest.approx(0.3 * 0.6)
    assert listed["starts"][3]["constants"] == {"start_talks": 1, "start_tempo": 1}


def test_a_known_start_needs_no_list(tmp_path: Path) -> None:
    assert [path.name for path in prism.write(worlds.erlang(), tmp_path / "new")] == ["erlang.sm"]


def test_windows_are_refused_each_with_its_place_unless_ignored() -> None:
    with pytest.raises(Unsupported, match="cannot change with the calendar") as caught:
        prism.model(worlds.tempo_world())
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "moves.clash.times.1.between",
        "moves.storm-off.between",
    ]
    assert "// window left out: moves.storm-off.between" in prism.model(worlds.tempo_world(), ignore_windows=True)


@pytest.mark.parametrize("item", [Forbid("cross"), Policy("cross", 0.5)], ids=["forbid", "policy"])
def test_an_intervention_without_a_date_is_refused_for_another_reason(item: Forbid | Policy) -> None:
    scenario = dataclasses.replace(worlds.two_states(), interventions=(item,))
    with pytest.raises(Unsupported, match=re.escape(f"{item}: the export writes the scenario itself")):
        prism.model(scenario)


@pytest.mark.parametrize(
    "item",
    [Force("cross", worlds.date(3)), Forbid("cross", worlds.date(3)), Pin("bank", "right", worlds.date(2))],
    ids=["force", "forbid", "pin"],
)
def test_interventions_are_refused(item: Force | Forbid | Pin) -> None:
    scenario = dataclasses.replace(worlds.two_states(), interventions=(item,))
    with pytest.raises(Unsupported, match=re.escape(f"{item}: PRISM has no events at a date")):
        prism.model(scenario, ignore_windows=True)


def test_chances_above_one_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"moves.toss.outcomes: “toss”: the chances sum to 1.4"):
        prism.model(worlds.branches(chances=(0.9, 0.5)))


def test_a_question_about_a_move_gets_no_label_and_a_note() -> None:
    scenario = worlds.two_states()
    assert "// sailed: asks about firings" in prism.model(scenario)
    assert [note.split(":")[0] for note in prism.notes(scenario)] == ["questions.sailed"]


def test_words_of_the_language_are_never_names() -> None:
    world = World("module").variable("max", "low", "high", start={"low": 0.5, "high": None})
    world.move("label", world.uncertain("rate", "rate", 1.0, 0.5, 2.0), {"max": +1})
    text = prism.model(world.ending("init", {"max": "high"}).scenario())
    declared = re.findall(r"^\s*(?:const \w+|formula|module|label|rewards)\s+\"?(\w+)", text, re.MULTILINE)
    assert declared == ["rate_", "start_max", "ended", "hazard_label", "module_", "init_", "label_"]
    assert "max_ : [0..1] init start_max;" in text
    assert not {*declared, "max_"} & PRISM_KEYWORDS
    assert identifier("no-fly.zone") == "no_fly_zone"
    assert identifier("2nd") == "_2nd"


def test_names_that_become_one_are_kept_apart() -> None:
    world = World("a-b").variable("a-b", "low", "high", start="low").variable("a_b", "low", "high", start="low")
    world.variable("ended", "no-one", "all", start="no-one")
    world.move("a-b", world.uncertain("a-b", "rate", 1.0, 0.5, 2.0), {"a-b": "high"})
    world.ending("a-b", {"a-b": "high"}).question("a-b", {"a_b": "high"})
    names = Names(world.scenario())
    assert names.variable == {"a-b": "a_b", "a_b": "a_b_2", "ended": "ended"}
    assert names.constant == {"a-b": "value_a_b"}
    assert names.ended == "ended_2"
    assert (names.ending["a-b"], names.question["a-b"]) == ("a_b", "question_a_b")


def test_comments_are_one_ascii_line_each() -> None:
    scenario = dataclasses.replace(worlds.two_states(), title='Détroit ×2\nlabel "x" = true; — 一')
    text = prism.model(scenario)
    assert text.isascii()
    assert text.splitlines()[0] == '// Detroit x 2 label "x" = true; ? ?'


def test_a_wait_is_a_counter_of_stages_that_goes_back_when_the_move_is_not_possible() -> None:
    text = prism.model(stormy(4))
    assert "waiting_arrive : [0..3] init 0;" in text
    next_stage = "waiting_arrive<3 -> hazard_arrive : (waiting_arrive'=waiting_arrive+1);"
    assert f"[] !ended & (ship=0 & sky=0) & {next_stage}" in text
    assert "hazard_arrive : (ship'=1) & (waiting_arrive'=0);" in text
    assert "hazard_blow : (sky'=1) & (waiting_arrive'=0);" in text
    assert " / arrive_takes;" in text
