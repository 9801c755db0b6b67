"""Panels of questions: asked, stopped, gone wrong, kept. The worlds are fictional."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from simlib.analysis.whatif.comparison import compare
from simlib.control import UNWATCHED, Control
from simlib.errors import Cancelled, ScenarioError, SimlibError, TooManyStates
from simlib.plots.figure import new_figure, small_png
from simlib.scenario.event_log import LogRow
from simlib.scenario.loader import load_text
from simlib.scenario.model import Change, Condition, Forbid, Force, Hold, Policy, View
from simlib.widgets.editor.session import TEMPLATE
from simlib.widgets.questions import assumptions as doubting
from simlib.widgets.questions import catalogue as questions
from simlib.widgets.questions import choices as choosing
from simlib.widgets.questions import inquiry as asking
from simlib.widgets.questions import shown_answers as keeping
from simlib.widgets.questions import sweep_grid
from simlib.widgets.questions.inquiry import Inquiry, StatusLine
from simlib.widgets.questions.panel import QuestionPanel, WhatIf
from simlib.widgets.questions.question import Field, PanelQuestion
from simlib.widgets.questions.shown_answers import ShownAnswer

WORLD = load_text(TEMPLATE.read_text(encoding="utf-8")).replace(reference_class="icb-open-62-days")
"""Eight states, so that every question is answered at once."""

PNG = small_png(new_figure(100, 80))


class Slow(PanelQuestion):
    """Waits to be let go, or to be cancelled; answers with what was chosen."""

    name, title = "slow", "How long?"

    def make_fields(self) -> Sequence[Field]:
        self.go, self.begun = threading.Event(), threading.Event()
        return [Field("n", "number", 1, (), 0, 9)]

    def answer(self, chosen: Mapping[str, Any], control: Control) -> ShownAnswer:
        control.report(0.5)
        self.begun.set()
        while not self.go.wait(0.005):
            control.check()
        if chosen["n"] == 9:
            raise SimlibError("nine is too many")
        return ShownAnswer((f"n is {chosen['n']}",), ("n",), ((str(chosen["n"]),),), 1, PNG, (1, 1))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(keeping, "notebooks_folder", lambda: tmp_path / "notebooks")


class Seen:
    def __init__(self) -> None:
        self.answers: list[ShownAnswer] = []
        self.lines: list[StatusLine] = []

    def ask(self, question: PanelQuestion) -> Inquiry:
        return Inquiry(question, self.answers.append, self.lines.append)


def test_the_first_answer_is_worked_out_and_kept_for_the_next_time():
    seen, question = Seen(), Slow(WORLD)
    question.go.set()
    first = seen.ask(question)
    first.start()
    assert first.worker.wait(10)
    assert [a.sentences for a in seen.answers] == [("n is 1",)]
    again = Seen()
    second = again.ask(Slow(WORLD))
    second.start()
    assert not second.worker.busy
    assert again.answers == seen.answers
    assert again.lines[-1].text.startswith("Stored answer")


def test_other_choices_or_another_world_find_nothing_kept():
    question = Slow(WORLD)
    other = Slow(question.scenario.replace(horizon_days=7.0))
    assert len({question.key({"n": 1}), question.key({"n": 2}), other.key({"n": 1})}) == 3


def test_a_cancelled_question_leaves_the_last_answer():
    seen, question = Seen(), Slow(WORLD)
    question.go.set()
    inquiry = seen.ask(question)
    inquiry.start()
    assert inquiry.worker.wait(10)
    question.go.clear()
    question.begun.clear()
    inquiry.ask({"n": 2})
    assert question.begun.wait(10)
    inquiry.cancel()
    assert inquiry.worker.wait(10)
    assert [a.sentences for a in seen.answers] == [("n is 1",)]
    assert seen.lines[-1].text.startswith("Cancelled. The answer below is the previous one")
    assert any(line.share == 0.5 for line in seen.lines)


def test_newer_choices_replace_what_runs():
    seen, question = Seen(), Slow(WORLD)
    inquiry = seen.ask(question)
    inquiry.ask({"n": 2})
    assert question.begun.wait(10)
    inquiry.ask({"n": 3})
    question.go.set()
    assert inquiry.worker.wait(10)
    assert [a.sentences for a in seen.answers] == [("n is 3",)]


def test_what_goes_wrong_is_said_and_the_last_answer_stays():
    seen, question = Seen(), Slow(WORLD)
    question.go.set()
    inquiry = seen.ask(question)
    inquiry.start()
    assert inquiry.worker.wait(10)
    inquiry.ask({"n": 9})
    assert inquiry.worker.wait(10)
    assert seen.lines[-1] == StatusLine("nine is too many (The answer below is the previous one.)", "error")
    inquiry.ask({"n": 10})
    assert "10 does not fit" in seen.lines[-1].text
    assert inquiry.answer is not None
    assert inquiry.answer.sentences == ("n is 1",)


def test_choices_that_are_not_answered_yet_are_pointed_out():
    seen, question = Seen(), Slow(WORLD)
    question.go.set()
    inquiry = seen.ask(question)
    inquiry.start()
    assert inquiry.worker.wait(10)
    inquiry.compare({"n": 5})
    assert "earlier settings" in seen.lines[-1].text
    inquiry.compare({"n": 1})
    assert "for the settings above" in seen.lines[-1].text


def test_choices_changed_while_it_is_worked_out_are_pointed_out_at_the_end():
    seen, question = Seen(), Slow(WORLD)
    inquiry = seen.ask(question)
    inquiry.ask({"n": 2})
    assert question.begun.wait(10)
    inquiry.compare({"n": 3})
    question.go.set()
    assert inquiry.worker.wait(10)
    assert [a.sentences for a in seen.answers] == [("n is 2",)]
    assert "earlier settings" in seen.lines[-1].text
    inquiry.ask({"n": 3})
    assert inquiry.worker.wait(10)
    assert seen.lines[-1].text == "Computed just now."


def test_a_date_that_is_missing_or_out_of_range_is_refused_at_once_in_words():
    first, last = dt.date(2031, 4, 1), dt.date(2031, 6, 29)
    control = Field("date", "the date", first, (), first, last)
    expected = "expected one from 1 April 2031 to 29 June 2031"
    with pytest.raises(ScenarioError, match=f"no date is given; {expected}"):
        control.check(None)
    with pytest.raises(ScenarioError, match=f"15 July 2031 does not fit; {expected}"):
        control.check(dt.date(2031, 7, 15))
    panel = WhatIf(WORLD, change="delay", date="2031-04-20", pairs=100)
    assert panel.wait(60)
    panel.inputs["date"].value = dt.date(2033, 1, 1)
    assert panel.inputs["date"].value == dt.date(2033, 1, 1)
    assert panel.picture.status["kind"] == "error"
    assert "1 January 2033 does not fit" in panel.picture.status["text"]
    assert panel.notes["date"].value.count("1 January 2033 does not fit; expected one from 1 April 2031") == 1
    assert "simlib-wrong" in panel.inputs["date"]._dom_classes
    panel.inputs["date"].value = dt.date(2031, 4, 20)
    assert panel.notes["date"].value == ""
    assert "simlib-wrong" not in panel.inputs["date"]._dom_classes


def test_an_answer_to_other_settings_is_dimmed_until_it_is_right_again():
    question = Slow(WORLD)
    question.go.set()
    panel = QuestionPanel(question)
    assert panel.wait(10)
    parts = (panel.after, panel._words, panel._tables)

    def dimmed() -> set[bool]:
        return {panel.picture.stale, *("simlib-stale" in part._dom_classes for part in parts)}

    assert dimmed() == {False}
    for other, told in ((5, "earlier settings"), (10, "10 does not fit")):  # a number that fits, and one that does not
        panel.inputs["n"].value = other
        assert dimmed() == {True}
        assert told in panel.picture.status["text"]
    panel.inputs["n"].value = 1
    assert dimmed() == {False}
    assert "for the settings above" in panel.picture.status["text"]
    panel.inputs["n"].value = 9
    panel.ask()
    assert panel.wait(10)
    assert dimmed() == {True}
    panel.inputs["n"].value = 2
    panel.ask()
    assert panel.wait(10)
    assert dimmed() == {False}


def test_a_number_out_of_range_stays_as_typed_and_is_refused_at_its_field():
    panel = WhatIf(WORLD, pairs=100)
    assert panel.wait(60)
    panel.inputs["pairs"].value = 7
    assert panel.inputs["pairs"].value == 7
    assert "7 does not fit; expected between 100 and 1000000" in panel.notes["pairs"].value
    assert panel.notes["date"].value == ""


def test_what_is_worth_knowing_takes_no_fewer_draws_than_it_needs():
    question = questions.WorthKnowing(WORLD)
    least = next(control.low for control in question.fields if control.name == "draws")
    assert question.answer(question.chosen | {"draws": least, "runs": 100}, UNWATCHED).rows


def test_a_share_is_asked_for_in_percent():
    question = questions.WherePathsDiverge(WORLD, least=25)
    assert question.chosen["least"] == 25.0
    panel = QuestionPanel(question)
    panel.inputs["least"].value = 12.5
    assert panel.wait(60)
    panel.ask()
    assert panel.wait(60)
    assert all(float(row[1].rstrip("%")) >= 12.5 for row in panel.inquiry.answer.rows)


def test_a_setting_that_does_not_exist_or_fit_is_refused():
    with pytest.raises(ScenarioError, match="is no setting"):
        Slow(WORLD, m=1)
    with pytest.raises(ScenarioError, match="12 does not fit"):
        Slow(WORLD, n=12)
    with pytest.raises(ScenarioError, match="expected one of"):
        questions.WhatIf(WORLD, measure="ending:peace-on-earth")


def test_a_broken_file_of_an_answer_is_no_answer(tmp_path):
    file = tmp_path / "answer.json"
    file.write_text('{"format": 1, "sentences": "cut o')
    assert keeping.read_answer(file) is None
    answer = ShownAnswer(("a", "b"), ("x",), (("1",),), 1, b"\x89PNG", (3, 2))
    keeping.write_answer(answer, file)
    assert keeping.read_answer(file) == answer


def test_only_the_last_answers_are_kept(monkeypatch):
    monkeypatch.setattr(keeping, "STORED_ANSWERS", 3)
    answer = ShownAnswer(("a",), ("x",), (("1",),), 1, PNG, (1, 1))
    for number in range(6):
        keeping.store_in_home(answer, f"answer-{number}.json")
    assert len(list(keeping.answer_folders()[1].glob("*.json"))) == 3


PLAN = View(
    "early-talks",
    "Talks before a full blockade",
    interventions=(
        Force("meet", WORLD.by_date(9), "accepted"),
        Forbid("close", until=WORLD.by_date(19)),
        Policy("meet", 0.5, Condition(((("blockade", ("full",)),),))),
    ),
)

SMALL = {
    questions.WhatIf: {"pairs": 200, "assumption": "meeting"},
    questions.Plans: {"pairs": 200, "plans": [PLAN]},
    questions.WhatDrivesIt: {"top": 2},
    questions.SharesOfDoubt: {"draws": 64, "runs": 100, "top": 2},
    questions.HowSure: {"draws": 64, "runs": 100},
    questions.ChanceWithinDoubt: {"draws": 64},
    questions.WorthKnowing: {"draws": 128, "runs": 100},
    questions.ByWhichPath: {},
    questions.WherePathsDiverge: {},
    questions.OnTheWayTo: {"count": 3},
    questions.WhatToWatchFor: {"draws": 64, "runs": 16},
    questions.SignsOfEveryEnding: {"draws": 64, "runs": 16},
    questions.WorthSeeing: {"draws": 64, "runs": 100},
    questions.LearnFromTheLog: {"draws": 64},
    questions.WhatEachRowDid: {"draws": 64, "events": (LogRow("close", dt.date(2031, 4, 3)),)},
    questions.UnderWhichAssumptions: {"draws": 128, "runs": 200},
    sweep_grid.Sweep: {"levels": 2, "runs": 200},
    questions.BesidePastCrises: {},
    questions.RatesFromHistory: {"cases": 10},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
def test_every_question_answers_with_words_a_table_and_a_picture(kind):
    question = kind(WORLD, **SMALL[kind])
    shares: list[float] = []
    answer = question.answer(question.chosen, Control(shares.append))
    assert answer.png.startswith(b"\x89PNG")
    assert all(answer.sentences)
    assert {len(row) for row in answer.rows} == {len(answer.head)}
    assert not shares or 0 <= min(shares) <= max(shares) <= 1
    asked = next(
        (
            text
            for control in question.fields
            for text, value in control.options
            if value == control.value and control.name in ("measure", "ending") and value != choosing.NONE
        ),
        "",
    )
    assert asked in "".join([*answer.sentences, *sum(answer.rows, ())])


@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
def test_above_every_picture_there_is_room_for_a_title_of_three_lines(kind, monkeypatch):
    from simlib.plots import figure

    tall, lines = [], [f"line {number}" for number in range(3)]

    def measured(*made, ratio=1):
        for each, axes in [(one, axes) for one in made for axes in one.axes]:
            if axes._left_title.get_text():
                axes._left_title.set_text("\n".join(lines))
                each.canvas.draw()
                tall.append(axes._left_title.get_window_extent().y1 - each.bbox.height)
        return plain(*made, ratio=ratio)

    plain = figure.small_png
    monkeypatch.setattr("simlib.widgets.questions.shown_answers.small_png", measured)
    question = kind(WORLD, **SMALL[kind])
    question.answer(question.chosen, UNWATCHED)
    assert max(tall) < 1  # a pixel of the box is none of the letters


def test_questions_about_signs_begin_with_one_sample():
    kinds = questions.WhatToWatchFor, questions.SignsOfEveryEnding, questions.WorthSeeing
    samples = {tuple(kind(WORLD).chosen[name] for name in ("draws", "runs")) for kind in kinds}
    assert len(samples) == 1


@pytest.mark.slow
def test_one_sign_has_one_number_in_both_pictures_of_signs():
    sample = {"draws": 64, "runs": 50}
    one, every = questions.WhatToWatchFor(WORLD, **sample), questions.SignsOfEveryEnding(WORLD, **sample)
    label = {value: text for text, value in one.fields[0].options}[one.chosen["ending"]]
    seen = {row[0]: row[1:4] for row in one.answer(one.chosen, UNWATCHED).rows}
    again = {row[2]: row[3:] for row in every.answer(every.chosen, UNWATCHED).rows if row[0] == label}
    assert again
    assert {sign: seen[sign] for sign in again} == again


@pytest.mark.slow
def test_a_level_that_is_a_sign_is_reached_and_a_move_is_seen():
    variables = {name: dataclasses.replace(v, hidden=True) for name, v in WORLD.variables.items()}
    told = []
    for world in (WORLD, WORLD.replace(variables=variables)):
        question = questions.SignsOfEveryEnding(world, draws=64, runs=50)
        told.append(question.answer(question.chosen, UNWATCHED).sentences)
    assert "if “talks: open” is reached and" in told[0][0]
    assert "if “Offer talks” is seen." in told[0][0]
    assert told[0][-1].endswith("and the sign is seen or reached by then.")
    assert told[1][-1].endswith("and the sign is seen by then.")


@pytest.mark.parametrize("kind", SMALL, ids=lambda kind: kind.name)
def test_every_question_can_be_stopped(kind):
    question = kind(WORLD, **SMALL[kind])
    with pytest.raises(Cancelled):
        question.answer(question.chosen, Control(cancel=lambda: True))


def test_what_if_compares_what_the_library_compares():
    question = questions.WhatIf(WORLD)
    move = question.chosen["move"]
    answer = question.answer(question.chosen | {"pairs": 100}, UNWATCHED)
    expected = compare(question.scenario, {"it": [Forbid(move, None)]}, runs=0)
    changes = {d.measure.label: f"{100 * float(d.change[-1]):+.1f} points" for d in expected.effects["it"].strongest()}
    assert {row[1]: row[4] for row in answer.rows} == changes


def test_a_view_and_a_move_are_compared_each_alone_and_together(bridge):
    question = questions.WhatIf(bridge, change="delay", date="2031-04-20", view="hasty")
    made = question.variants(question.chosen)
    assert list(made)[1:] == ["Everybody is in a hurry", "All of these"]
    assert next(iter(made.values())) == Forbid(question.chosen["move"], None, until=dt.date(2031, 4, 20))


def test_a_rule_looks_at_the_state():
    question = questions.WhatIf(WORLD, move="meet", change="policy", state="blockade=full", days=4)
    rule = Policy("meet", 0.25, Condition(((("blockade", ("full",)),),)))
    assert question.variants(question.chosen) == {
        "“Offer talks” by a standing rule, about every 4 days while “blockade” is full": rule
    }
    question = questions.WhatIf(
        WORLD, change="none", kept="blockade=lifted", assumption="meeting", since="date", date="2031-04-20"
    )
    kept, assumed, both = question.variants(question.chosen).values()
    day = dt.date(2031, 4, 20)
    assert kept == Hold("blockade", "lifted", day)
    assert (assumed.assumption, assumed.date, assumed.value) == ("meeting", day, WORLD.assumptions["meeting"].high)
    assert both == [kept, assumed]
    waiting = questions.WhatIf(WORLD, move="meet", change="force", state="blockade=full")
    with pytest.raises(ScenarioError, match="a move that is forced on a date cannot depend on a state"):
        waiting.variants(waiting.chosen)


def test_the_date_of_the_change_is_that_of_a_prohibition_and_of_a_rule():
    day = dt.date(2031, 4, 20)
    forbid = questions.WhatIf(WORLD, move="meet", date=day)
    assert list(forbid.variants(forbid.chosen).values()) == [Forbid("meet", day)]
    rule = questions.WhatIf(WORLD, move="meet", change="policy", date=day, days=4)
    assert list(rule.variants(rule.chosen).values()) == [Policy("meet", 0.25, date=day)]
    whole = questions.WhatIf(WORLD, move="meet")
    assert list(whole.variants(whole.chosen).values()) == [Forbid("meet", None)]
    early = questions.WhatIf(WORLD, move="meet", change="delay")
    with pytest.raises(
        ScenarioError, match=r"date of the change: “Offer talks” cannot .* expected a day after 1 April"
    ):
        early.variants(early.chosen)


@pytest.mark.slow
def test_only_fields_that_matter_are_shown():
    panel = WhatIf(WORLD, pairs=100)
    assert panel.wait(60)

    def shown():
        return {name for name, row in panel.rows.items() if row.layout.display != "none"}

    always = {"measure", "move", "change", "kept", "assumption", "pairs"}
    assert shown() == always | {"date", "state"}
    panel.inputs["change"].value = "policy"
    assert shown() == always | {"date", "state", "days"}
    panel.inputs["change"].value = "force"
    assert shown() == always | {"date"}
    panel.inputs["change"].value = "none"
    assert shown() == always
    panel.inputs["assumption"].value = "meeting"
    assert shown() == always | {"end", "since"}
    panel.inputs["since"].value = "date"
    assert shown() == always | {"date", "end", "since"}
    assert panel.wait(60)


def test_a_field_that_does_not_matter_makes_no_other_question():
    question = questions.WhatIf(WORLD)
    assert question.key(question.chosen) == question.key(question.chosen | {"days": 9, "end": "low"})
    assert question.key(question.chosen) != question.key(question.chosen | {"change": "policy"})


def test_a_view_that_forbids_what_the_panel_forces_is_refused_at_the_view(bridge):
    question = questions.WhatIf(bridge, move="clear", change="policy", view="hasty")
    with pytest.raises(
        ScenarioError, match="A view: under “Everybody is in a hurry”, “Clear the bridge by force” by a standing rule"
    ):
        question.variants(question.chosen)


def test_a_forced_move_that_is_not_possible_says_so_at_its_field():
    panel = WhatIf(WORLD, move="sign", change="force", date="2031-04-01", pairs=100)
    assert panel.wait(60)
    assert "No effect in 100% of the histories" in panel.notes["change"].value
    assert "has no effect in 100% of the histories" in panel.picture.alt
    panel.inquiry._is_quick = False
    panel.inputs["date"].value = dt.date(2031, 4, 20)
    assert panel.notes["change"].value == ""


class Timed(Slow):
    """Answers at once, or takes longer than a person waits."""

    by_itself = True


def test_what_is_quick_is_computed_by_itself(monkeypatch):
    monkeypatch.setattr(asking, "SETTING_PAUSE", 0.0)
    seen, question = Seen(), Timed(WORLD)
    question.go.set()
    inquiry = seen.ask(question)
    inquiry.start()
    assert inquiry.worker.wait(10)
    inquiry.compare({"n": 5})
    assert inquiry.worker.wait(10)
    assert seen.answers[-1].sentences == ("n is 5",)
    assert seen.lines[-1] == asking.COMPUTED


def test_what_takes_long_is_given_up_and_waits_to_be_asked_for(monkeypatch):
    monkeypatch.setattr(asking, "SETTING_PAUSE", 0.0)
    monkeypatch.setattr(asking, "FIRST_UNASKED_SECONDS", 0.1)
    seen, question = Seen(), Timed(WORLD)
    inquiry = seen.ask(question)
    inquiry.compare({"n": 5})
    assert inquiry.worker.wait(10)
    assert seen.answers == []
    assert seen.lines[-1] == asking.TOO_LONG
    inquiry.compare({"n": 6})
    assert not inquiry.worker.busy
    question.go.set()
    inquiry.ask({"n": 6})
    assert inquiry.worker.wait(10)
    assert seen.answers[-1].sentences == ("n is 6",)


def test_newer_settings_replace_what_nobody_asked_for(monkeypatch):
    monkeypatch.setattr(asking, "SETTING_PAUSE", 0.0)
    seen, question = Seen(), Timed(WORLD)
    inquiry = seen.ask(question)
    inquiry.compare({"n": 5})
    assert question.begun.wait(10)
    inquiry.compare({"n": 50})
    assert "50 does not fit" in seen.lines[-1].text
    inquiry.compare({"n": 6})
    question.go.set()
    assert inquiry.worker.wait(10)
    assert [a.sentences for a in seen.answers] == [("n is 6",)]


def test_plans_come_from_views_from_files_and_from_the_world(bridge):
    path = bridge / "views" / "hasty.yaml"
    question = questions.Plans(bridge, plans=[PLAN, path])
    assert [question.chosen[name] for name in ("first", "second", "third")] == ["early-talks", "hasty", "none"]
    assert list(question.variants(question.chosen)) == ["Talks before a full blockade", "Everybody is in a hurry"]
    alone = questions.Plans(bridge)
    assert alone.chosen["first"] == "hasty"
    assert alone.key(alone.chosen) != question.key(question.chosen)
    with pytest.raises(ScenarioError, match="no plan is chosen"):
        question.variants(dict.fromkeys(("first", "second", "third"), "none"))
    with pytest.raises(ScenarioError, match="there is no plan"):
        questions.Plans(WORLD)


def test_plans_are_told_with_what_they_do_and_when():
    question = questions.Plans(WORLD, plans=[PLAN], pairs=100)
    answer = question.answer(question.chosen, UNWATCHED)
    assert answer.sentences[0].startswith("“Talks before a full blockade”: “")
    (table,) = answer.more["tables"]
    assert table["title"] == "What “Talks before a full blockade” changes"
    assert ["“Offer talks” (accepted) forced on 9 April 2031"] in table["rows"]
    assert ["“Offer talks” by a standing rule, about 3.5 per week while “blockade” is full"] in table["rows"]
    expected = compare(WORLD, {"it": PLAN}, runs=0).effects["it"].strongest()
    assert {row[1]: row[4] for row in answer.rows} == {
        d.measure.label: f"{100 * float(d.change[-1]):+.1f} points" for d in expected
    }


def test_the_fan_is_drawn_by_monte_carlo_where_there_are_too_many_states(monkeypatch):
    from simlib.engines import ensemble as mixture

    def too_large(*args, engine="exact", **options):
        if engine == "exact":
            raise TooManyStates(10, 5, complete=False)
        return plain(*args, engine=engine, **options)

    plain = mixture.over_priors
    monkeypatch.setattr(mixture, "over_priors", too_large)
    monkeypatch.setattr(doubting, "REPLICATES", 10)
    question = questions.ChanceWithinDoubt(WORLD, draws=64)
    assert "10 simulated histories each" in " ".join(question.answer(question.chosen, UNWATCHED).sentences)


def test_where_paths_diverge_the_shares_add_up():
    answer = questions.WherePathsDiverge(WORLD).answer({"ladder": "lanes", "ending": "none", "least": 1}, UNWATCHED)
    assert answer.rows[0] == ("some lanes closed", "100%", "100%")
    on, stay = re.search(r"(\d+)% go on to “all lanes closed”; (\d+)% reach no new rung", answer.sentences[0]).groups()
    assert int(on) + int(stay) == 100


def test_nothing_changed_is_refused():
    question = questions.WhatIf(WORLD, change="none")
    with pytest.raises(ScenarioError, match="nothing is changed"):
        question.variants(question.chosen)


def test_a_sweep_goes_from_low_to_high():
    question = sweep_grid.Sweep(WORLD)
    assumption = question.scenario.assumptions[question.chosen["up"]]
    values = sweep_grid.values_between(assumption, 5)
    assert values[0] == pytest.approx(assumption.low)
    assert values[-1] == pytest.approx(assumption.high)
    with pytest.raises(ScenarioError, match="both axes"):
        question.answer(question.chosen | {"up": question.chosen["across"]}, UNWATCHED)


@pytest.mark.slow
def test_a_sweep_under_a_plan_stands_beside_the_same_values_without():
    question = sweep_grid.Sweep(WORLD, plans=[PLAN], plan="early-talks", levels=2, runs=200)
    chosen = question.chosen
    answer = question.answer(chosen, UNWATCHED)
    plain = sweep_grid.Sweep(WORLD, levels=2, runs=200)
    alone = plain.answer(plain.chosen, UNWATCHED)
    assert [row[:3] for row in answer.rows] == [row[:3] for row in alone.rows]
    assert answer.head[2:] == ("as it stands", "Talks before a full blockade", "change")
    assert answer.sentences[0] == f"Without the plan, {alone.sentences[0]}"
    assert answer.sentences[1].startswith("Under the plan “Talks before a full blockade” the probability goes from ")
    assert answer.size[1] == 2 * alone.size[1]
    assert question.worlds(chosen)[0] == question.worlds(chosen | {"plan": "none"})[0] == WORLD.sha256
    assert len(question.worlds(chosen)) == 2
    changed = dataclasses.replace(PLAN, interventions=PLAN.interventions[1:])
    assert sweep_grid.Sweep(WORLD, plans=[changed], plan="early-talks").worlds(chosen) != question.worlds(chosen)


def test_a_sweep_takes_only_plans_that_intervene(bridge):
    believes = View("believes", "Somebody thinks so", changes=(Change("meeting", 0.5, 0.2, 0.9),))
    with pytest.raises(ScenarioError, match="believes: assumptions: a plan cannot change assumptions"):
        sweep_grid.Sweep(WORLD, plans=[believes])
    with pytest.raises(ScenarioError, match="there is no such file"):
        sweep_grid.Sweep(bridge, plans=["none.yaml"])


def test_a_panel_shows_its_answer_and_what_goes_wrong():
    question = Slow(WORLD)
    question.go.set()
    panel = QuestionPanel(question)
    assert panel.wait(10)
    assert bytes(panel.picture.png) == PNG
    assert panel.picture.alt == "n is 1"
    assert panel._repr_mimebundle_()["text/plain"] == "n is 1"
    assert "image/png" in panel._repr_mimebundle_()
    panel.inputs["n"].value = 9
    assert "earlier settings" in panel.picture.status["text"]
    panel.compute.click()
    assert panel.wait(10)
    assert panel.picture.status["kind"] == "error"
    assert bytes(panel.picture.png) == PNG


def test_the_cancel_button_of_a_panel_cancels():
    question = Slow(WORLD)
    panel = QuestionPanel(question)
    assert question.begun.wait(10)
    panel.picture.cancels += 1
    assert panel.wait(10)
    assert panel.picture.status["text"].startswith("Cancelled")
    assert panel.inquiry.answer is None


def test_a_panel_has_a_control_for_every_choice():
    panel = WhatIf(WORLD, change="delay", date="2031-04-20", pairs=100)
    assert set(panel.inputs) == {control.name for control in panel.question.fields}
    assert isinstance(panel.inputs["date"].value, dt.date)
    assert panel.wait(60)
    assert panel.inquiry.answer is not None


def test_the_logic_imports_no_widget():
    import subprocess
    import sys

    code = "import sys, simlib.widgets.questions.catalogue; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
