"""Labels as they are written: never mathematics, numbers beside right-to-left words in their place, no boxes.

Other plots join by a line in `DRAWINGS`: a function that makes a figure out of labels that hold a text.
"""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from simlib import plots
from simlib.analysis.pooling import Pool, pool
from simlib.analysis.scenario_diff import diff
from simlib.plots import lettering
from simlib.plots.captions import sign
from simlib.plots.comparison_bars import comparison
from simlib.plots.forecast_figure import Dashboard
from simlib.plots.ladders import ladder_fan
from simlib.scenario.model import Forbid, Scenario
from tests.plots.forecasts import forecast
from tests.worlds import World

NASTY = (
    "costs $5 and $6 or $x_2^{ $ & 50% \\frac{1}{2} _ ^ # ~",
    "$5% or $6%",
    "$a_1$ {b} \\$ %s ^c_ \\\\ $",
    "_hidden $",
    "حرب مفتوحة",
    "מלחמה",
)


def named(text: str):
    """Return a forecast in which every label holds a text."""
    plain = forecast(runs=100)
    labels = {kind: {name: f"{text} {name}" for name in names} for kind, names in plain.labels.items()}
    rungs = {"own": {f"{text} {rung}": shares for rung, shares in plain.ladders["own"].items()}}
    error = dict(plain.error or {}) | {"ladders": {"own": dict.fromkeys(rungs["own"], np.full(31, 0.01))}}
    source = plain.provenance | {"view": text, "scenario_sha256": "0" * 64}
    key = dataclasses.replace(plain.scenario, title=text)
    changes = {"scenario": key, "labels": labels, "ladders": rungs, "error": error, "provenance": source}
    return dataclasses.replace(plain, **changes)


def scenario(text: str) -> Scenario:
    """Return a scenario in which every label holds a text."""
    world = World("gate", 30.0).variable("gate", "shut", "ajar", "wide", start="shut")
    world.move("open", world.uncertain("rate", "rate", 0.1, 0.05, 0.2), {"gate": +1})
    made = world.ending("over", {"gate": "wide"}).question("half", {"gate": "ajar"}).scenario()
    groups = ("actors", "variables", "moves", "endings", "questions", "assumptions")
    relabelled = {
        group: {name: dataclasses.replace(item, label=text) for name, item in getattr(made, group).items()}
        for group in groups
    }
    return made.replace(title=text, **relabelled)


def pooled(text: str) -> Pool:
    world = scenario(text)
    return pool({text: world, f"{text} 2": world.replace(interventions=(Forbid("open"),))}, times=2)


def _on_axes(draw: Callable[..., object]) -> Figure:
    figure = Figure(figsize=(9, 6), dpi=100)
    draw(figure.add_axes((0.1, 0.2, 0.5, 0.6)))
    return figure


def _board(text: str) -> Figure:
    board = Dashboard(named(text), 960)
    board.update(named(text), named(text), note=text)
    return board.figure


def _signed(text: str) -> Figure:
    figure = Figure(figsize=(9, 6))
    sign(figure, text)
    return figure


def _other_plan(text: str):
    return diff(scenario(text), scenario(text).replace(interventions=(Forbid("open"),), title=f"{text} 2"))


DRAWINGS: dict[str, Callable[[str], Figure]] = {
    "endings": lambda text: _on_axes(lambda ax: plots.endings(named(text), ax, baseline=named(text))),
    "ladder": lambda text: _on_axes(lambda ax: ladder_fan(named(text), ax)),
    "moves": lambda text: _on_axes(lambda ax: plots.moves(named(text), ax)),
    "dashboard": _board,
    "pool": lambda text: _on_axes(lambda ax: plots.plot(pooled(text), ax)),
    "diff": lambda text: _on_axes(lambda ax: plots.plot(_other_plan(text), ax)),
    "comparison": lambda text: _on_axes(
        lambda ax: lettering.lettered(comparison)({text: named(text), f"{text} 2": named(text)}, ax, title=text)
    ),
    "diagram": lambda text: plots.state_diagram(scenario(text)),
    "foot": _signed,
}


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text()]  # type: ignore[attr-defined]


