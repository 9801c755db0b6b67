"""The event log: its columns, its faults with their lines, and what its rows mean."""

import datetime as dt

import pytest

from simlib.errors import Problem, ScenarioError
from simlib.scenario.event_log import parse_log, read_log
from simlib.scenario.explanation import explain_text
from simlib.scenario.library import scenarios_folder
from simlib.scenario.loader import load_text
from simlib.scenario.row_meaning import coverages, read_rows

HEAD = "date,date_precision,actor,target,move,times,outcome,known_on,confidence\n"


def problems(text):
    with pytest.raises(ScenarioError) as caught:
        parse_log(text, "later.csv")
    return [str(problem) for problem in caught.value.problems]


def test_a_row_has_the_columns_of_the_log_and_defaults():
    (row,) = parse_log(HEAD + "2031-04-09,week,south,north,fire,2,ship-hit,2031-04-12,low\n")
    assert (row.word, row.times, row.outcome, row.confidence) == ("fire", 2, "ship-hit", "low")
    assert row.window == (dt.date(2031, 4, 6), dt.date(2031, 4, 13))
    assert row.public_on == dt.date(2031, 4, 12)
    (plain,) = parse_log("date,move\n2031-02-09,fire\n")
    assert (plain.times, plain.precision, plain.known_on) == (1, "day", None)


def test_a_month_is_the_month_of_the_calendar():
    (row,) = parse_log("date,date_precision,move\n2031-02-09,month,fire\n")
    assert row.window == (dt.date(2031, 2, 1), dt.date(2031, 3, 1))


def test_every_fault_of_a_log_is_told_at_once_with_its_line():
    rows = [
        "2031-04-31,day,,,fire,1,,,",
        "2031-04-09,hour,,,fire,0,,,",
        "2031-04-09,day,,,,1,,,",
        "2031-04-09,day,,,fire,1,,2031-04-01,",
    ]
    assert problems(HEAD + "\n".join(rows)) == [
        "later.csv:2: date: '2031-04-31' is not a date; expected a date such as 2031-04-01",
        "later.csv:3: times: '0' is no number of events; expected a whole number from 1 to 1000",
        "later.csv:3: date_precision: unknown precision 'hour'; expected one of: day, week, month",
        "later.csv:4: move: the cell is empty; expected the id of a move, or a word for what happened",
        "later.csv:5: known_on: 2031-04-01 is before the event (2031-04-09); expected that day or later",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("date,mov\n", "later.csv:1: the column 'move' is missing"),
        ("date,move,know_on\n", "later.csv:1: unknown column 'know_on'; did you mean 'known_on'?"),
        ("date,move,move\n", "later.csv:1: the column 'move' is there twice"),
        ("date,move\n2031-04-01,fire,a, b\n", "later.csv:2: more cells than the header has; a text with a comma"),
    ],
)
def test_a_header_or_a_row_of_the_wrong_width_is_refused(text, words):
    assert any(line.startswith(words) for line in problems(text)), problems(text)


WORLD = """
evidence:
  history:
    from: 2031-03-01
    because: the first patrol
    start: {tempo: {hot: {value: 30%, low: 10%, high: 60%, because: assumed}, quiet: rest}, talks: none}
  seen:
    patrol: {chance: {value: 60%, low: 40%, high: 80%, because: some sail at night}, within: 5 days}
    patrol:challenged: always
    recall-patrols: {never: true}
  rows:
    - {row: sail, is: patrol}
    - {row: fire-on-patrol, target: north, outcomes: [ship-hit]}
    - {row: leak, level: {resolve: firm}, ratio: 4, because: one source}
    - {row: storm, set: {standoff: calm}}
    - {row: [gossip, rumour], ignore: nobody believes it}
  confidence: {high: certain, low: 3}
"""


@pytest.fixture(scope="module")
def islands():
    text = (scenarios_folder() / "two-islands" / "scenario.yaml").read_text(encoding="utf-8")
    return load_text(text.partition("\nevidence:")[0] + WORLD)


