"""What is kept: drafts, views in YAML, figures, data, a paragraph."""

from __future__ import annotations

import datetime as dt
import io
import json

import pandas as pd
import pytest
from PIL import Image

import simlib
from simlib.errors import ScenarioError
from simlib.formatting import percent
from simlib.results import ONGOING
from simlib.scenario.loader import load_views
from simlib.scenario.model import Force
from simlib.widgets.explorer import autosave
from simlib.widgets.explorer import saving as keeping
from simlib.widgets.explorer.answer_cache import AnswerCache
from simlib.widgets.explorer.autosave import Drafts, find_settings, folder, keep_settings
from simlib.widgets.explorer.settings import Settings
from simlib.widgets.explorer.state import State
from simlib.widgets.explorer.view_comparison import compare_views

DAY = dt.date(2031, 4, 9)


def everything(state):
    state.choose_view("hasty")
    state.set_value("closing", 0.2)
    state.switch("sign", on=False)
    state.intervene(Force("meet", DAY, "accepted", because="a promise"))
    state.change(state.settings.replace(horizon_days=40.0))
    return state


def test_a_saved_view_gives_back_the_world_that_was_set(state, bridge):
    everything(state)
    view = keeping.view_of(
        state,
        "My own view!",
        author="A. Nalyst",
        because="for the record",
        reasons={"closing": "seen twice", "sign": ""},
    )
    path = keeping.save(state, view)
    assert path == bridge / "views" / "my-own-view.yaml"
    again = State(bridge, view="my-own-view")
    values = {name: a.value for name, a in again.scenario().assumptions.items()}
    assert values == pytest.approx({name: a.value for name, a in state.scenario().assumptions.items()})
    assert sorted(map(str, again.scenario().interventions)) == sorted(map(str, state.scenario().interventions))
    assert again.scenario().horizon_days == 40
    saved = load_views(again.base)["my-own-view"]
    reasons = {change.assumption: change.because for change in saved.changes}
    assert reasons == {"meeting": "the council meets in April", "closing": "seen twice"}
    assert [item.because for item in saved.interventions] == ["the police are elsewhere", "a promise", "assumed"]
    assert (saved.author, saved.because) == ("A. Nalyst", "for the record")


def test_a_view_is_not_overwritten_unless_that_is_allowed(state):
    state.set_value("closing", 0.1)
    view = keeping.view_of(state, "Mine")
    keeping.save(state, view)
    with pytest.raises(ScenarioError, match="is there already"):
        keeping.save(state, view)
    state.set_value("closing", 0.12)
    keeping.save(state, keeping.view_of(state, "Mine"), overwrite=True)
    assert state.views["mine"].changes[0].value == 0.12


@pytest.mark.parametrize(
    ("title", "name"),
    [("My view, hawkish", "my-view-hawkish"), ("2nd or not", "view-2nd"), ("Über alles", "ber-alles")],
)
def test_a_title_becomes_an_id(title, name):
    assert keeping.view_id(title) == name


def test_views_that_cannot_be_are_refused_in_words(state):
    with pytest.raises(ScenarioError, match="a view needs a title"):
        keeping.view_of(state, " ")
    state.change(state.settings.replace(as_of=DAY))
    with pytest.raises(ScenarioError, match="cannot change the start date"):
        keeping.view_of(state, "Later")


def test_a_world_without_a_folder_and_a_folder_that_cannot_be_written_are_refused(state, bridge):
    view = keeping.view_of(state, "Mine")
    (bridge / "views" / "mine.yaml").mkdir()
    with pytest.raises(ScenarioError, match=r"cannot be (written|read)"):
        keeping.save(state, view, overwrite=True)
    state.base = state.base.replace(path="")
    with pytest.raises(ScenarioError, match="was not read from a folder"):
        keeping.save(state, view)


