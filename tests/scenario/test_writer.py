import dataclasses
import datetime as dt
import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simlib.errors import ScenarioError
from simlib.files import write_atomically
from simlib.scenario.library import scenarios_folder
from simlib.scenario.loader import load, load_view, load_views
from simlib.scenario.model import Assume, Change, Condition, Forbid, Force, Hold, Pin, Policy, View
from simlib.scenario.views.variation import apply_view
from simlib.scenario.views.view_reader import read_view
from simlib.scenario.writer import save_view

DAY = dt.date(2031, 4, 5)
COMMENTED = """# The valley, by a farmer
format: 1
id: angry
title: "Angry"   # in quotes
because: >-
  folded over
  two lines

interventions:
# not indented
- {pin: mood, level: angry, on: 2031-04-03}   # first
- {forbid: block, from: 2031-05-01}
assumptions:
  # about tractors
  block_rate:   # per month
    value: 3 per month    # more
    because: more tractors
  full_chance: {value: 30%, because: assumed}
"""


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(Path(__file__).parent / "bridge", tmp_path / "bridge"))


@pytest.fixture
def world(folder):
    return load(folder)


# Views


def test_a_new_view_is_read_back_as_it_was(world, folder):
    angry = Condition(((("mood", ("angry",)),),))
    either = Condition(((("mood", ("calm",)), ("bridge", ("open", "narrowed"))), (("bridge", ("blocked",)),)))
    made = View(
        id="mine",
        title="Mine: the third",
        author="me",
        because="a long story\nin two paragraphs, 'quoted' #and marked",
        changes=(
            Change("block_rate", 0.1, because="no: reason", unit="per week"),
            Change("angry_factor", 4.5, 2.0, 9.0, "assumed", ("radio",)),
            Change("mood.start.calm", 0.25, because="assumed"),
        ),
        interventions=(
            Force("block", DAY, "one-lane", "the fair"),
            Pin("mood", "angry", DAY),
            Forbid("block", DAY, "", dt.date(2031, 4, 9), either),
            Policy("block", 0.5, angry, DAY, "a vow", dt.date(2031, 5, 9)),
            Policy("block", 1 / 3),
            Hold("bridge", "blocked", None, "", dt.date(2031, 5, 9)),
            Assume("angry_factor", 0.5, angry, DAY),
            Assume("full_chance", 0.31, date=DAY, unit="%"),
            Assume("block_rate", 1 / 3, unit="per day"),
        ),
        horizon_days=45.5,
        ladder="lanes",
    )
    file = save_view(world, made, folder / "views" / "mine.yaml")
    read = load_view(world, "mine")
    units = {change.assumption: change.unit for change in read.changes}
    assert units == {"block_rate": "per week", "angry_factor": "", "mood.start.calm": "%"}
    assert apply_view(world, read).interventions == made.interventions
    assert [(c.value, c.low, c.high, c.because, c.sources) for c in read.changes] == [
        (c.value, c.low, c.high, c.because, c.sources) for c in made.changes
    ]
    for part in ("id", "title", "author", "because", "horizon_days", "ladder"):
        assert getattr(read, part) == getattr(made, part)
    assert file.read_text(encoding="utf-8").startswith("format: 1\nid: mine\n")


def test_saving_what_is_there_already_changes_no_byte(world, folder):
    for file in [*folder.glob("views/*.yaml")]:
        before = file.read_bytes()
        save_view(world, read_view(before.decode(), world), file)
        assert file.read_bytes() == before


@pytest.mark.slow
def test_the_shipped_views_survive_saving(tmp_path):
    for source in sorted(scenarios_folder().glob("*/scenario.yaml")):
        shipped = load(source)
        for name, view in load_views(shipped).items():
            original = (source.parent / "views" / f"{name}.yaml").read_text(encoding="utf-8")
            copy = tmp_path / "copy.yaml"
            copy.write_text(original, encoding="utf-8")
            save_view(shipped, view, copy)
            assert read_view(copy.read_text(encoding="utf-8"), shipped) == view
            comments = [line.strip() for line in original.splitlines() if line.strip().startswith("#")]
            assert [
                line.strip() for line in copy.read_text(encoding="utf-8").splitlines() if line.strip().startswith("#")
            ] == comments


def test_comments_and_order_are_kept_where_something_changes(world, folder):
    file = folder / "views" / "angry.yaml"
    file.write_text(COMMENTED, encoding="utf-8")
    view = load_view(world, "angry")
    save_view(world, view, file)
    assert file.read_text(encoding="utf-8") == COMMENTED
    changed = dataclasses.replace(
        view,
        changes=(
            dataclasses.replace(view.changes[0], value=4 / 30.4375),
            Change("angry_factor", 4.0, because="assumed"),
        ),
        interventions=(view.interventions[0], Force("block", DAY)),
        horizon_days=30.0,
    )
    save_view(world, changed, file)
    text = file.read_text(encoding="utf-8")
    for kept in (
        "# The valley, by a farmer\nformat: 1\n",
        'title: "Angry"   # in quotes\n',
        "because: >-\n  folded over\n  two lines\n",
        "# not indented\n- {pin: mood, level: angry, on: 2031-04-03}   # first\n- {force: block, on: 2031-04-05}\n",
        "  # about tractors\n  block_rate:   # per month\n",
        "\n    value: 4 per month    # more\n    because: more tractors\n",
    ):
        assert kept in text
    assert text.index("interventions:") < text.index("assumptions:")
    assert "  angry_factor:\n    value: 4\n    because: assumed\n" in text
    assert "full_chance" not in text
    assert "forbid" not in text
    assert load_view(world, "angry").changes[1].value == 4


