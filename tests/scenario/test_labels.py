"""Labels of levels, short labels, and the measure that leads."""

import datetime as dt
from pathlib import Path

import pytest

import simlib
from simlib.cli import main
from simlib.errors import ScenarioError
from simlib.machine.measures import headline
from simlib.results import labels
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.explanation import explain_text
from simlib.scenario.loader import load, load_text
from simlib.scenario.model import Condition, Hold, Pin
from simlib.scenario.views.command_text import parse_intervention
from simlib.scenario.views.variation import apply_view, with_interventions
from simlib.scenario.views.view_reader import read_view
from simlib.scenario.views.wording import intervention_in_words

BRIDGE = Path(__file__).parent / "bridge"
PLAIN = (BRIDGE / "scenario.yaml").read_text(encoding="utf-8")
DAY, LATER, LAST = dt.date(2031, 4, 5), dt.date(2031, 4, 20), dt.date(2031, 5, 1)


def varied(*edits: tuple[str, str]) -> str:
    text = PLAIN
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


LABELLED = varied(
    ("[open, narrowed, blocked]", "[open, {level: narrowed, label: One lane is open}, blocked]"),
    ("blockade is complete,", "blockade is complete, short: Complete blockades,"),
    ("label: Park tractors on the bridge", "label: Park tractors on the bridge\n    short: Park tractors"),
    ("{rung: one lane,", "{rung: one lane, short: 1 lane,"),
)


def test_a_label_stands_in_prose_in_place_of_the_level():
    world = load_text(LABELLED)
    bridge = world.variables["bridge"]
    assert bridge.levels == ("open", "narrowed", "blocked")
    assert (bridge.words("narrowed"), bridge.words("blocked")) == ("One lane is open", "blocked")
    assert bridge.at("narrowed") == "bridge: One lane is open"
    assert "bridge: open < narrowed (“One lane is open”) < blocked; it starts at open" in explain_text(world)
    when = Condition(((("bridge", ("open", "narrowed")),),))
    assert condition_in_words(when, world, labels=True) == "“bridge” is open or One lane is open"
    assert condition_in_words(when, world) == "bridge is open or narrowed"
    assert (
        intervention_in_words(Pin("bridge", "narrowed", DAY), world) == "bridge set to One lane is open on 5 April 2031"
    )


def test_short_labels_are_those_of_sliders_and_axes():
    world = load_text(LABELLED)
    assert world.assumptions["full_chance"].short_label == "Complete blockades"
    assert world.assumptions["block_rate"].short_label == world.assumptions["block_rate"].label
    forecast = simlib.forecast(world, times=2)
    assert forecast.short_label("moves", "block") == "Park tractors"
    assert forecast.label("moves", "block") == "Park tractors on the bridge"
    assert [forecast.short_label("rungs", f"lanes={rung}") for rung in ("free", "one lane")] == ["free", "1 lane"]
    plain = simlib.forecast(load_text(PLAIN), times=2)
    assert plain.short_label("moves", "block") == "Park tractors on the bridge"
    assert plain.short_label("rungs", "lanes=one lane") == "one lane"
    assert not {"short_moves", "short_rungs"} & labels(load_text(PLAIN)).keys()


def test_questions_and_endings_may_have_short_labels_which_leave_the_hash_alone():
    """A registered forecast names the hash of its scenario: words for narrow places do not change the forecast."""
    named = load_text(
        varied(
            ("label: Traffic is hindered,", "label: Traffic is hindered, short: Hindered,"),
            ("label: The bridge is cut}", "label: The bridge is cut, short: Cut}"),
        )
    )
    plain = load_text(PLAIN)
    assert (named.questions["hindered"].short, named.endings["cut"].short) == ("Hindered", "Cut")
    assert named.sha256 == plain.sha256
    forecast = simlib.forecast(named, times=2)
    assert forecast.short_label("questions", "hindered") == "Hindered"
    assert forecast.short_label("endings", "cut") == "Cut"
    assert forecast.short_label("endings", "ongoing") == "No ending yet"
    unnamed = simlib.forecast(plain, times=2)
    assert unnamed.short_label("endings", "cut") == unnamed.label("endings", "cut") == "The bridge is cut"
    assert not {"short_questions", "short_endings"} & labels(plain).keys()


