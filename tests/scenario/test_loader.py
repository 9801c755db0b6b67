import datetime as dt
import errno
import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simlib
from simlib.errors import Problem, ScenarioError
from simlib.scenario import document
from simlib.scenario.document import MAX_BYTES
from simlib.scenario.loader import load, load_text, load_view, load_views
from simlib.scenario.model import Condition, Effect, Forbid, Force, Pin, Window
from simlib.scenario.views.command_text import parse_intervention

HERE = Path(__file__).parent
BRIDGE = HERE / "bridge"
TEXT = (BRIDGE / "scenario.yaml").read_text(encoding="utf-8")


def changed(*edits: tuple[str, str]) -> simlib.Scenario:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return load_text(text)


def move_with(extra: str) -> simlib.Scenario:
    """The bridge with one move more; `extra` is the rest of its mapping, in flow style."""
    move = "  more: {actor: nature, label: More, rate: {value: 1 per week, because: assumed}, " + extra + "}\n"
    return changed(("endings:\n", move + "endings:\n"))


def problems_of(text: str) -> tuple[Problem, ...]:
    try:
        load_text(text)
    except ScenarioError as error:
        return error.problems
    return ()


# Where a scenario is


def test_a_scenario_is_found_by_folder_by_file_and_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(BRIDGE) == load(str(BRIDGE)) == load(BRIDGE / "scenario.yaml")
    assert load(BRIDGE).path == str(BRIDGE)
    assert simlib.load("two-islands").id == "two-islands"


def test_a_shipped_name_is_not_hidden_by_a_folder_of_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two-islands").mkdir()
    assert simlib.load("two-islands").id == "two-islands"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("two-island", "there is no such scenario; .* did you mean 'two-islands'"),
        ("nowhere/at/all", "there is no such scenario; expected a scenario folder or file"),
        (".", "a folder without a scenario.yaml; expected scenario.yaml in it"),
        ("", "there is no such scenario|a folder without a scenario.yaml"),
    ],
)
def test_a_missing_scenario_is_named(name, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=words):
        simlib.load(name)