def test_the_table_holds_the_whole_answer(state):
    forecast = simlib.solve(state.base, times=4)
    table = keeping.table(forecast)
    assert list(table.columns) == ["what", "name", "part", "label", "day", "by", "value", "low", "high"]
    again = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    row = again[(again.what == "endings") & (again.name == "agreement") & (again.day == 60)].iloc[0]
    assert row["value"] == forecast.endings["agreement"].probability[-1]
    assert set(table.what) == {"endings", "levels", "rungs", "moves"}


def test_the_paragraph_says_what_when_how_and_from_where(state):
    everything(state)
    forecast = simlib.solve(state.scenario())
    text = keeping.paragraph(state, forecast, forecast, "By then: 7%.")
    for words in (
        "view 'Everybody is in a hurry'",
        "as of 1 April 2031",
        "A lane is closed: every 20 days → every 5 days",
        "“Sign an agreement” forbidden",
        "By then: 7%.",
        "solved exactly over 8 states",
        state.scenario().sha256[:16],
        "the real outcome may lie outside the model",
    ):
        assert words in text
    sampled = keeping.paragraph(state, simlib.simulate(state.base, runs=300, seed=4), None, "So.")
    assert "from 300 replicates, seed 4" in sampled


@pytest.mark.slow
@pytest.mark.parametrize("kind", keeping.FIGURE_FORMATS)
def test_figures_are_exported_whole(state, kind):
    forecast = simlib.solve(state.base)
    payload = keeping.figure_bytes(forecast, forecast, kind, width=900, show=None, ladder="lanes")
    if kind == "png":
        assert Image.open(io.BytesIO(payload)).width == 1800
    else:
        assert payload[:5] in (b"<?xml", b"%PDF-")


def test_an_export_never_replaces_another(tmp_path):
    paths = [keeping.export(tmp_path / "out", "a", "txt", str(k).encode()) for k in range(3)]
    assert [path.name for path in paths] == ["a.txt", "a-2.txt", "a-3.txt"]
    assert [path.read_text() for path in paths] == ["0", "1", "2"]


def test_a_draft_comes_back_and_goes_when_nothing_is_set(state, bridge):
    drafts = Drafts.of(state.base)
    everything(state)
    keep_settings(drafts, state, {"closing": "seen"})
    found = find_settings(Drafts.of(State(bridge).base), State(bridge))
    assert found.settings == state.settings
    assert found.reasons == {"closing": "seen"}
    assert abs(dt.datetime.now(dt.UTC) - found.saved_at) < dt.timedelta(minutes=5)
    assert find_settings(drafts, State(bridge)) is None, "it is this session's own"
    state.change(Settings(view="hasty"))
    keep_settings(drafts, state, {})
    assert find_settings(Drafts.of(State(bridge).base), State(bridge)) is None


BROKEN = [
    "",
    "[]",
    "{",
    '{"saved_at": "soon"}',
    '{"saved_at": "2031-04-01", "settings": {"view": 3}}',
    '{"saved_at": "2031-04-01", "settings": {"values": 3}}',
    '{"saved_at": "2031-04-01", "settings": 3}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_draft_that_is_none_is_ignored(state, text):
    broken = Drafts.of(state.base).path
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text(text)
    assert find_settings(Drafts.of(state.base), state) is None


def test_the_drafts_of_the_last_sessions_are_kept(state):
    for number in range(8):
        Drafts.of(state.base).keep({"number": number})
    reader, found = Drafts.of(state.base), []
    while (draft := reader.find()) is not None:
        found.append(draft["number"])
        reader.drop(draft)
    assert found == [7, 6, 5, 4, 3]


def test_two_kernels_that_write_at_the_same_moment_both_keep_their_drafts(state, monkeypatch):
    mine, theirs, write = Drafts.of(state.base), Drafts.of(state.base), autosave.write_atomically

    def meanwhile(*arguments):
        monkeypatch.setattr(autosave, "write_atomically", write)
        theirs.keep({"number": 2})
        write(*arguments)

    monkeypatch.setattr(autosave, "write_atomically", meanwhile)
    mine.keep({"number": 1})
    assert sorted(draft["number"] for draft in Drafts.of(state.base).others()) == [1, 2]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(view="gone"),
        Settings(values={"gone": 1.0}),
        Settings(off=("gone",)),
        Settings(ladder="gone"),
        Settings(interventions=(Force("gone", DAY),)),
    ],
)
def test_a_draft_that_no_longer_fits_its_world_is_ignored(state, settings):
    Drafts.of(state.base).keep({"settings": settings.to_dict()})
    assert find_settings(Drafts.of(state.base), state) is None