def test_what_a_file_does_not_use_leaves_its_hash_alone():
    plain, labelled = load_text(PLAIN), load_text(LABELLED)
    assert plain.sha256 == "a70f038305bbbe4112e7454e51584d3cee7dffec6b3dbd7505bebb8acdeafe7c"
    assert labelled.sha256 != plain.sha256
    assert not {"level_labels", "short", "headline"} & set(str(plain.resolved()).replace("'", " ").split())


# The headline


def test_the_first_question_leads_else_the_first_ending():
    world = load_text(PLAIN)
    assert headline(world).name == "question:hindered"
    assert headline(world, ("ending",)).name == "ending:cut"
    assert headline(world.replace(questions={})).name == "ending:cut"
    assert headline(world.replace(questions={}, endings={})).name == "ending:ongoing"


def test_a_file_says_what_leads():
    world = load_text(varied(("horizon: 60 days", "horizon: 60 days\nheadline: cut")))
    assert headline(world).name == "ending:cut"
    assert headline(world, ("question",)).name == "question:hindered"
    assert "; headline: ending cut" in explain_text(world)


def test_questions_about_no_measure_are_about_the_headline():
    world = load_text(varied(("horizon: 60 days", "horizon: 60 days\nheadline: cut")))
    assert [measure.name for measure in simlib.drivers(world).measures] == ["ending:cut"]
    assert [measure.name for measure in simlib.drivers(load(BRIDGE)).measures] == ["question:hindered"]
    compared = simlib.compare(load(BRIDGE), {"fewer": {"block_rate": "1 per month"}})
    assert compared.measures[0].name == "question:hindered"
    assert "): “Traffic is hindered” " in compared.sentences()[0]
    assert {"ending:cut", "ending:ongoing", "moves:block"} < {measure.name for measure in compared.measures}


def test_the_last_sentence_of_a_run_is_about_the_headline(capsys):
    for options, words in (
        ([], "Headline: “Traffic is hindered” by 30 May 2031: 99% at the stated values."),
        (["--draws", "16"], "Headline: “Traffic is hindered” by 30 May 2031: 9"),
    ):
        assert main(["run", str(BRIDGE), *options]) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(words)


def test_paths_are_given_the_ending_that_leads_where_none_is_named(capsys):
    assert main(["paths", str(BRIDGE), "--given", "--runs", "50"]) == 0
    assert "“The bridge is cut”" in capsys.readouterr().out


# Holds that overlap


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Hold("mood", "calm"), Hold("mood", "angry")),
        (Hold("mood", "calm", DAY), Hold("mood", "calm", LATER)),
        (Hold("mood", "calm", LATER), Hold("mood", "angry", DAY, until=LAST)),
        (Hold("mood", "calm", DAY, until=LAST), Hold("mood", "angry", LATER, until=LAST)),
    ],
)
def test_holds_of_one_variable_must_not_overlap(one, other):
    world = load(BRIDGE)
    words = f"'mood' is already kept at {one.level!r} from .* expected holds of one variable that do not overlap"
    with pytest.raises(ScenarioError, match=words):
        with_interventions(world, [one, other])
    with pytest.raises(ScenarioError, match=words):
        with_interventions(with_interventions(world, [one]), [other])


def test_holds_that_follow_each_other_or_keep_other_variables_are_no_overlap():
    holds = [Hold("mood", "calm", DAY, until=LATER), Hold("mood", "angry", LATER), Hold("bridge", "open")]
    assert with_interventions(load(BRIDGE), holds).interventions == tuple(holds)


def test_holds_of_two_views_and_of_a_command_line_must_not_overlap(capsys):
    world = load(BRIDGE)
    text = "format: 1\nid: {0}\ntitle: {0}\ninterventions: [{{hold: mood, level: {1}}}]\n"
    views = [read_view(text.format(*names), world) for names in (("one", "calm"), ("two", "angry"))]
    with pytest.raises(ScenarioError, match="'mood' is already kept at 'calm' from 2031-04-01 on"):
        apply_view(world, views)
    assert parse_intervention("hold", "mood=calm", world)
    assert main(["run", str(BRIDGE), "--hold", "mood=calm", "--hold", "mood=angry@2031-04-09"]) == 2
    assert "hold mood=angry@2031-04-09: 'mood' is already kept at 'calm'" in capsys.readouterr().err
