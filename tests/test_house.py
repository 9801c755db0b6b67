"""The house rules that a machine can check: who imports whom, what files may say, what starting costs."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib.metadata
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

import simlib
from simlib.cli import main

HOME = Path(simlib.__file__).resolve().parents[1]

# Top to bottom: a module imports only from its own room, from rooms beside it and from rooms above.
ROOMS = [
    ["errors", "shipped", "formatting", "typing", "files"],
    ["control", "quantities"],
    ["scenario"],
    ["answer"],
    ["results"],
    ["machine"],
    ["engines"],
    ["analysis"],
    ["calibration"],
    ["plots"],
    ["sweep"],
    ["export", "report"],
    ["widgets"],
    ["_jupyter", "lab"],
    ["cli", "__main__"],
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


# One place each for what is not ours: if it changes, one place changes.
OWNERS = {
    "ruamel": "simlib/scenario/",
    "pydantic": "simlib/scenario/schema/",
    "ipywidgets": "simlib/widgets/",
    "anywidget": "simlib/widgets/",
    "traitlets": "simlib/widgets/",
    "IPython": "simlib/widgets/",
    "numba": "simlib/engines/",
    "jupyterlab": "simlib/lab.py",
    "jupyter_server": "simlib/_jupyter/",
}


@functools.cache
def imports_of(source: str) -> set[str]:
    """The modules a source text imports, at its top or inside functions; imports for types only do not count."""
    found = set()
    waiting = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "simlib":
            found |= {f"simlib.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def upward(module: str, source: str) -> list[str]:
    """The imports of a module that run against the direction of the house."""
    floor = FLOOR[room_of(module)]
    own = (other for other in imports_of(source) if other.startswith("simlib."))
    return sorted(other for other in own if FLOOR.get(room_of(other), -1) > floor)


def modules() -> dict[str, Path]:
    files = sorted((HOME / "simlib").rglob("*.py"))
    return {".".join(file.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def test_every_module_has_a_room():
    homeless = [module for module in modules() if module != "simlib" and room_of(module) not in FLOOR]
    assert not homeless, "say in ROOMS which floor they are on"


@pytest.mark.parametrize("module", [module for module in modules() if module != "simlib"])
def test_imports_run_downwards(module):
    assert upward(module, modules()[module].read_text(encoding="utf-8")) == []


def test_an_upward_import_is_seen_wherever_it_hides():
    source = "def f():\n    from simlib.engines import exact\n    from simlib import cli\n"
    assert upward("simlib.machine.tables", source) == ["simlib.cli", "simlib.engines"]


def test_an_import_for_types_does_not_count():
    source = "if TYPE_CHECKING:\n    from simlib.engines import exact\nelse:\n    import simlib.cli\n"
    assert upward("simlib.machine.tables", source) == ["simlib.cli"]


@pytest.mark.parametrize("package", OWNERS)
def test_one_place_knows(package):
    users = {
        file.relative_to(HOME).as_posix()
        for file in modules().values()
        if any(name.split(".")[0] == package for name in imports_of(file.read_text(encoding="utf-8")))
    }
    assert [user for user in sorted(users) if not user.startswith(OWNERS[package])] == []


def test_import_simlib_is_light():
    code = "import sys, simlib; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = ["numba", "pandas", "matplotlib", "pydantic", "ruamel.yaml", "ipywidgets", "scipy"]
    shown = subprocess.run([sys.executable, "-c", code, *heavy], cwd=HOME, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def tracked_texts() -> dict[str, str]:
    """The text files that git knows, or, without git, those of the house."""
    listed = subprocess.run(["git", "ls-files"], cwd=HOME, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [str(file.relative_to(HOME)) for file in (HOME / "simlib").rglob("*.*")]
    texts = {}
    for name in names:
        data = (HOME / name).read_bytes() if (HOME / name).is_file() else b"\0"
        if b"\0" not in data:
            texts[name] = data.decode("utf-8")
    return texts


ABSOLUTE = re.compile(r"(?<![\w.:/~)}\]*-])/(?:home|root|tmp|opt|mnt|work|Users)/\w")
# Put together here, so that this file does not name what it forbids.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "registry." + "npmjs", "conda." + "anaconda", "index" + "-url"]


def test_no_file_names_a_place_on_somebodys_disk():
    found = {name: ABSOLUTE.findall(text) for name, text in tracked_texts().items()}
    assert {name: hits for name, hits in found.items() if hits} == {}


def test_no_file_names_a_package_registry():
    found = {name: [host for host in HOSTS if host in text] for name, text in tracked_texts().items()}
    assert {name: hits for name, hits in found.items() if hits} == {}
    assert "uv.lock" not in tracked_texts()


def test_the_guards_see_what_they_look_for():
    assert ABSOLUTE.search("open('/" + "home/someone')")
    assert not ABSOLUTE.search("https://example.org/" + "home/page, ./" + "tmp/x")


def test_constraints_pin_one_version_each_and_nothing_else():
    lines = [line for line in (HOME / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pinned = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+( ; [\w\s.'\"<>=!()]+)?")
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert lines == sorted(lines, key=str.lower)


def project() -> dict:
    return tomllib.loads((HOME / "pyproject.toml").read_text())["project"]


def asked_for() -> set[str]:
    """The distributions that pyproject.toml asks for, in small letters."""
    extras = [one for extra in project()["optional-dependencies"].values() for one in extra]
    return {re.match(r"[\w.-]+", one)[0].lower() for one in project()["dependencies"] + extras}


def test_constraints_pin_everything_that_is_asked_for():
    pinned = {line.partition("==")[0].lower() for line in (HOME / "constraints.txt").read_text().splitlines()}
    assert asked_for() - pinned == set()


def test_pins_take_the_oldest_python_that_is_promised():
    """Debian 12 has 3.11.2, and some projects ask for a later 3.11."""
    refused = []
    for line in (HOME / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found = importlib.metadata.distribution(name)
            asks = found.metadata.get("Requires-Python") or ">=3"
            if found.version == version and not SpecifierSet(asks).contains("3.11.0"):
                refused.append(f"{line} asks for Python {asks}")
    assert refused == []


def test_everything_imported_is_asked_for():
    asked = {distribution.replace("-", "_") for distribution in asked_for()}
    owners = importlib.metadata.packages_distributions()
    imported = set()
    for folder in ("simlib", "tests", "benchmarks"):
        for file in (HOME / folder).rglob("*.py"):
            imported |= {name.partition(".")[0] for name in imports_of(file.read_text(encoding="utf-8"))}
    inseparable = {"pydantic_core", "jupyter_server", "packaging"}  # of pydantic, JupyterLab and pytest
    foreign = imported - sys.stdlib_module_names - {"simlib", "tests", "benchmarks"} - inseparable
    unknown = {
        name for name in foreign if not {owner.lower().replace("-", "_") for owner in owners.get(name, [name])} & asked
    }
    assert unknown == set()


def test_the_version_is_the_same_everywhere():
    version = project()["version"]
    citation = YAML(typ="safe").load((HOME / "CITATION.cff").read_text())
    assert simlib.__version__ == version == citation["version"]
    assert f"## {version}" in (HOME / "CHANGELOG.md").read_text()


def readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("simlib ") and line != "simlib lab"]


@pytest.mark.parametrize("line", readme_commands())
def test_the_commands_of_the_readme_work(line, tmp_path, monkeypatch, capsys):
    if line.startswith("simlib sweep"):
        pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


def test_the_readme_shows_the_commands_there_are():
    from simlib.cli.commands.registry import COMMANDS

    assert {line.split()[1] for line in readme_commands()} == set(COMMANDS) - {"lab"}


def test_links_between_files_lead_somewhere():
    broken = []
    for name, text in tracked_texts().items():
        if name.endswith(".md"):
            links = re.findall(r"\]\(([^)#:\s]+)[^):]*\)", text)
            broken += [f"{name}: {link}" for link in links if not (HOME / name).parent.joinpath(link).exists()]
    assert broken == []


def readme_scenario() -> str:
    return re.search(r"```yaml\n(.*?)```", (HOME / "README.md").read_text(), re.DOTALL)[1]


def test_the_scenario_of_the_readme_fits_in_thirty_lines_and_can_be_solved(tmp_path):
    assert len(readme_scenario().splitlines()) <= 30
    (tmp_path / "scenario.yaml").write_text(readme_scenario())
    forecast = simlib.solve(simlib.load(tmp_path))
    shares = {name: band.probability[-1] for name, band in forecast.endings.items()}
    assert set(shares) == {"agreement", "cleared", "ongoing"}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) > 0.01


def notebooks() -> list[Path]:
    return [HOME / name for name in tracked_texts() if name.endswith(".ipynb")]


@pytest.mark.parametrize("file", notebooks(), ids=lambda file: file.stem)
def test_a_notebook_is_small_holds_no_widget_state_and_no_logic(file):
    notebook = json.loads(file.read_text(encoding="utf-8"))
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert "widgets" not in notebook["metadata"]
    assert file.stat().st_size < 400_000
    assert len(code) <= 12
    assert [cell for cell in code if len(cell.splitlines()) > 10] == []
    assert [cell for cell in code if re.search(r"^\s*(def|class) ", cell, re.MULTILINE)] == []
