"""A log that is scrubbed through: mornings, rows of one's own, undo, and what is told."""

import datetime as dt
import threading

import numpy as np
import pytest

import simlib
from simlib.analysis.log_outlook import LogOutlook
from simlib.errors import ScenarioError
from simlib.evidence.log_intake import whole_log
from simlib.formatting import percent
from simlib.scenario.event_log import LogRow
from simlib.scenario.row_meaning import Reading, read_rows
from simlib.widgets import UpdateWithEvents
from simlib.widgets.logbook.log_table import new_row_sentences, table
from simlib.widgets.logbook.own_rows import choices
from simlib.widgets.logbook.session import LogSession
from tests.analysis.test_log_outlook import clocks

WORLD = simlib.load("two-islands")
FEW = tuple(
    LogRow(word, dt.date(2031, 4, day), outcome=outcome, description=text)
    for word, day, outcome, text in (
        ("patrol", 3, "", "A cutter passes."),
        ("fire-on-patrol", 6, "ship-hit", "A shell hits a cutter."),
        ("break-contact", 8, "", "The fleets fall back."),
        ("council-session", 8, "", "The cabinet meets."),
    )
)
APRIL = {day: dt.date(2031, 4, day) for day in range(1, 31)}


class Seen:
    """A front that keeps what it is shown."""

    def __init__(self):
        self.shown, self.lines, self.rows = [], [], 0

    def show(self, shown):
        self.shown.append(shown)

    def show_status(self, line):
        self.lines.append(line)

    def show_rows(self):
        self.rows += 1


@pytest.fixture
def session():
    front = Seen()
    made = LogSession(WORLD, front, events=FEW, on=APRIL[5])
    made.start()
    assert made.wait(30)
    yield made
    made.worker.close()


def told(session):
    return session.front.shown[-1].alt


def test_the_mornings_are_those_of_the_log(session):
    assert (session.first, session.last, session.mornings) == (APRIL[1], APRIL[9], 9)
    assert session.news == [3, 6, 8]
    assert not np.any(np.isnan(session._series()))
    beside = whole_log(WORLD, "later.csv")
    assert len(beside) == len(whole_log(WORLD, None)) + 26


def test_a_morning_tells_the_forecast_its_change_and_what_was_new(session):
    outlook, readings = LogOutlook(WORLD), read_rows(WORLD, whole_log(WORLD, FEW))
    now, before = (outlook.probability("question:ship-hit", outlook.on(APRIL[day], readings)) for day in (5, 4))
    expected = f"A ship of North Island is hit by 29 June 2031: {percent(now)}, "
    assert f"{expected}{'up' if now > before else 'down'} {100 * abs(now - before):.1f} points" in told(session)
    assert "No new row on 4 April 2031. A quiet day is evidence too." in told(session)
    session.move(6)
    assert "yes, it happened on 6 April 2031" in told(session)
    assert "New on 6 April 2031: A shell hits a cutter." in told(session)
    session.move(8)
    assert "The cabinet meets (left out of the count)." in told(session)
    assert "is complete to 8 April 2031" in session.front.shown[-1].status["text"]


def test_new_rows_are_told_in_whole_sentences_and_the_rest_counted():
    texts = [f"{letter * 99}." for letter in "abcd"]
    for given, expected in (
        (texts, f"{texts[0]} {texts[1]} And 2 more rows."),
        ([texts[0], "b" * 300], f"{texts[0]} And 1 more row."),
        (["a" * 300], f"{'a' * 300}."),
    ):
        rows = [Reading(LogRow("patrol", APRIL[1], description=text), firings=(("patrol", ""),)) for text in given]
        assert new_row_sentences(rows) == expected