def test_the_section_becomes_history_coverage_and_rules(islands):
    evidence = islands.evidence
    assert evidence.history.since == dt.date(2031, 3, 1)
    assert dict(evidence.history.start)["tempo"] == (("hot", "evidence.history.start.tempo.hot"), ("quiet", None))
    assert islands.log_assumptions["evidence.history.start.tempo.hot"].high == 0.6
    assert islands.log_assumptions["evidence.seen.patrol"].value == 0.6
    assert "evidence.seen.patrol" not in islands.assumptions
    seen = coverages(islands)
    assert (seen["patrol", "no-incident"].chance, seen["patrol", "no-incident"].within_days) == (
        "evidence.seen.patrol",
        5,
    )
    assert seen["patrol", "challenged"].chance == 1
    assert seen["recall-patrols", "done"].chance == 0
    assert seen["fire-on-patrol", "ship-hit"].chance == 1  # it changes what everybody sees
    assert seen["fire-on-patrol", "warning-shots"].chance == 0
    assert seen["cool-down", "done"].chance == 0


def meaning(islands, line):
    (reading,) = read_rows(islands, parse_log(HEAD + line + "\n"))
    return reading


def test_rows_mean_what_the_first_rule_that_fits_says(islands):
    assert meaning(islands, "2031-04-02,day,,,patrol,,,,").firings == (
        ("patrol", "no-incident"),
        ("patrol", "challenged"),
    )
    assert meaning(islands, "2031-04-02,day,,,patrol,,challenged,,").firings == (("patrol", "challenged"),)
    assert meaning(islands, "2031-04-02,day,,,sail,,,,low").ratio == 3
    assert meaning(islands, "2031-04-02,day,,north,fire-on-patrol,,,,").firings == (("fire-on-patrol", "ship-hit"),)
    assert meaning(islands, "2031-04-02,day,,,leak,,,,high").ratio == 4
    assert meaning(islands, "2031-04-02,day,,,storm,,,,").setting == (("standoff", "calm"),)
    assert meaning(islands, "2031-04-02,day,,,rumour,,,,").ignored == "nobody believes it"
    assert not meaning(islands, "2031-04-02,day,,,parade,,,,").mapped


def test_an_unknown_outcome_or_confidence_of_a_row_is_refused(islands):
    rows = parse_log(HEAD + "2031-04-02,day,,,patrol,,lost,,\n2031-04-02,day,,,patrol,,,,medium\n", "later.csv")
    with pytest.raises(ScenarioError) as caught:
        read_rows(islands, rows)
    told = [str(problem) for problem in caught.value.problems]
    assert told[0].startswith("later.csv:2: outcome: 'patrol' has no outcome 'lost'")
    assert told[1].startswith("later.csv:3: confidence: the confidence 'medium' has no ratio")


def test_the_section_is_explained_in_sentences(islands):
    text = explain_text(islands)
    for sentence in (
        "history: the log is used from 2031-03-01 on; because: the first patrol",
        "patrol: shows in the log with a chance of 60% (90% range 40% to 80%), within 5 days",
        "recall-patrols: need not show in the log, so its absence says nothing",
        (
            "leak: rows of leak say that resolve is firm; each row is 4 times as likely if this is true; "
            "because: one source"
        ),
        "storm: rows of storm set standoff to calm",
        "gossip, rumour: rows of gossip or rumour are left out: nobody believes it",
    ):
        assert sentence in text, sentence


@pytest.mark.parametrize("name", ["two-islands", "caribbean-2025"])
def test_the_shipped_logs_can_be_read(name):
    assert read_log(scenarios_folder() / name)


def test_a_date_at_the_end_of_the_calendar_and_a_broken_line_are_told_by_their_line():
    with pytest.raises(ScenarioError, match=r"events\.csv:2: date: the year of 9999-12-31 is too early or too late"):
        parse_log("date,move\n9999-12-31,up\n", "events.csv")
    with pytest.raises(ScenarioError, match=r"events\.csv:3: not readable as CSV"):
        parse_log('date,move\n2031-04-06,up\n2031-04-07,"u"p\n', "events.csv")


def test_a_character_that_a_terminal_obeys_is_refused_by_its_line():
    text = 'date,move,description\n2031-04-02,patrol,"two\r\nlines"\n2031-04-03,pat\x1b[31mrol,"\x1b]0;title\x07"\n'
    with pytest.raises(ScenarioError) as refused:
        parse_log(text, "log.csv")
    assert [(problem.line, problem.where) for problem in refused.value.problems] == [(4, "move"), (4, "description")]
    assert "log.csv:4: move: an invisible control character in the text" in str(refused.value)


def test_a_message_shows_such_characters_escaped():
    assert str(Problem("a\x1b[2J.csv", 3, "move", "\u202ex", "y")) == "a\\x1b[2J.csv:3: move: \\u202ex; y"
