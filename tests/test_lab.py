"""The way in: `lab.py` at the top installs and starts, `simlib lab` opens JupyterLab from anywhere."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import simlib
from simlib import _jupyter
from simlib._jupyter import lab
from simlib._jupyter import save_hook as saving
from simlib.scenario import library as shipped
from simlib.widgets.kit import shown_pictures

HOME = Path(simlib.__file__).resolve().parents[1]


@pytest.fixture
def start(tmp_path, monkeypatch):
    """`lab.py` as a module, at work in a copy of the house that has nothing but what it reads; notes its commands."""
    spec = importlib.util.spec_from_file_location("start", HOME / "lab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((HOME / name).read_bytes())
    module.commands, module.failing = [], []

    def succeeds(*command):
        line = " ".join(str(word) for word in command)
        module.commands.append(line)
        if "-m venv" in line:
            module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
            module.PYTHON.touch()
        return not any(words in line for words in module.failing) and (command[0] != module.PYTHON or python_is_there())

    def python_is_there():
        return module.PYTHON.exists()

    monkeypatch.setattr(module, "succeeds", succeeds)
    monkeypatch.setattr(module, "HERE", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "simlib-installed")
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    return module


def installs(start):
    return [line for line in start.commands if " install " in line]


def test_lab_py_is_short_and_needs_nothing_but_python():
    source = (HOME / "lab.py").read_text()
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert len(source.splitlines()) < 100
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


def test_the_first_time_it_installs_with_the_tested_versions(start):
    start.install({"notebooks"})
    assert len(installs(start)) == 1
    assert installs(start)[0].endswith("-c constraints.txt -e .[notebooks]")


def test_the_second_time_it_is_idle(start):
    start.install({"notebooks"})
    start.commands.clear()
    start.install({"notebooks"})
    assert start.commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_it_installs_again_when_what_is_asked_for_changes(start, name):
    start.install({"notebooks"})
    start.commands.clear()
    (start.HERE / name).write_text((start.HERE / name).read_text() + "\n# changed\n")
    start.install({"notebooks"})
    assert len(installs(start)) == 1


def test_the_tests_add_to_what_is_there_and_nothing_is_taken_away(start):
    start.install({"notebooks"})
    start.install({"test"})
    start.install({"notebooks"})
    assert [line.rpartition(" ")[2] for line in installs(start)] == [".[notebooks]", ".[notebooks,test]"]


@pytest.mark.skipif(os.name == "nt", reason="there it waits for a child instead")
def test_the_engines_are_compiled_once_before_the_first_notebook_opens(start, monkeypatch, capsys):
    monkeypatch.chdir(start.HERE)
    monkeypatch.setattr(start.os, "execv", lambda program, command: None)
    start.main([])
    compiled = sorted(line.partition("simlib.")[2] for line in start.commands if "import simlib" in line)
    assert compiled == ["simulate(simlib.load('two-islands'))", "solve(simlib.load('two-islands'))"]
    assert "Compiling the two engines" in capsys.readouterr().out
    start.commands.clear()
    start.main([])
    assert start.commands == []


def test_what_compiles_the_engines_is_true_of_simlib(start):
    """Both uses run, and the first answers every question exactly, so that it does not wait for the other engine."""
    answers = []
    for use in start.USES:
        exec(use, names := {})  # noqa: S102 - what lab.py gives to `python -c`
        answers.append(names["answer"])
    exact, simulated = answers
    assert exact.engine == "exact"
    assert "by_histories" not in exact.provenance
    assert simulated.engine == "montecarlo"


def test_an_interrupted_installation_is_made_anew(start):
    def interrupt(*command):
        if "install" in command:
            raise KeyboardInterrupt
        return whole(*command)

    whole, start.succeeds = start.succeeds, interrupt
    with pytest.raises(KeyboardInterrupt):
        start.install({"notebooks"})
    (start.VENV / "half-written").touch()
    start.succeeds = whole
    start.install({"notebooks"})
    assert not (start.VENV / "half-written").exists()
    assert start.STAMP.read_text().endswith(" notebooks")


def test_an_environment_whose_python_is_gone_is_made_anew(start):
    start.install({"notebooks"})
    start.PYTHON.unlink()
    (start.VENV / "left-over").touch()
    start.install({"notebooks"})
    assert not (start.VENV / "left-over").exists()


def test_an_environment_of_ones_own_is_kept(start):
    start.PYTHON.parent.mkdir(parents=True)
    start.PYTHON.touch()
    start.install({"notebooks"})
    assert not any("-m venv" in line for line in start.commands)


def test_where_uv_is_it_installs_alone(start, monkeypatch):
    monkeypatch.setattr(start.shutil, "which", lambda name: "uv")
    start.install({"notebooks"})
    assert [line.split()[0] for line in installs(start)] == ["uv"]


def test_where_uv_fails_pip_takes_over(start, monkeypatch):
    monkeypatch.setattr(start.shutil, "which", lambda name: "uv")
    start.failing.append("uv pip")
    start.install({"notebooks"})
    assert [line.split()[0] for line in installs(start)] == ["uv", str(start.PYTHON)]


@pytest.mark.parametrize("failing", [["-m venv"], ["-m pip --version", "-m ensurepip"]])
def test_without_debians_package_it_says_what_to_install(start, failing):
    start.failing.extend(failing)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        start.install({"notebooks"})


def test_when_nothing_can_be_installed_it_says_so_and_leaves_no_stamp(start):
    start.failing.append("pip install")
    with pytest.raises(SystemExit, match="The installation failed; the reason is above"):
        start.install({"notebooks"})
    assert start.STAMP.read_text() == "unfinished"


def test_an_old_python_is_told_what_is_needed(start, monkeypatch):
    monkeypatch.setattr(start.sys, "version_info", (3, 10))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        start.main([])


CORES = ["-nauto", "--dist=loadfile"]


@pytest.mark.parametrize(
    ("given", "run"),
    [
        ([], ["simlib._jupyter.lab"]),
        (["--no-browser", "--port", "8890"], ["simlib._jupyter.lab", "--no-browser", "--port", "8890"]),
        (["test"], ["pytest", *CORES]),
        (["test", "-k", "exact"], ["pytest", *CORES, "-k", "exact"]),
        (["test", "--fast", "-x"], ["pytest", *CORES, "-m", "not (browser or notebook or storm or slow)", "-x"]),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="there it waits for a child instead")
def test_arguments_go_on_to_jupyter_or_pytest(start, monkeypatch, given, run):
    became = []
    monkeypatch.chdir(start.HERE)
    monkeypatch.setattr(start.os, "execv", lambda program, command: became.extend(command))
    start.main(given)
    assert became[1:] == ["-m", *run]


def test_the_shipped_worlds_are_found_by_name():
    worlds = shipped.shipped_scenarios()
    assert shipped.in_clone()
    assert list(worlds) == sorted(worlds)
    assert {"caribbean-2025", "two-islands"} <= set(worlds)
    assert all((folder / "scenario.yaml").is_file() and folder.name == name for name, folder in worlds.items())


def installed_copy(tmp_path, monkeypatch):
    notebooks = tmp_path / "installed" / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks / "01_explorer.ipynb").write_text("as shipped")
    monkeypatch.setattr(shipped, "_INSTALLED", notebooks.parent)
    return notebooks


def test_an_installed_simlib_copies_its_notebooks_to_where_one_is(tmp_path, monkeypatch, capsys):
    installed_copy(tmp_path, monkeypatch)
    copy = lab.writable_notebooks(tmp_path / "mine")
    assert copy == tmp_path / "mine" / "simlib-notebooks"
    assert (copy / "01_explorer.ipynb").read_text() == "as shipped"
    assert f"The notebooks are in {copy} (copied there just now)." in capsys.readouterr().out


def test_a_copy_that_was_worked_on_is_kept(tmp_path, monkeypatch, capsys):
    notebooks = installed_copy(tmp_path, monkeypatch)
    copy = lab.writable_notebooks(tmp_path)
    (copy / "01_explorer.ipynb").write_text("mine")
    (notebooks / "02_new.ipynb").write_text("new")
    lab.writable_notebooks(tmp_path)
    assert (copy / "01_explorer.ipynb").read_text() == "mine"
    assert (copy / "02_new.ipynb").read_text() == "new"


def test_a_folder_of_ones_own_replaces_ours():
    ours = " ".join(lab._defaults(shipped.notebooks_folder(), ["--port", "8890"]))
    assert f"--ServerApp.root_dir={HOME}" in ours
    assert "default_url=/doc/tree/notebooks/01_explorer.ipynb" in ours
    assert not any("root_dir" in option for option in lab._defaults(HOME, ["--notebook-dir=elsewhere"]))


def test_without_jupyterlab_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert lab.open_lab() == 1
    assert 'pip install -e ".[notebooks]"' in capsys.readouterr().err


class Socket:
    """A websocket handler as Jupyter's, reduced to what the extension touches."""

    def __init__(self, refusal=None):
        self.refusal, self.done = refusal, []
        self.log = types.SimpleNamespace(debug=lambda *words: self.done.append("told"))

    def set_nodelay(self, value):
        if self.refusal:
            raise self.refusal
        self.done.append(f"nodelay {value}")

    async def open(self, kernel_id):
        self.done.append(f"open {kernel_id}")