def test_an_older_draft_is_found_where_later_ones_do_not_fit(state, bridge):
    state.change(Settings(values={"closing": 0.2}))
    keep_settings(Drafts.of(state.base), state, {})
    for settings in ({"view": "gone"}, {"view": 3}):
        Drafts.of(state.base).keep({"settings": settings})
    found = find_settings(Drafts.of(state.base), State(bridge))
    assert found.settings == state.settings
    assert find_settings(Drafts.of(state.base), state) is None, "it equals the present settings"


def test_two_worlds_have_two_drafts(tmp_path):
    assert Drafts("a/world").path.parent != Drafts("b/world").path.parent == Drafts("b/world").path.parent
    assert Drafts("a/world").path.parent.parent == folder() / "drafts"


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_breaks(tmp_path):
    (tmp_path / "file").write_text("")
    drafts = Drafts("x", tmp_path / "file")
    drafts.keep({"a": 1})
    assert drafts.find() is None
    drafts.drop()


def test_a_draft_is_plain_json(state):
    drafts = Drafts.of(state.base)
    state.set_value("closing", 0.2)
    keep_settings(drafts, state, {})
    assert json.loads(drafts.path.read_text())["settings"]["values"] == {"closing": 0.2}


def test_views_are_compared_in_assumptions_with_reasons_and_in_answers(state):
    state.set_value("pressure", 5.0)
    found = compare_views(AnswerCache(state), ["", "hasty"])
    assert set(found.answers) == {"as in the file", "Everybody is in a hurry", "as set now"}
    hasty = simlib.solve(simlib.load(state.base.path, view="hasty"))
    assert found.answers["Everybody is in a hurry"].endings[ONGOING].probability[-1] == pytest.approx(
        hasty.endings[ONGOING].probability[-1]
    )
    rows = {row[0]: row[1:] for row in found.change_rows()}
    assert rows["Talks are offered"] == [
        "1 per month",
        "2 per month",
        "1 per month",
        "Everybody is in a hurry: the council meets in April",
    ]
    assert rows["How much a full blockade hastens talks"][:3] == ["×3", "×3", "×5"]
    assert rows["“Clear the bridge by force” forbidden"] == ["no", "yes", "no", "the police are elsewhere"]
    answers = {row[0]: row[1:] for row in found.answer_rows()}
    assert answers["An agreement is signed"][1].endswith(")")
    assert "(up " in answers["An agreement is signed"][1]


def test_a_comparison_starts_from_the_question_that_leads_and_is_ordered_by_it(state):
    state.set_value("pressure", 5.0)
    for lead in ("ending:cleared", "ending:agreement"):
        state.change(state.settings.replace(lead=lead))
        found = compare_views(AnswerCache(state), ["", "hasty"])
        first = next(iter(found.answer_rows()))
        assert first[0] == state.lead.label
        ends = [float(each.endings[state.lead.of].probability[-1]) for each in found.answers.values()]
        assert next(iter(found.answers)) == "as in the file"
        assert ends[1:] == sorted(ends[1:], reverse=True)
        assert found.words().startswith(f"{state.lead.label} by 30 May 2031: {percent(ends[0])} as in the file; ")
        assert len(list(found.answer_rows())) == len(found.answers["as set now"].endings)


def test_settings_that_are_those_of_a_view_are_not_compared_twice(state):
    assert list(compare_views(AnswerCache(state), ["", "hasty"]).answers) == [
        "as in the file",
        "Everybody is in a hurry",
    ]
    assert not compare_views(AnswerCache(state), [""]).changes
