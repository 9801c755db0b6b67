"""Questions about what a log teaches: the numbers are those of the library, and depend on the rows."""

import dataclasses
import datetime as dt

import pytest

import simlib
from simlib.control import UNWATCHED
from simlib.formatting import percent
from simlib.report.assumption_blocks import readable
from simlib.widgets.questions import catalogue as questions

WORLD = simlib.load("two-islands")


@pytest.mark.slow
def test_what_a_log_teaches_stands_beside_what_was_believed():
    question = questions.LearnFromTheLog(WORLD, events="later.csv", as_of="2031-06-26", draws=200)
    rows = [*question.rows]
    answer = question.answer(question.chosen, UNWATCHED)
    expected = simlib.update(WORLD, rows, as_of=dt.date(2031, 6, 26), draws=200)
    taught = [each for each in expected.learnt if each.taught]
    assert f"teaches something about {len(taught)} of {len(expected.learnt)} uncertain" in answer.sentences[0]
    spread = {row[0]: row[4] for row in answer.rows}
    numbers = {**readable(WORLD).assumptions, **WORLD.log_assumptions}
    assert not any("Factor" in row[0] for row in answer.rows)
    assert all(spread[numbers[each.id].label] == percent(min(each.spread, 1.0)) for each in expected.learnt)
    assert answer.rows[0][1] in ("yes", "yes, but the rows with which it was set do not count")
    worth = f"{expected.provenance['effective_draws']:,.0f} of equal weight"
    assert f"weighted draws are worth {worth}" in answer.sentences[-1]
    assert "no small group of them dominates" in answer.sentences[-1]


def test_a_log_that_teaches_nothing_says_so():
    question = questions.LearnFromTheLog(WORLD, draws=64)
    answer = question.answer(question.chosen, UNWATCHED)
    assert "teaches hardly anything" in answer.sentences[0]
    assert any("Those rows do not count a second time" in sentence for sentence in answer.sentences)


@pytest.mark.slow
def test_what_each_row_did_is_what_the_library_says_and_depends_on_the_log():
    question = questions.WhatEachRowDid(
        WORLD, events="later.csv", measure="ending:settlement", as_of="2031-05-20", draws=64
    )
    answer = question.answer(question.chosen, UNWATCHED)
    expected = simlib.row_effects(
        WORLD, question.rows, measure="ending:settlement", as_of=dt.date(2031, 5, 20), draws=64
    )
    assert list(answer.sentences) == expected.sentences()
    assert [row[2] for row in answer.rows] == [f"{row.state:+z.2f}" for row in expected.rows]
    assert question.worlds({}) != questions.WhatEachRowDid(WORLD).worlds({})
    elsewhere = [
        dataclasses.replace(row, file="other.csv", line=9) for row in question.rows[len(simlib.read_log(WORLD.path)) :]
    ]
    assert question.worlds({}) == questions.WhatEachRowDid(WORLD, events=elsewhere).worlds({})


def test_a_posterior_is_drawn_on_the_scale_of_the_prior():
    from simlib.plots.prior_posterior_bars import scores
    from simlib.scenario.scales import Z_95TH_PERCENTILE as Z95

    for number in (each for each in WORLD.assumptions.values() if not each.fixed):
        assert scores(number, (number.low, number.value, number.high)) == pytest.approx([-Z95, 0, Z95])


def test_no_label_of_an_assumption_is_cut_in_the_picture_of_the_lessons():
    from simlib.plots.figure import new_figure
    from simlib.plots.prior_posterior_bars import chosen, height_of, prior_and_posterior

    result = simlib.update(WORLD, "later.csv", as_of=dt.date(2031, 6, 26), draws=64)
    long = "How many times as often ‘Offer talks, which North Island accepts’ happens from 12 May 2031 to 18 May 2031"
    name = next(each.id for each in chosen(result) if each.id in WORLD.assumptions)
    assumptions = {**WORLD.assumptions, name: dataclasses.replace(WORLD.assumptions[name], label=long, short="")}
    result = dataclasses.replace(result, before=result.before.replace(assumptions=assumptions))
    height = height_of(result)
    ax = prior_and_posterior(result, new_figure(720, height).add_axes((20 / 720, 0.05, 424 / 720, 1 - 140 / height)))
    assert long in {text.get_text().replace("\n", " ") for text in ax.texts}
