"""A person's guesses: kept with their date, scored once the answer is known, and never twice about one question."""

import dataclasses
import datetime as dt

import pytest

import simlib
from simlib.calibration.guesses import Guess, keep_guess, read_guesses, score_guesses
from simlib.errors import ScenarioError
from tests.calibration.test_backtest import write


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path)


def guess(folder, **changes):
    world = simlib.load(folder)
    made = Guess(
        "warned",
        "North warns",
        world.id,
        world.sha256,
        str(folder),
        world.as_of,
        dt.date(2031, 4, 20),
        0.3,
        0.6,
        "2031-04-01T08:00:00+00:00",
    )
    return dataclasses.replace(made, **changes)


def test_a_guess_is_kept_and_read_as_it_was(folder, tmp_path):
    file = tmp_path / "own" / "guesses.jsonl"
    assert read_guesses(file) == ()
    for one in (guess(folder), guess(folder, probability=0.9)):
        assert keep_guess(one, file) == file
    assert read_guesses(file) == (guess(folder), guess(folder, probability=0.9))
    with pytest.raises(ScenarioError, match=r"1\.2 is no probability"):
        keep_guess(guess(folder, probability=1.2), file)
    assert len(read_guesses(file)) == 2
    file.write_text(file.read_text(encoding="utf-8") + '{"question": "warned"}\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"guesses\.jsonl:3: is not a guess"):
        read_guesses(file)


def test_a_record_answers_and_only_the_first_guess_counts(folder):
    made = (
        guess(folder),
        guess(folder, probability=0.9),
        guess(folder, question="acts", probability=0.2, forecast=0.5),
        guess(folder, by=dt.date(2031, 4, 5)),
    )
    scores = score_guesses(made)
    assert [row.happened for row in scores.rows] == [True, True, False, False]
    assert [(row.brier, row.forecast_brier) for row in scores.settled] == [
        (pytest.approx(0.49), pytest.approx(0.16)),
        (pytest.approx(0.04), pytest.approx(0.25)),
        (pytest.approx(0.09), pytest.approx(0.36)),
    ]
    assert "You made 4 guesses; 3 can be scored." in scores.sentences()
    assert any("0.207, that of the forecast 0.257" in text for text in scores.sentences())


def test_beyond_the_record_and_without_one_the_answer_is_open_until_a_registry_has_it(folder):
    assert score_guesses((guess(folder, question="acts", by=dt.date(2031, 5, 20)),)).rows[0].happened is None
    (folder / "record.toml").unlink()
    assert score_guesses((guess(folder),)).rows[0].happened is None
    file = folder / "scenario.yaml"
    rules = file.read_text(encoding="utf-8").replace(
        "resolves: it says so", "resolves: it says so, decides: the editor"
    )
    file.write_text(rules, encoding="utf-8")
    world = simlib.load(folder)
    simlib.register(world, questions=["warned"], draws=8)
    by = world.by_date(world.horizon_days)
    simlib.resolve(world, 1, "no", on=dt.date(2031, 4, 21), source="the Gazette")
    assert score_guesses((guess(folder, by=by),)).rows[0].happened is False
    assert score_guesses((guess(folder, path=str(folder / "gone")),)).rows[0].happened is None