def opened(handler, kernel="k1"):
    asyncio.run(type(handler).open(handler, kernel))
    return handler.done


def test_messages_are_sent_at_once():
    kind = type("Patched", (Socket,), {})
    _jupyter._send_at_once(kind)
    assert opened(kind()) == ["nodelay True", "open k1"]


@pytest.mark.parametrize("refusal", [AttributeError("gone"), AssertionError("no stream"), OSError("closed")])
def test_a_kernel_opens_even_if_jupyter_changed(refusal):
    kind = type("Patched", (Socket,), {})
    _jupyter._send_at_once(kind)
    assert opened(kind(refusal)) == ["told", "open k1"]


def test_an_open_that_is_not_a_coroutine_works_too():
    kind = type("Patched", (Socket,), {"open": lambda self, kernel_id: self.done.append(kernel_id)})
    _jupyter._send_at_once(kind)
    assert opened(kind()) == ["nodelay True", "k1"]


def test_a_server_without_the_handler_is_left_alone(monkeypatch):
    said = []
    monkeypatch.setitem(sys.modules, "jupyter_server.services.kernels.websocket", None)
    log = types.SimpleNamespace(debug=lambda *words: said.append(words))
    _jupyter._load_jupyter_server_extension(types.SimpleNamespace(log=log))
    assert [words[0].partition(":")[0] for words in said] == ["simlib", "simlib"]