def test_an_unreadable_file_is_refused(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_bytes(TEXT.replace("valley bridge", "vallée").encode("latin-1"))
    with pytest.raises(ScenarioError, match=r"scenario.yaml:3: byte 0xe9 is not UTF-8; expected a text file saved as"):
        load(file)
    file.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(ScenarioError, match="larger than a megabyte; expected at most 1,000,000 bytes"):
        load(file)
    file.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(ScenarioError, match=r"scenario.yaml:1: byte 0xff is not UTF-8"):
        load(file)


def test_a_file_without_permission_is_refused(monkeypatch):
    def denied(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(
        ScenarioError, match=r"scenario.yaml: cannot be read: permission denied; expected a readable file"
    ):
        load(BRIDGE)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert load(file) == load(BRIDGE)


# The short form


def test_numbers_are_read_in_base_units_and_keep_their_unit():
    numbers = load(BRIDGE).assumptions
    rate, factor, chance = numbers["block_rate"], numbers["angry_factor"], numbers["full_chance"]
    assert [(number.kind, number.unit) for number in (rate, factor, chance)] == [
        ("rate", "per month"),
        ("factor", ""),
        ("chance", "%"),
    ]
    assert rate.value == pytest.approx(2 / 30.4375)
    assert (chance.low, chance.value, chance.high) == (0.1, 0.2, 0.4)
    assert not rate.fixed


def test_a_value_alone_is_fixed():
    number = changed((", low: 1.5, high: 6", "")).assumptions["angry_factor"]
    assert (number.low, number.value, number.high) == (3, 3, 3)
    assert number.fixed


@pytest.mark.parametrize(
    ("written", "levels"),
    [
        ("open", ("open",)),
        ("[blocked, open]", ("open", "blocked")),
        ("narrowed or above", ("narrowed", "blocked")),
        ("narrowed or below", ("open", "narrowed")),
        ("not narrowed", ("open", "blocked")),
    ],
)
def test_level_sets_are_levels_in_the_order_of_the_variable(written, levels):
    world = move_with(f"when: {{bridge: {written}}}")
    assert world.moves["more"].when == Condition(((("bridge", levels),),))


def test_a_list_of_conditions_holds_when_any_does():
    when = move_with("when: [{bridge: open, mood: angry}, {bridge: blocked}]").moves["more"].when
    assert when.holds({"bridge": "open", "mood": "angry"})
    assert when.holds({"bridge": "blocked", "mood": "calm"})
    assert not when.holds({"bridge": "open", "mood": "calm"})
    assert when.variables == ("bridge", "mood")


def test_effects_keep_their_sign():
    (outcome,) = move_with("then: {bridge: +1, mood: -1}").moves["more"].outcomes
    assert outcome.id == "done"
    assert outcome.effects == (Effect("bridge", shift=1), Effect("mood", shift=-1))
    (quoted,) = move_with("then: {bridge: '+2', mood: angry}").moves["more"].outcomes
    assert quoted.effects == (Effect("bridge", shift=2), Effect("mood", level="angry"))


def test_a_move_without_outcomes_still_happens():
    (outcome,) = move_with("covert: true").moves["more"].outcomes
    assert outcome.effects == ()
    assert outcome.chance is None


def test_an_outcome_may_be_left_empty():
    world = changed(("one-lane: {then: {bridge: narrowed}}", "one-lane:"))
    assert world.moves["block"].outcome("one-lane").effects == ()


def test_a_missing_outcome_is_a_key_error():
    with pytest.raises(KeyError, match="two-lanes"):
        load(BRIDGE).moves["block"].outcome("two-lanes")


def test_literals_become_assumptions_named_by_their_place():
    world = move_with(
        "times: [{by: {value: 2, because: assumed}, between: [2031-04-03, 2031-04-09]}], "
        "outcomes: {a: {}, b: {chance: {value: 30%, because: assumed}}}"
    )
    numbers = world.assumptions
    assert [name for name in numbers if numbers[name].inline] == [
        "mood.start.calm",
        "more.rate",
        "more.times.1",
        "more.b.chance",
    ]
    assert world.moves["more"].factors[0].by == "more.times.1"
    assert world.moves["more"].factors[0].between == Window(dt.date(2031, 4, 3), dt.date(2031, 4, 9))
    assert numbers["more.b.chance"].label == "Chance of 'b' as the outcome of 'More'"


def test_a_start_may_be_a_level_or_spread():
    variables = load(BRIDGE).variables
    assert variables["bridge"].start == (("open", None),)
    assert variables["mood"].start == (("calm", "mood.start.calm"), ("angry", None))
    assert variables["mood"].spread
    assert not variables["bridge"].spread


def test_an_unused_assumption_has_the_kind_it_is_written_in():
    extra = "  a: {label: A, value: 30%, because: assumed}\n  b: {label: B, value: 2, because: assumed}\n"
    extra += "  c: {label: C, value: every 3 days, because: assumed}\nmoves:\n"
    numbers = changed(("moves:\n", extra)).assumptions
    assert [numbers[name].kind for name in "abc"] == ["chance", "factor", "rate"]


def test_words_of_older_yaml_stay_words():
    world = changed(
        ("levels: [calm, angry], start: {calm: 60%, angry: rest}", "levels: [no, yes], start: no"),
        ("when: {mood: angry}", "when: {mood: yes}"),
    )
    assert world.variables["mood"].levels == ("no", "yes")


def test_observed_and_uses_log_until_are_kept():
    world = changed(("high: 4 per month", "high: 4 per month, observed: 1 per day, uses_log_until: 2031-04-01"))
    assert world.assumptions["block_rate"].observed == 1
    assert world.assumptions["block_rate"].uses_log_until == dt.date(2031, 4, 1)


def test_nature_is_always_an_actor_and_the_first_ladder_is_shown_first():
    world = load(BRIDGE)
    assert world.actors["nature"].label == "Nature"
    assert world.ladder == "lanes"
    assert world.ladders["lanes"].rungs[0].when.always


def test_a_fixed_chance_may_be_0_or_1():
    world = move_with("outcomes: {a: {}, b: {chance: {value: 100%, because: assumed}}}")
    assert world.assumptions["more.b.chance"].value == 1


def test_a_window_is_open_on_both_its_days():
    one_day = "between: [2031-04-05, 2031-04-05]"
    assert move_with(one_day).moves["more"].between == Window(dt.date(2031, 4, 5), dt.date(2031, 4, 5))
    today = "between: [2031-03-01, 2031-04-01]"
    assert move_with(today).moves["more"].between == Window(dt.date(2031, 3, 1), dt.date(2031, 4, 1))
    touching = "between: [2031-04-05, 2031-04-09], times: [{by: angry_factor, between: [2031-04-09, 2031-04-12]}]"
    assert move_with(touching).moves["more"].factors[0].between.first == dt.date(2031, 4, 9)
    touching = "between: [2031-04-05, 2031-04-09], times: [{by: angry_factor, between: [2031-04-01, 2031-04-05]}]"
    assert move_with(touching).moves["more"].factors[0].between.last == dt.date(2031, 4, 5)


# Identity


def test_the_hash_knows_the_order_of_the_endings_and_not_the_folder():
    ending = "  angry-cut: {when: {bridge: blocked, mood: angry}, label: Cut in anger}\n"
    cut = "  cut: {when: {bridge: blocked}, label: The bridge is cut}\n"
    one, other = changed((cut, cut + ending)), changed((cut, ending + cut))
    assert one.sha256 != other.sha256
    assert one != other
    assert load(BRIDGE) == load_text(TEXT)
    assert len({load(BRIDGE), load_text(TEXT)}) == 1
    assert load(BRIDGE) != "bridge"


def test_the_hash_is_the_same_in_another_process():
    code = f"import simlib; print(simlib.load({str(BRIDGE)!r}).sha256)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == load(BRIDGE).sha256


def test_the_resolved_form_is_plain_json():
    world = load(BRIDGE, view="angry-valley")
    data = json.loads(json.dumps(world.resolved()))
    assert data == world.resolved()
    assert data["interventions"][2] == {
        "type": "Pin",
        "variable": "mood",
        "level": "angry",
        "date": "2031-04-03",
        "because": "",
    }


# Views of a folder


def test_every_view_of_a_folder_is_loaded():
    views = load_views(BRIDGE)
    assert list(views) == ["angry-valley"]
    assert views == load_views(load(BRIDGE))
    assert views["angry-valley"].interventions == (
        Force("block", dt.date(2031, 4, 7), "one-lane", "the fair"),
        Forbid("block", dt.date(2031, 5, 1)),
        Pin("mood", "angry", dt.date(2031, 4, 3)),
    )


def test_a_view_is_found_by_its_id_or_its_file():
    world = load(BRIDGE)
    file = BRIDGE / "views" / "angry-valley.yaml"
    assert load_view(world, "angry-valley") == load_view(world, str(file))
    with pytest.raises(ScenarioError, match="'bridge' has no view 'angryvalley'; did you mean 'angry-valley'"):
        load_view(world, "angryvalley")
    with pytest.raises(ScenarioError, match="'bridge' has no view 'any'; it has no views"):
        load_view(world.replace(path=""), "any")


def test_the_problems_of_all_views_come_together(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "scenario.yaml").write_text(TEXT, encoding="utf-8")
    view = "format: 1\nid: same\ntitle: x\n"
    for name in ("one", "two"):
        (tmp_path / "views" / f"{name}.yaml").write_text(view + "horizon: 3\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"one.yaml:4: horizon: .*\n.*two.yaml:4: horizon: "):
        load_views(tmp_path)
    for name in ("one", "two"):
        (tmp_path / "views" / f"{name}.yaml").write_text(view, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"two.yaml:1: id: a second view called 'same'"):
        load_views(tmp_path)


def test_a_view_loads_beside_a_broken_one(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "scenario.yaml").write_text(TEXT, encoding="utf-8")
    for name, more in (("calm", ""), ("torn", "horizon: 3\n"), ("twice", ""), ("again", "")):
        identity = "twice" if name == "again" else name
        text = f"format: 1\nid: {identity}\ntitle: x\n{more}"
        (tmp_path / "views" / f"{name}.yaml").write_text(text, encoding="utf-8")
    world = load(tmp_path)
    assert load_view(world, "calm").id == "calm"
    with pytest.raises(ScenarioError, match=r"torn.yaml:4: horizon: "):
        load_view(world, "torn")
    with pytest.raises(ScenarioError, match=r"twice.yaml:1: id: a second view called 'twice'"):
        load_view(world, "twice")


# Bounds


@pytest.mark.slow
def test_counts_are_bounded():
    moves = "".join(f"  m{i}: {{actor: nature, label: m, rate: block_rate}}\n" for i in range(500))
    with pytest.raises(ScenarioError, match="moves: 501 given; expected at most 500: what can happen"):
        changed(("moves:\n", "moves:\n" + moves))
    numbers = "".join(f"  n{i}: {{label: n, value: 1, because: assumed}}\n" for i in range(1996))
    assert len(changed(("moves:\n", numbers + "moves:\n")).assumptions) == 2000
    numbers += "  more: {label: n, value: 1, because: assumed}\n"
    with pytest.raises(ScenarioError, match="assumptions: 2,001 numbers, inline ones included; expected at most 2,000"):
        changed(("moves:\n", numbers + "moves:\n"))
    clauses = ", ".join(["{bridge: open}"] * 33)
    with pytest.raises(ScenarioError, match=r"moves\.block\.when: 33 given; expected at most 32"):
        changed(("{bridge: not blocked}", f"[{clauses}]"))


def test_a_flood_of_values_stops_the_reading(monkeypatch):
    assert document.MAX_NODES == 100_000
    monkeypatch.setattr(document, "MAX_NODES", 1000)
    with pytest.raises(ScenarioError, match="more than 1,000 values in one file; expected a smaller file"):
        changed(("[open, narrowed, blocked]", "[" + "a," * 1001 + "]"))


def test_a_flood_of_problems_is_cut_short():
    with pytest.raises(ScenarioError, match="and more problems after these 200") as caught:
        changed(("moves:\n", "".join(f"  x{i}: 7\n" for i in range(300)) + "moves:\n"), ("id: bridge", "id: not"))
    assert len(caught.value.problems) == 201


HOSTILE = ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "a: &a [*a]", "? " * 20_000, "!" * 9999]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:3])
def test_hostile_texts_are_refused_quickly(text):
    with pytest.raises(ScenarioError, match=r"\w"):
        load_text(text)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(0, 60), st.text(max_size=8))