def test_a_row_of_ones_own_moves_only_the_mornings_after_it(session):
    before = session._series()
    session.own.add("patrol", "challenged", APRIL[4])
    session.update()
    assert session.wait(30)
    after = session._series()
    assert after[:4] == pytest.approx(before[:4], abs=0)
    assert abs(after[4] - before[4]) > 0.01
    assert session.notes[1] == (
        f"Taken in. It moves the forecast of 5 April 2031 from {percent(before[4])} to {percent(after[4])}."
    )
    session.move(4)
    own = "Your own row: North Island: Sail a patrol through the strait (challenged)."
    assert told(session).endswith(f"New on 4 April 2031: {own}")
    session.own.undo()
    session.update()
    assert session.wait(30)
    assert session._series() == pytest.approx(before, abs=1e-12)
    assert session.notes == {}


def test_an_impossible_row_is_told_beside_it_and_changes_nothing(session):
    before = session._series()
    session.own.add("land-troops", "done", APRIL[3])
    session.own.add("sign-treaty", "done", APRIL[8])
    session.own.add("fire-on-patrol", "ship-hit", APRIL[2])
    session.update()
    assert session.wait(30)
    assert session.notes[1] == (
        "Not taken in: the move is possible only if “Standoff in the strait” is clashes; "
        "that day “Standoff in the strait” is patrols."
    )
    assert session.notes[2].startswith(
        "Not taken in: the move is possible only if “Talks between the islands” is under way"
    )
    assert session.notes[3] == (
        "Not taken in: the row contradicts what the log says about 3 April 2031 (“A cutter passes”)."
    )
    assert session._series() == pytest.approx(before, abs=1e-12)


def test_a_row_that_ends_the_story_says_so(session):
    session.own.add("land-troops", "done", APRIL[7])
    session.update()
    assert session.wait(30)
    assert session.notes[1].endswith("It ends the story (Open war), so later rows of the log do not count.")
    session.move(8)
    assert "The story ended on 7 April 2031: Open war." in told(session)


def test_a_day_that_does_not_fit_is_told_and_the_row_waits(session):
    with pytest.raises(ScenarioError, match="no date is given; expected a day from 1 April 2031 to 8 April 2031"):
        session.own.add("patrol", "no-incident", None)
    session.own.add("patrol", "challenged", APRIL[4])
    session.own.set_day(1, APRIL[20])
    session.update()
    assert session.wait(30)
    assert (
        session.notes[1]
        == "Not taken in: 20 April 2031 does not fit; expected a day from 1 April 2031 to 8 April 2031."
    )
    session.own.set_day(1, APRIL[2])
    session.update()
    assert session.wait(30)
    assert session.notes[1].startswith("Taken in. It moves the forecast of 3 April 2031")


def test_undo_and_redo_walk_through_every_change(session):
    own = session.own
    own.add("patrol", "challenged", APRIL[4])
    own.set_day(1, APRIL[5])
    own.drop(1)
    seen = [own.rows]
    for step in (own.undo, own.undo, own.redo, own.undo, own.undo, own.undo):
        step()
        seen.append(own.rows)
    days = [[row.day for row in rows] for rows in seen]
    assert days == [[], [APRIL[5]], [APRIL[4]], [APRIL[5]], [APRIL[4]], [], []]
    assert own.can_redo
    assert not own.can_undo
    own.add("patrol", "challenged", APRIL[4])
    assert not own.can_redo


def test_another_measure_and_another_width_are_drawn_anew(session):
    session.choose("ending:settlement")
    assert "A treaty is signed by 29 June 2031" in told(session)
    session.resize(2000)
    assert session.front.shown[-1].size[0] == 1200
    session.resize(300)
    assert session.front.shown[-1].size[0] == 640


def test_a_log_that_no_history_holds_is_told_in_words():
    front = Seen()
    made = LogSession(WORLD, front, events=[LogRow("land-troops", APRIL[3])])
    made.start()
    assert made.wait(30)
    assert front.lines[-1]["kind"] == "error"
    assert "impossible in this scenario" in front.lines[-1]["text"]
    made.worker.close()


def test_only_what_a_log_may_show_can_be_added():
    moves = {move for _, (move, _) in choices(WORLD)}
    assert "guarantee-south" not in moves
    assert {"patrol", "sign-treaty"} <= moves
    assert choices(WORLD)[1][0] == "North Island: Sail a patrol through the strait (challenged)"