VIEW = "application/vnd.jupyter.widget-view+json"


def notebook(*outputs):
    """A notebook as Jupyter hands it to a hook: one cell of words, one with outputs (data), and widget state."""
    shown = [{"output_type": "display_data", "data": data, "metadata": {kind: {} for kind in data}} for data in outputs]
    cells = [{"cell_type": "markdown", "source": "words"}, {"cell_type": "code", "outputs": shown}]
    return {"type": "notebook", "content": {"cells": cells, "metadata": {"widgets": {"state": {}}, "kernelspec": {}}}}


def outputs_of(model):
    return [sorted(output["data"]) for output in model["content"]["cells"][1]["outputs"]]


def test_a_notebook_is_saved_with_pictures_in_place_of_live_views():
    model = notebook({VIEW: {}, "text/html": "<img>", "image/png": "abc", "text/plain": "34%"})
    saving.before_saving(model, path="a.ipynb", contents_manager=None)
    assert outputs_of(model) == [["image/png", "text/plain"]]
    assert model["content"]["cells"][1]["outputs"][0]["metadata"] == {"image/png": {"alt": "34%"}, "text/plain": {}}
    assert model["content"]["metadata"] == {"kernelspec": {}}


def test_a_notebook_is_saved_with_the_picture_that_its_live_view_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path))
    shown_pictures.keep("ab12", {"image/png": "now", "text/plain": "52%", "text/html": "<img>"})
    model = notebook(
        {VIEW: {"model_id": "ab12"}, "image/png": "first", "text/plain": "33%"}, {VIEW: {"model_id": "../x"}}
    )
    saving.before_saving(model, path="a.ipynb", contents_manager=None)
    shown = [output["data"] for output in model["content"]["cells"][1]["outputs"]]
    assert shown == [{"image/png": "now", "text/plain": "52%"}, {VIEW: {"model_id": "../x"}}]


def test_only_the_latest_pictures_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMLIB_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(shown_pictures, "KEPT", 2)
    for number, name in enumerate("abc"):
        shown_pictures.keep(name, {"image/png": name, "text/plain": ""})
        os.utime(tmp_path / "shown" / f"{name}.json", (number, number))
    shown_pictures.keep("d", {"image/png": "d", "text/plain": ""})
    assert [shown_pictures.find(name).get("image/png") for name in "abcd"] == [None, None, "c", "d"]