def test_lists_keep_their_indentation(world, folder):
    file = folder / "views" / "angry-valley.yaml"
    view = load_view(world, "angry-valley")
    save_view(world, dataclasses.replace(view, interventions=view.interventions[1:]), file)
    text = file.read_text(encoding="utf-8")
    assert "\ninterventions:\n  - {forbid: block, from: 2031-05-01}\n  - {pin: mood," in text


def test_what_is_taken_out_of_a_view_leaves_the_file(world, folder):
    file = folder / "views" / "angry-valley.yaml"
    save_view(world, View("angry-valley", "Nothing left"), file)
    assert file.read_text(encoding="utf-8") == "format: 1\nid: angry-valley\ntitle: Nothing left\n"


def test_a_view_without_reasons_says_assumed(world, folder):
    save_view(world, View("v", "V", changes=(Change("angry_factor", 4.0),)), folder / "v.yaml")
    assert "because: assumed" in (folder / "v.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (View("not", "V"), "the name 'not' contains the word 'not'"),
        (View("v", ""), "'title' is missing"),
        (View("v", "V", changes=(Change("angry_factor", -4.0),)), "is not above zero"),
        (View("v", "V", ladder="nowhere"), "unknown ladder 'nowhere'"),
    ],
)
def test_a_view_that_could_not_be_read_back_is_not_written(world, folder, view, words):
    file = folder / "v.yaml"
    with pytest.raises(ScenarioError, match=words):
        save_view(world, view, file)
    assert not file.exists()


def test_a_file_that_is_no_view_is_not_overwritten(world, folder):
    file = folder / "scenario.yaml"
    before = file.read_bytes()
    with pytest.raises(ScenarioError, match="unknown key 'as_of'"):
        save_view(world, View("v", "V"), file)
    assert file.read_bytes() == before


def test_a_repeated_move_is_kept_as_one_entry_until_the_interventions_change(tmp_path):
    file = tmp_path / "market.yaml"
    text = (
        "format: 1\nid: market\ntitle: Market\ninterventions:\n"
        "  - {repeat: block, every: 7 days, from: 2031-04-05, until: 2031-04-20} # weekly\n"
        "  - {delay: block, until: 2031-04-03} # a truce\n"
    )
    file.write_text(text, encoding="utf-8")
    market = read_view(text, BRIDGE)
    assert len(market.interventions) == 4
    save_view(BRIDGE, dataclasses.replace(market, title="Market days"), file)
    assert file.read_text(encoding="utf-8") == text.replace("title: Market", "title: Market days")
    fewer = dataclasses.replace(market, interventions=market.interventions[1:])
    save_view(BRIDGE, fewer, file)
    assert read_view(file.read_text(encoding="utf-8"), BRIDGE).interventions == fewer.interventions


# Files


def test_a_failed_write_leaves_the_old_file_and_no_scrap(tmp_path, monkeypatch):
    file = tmp_path / "file.yaml"
    file.write_text("old", encoding="utf-8")

    def full(handle):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(file, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file.yaml"]
    assert file.read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(os.name == "nt", reason="permissions are of another kind")
def test_permissions_and_links_survive(tmp_path):
    file, link = tmp_path / "file.yaml", tmp_path / "link.yaml"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    link.symlink_to(file)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh.yaml"
    write_atomically(fresh, "new")
    assert stat.S_IMODE(fresh.stat().st_mode) & 0o400


# Any view over any view

BRIDGE = load(Path(__file__).parent / "bridge")
REASONS = st.sampled_from(
    ["assumed", "no: it is", "a # b", "two\nlines", "- dash", "'q' \"d\"", "x" * 300, "{a}", "yes", "3"]
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(Change, st.just(name), st.sampled_from(values), because=REASONS)
        for name, values in {
            "block_rate": [0.1, 1 / 3, 2.0],
            "angry_factor": [2.0, 4.0, 1e-4],
            "full_chance": [0.25, 1 / 3, 1.0],
        }.items()
    },
)
INTERVENTIONS = st.lists(
    st.sampled_from(
        [
            Pin("mood", "angry", dt.date(2031, 4, 3)),
            Forbid("block", dt.date(2031, 5, 1)),
            Force("block", DAY, "one-lane", "the fair, again"),
            Policy("block", 0.5, Condition(((("mood", ("calm", "angry")),), (("bridge", ("open",)),))), DAY),
        ]
    ),
    max_size=4,
)
VIEWS = st.builds(
    lambda changes, interventions, because, horizon: View(
        "angry", "Angry", "", because, tuple(changes.values()), tuple(interventions), horizon
    ),
    CHANGES,
    INTERVENTIONS,
    REASONS,
    st.sampled_from([None, 45.0, 50.5]),
)


def without_units(view: View) -> View:
    changes = sorted(view.changes, key=lambda change: change.assumption)
    return dataclasses.replace(view, changes=tuple(dataclasses.replace(change, unit="") for change in changes))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(VIEWS, min_size=1, max_size=3), st.sampled_from(["", COMMENTED]))
def test_a_view_saved_over_another_is_read_back_as_it_was(views, text):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "view.yaml"
        if text:
            file.write_text(text, encoding="utf-8")
        for view in views:
            save_view(BRIDGE, view, file)
            assert without_units(read_view(file.read_text(encoding="utf-8"), BRIDGE)) == without_units(view)
        if text:
            assert file.read_text(encoding="utf-8").startswith("# The valley, by a farmer\nformat: 1\nid: angry\n")