def test_the_table_says_how_each_row_is_read(session):
    head, lines = table(session.scenario, session.readings)
    by_text = {line[2]: line[3] for line in lines}
    assert head[-1] == "read as"
    assert by_text["A shell hits a cutter."] == "Fire on a patrol (ship hit)"
    assert by_text["The cabinet meets."].startswith("left out: words")


@pytest.mark.slow
def test_the_panel_adds_dates_and_withdraws_rows():
    panel = UpdateWithEvents(WORLD, events=FEW, on="2031-04-05")
    assert panel.wait(30)
    assert "image/png" in panel._repr_mimebundle_()
    assert panel._day.value == APRIL[4]
    panel.mornings.place = 2
    assert panel._day.value == APRIL[2]
    assert "Morning of 3 April 2031" in panel.picture.alt
    panel._move.value = ("patrol", "challenged")
    panel._add.click()
    assert panel.wait(30)
    (line,) = panel._own.children
    assert "It moves the forecast of 3 April 2031" in line._note.value
    line._date.value = None
    assert panel.wait(30)
    assert "no date is given" in line._note.value
    panel._undo.click()
    assert panel.wait(30)
    assert line._date.value == APRIL[2]
    line.children[2].click()
    assert panel._own.children == ()
    panel._day.value = None
    panel._add.click()
    assert "no date is given" in panel._report.value
    panel.session.worker.close()


def test_a_new_date_of_a_row_is_not_lost_to_an_answer_that_arrives_at_the_same_time(monkeypatch):
    panel = UpdateWithEvents(WORLD, events=FEW, on="2031-04-05")
    panel._move.value = ("patrol", "challenged")
    panel._add.click()
    assert panel.wait(30)
    (line,) = panel._own.children
    guard = panel.guard

    def late(action):
        """Let the worker show its rows before the new date is taken."""
        worker = threading.Thread(target=panel.show_rows)
        worker.start()
        worker.join()
        guard(action)

    monkeypatch.setattr(panel, "guard", late)
    line._date.value = APRIL[2]
    assert panel.wait(30)
    assert [row.day for row in panel.session.own.rows] == [APRIL[2]]
    assert line._date.value == APRIL[2]
    panel.session.worker.close()


@pytest.mark.slow
def test_the_logic_of_a_log_imports_no_widget():
    import subprocess
    import sys

    code = "import sys, simlib.widgets.logbook.session; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_row_that_the_log_has_already_counts_once():
    assert whole_log(WORLD, "events.csv") == whole_log(WORLD, None)


@pytest.fixture
def drills(tmp_path):
    """A log of drills, which it shows with .6, and one of which it always shows them."""
    sometimes, always = (
        "drill: {chance: {value: 60%, low: 40%, high: 80%, because: assumed}, within: 5 days}",
        "drill: always",
    )
    made = []
    for number, changes in enumerate([(), [(sometimes, always)]]):
        (tmp_path / str(number)).mkdir()
        rows = [LogRow("drill", APRIL[20])]
        made.append(LogSession(clocks(tmp_path / str(number), changes), Seen(), events=rows, measure="question:drills"))
    yield made
    for each in made:
        each.worker.close()


def test_a_morning_tells_what_may_have_happened_unseen_and_which_lull_is_over(drills):
    hidden, shown = drills
    for each in drills:
        each.start()
        assert each.wait(60)
    hidden.move(15)
    may_have = hidden.outlook.on(APRIL[16], hidden.readings).answers["question:drills"].probability
    assert 0.2 < may_have < 0.9
    assert f"It may have happened already without being seen (probability {percent(may_have)})." in told(hidden)
    assert "is answered" not in told(hidden)
    shown.move(6)
    assert "is answered" not in told(shown)
    shown.move(15)
    assert "without being seen" not in told(shown)
    assert "“A week without a drill” is answered: yes, on 7 April 2031." in told(shown)
    shown.move(20)
    assert "yes, it happened on 20 April 2031" in told(shown)
