"""Writing a world: checked at every text, worked out when the hand rests."""

from __future__ import annotations

import pytest

import simlib
from simlib.errors import ScenarioError, TooManyStates
from simlib.widgets.editor import session as writing
from simlib.widgets.editor.session import TEMPLATE, Desk, check, work_out


@pytest.fixture
def shown():
    return []


@pytest.fixture
def desk(shown, monkeypatch):
    monkeypatch.setattr(writing, "PAUSE", 0.01)
    made = Desk(None, shown.append)
    made.start()
    yield made
    made.worker.close()


def test_the_template_is_a_world_without_problems_or_warnings(desk, shown):
    assert desk.reading.problems == ()
    assert [str(finding) for finding in desk.reading.findings] == []
    assert desk.reading.summary() == "this is a world (exact, 8 states)"
    assert len(shown) == 2


def test_every_problem_is_told_with_its_line():
    text = (
        TEMPLATE.read_text(encoding="utf-8")
        .replace("start: partial", "start: partly")
        .replace("value: 60%", "value: 160%")
    )
    reading = check(text)
    lines = {problem.line: problem.what for problem in reading.problems}
    assert "'blockade' has no level 'partly'" in " ".join(lines.values())
    assert all("blockade" in text.splitlines()[line - 1] or "160%" in text.splitlines()[line - 1] for line in lines)
    assert reading.summary().startswith(f"{len(reading.problems)} problem")


def test_a_broken_text_keeps_the_last_world(desk, shown):
    desk.write(desk.text.replace("format: 1", "format: 1: 2"))
    assert desk.reading.scenario is None
    assert desk.reading.problems
    desk.write(desk.saved_text)
    assert desk.worker.wait(30)
    assert desk.reading.forecast is not None
    assert desk.reading.problems == ()


def test_what_a_text_implies_is_what_the_library_solves(desk):
    desk.write(desk.text.replace("every 20 days", "every 10 days"))
    assert desk.worker.wait(30)
    expected = simlib.solve(desk.reading.scenario)
    found = desk.reading.forecast
    assert found.endings["agreement"].probability[-1] == expected.endings["agreement"].probability[-1]


def test_only_the_last_text_is_worked_out(desk, shown):
    for days in range(10, 20):
        desk.write(desk.saved_text.replace("every 20 days", f"every {days} days"))
    assert desk.worker.wait(30)
    worked_out = [reading for reading in shown[2:] if reading.forecast is not None]
    assert worked_out[-1].text == desk.text
    assert "every 19 days" in desk.text


def test_the_second_reading_is_told(desk):
    desk.write(
        desk.text.replace(
            "closing: {label", "spare: {label: Nobody uses this, value: 2, because: assumed}\n  closing: {label"
        )
    )
    assert desk.worker.wait(30)
    assert any("spare" in str(finding) for finding in desk.reading.findings)


def test_a_large_world_is_sampled(monkeypatch):
    def refuse(*_, **__):
        raise TooManyStates(10**9, 10**6, complete=False)

    monkeypatch.setattr("simlib.engines.exact.forecast.solve", refuse)
    reading = work_out(check(TEMPLATE.read_text(encoding="utf-8")))
    assert reading.forecast.engine == "montecarlo"
    assert "4,000 replicates" in reading.summary()


def test_what_cannot_be_computed_is_said(monkeypatch):
    def refuse(*_, **__):
        raise ScenarioError([])

    monkeypatch.setattr("simlib.analysis.lint.rules.lint", refuse)
    reading = work_out(check(TEMPLATE.read_text(encoding="utf-8")))
    assert reading.forecast is None
    assert reading.scenario is not None


def test_nothing_typed_is_lost(desk):
    desk.write("format: 1\nid: half-wri")
    desk.worker.close()
    again = Desk(None, lambda reading: None)
    assert again.draft == "format: 1\nid: half-wri"
    assert again.text == again.saved_text
    assert again.restore() == "format: 1\nid: half-wri"
    assert again.text == "format: 1\nid: half-wri"
    again.write(again.saved_text)
    assert Desk(None, lambda reading: None).draft == ""


def test_a_text_is_saved_in_a_folder_of_its_own_and_then_in_its_file(desk, tmp_path):
    with pytest.raises(ScenarioError, match="no folder was given"):
        desk.save()
    desk.write(desk.text.replace("id: bridge", "id: ferry"))
    path = desk.save(str(tmp_path / "ferry"))
    assert path == tmp_path / "ferry" / "scenario.yaml"
    assert simlib.load(tmp_path / "ferry").id == "ferry"
    desk.write(desk.text.replace("valley bridge", "valley ferry"))
    assert desk.save() == path
    assert "valley ferry" in path.read_text()
    assert desk.drafts.find() is None


def test_another_world_is_not_overwritten(desk, bridge):
    with pytest.raises(ScenarioError, match="there is a world already"):
        desk.save(str(bridge))


def test_a_world_of_ones_own_is_opened_and_saved_in_place(bridge):
    desk = Desk(bridge, lambda reading: None)
    desk.start()
    desk.write(desk.text + "\n# a remark\n")
    assert desk.save() == bridge / "scenario.yaml"
    assert (bridge / "scenario.yaml").read_text().endswith("# a remark\n")
    desk.worker.close()
