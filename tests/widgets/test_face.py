"""One import for notebooks, which loads no widget until one is asked for; and the place of what is stored."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import ipywidgets as w
import pytest

from simlib import widgets
from simlib.widgets.explorer.autosave import folder
from simlib.widgets.questions import catalogue


def test_the_face_is_explorer_editor_and_every_question():
    others = {"Editor", "Explorer", "GuessFirst", "Lesson", "UpdateWithEvents"}
    assert {*widgets.__all__} == others | {*catalogue.__all__}
    assert dir(widgets) == widgets.__all__
    assert all(callable(getattr(widgets, name)) for name in widgets.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Oracle'"):
        _ = widgets.Oracle


def test_the_face_loads_no_widget_until_one_is_asked_for():
    code = "import sys, simlib.widgets; sys.exit('ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_module_has_a_widget_that_a_page_opened_again_does_not_know():
    names = [module.name for module in pkgutil.walk_packages(widgets.__path__, "simlib.widgets.")]
    modules = [importlib.import_module(name) for name in names]
    found = [(m.__name__, name) for m in modules for name, value in vars(m).items() if isinstance(value, w.Widget)]
    assert len(modules) > 30
    assert found == []


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_what_is_stored_stays_where_it_was(monkeypatch, tmp_path):
    monkeypatch.delenv("SIMLIB_STATE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert folder() == tmp_path / ".local" / "state" / "simlib"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    assert folder() == tmp_path / "elsewhere" / "simlib"
