"""A log under a person's hands: the slider over its mornings, and rows of one's own."""

from __future__ import annotations

import ast
import datetime as dt

import pytest

from tests.browser.lab import until

PANEL = "[p for p in Out.values() if type(p).__name__ == 'UpdateWithEvents'][0]"


@pytest.fixture
def page(visit):
    opened = visit("11_update_with_events.ipynb", size=(1440, 900))
    opened.run_all(180)
    rest(opened)
    return opened


def rest(page):
    until(lambda: page.ask(f"{PANEL}.session.worker.busy") == "False", 90, "every morning")
    until(
        lambda: page.page.locator(".simlib-strip", has_text="Exact, at the stated").count(), 60, "the answer to be told"
    )


def sentence(page):
    return page.page.locator(".simlib-sentence").first.inner_text()


def series(page):
    return ast.literal_eval(page.ask(f"[round(float(x), 9) for x in {PANEL}.session._series()]"))


def test_the_slider_goes_through_the_mornings_and_the_picture_follows(page):
    slider = page.page.locator(".simlib-mornings input[type=range]").first
    picture = page.page.locator(".simlib-picture", has_text="Exact, at the stated").locator("img").first
    before, shown = sentence(page), picture.get_attribute("src")
    slider.focus()
    page.page.keyboard.press("ArrowRight")
    until(lambda: sentence(page) != before, 10, "the next morning")
    until(lambda: picture.get_attribute("src") != shown, 10, "its picture")
    first = dt.date.fromisoformat(ast.literal_eval(page.ask(f"str({PANEL}.session.first)")))
    day = first + dt.timedelta(days=int(slider.input_value()))
    assert f"Morning of {day.day} {day:%B %Y}" in sentence(page)
    assert f"{day.day} {day:%B %Y}" == slider.get_attribute("aria-valuetext")
    page.page.get_by_role("button", name="next row").first.click()
    until(lambda: "New on" in sentence(page), 10, "a morning with news")
    until(lambda: picture.get_attribute("alt") == sentence(page), 10, "the words of the picture")


def test_a_row_is_added_refused_dated_and_withdrawn(page):
    before = series(page)
    add, day = page.page.get_by_label("Add a row").first, page.page.get_by_label("on", exact=True).first
    add.select_option(label="North Island: Sail a patrol through the strait (challenged)")
    day.fill("2031-04-24")
    page.page.get_by_role("button", name="Add", exact=True).first.click()
    note = page.page.locator(".simlib-told", has_text="aken in")
    refusal = "Not taken in: the move is possible only if"
    until(lambda: note.count() == 1 and refusal in note.inner_text(), 30, "the refusal")
    assert "“Standoff in the strait” is clashes" in note.inner_text()
    rest(page)
    assert series(page) == before
    own = page.page.get_by_label("Your row, on").first
    own.fill("2031-04-08")
    until(lambda: "It moves the forecast of 9 April 2031" in note.inner_text(), 30, "the row to be taken in")
    rest(page)
    after = series(page)
    assert after[:8] == before[:8]
    assert after[8] > before[8] + 0.01
    page.page.get_by_role("button", name="Undo", exact=True).first.click()
    until(lambda: "Not taken in" in note.inner_text(), 30, "the change to be taken back")
    page.page.get_by_role("button", name="Withdraw").first.click()
    until(lambda: note.count() == 0, 30, "the row to go")
    rest(page)
    assert series(page) == before