def shown(figure: Figure) -> list[str]:
    """Return every text of a figure after it was drawn; nothing was warned of, and nothing is read as mathematics."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FigureCanvasAgg(figure).draw()
    for text in texts(figure):
        assert not text.get_parse_math() or "$" not in text.get_text()
    return [text.get_text() for text in texts(figure)]


@pytest.mark.slow
@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("name", DRAWINGS)
def test_labels_show_as_they_are_written(name, text):
    figure = DRAWINGS[name](text)
    words = [one.replace("\n", " ").translate(dict.fromkeys(range(0x2066, 0x206A))) for one in shown(figure)]
    start = text[:12].rstrip()
    assert any(start in one for one in words)


def test_the_view_in_a_legend_may_begin_with_an_underscore():
    assert "_hidden $ (50%)" in shown(DRAWINGS["pool"]("_hidden $"))


# -------------------------------------------------------------------- from right to left


def test_a_number_beside_a_right_to_left_word_keeps_its_percent_sign():
    assert lettering.directed("78%  حرب مفتوحة") == "78%  \u2068حرب مفتوحة\u2069"
    assert lettering.directed("“מלחמה”, 27%; none: 55%") == "“\u2068מלחמה\u2069”, 27%; none: 55%"
    assert lettering.directed("قبل 2031 سنة و") == "\u2068قبل 2031 سنة و\u2069"


def test_isolates_are_not_nested():
    once = lettering.directed("78% مفتوحة")
    assert lettering.directed(once) == once
    assert lettering.directed("from left to right: 5%") == "from left to right: 5%"


def test_a_label_that_moves_is_isolated_every_time():
    board = Dashboard(named("حرب"), 960)
    for scale in (1.0, 1.2):
        board.update(dataclasses.replace(named("حرب"), endings=forecast(scale).endings))
        assert any("\u2068حرب\u2069" in text.get_text() for text in board.panels[0].artists if isinstance(text, Text))


def test_ticks_are_settled_too():
    ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    ax.set_yticks([0, 1], ["حرب 5%", "$a$ $b$"])
    lettering.settle(ax)
    FigureCanvasAgg(ax.figure).draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["\u2068حرب\u2069 5%", "$a$ $b$"]


# -------------------------------------------------------------------- letters that the font lacks


@pytest.fixture
def no_fonts(monkeypatch):
    monkeypatch.setattr(lettering, "_family", lambda letter: None)
    lettering._tell_once.cache_clear()
    yield
    lettering._tell_once.cache_clear()


def test_letters_that_no_font_has_are_told_once_and_no_box_is_drawn(no_fonts, caplog):
    with caplog.at_level(logging.WARNING, logger="simlib"):
        words = shown(DRAWINGS["pool"]("中文 war"))
    assert any("?? war" in text for text in words)
    (record,) = caplog.records
    assert record.getMessage() == (
        "note: no font on this computer has all letters of the labels, so pictures show “?” for some; the Noto fonts "
        "have them (Debian and Ubuntu: fonts-noto-core, and fonts-noto-cjk for Chinese, Japanese and Korean)"
    )


def test_a_font_that_has_the_letters_is_used(monkeypatch):
    monkeypatch.setattr(lettering, "_lacks", lambda path, letter: letter == "ß")
    monkeypatch.setattr(lettering, "_family", lambda letter: "DejaVu Serif")
    ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
    text = ax.text(0, 0, "Straße")
    lettering.settle(ax)
    assert text.get_text() == "Straße"
    assert text.get_fontfamily()[-1] == "DejaVu Serif"


def test_a_family_is_one_that_is_there():
    assert lettering._family("A")
    assert lettering._family("\U0010fffd") is None