def test_only_notebooks_with_the_code_that_was_shipped_run_by_themselves(tmp_path, monkeypatch):
    folder = tmp_path / "simlib-notebooks"
    folder.mkdir()
    original = shipped.notebooks_folder() / "01_explorer.ipynb"
    (folder / "01_explorer.ipynb").write_text(original.read_text())
    changed = json.loads(original.read_text())
    changed["cells"][0]["source"] = ["print('mine')"]
    (folder / "02_write_a_scenario.ipynb").write_text(json.dumps(changed))
    (folder / "my_own.ipynb").write_text(original.read_text())
    assert [path.name for path in _jupyter.unchanged(folder)] == ["01_explorer.ipynb"]
    server = types.SimpleNamespace(root_dir=str(tmp_path), web_app=types.SimpleNamespace(settings={}))
    _jupyter._name_shipped(server)
    assert server.web_app.settings == {}
    monkeypatch.setenv("SIMLIB_LIVE", str(folder))
    _jupyter._name_shipped(server)
    assert server.web_app.settings["page_config_data"]["simlibNotebooks"] == ["simlib-notebooks/01_explorer.ipynb"]


def test_the_extension_of_jupyterlab_is_where_the_server_looks_for_it():
    option = next(each for each in lab._defaults(shipped.notebooks_folder(), []) if "extra_labextensions_path" in each)
    folder = Path(option.partition("=")[2]) / "simlib-lab"
    package = json.loads((folder / "package.json").read_text())
    script = (folder / package["jupyterlab"]["_build"]["load"]).read_text()
    assert f'window._JUPYTERLAB["{package["name"]}"]' in script


def test_what_has_no_picture_and_what_is_not_ours_is_saved_as_it_is():
    model = notebook({VIEW: {}, "text/plain": "a slider"}, {"text/html": "<plot>", "image/png": "abc"})
    before = json.dumps(model)
    saving.before_saving(model, path="a.ipynb", contents_manager=None)
    assert json.dumps(model) == before


def test_jupyter_saves_so_from_the_moment_the_extension_is_loaded(tmp_path):
    files = pytest.importorskip("jupyter_server.services.contents.filemanager", reason="Jupyter is not installed")
    nbformat = pytest.importorskip("nbformat")
    v4 = nbformat.v4
    manager = files.FileContentsManager(root_dir=str(tmp_path))
    _jupyter._load_jupyter_server_extension(types.SimpleNamespace(contents_manager=manager, log=None))
    shown = v4.new_output("display_data", {VIEW: {"model_id": "gone"}, "image/png": "abc"})
    content = v4.new_notebook(cells=[v4.new_code_cell("explorer", outputs=[shown])])
    manager.save({"type": "notebook", "format": "json", "content": content}, "a.ipynb")
    assert list(nbformat.read(tmp_path / "a.ipynb", as_version=4).cells[0].outputs[0].data) == ["image/png"]


def test_other_files_are_saved_as_they_are():
    saving.before_saving({"type": "file", "content": "words"}, path="a.txt", contents_manager=None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, path, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    request.add_header("Authorization", "token for-this-test")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def until_up(port, server, patience=60):
    end = time.monotonic() + patience
    while time.monotonic() < end and server.poll() is None:
        try:
            return ask(port, "/api/status")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("JupyterLab did not come up:\n" + server.communicate()[0])


@pytest.fixture
def server(tmp_path):
    """JupyterLab as `simlib lab` starts it, called from another folder; yields (process, port)."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    port = free_port()
    command = [sys.executable, "-m", "simlib._jupyter.lab", "--no-browser", f"--port={port}", "--log-level=DEBUG"]
    nobody = {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path)}
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # tests that a script runs in the background pass this on
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, "--IdentityProvider.token=for-this-test"],
        cwd=tmp_path,
        env={**os.environ, **nobody, "PYTHONPATH": str(HOME)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process, port
    if process.poll() is None:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_simlib_lab_starts_serves_the_notebooks_and_stops(server):
    process, port = server
    assert "started" in until_up(port, process)
    folder = {entry["name"] for entry in ask(port, "/api/contents/notebooks")["content"]}
    assert {file.name for file in (HOME / "notebooks").glob("*.ipynb")} <= folder
    settings = "/lab/api/settings/@jupyterlab/apputils-extension:"
    kernels = ask(port, settings + "kernels-settings")["schema"]["properties"]
    assert kernels["commsOverSubshells"]["default"] == "disabled"
    assert ask(port, settings + "notification")["schema"]["properties"]["fetchNews"]["default"] == "false"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/lab?token=for-this-test", timeout=20) as page:
        config = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page.read().decode(), re.S)[1])
    assert "@jupyterlab/application-extension:faviconbusy" in config["disabledExtensions"]
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert "simlib._jupyter | extension was successfully loaded" in said
    assert "/doc/tree/notebooks/01_explorer.ipynb" in said
