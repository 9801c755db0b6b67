"""Boxes on sliders: the answer at the point is that of the engines, and what is said about it holds."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import simlib
from simlib.analysis.discovery.boxes import compact_data, middle
from simlib.analysis.discovery.scenario_discovery import discover
from simlib.errors import ScenarioError, TooManyStates
from simlib.plots.box_charts import BoxBoard
from simlib.scenario.loader import load
from simlib.scenario.views.variation import with_values
from simlib.widgets.explorer import answer_cache as answering
from simlib.widgets.explorer import glances
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.questions import box_session as boxes
from simlib.widgets.questions import shown_answers as keeping
from simlib.widgets.questions.box_session import BoxSession, choices
from simlib.widgets.questions.panel import UnderWhichAssumptions

MEASURE = "ending:agreement"


class Seen:
    """A front that remembers."""

    def __init__(self):
        self.pictures, self.sentences, self.lines, self.settings = [], [], [], 0

    def show(self, png, sentence, line):
        self.pictures.append(png)
        self.sentences.append("".join(part["text"] for part in sentence))
        self.lines.append(line)

    def show_line(self, line):
        self.lines.append(line)

    def show_settings(self):
        self.settings += 1


@pytest.fixture
def found(bridge):
    return discover(load(bridge), MEASURE, engine="exact", draws=256)


@pytest.fixture
def point(found):
    made = BoxSession(found, Seen())
    yield made
    made.close()


@pytest.fixture
def started(point):
    point.start()
    assert point.wait(60)
    return point


def exactly(found, values):
    return float(simlib.solve(with_values(found.scenario, dict(values))).endings["agreement"].probability[-1])


def told(point):
    return float(re.search(r"2031: (?:about )?([\d.]+)%", point.front.sentences[-1]).group(1)) / 100


@pytest.mark.slow
def test_the_point_starts_in_the_middle_of_the_box_beside_the_stated_values(found, started):
    here = middle(found.scenario, found.boxes[0])
    assert {name: started.state.value(name) for name in here} == here
    expected, stated = exactly(found, here), exactly(found, {})
    words = started.front.sentences[-1]
    assert told(started) == pytest.approx(expected, abs=6e-4)
    assert f"At the stated values: {100 * stated:.1f}% (here up {100 * (expected - stated):.1f} points)" in words
    assert "The point lies inside box 1" in words
    assert started.front.lines[-1]["text"].startswith("exact, ")
    assert started.front.pictures[-1].startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_slider_moves_the_point_and_the_answer(found, started):
    bound = found.boxes[0].bounds[0]
    assert bound.low is not None
    slider, before = started.sliders[bound.assumption], started.front.pictures[-1]
    started.move(bound.assumption, 0)
    assert started.wait(60)
    values = middle(found.scenario, found.boxes[0]) | {bound.assumption: float(slider.grid[0])}
    assert told(started) == pytest.approx(exactly(found, values), abs=6e-4)
    assert "outside box 1" in started.front.sentences[-1]
    assert "the point is below it" in started.note(bound.assumption)
    assert started.front.pictures[-1] != before
    place = started._board.artists[0].get_offsets()[0]
    assert float(slider.grid[0]) == pytest.approx(place[boxes.axes_of(found, found.boxes[0]).index(bound.assumption)])


@pytest.mark.slow
def test_a_world_that_takes_a_while_shows_a_preview_and_then_the_answer(found, point, monkeypatch):
    monkeypatch.setattr(glances, "QUICK_SECONDS", -1.0)
    point.start()
    assert point.wait(60)
    name = found.boxes[0].bounds[0].assumption
    point.move(name, 90)
    assert point.front.lines[-1]["kind"] == "preview"
    preview = told(point)
    assert "about" in point.front.sentences[-1]
    assert point.wait(60)
    assert point.front.lines[-1]["kind"] == ""
    assert told(point) == pytest.approx(exactly(found, point.state.settings.values), abs=6e-4)
    assert preview == pytest.approx(told(point), abs=0.05)


@pytest.mark.slow
def test_a_world_too_large_to_enumerate_is_told_with_its_error(found, monkeypatch):
    def refuse(*_, **__):
        raise TooManyStates(10**7, 10**6, complete=False)

    monkeypatch.setattr("simlib.engines.exact.forecast.Solver", refuse)
    monkeypatch.setattr(answering, "RESTING_RUNS", 4000)
    point = BoxSession(found, Seen())
    point.start()
    assert point.wait(60)
    value, half = (float(x) for x in re.search(r"([\d.]+)% ± ([\d.]+) points", point.front.sentences[-1]).groups())
    assert half == pytest.approx(1.96 * np.sqrt(value * (100 - value) / 4000), rel=0.1)
    assert point.front.sentences[-1].count("±") == 2
    assert "4,000 replicates" in point.front.lines[-1]["text"]
    point.move(found.boxes[0].bounds[0].assumption, 40)
    assert point.front.lines[-1]["kind"] == "preview"
    assert point.wait(60)
    point.close()


def test_the_box_stands_under_its_slider(found, point):
    for bound in found.boxes[0].bounds:
        slider, (low, high) = point.sliders[bound.assumption], point.stretch(bound.assumption)
        inside = [
            k
            for k, value in enumerate(slider.grid)
            if (bound.low is None or value >= bound.low) and (bound.high is None or value <= bound.high)
        ]
        assert inside == [k for k in range(101) if low <= k <= high]
        assert 0 < len(inside) < 101


def test_what_the_box_does_not_bound_says_so(found, point):
    free = next(name for name in found.scenario.assumptions if name not in {b.assumption for b in point.box.bounds})
    assert point.note(free).startswith("Not bounded by the box · 90% range ")


@pytest.mark.slow
def test_boxes_of_the_peeling_can_be_chosen(found, started):
    step = next(choice for choice in started.choices if "peels" in choice.name)
    assert step.box in found.trajectory
    densities = [choice.box.density for choice in started.choices if "peels" in choice.name]
    assert np.all(np.diff([found.base_rate, *densities]) >= boxes.APART)
    started.choose(step.name)
    assert started.wait(60)
    assert f"inside {step.name}" in started.front.sentences[-1]
    assert dict(started.state.settings.values) == middle(found.scenario, step.box)


@pytest.mark.slow
def test_back_to_the_stated_values_and_to_the_middle(found, started):
    started.to_stated()
    assert started.wait(60)
    assert started.state.settings == Settings()
    assert "(here the same)" in started.front.sentences[-1]
    started.to_middle()
    assert started.wait(60)
    assert dict(started.state.settings.values) == middle(found.scenario, found.boxes[0])


@pytest.mark.slow
def test_the_stated_answer_outlives_many_moves(found, started):
    name = found.boxes[0].bounds[0].assumption
    for position in range(answering.ANSWERS_KEPT + 6):
        started.move(name, position)
    assert started.wait(60)
    assert f"{100 * exactly(found, {}):.1f}% (" in started.front.sentences[-1]


@pytest.mark.slow
def test_what_cannot_be_read_is_refused_and_the_last_answer_stays(found, started):
    before = started.state.settings
    name = found.boxes[0].bounds[0].assumption
    for take_back in (lambda: started.reset(name), started.to_middle, lambda: started.move(name, 40)):
        started.type_value(name, "soon")
        assert started.state.settings == before
        assert started.refused[name]["text"] == "soon"
        assert "'soon' is not a quantity" in started.refused[name]["why"]
        take_back()
        assert started.refused == {}
        before = started.state.settings


@pytest.mark.slow
def test_a_point_is_saved_as_a_view_that_answers_the_same(bridge, found, started):
    words = started.save("Talks come early")
    assert "simlib run " in words
    assert "--view talks-come-early" in words
    path = bridge / "views" / "talks-come-early.yaml"
    assert str(path) in words
    assert "inside box 1 for “An agreement is signed”" in path.read_text(encoding="utf-8")
    seen = simlib.solve(simlib.load(bridge, view="talks-come-early")).endings["agreement"].probability[-1]
    assert seen == pytest.approx(exactly(found, middle(found.scenario, found.boxes[0])), abs=1e-4)
    with pytest.raises(ScenarioError, match="is there already"):
        started.save("Talks come early")
    started.to_stated()
    with pytest.raises(ScenarioError, match="changes nothing"):
        started.save("Nothing")


@pytest.mark.slow
def test_a_view_that_would_leave_changes_out_is_refused(bridge):
    changed = with_values(load(bridge), {"closing": 0.5})
    point = BoxSession(discover(changed, MEASURE, engine="exact", draws=128), Seen())
    point.start()
    assert point.wait(60)
    with pytest.raises(ScenarioError, match="would leave those changes out"):
        point.save("Mine")
    point.close()


@pytest.mark.slow
def test_the_point_is_drawn_where_it_is(found):
    board = BoxBoard(found, found.boxes[0], 880, 560)
    values = {name: a.value for name, a in found.scenario.assumptions.items()} | middle(found.scenario, found.boxes[0])
    board.move(values, 0.4)
    across, up = boxes.axes_of(found, found.boxes[0])
    point, answer = board.artists
    assert tuple(point.get_offsets()[0]) == pytest.approx((values[across], values[up]))
    assert answer.get_offsets()[0][1] == pytest.approx(0.4)
    board.move(values | {across: 1e9}, 1.0)
    assert point.get_offsets()[0][0] == pytest.approx(point.axes.get_xlim()[1])
    assert answer.get_offsets()[0][1] == pytest.approx(answer.axes.get_ylim()[1])


# -------------------------------------------------------------------- the panel


@pytest.fixture
def panel(bridge, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "notebooks_folder", lambda: tmp_path / "notebooks")

    def ask():
        made = UnderWhichAssumptions(bridge, measure=MEASURE, draws=128, runs=200)
        assert made.wait(60)
        return made

    return ask


@pytest.mark.slow
def test_a_panel_puts_its_boxes_on_sliders_again_from_what_was_kept(panel):
    (first,) = panel().after.children
    again = panel()
    assert again.picture.status["text"].startswith("Stored answer")
    (within,) = again.after.children
    assert within.session.wait(60)
    assert [choice.box for choice in within.session.choices] == [choice.box for choice in first.session.choices]
    assert set(within.sliders.positions) == set(within.session.sliders)
    assert "inside box 1" in "".join(part["text"] for part in within.answer.sentence)
    assert bytes(again.picture.png) != again.inquiry.answer.png
    name = within.session.box.bounds[0].assumption
    within.sliders.actions = [{"what": "move", "id": name, "position": 0, "page": "a", "n": 1}]
    assert within.session.wait(60)
    assert "outside box 1" in "".join(part["text"] for part in within.answer.sentence)
    within.sliders.actions = [{"what": "type", "id": name, "text": "soon", "page": "a", "n": 2}]
    assert within.sliders.refused[name]["text"] == "soon"
    within.to_middle.click()
    within.title.value = "Early"
    within.save.click()
    assert "--view early" in within.report.value


@pytest.mark.slow
def test_another_answer_takes_the_sliders_away_from_the_one_before(panel):
    made = panel()
    (old,) = made.after.children
    made.inputs["draws"].value = 200
    made.compute.click()
    assert made.wait(60)
    (new,) = made.after.children
    assert new is not old
    before = bytes(made.picture.png)
    old.show(b"old", [], {"kind": ""})
    assert bytes(made.picture.png) == before


@pytest.mark.slow
def test_boxes_that_cannot_be_drawn_again_leave_their_answer(found, panel):
    made = panel()
    file = keeping.answer_folders()[1] / made.question.key(made.question.chosen)
    data = json.loads(file.read_text(encoding="utf-8"))
    data["more"]["last_draw"][0] *= 2
    file.write_text(json.dumps(data), encoding="utf-8")
    again = panel()
    assert "another version of SciPy" in again.after.children[0].children[0].value
    assert again.inquiry.answer.sentences


@pytest.mark.slow
def test_choices_leave_out_the_steps_without_a_bound(found):
    assert all(choice.box.bounds for choice in choices(found))
    assert compact_data(found, bounds=2)["trajectory"]
