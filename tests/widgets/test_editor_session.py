"""Writing a world: reading at every text, worked out when the hand rests."""

from __future__ import annotations

import pytest

import simlib
from simlib.errors import ScenarioError, TooManyStates, Unsupported
from simlib.widgets.editor import session as writing
from simlib.widgets.editor.session import DRAFT, TEMPLATE, EditorSession, check, complete


@pytest.fixture
def shown():
    return []


@pytest.fixture
def session(shown, monkeypatch):
    monkeypatch.setattr(writing, "TYPING_PAUSE", 0.01)
    made = EditorSession(None, shown.append)
    made.start()
    yield made
    made.worker.close()


def test_the_template_is_a_world_without_problems_or_warnings(session, shown):
    assert session.reading.problems == ()
    assert [str(finding) for finding in session.reading.findings] == []
    assert session.reading.summary() == "valid scenario (exact, 8 states)"
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
    assert all("partly" in text.splitlines()[line - 1] or "160%" in text.splitlines()[line - 1] for line in lines)
    assert reading.summary().startswith(f"{len(reading.problems)} problem")


def test_a_broken_text_keeps_the_last_world(session, shown):
    session.write(session.text.replace("format: 1", "format: 1: 2"))
    assert session.reading.scenario is None
    assert session.reading.problems
    session.write(session.saved_text)
    assert session.worker.wait(30)
    assert session.reading.forecast is not None
    assert session.reading.problems == ()


def test_what_a_text_implies_is_what_the_library_solves(session):
    session.write(session.text.replace("every 20 days", "every 10 days"))
    assert session.worker.wait(30)
    expected = simlib.solve(session.reading.scenario)
    found = session.reading.forecast
    assert found.endings["agreement"].probability[-1] == expected.endings["agreement"].probability[-1]


def test_only_the_last_text_is_worked_out(session, shown):
    for days in range(10, 20):
        session.write(session.saved_text.replace("every 20 days", f"every {days} days"))
    assert session.worker.wait(30)
    worked_out = [reading for reading in shown[2:] if reading.forecast is not None]
    assert worked_out[-1].text == session.text
    assert "every 19 days" in session.text


def test_the_second_checked_is_told(session):
    session.write(
        session.text.replace(
            "  closing:\n", "  spare: {label: Nobody uses this, value: 2, because: assumed}\n  closing:\n"
        )
    )
    assert session.worker.wait(30)
    assert any("spare" in str(finding) for finding in session.reading.findings)


@pytest.mark.parametrize("error", [TooManyStates(10**9, 10**6, complete=False), Unsupported("too many to number")])
def test_a_large_world_is_sampled(error, monkeypatch):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("simlib.engines.exact.forecast.solve", refuse)
    reading = complete(check(TEMPLATE.read_text(encoding="utf-8")))
    assert reading.forecast.engine == "montecarlo"
    assert "4,000 replicates" in reading.summary()


def test_what_cannot_be_computed_is_said(monkeypatch):
    def refuse(*_, **__):
        raise ScenarioError([])

    monkeypatch.setattr("simlib.analysis.lint.rules.lint", refuse)
    reading = complete(check(TEMPLATE.read_text(encoding="utf-8")))
    assert reading.forecast is None
    assert reading.scenario is not None


def test_nothing_typed_is_lost(session):
    session.write("format: 1\nid: half-wri")
    session.worker.close()
    again = EditorSession(None, lambda reading: None)
    assert again.draft == "format: 1\nid: half-wri"
    assert again.text == again.saved_text
    assert again.restore() == "format: 1\nid: half-wri"
    assert again.text == "format: 1\nid: half-wri"
    again.write(again.saved_text)
    assert EditorSession(None, lambda reading: None).draft == ""


def test_a_text_is_saved_in_a_folder_of_its_own_and_then_in_its_file(session, tmp_path):
    with pytest.raises(ScenarioError, match="no folder was given"):
        session.save()
    session.write(session.text.replace("id: bridge", "id: ferry"))
    path = session.save(str(tmp_path / "ferry"))
    assert path == tmp_path / "ferry" / "scenario.yaml"
    assert simlib.load(tmp_path / "ferry").id == "ferry"
    session.write(session.text.replace("valley bridge", "valley ferry"))
    assert session.save() == path
    assert "valley ferry" in path.read_text()
    assert session.drafts.find() is None


def test_another_world_is_not_overwritten(session, bridge):
    with pytest.raises(ScenarioError, match="there is a scenario already"):
        session.save(str(bridge))


def test_a_world_of_ones_own_is_opened_and_saved_in_place(bridge):
    session = EditorSession(bridge, lambda reading: None)
    session.start()
    session.write(session.text + "\n# a remark\n")
    assert session.save() == bridge / "scenario.yaml"
    assert (bridge / "scenario.yaml").read_text().endswith("# a remark\n")
    session.worker.close()


def test_the_template_is_in_block_style_with_short_lines():
    text = TEMPLATE.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) < 80
    assert max(line.count("{") for line in text.splitlines()) <= 1


def test_an_open_bracket_is_told_at_its_line():
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines, 1) if "levels: [none" in line)
    lines[at - 1] = lines[at - 1].replace("]", "")
    problems = check("\n".join(lines)).problems
    assert [problem.line for problem in problems] == [at]
    assert f"a bracket that is not closed, or a comma that is missing, before line {at + 1}" in problems[0].what


def test_a_faulty_text_is_saved_as_a_draft_and_the_scenario_stays(session, tmp_path):
    path = session.save(str(tmp_path / "ours"))
    good = path.read_text()
    session.write(session.text.replace("start: partial", "start: partly"))
    draft = session.save()
    assert draft == tmp_path / "ours" / DRAFT
    assert "partly" in draft.read_text()
    assert path.read_text() == good
    assert session.drafts.find() is None
    assert EditorSession(path.parent, lambda reading: None).draft == session.text, "offered again"
    session.write(good + "# mended\n")
    assert session.save() == path
    assert not draft.exists()