def test_a_damaged_file_never_ends_in_a_traceback(start, length, text):
    damaged = TEXT[:start] + text + TEXT[start + length :]
    told = problems_of(damaged)
    assert all(problem.line and problem.what for problem in told)


def test_loading_pulls_in_nothing_heavy():
    heavy = "numba", "pandas", "matplotlib", "scipy"
    code = f"import sys, simlib; simlib.load({str(BRIDGE)!r}); print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == "[]"


def test_a_scenario_file_may_end_in_yml(tmp_path):
    (tmp_path / "views").mkdir()
    for file in (BRIDGE / "scenario.yaml", BRIDGE / "views" / "angry-valley.yaml"):
        target = tmp_path / file.relative_to(BRIDGE).with_suffix(".yml")
        target.write_text(file.read_text())
    assert load(tmp_path, view="angry-valley") == load(BRIDGE, view="angry-valley")


@pytest.mark.parametrize(
    "level",
    ["мир", "ειρήνη", "سلام", "שלום", "和平", "평화", "शांति", "hòa bình", "médiation", "می\u200cشود", "مرحله ۲"],
)
def test_a_level_is_named_in_any_script(level):
    """Letters typed with a separate accent are the same name as composed ones."""
    for written in (unicodedata.normalize(form, level) for form in ("NFC", "NFD")):
        text = TEXT.replace("narrowed", written)
        world = load_text(
            text.replace("bridge: not blocked", f"bridge: {unicodedata.normalize('NFD', level)} or below")
        )
        name = unicodedata.normalize("NFC", level)
        assert world.variables["bridge"].levels == ("open", name, "blocked")
        assert world.moves["block"].when.clauses == ((("bridge", ("open", name)),),)
        for typed in (level, written):
            (pin,) = parse_intervention("pin", f"bridge={typed}@2031-04-05", world)
            assert pin.level == name


@pytest.mark.parametrize("level", ["2nd", "-a", "a.b", "a  b", "мир!", "☮", "a or b", "\u200dмир", "٣"])
def test_a_level_without_a_letter_first_or_with_signs_is_refused(level):
    with pytest.raises(ScenarioError, match=r"cannot be a name|contains the word"):
        load_text(TEXT.replace("[open, narrowed, blocked]", f"[open, narrowed, '{level}', blocked]"))
