"""The house rules that a machine can check: who imports whom, what files may say, what starting costs."""

from __future__ import annotations

import ast
import collections
import contextlib
import functools
import html
import importlib.metadata
import inspect
import io
import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

import simlib
import simlib.sweep
import simlib.widgets
from simlib.cli import main
from tests.data.test_reader import MIDI as INCIDENTS
from tests.data.test_reader import MIDIP as PARTICIPANTS

HOME = Path(simlib.__file__).resolve().parents[1]

# Top to bottom: a module imports only from its own room, from rooms beside it and from rooms above.
ROOMS = [
    ["errors", "formatting", "typing", "files", "package"],
    ["quantities", "data"],
    ["arguments"],
    ["control"],
    ["scenario"],
    ["answer"],
    ["results"],
    ["machine"],
    ["engines"],
    ["evidence"],
    ["analysis"],
    ["calibration"],
    ["saved_answers"],
    ["plots"],
    ["sweep"],
    ["export", "report"],
    [""],  # the face, simlib/__init__.py
    ["widgets"],
    ["_jupyter"],
    ["cli", "__main__"],
]
SEMICOLONS, RIDDLES, FIRST_LINE = 8, 3, 90
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def named_values(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that a module defines by an assignment, and its value. The module may do so only for types."""
    blocks = (node.body for node in module.body if isinstance(node, ast.If))
    for node in itertools.chain(module.body, *blocks):
        if isinstance(node, ast.Assign):
            (target,), value = node.targets, node.value
            several = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if several else [(target, value)]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        else:
            continue
        for name, value in pairs:
            if isinstance(name, ast.Name) and not name.id.startswith("__"):
                yield name.id, ast.unparse(value)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


# One place each for what is not ours: if it changes, one place changes.
OWNERS = {
    "ruamel": ("simlib/scenario/document.py", "simlib/scenario/yaml_editing.py"),
    "pydantic": "simlib/scenario/schema/",
    "ipywidgets": "simlib/widgets/",
    "anywidget": "simlib/widgets/",
    "traitlets": "simlib/widgets/",
    "IPython": "simlib/widgets/",
    "numba": ("simlib/engines/", "simlib/evidence/_kernels.py"),
    "jupyterlab": "simlib/_jupyter/",
    "jupyter_server": "simlib/_jupyter/",
}


def imported_by(node: ast.AST) -> set[str]:
    """The modules that a statement imports. "simlib" is the face: all that it exports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not (isinstance(node, ast.ImportFrom) and node.module):
        return set()
    whole = {f"{node.module}.{alias.name}" for alias in node.names}
    return {name if name in modules() else node.module for name in whole}


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
        found |= imported_by(node)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def upward(module: str, source: str) -> list[str]:
    """The imports of a module that run against the direction of the house."""
    floor = FLOOR[room_of(module)]
    own = (other for other in imports_of(source) if other.partition(".")[0] == "simlib")
    return sorted(other for other in own if FLOOR[room_of(other)] > floor)


@functools.cache
def modules() -> dict[str, Path]:
    files = sorted((HOME / "simlib").rglob("*.py"))
    return {".".join(file.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def test_every_module_has_a_room():
    homeless = [module for module in modules() if room_of(module) not in FLOOR]
    assert not homeless, "say in ROOMS which floor they are on"


@pytest.mark.slow
@pytest.mark.parametrize("module", modules())
def test_imports_run_downwards(module):
    assert upward(module, modules()[module].read_text(encoding="utf-8")) == []


def test_an_upward_import_is_seen_wherever_it_hides():
    source = "def f():\n    from simlib.engines import exact\n    from simlib import cli\n    import simlib\n"
    assert upward("simlib.machine.tables", source) == ["simlib", "simlib.cli", "simlib.engines.exact"]
    assert upward("simlib.machine.tables", "from simlib import plot") == ["simlib"]
    assert upward("simlib.machine.tables", "from simlib import __version__") == ["simlib"]


def test_an_import_for_types_does_not_count():
    source = "if TYPE_CHECKING:\n    from simlib.engines import exact\nelse:\n    import simlib.cli\n"
    assert upward("simlib.machine.tables", source) == ["simlib.cli"]


@functools.cache
def every_import_of(source: str) -> set[str]:
    """The modules of simlib that a source text imports: at its top, inside functions, and for types."""
    found = set().union(*map(imported_by, ast.walk(ast.parse(source))))
    return {name for name in found if name.partition(".")[0] == "simlib"}


def circles(uses: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    order, low, stack, found = {}, {}, [], []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in uses[node]:
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            found.append(sorted(group))

    for node in sorted(uses):
        if node not in order:
            visit(node)
    return [group for group in found if len(group) > 1]


def module_graph() -> dict[str, set[str]]:
    known = modules()
    return {
        module: {name for name in every_import_of(file.read_text(encoding="utf-8")) if name in known} - {module}
        for module, file in known.items()
    }


@pytest.mark.slow
def test_no_module_is_in_a_circle_not_even_a_late_one_or_one_for_types():
    assert circles(module_graph()) == []


def test_no_room_is_in_a_circle():
    rooms: dict[str, set[str]] = {}
    for module, others in module_graph().items():
        rooms.setdefault(room_of(module), set()).update(room_of(other) for other in others)
    assert circles({room: others - {room} for room, others in rooms.items()}) == []


def test_no_two_rooms_inside_a_room_are_in_a_circle():
    """A file that lies directly in a room may use a room inside it, and the other way round."""
    parts: dict[str, set[str]] = {}
    for module, others in module_graph().items():
        part = ".".join(module.split(".")[:3])
        parts.setdefault(part, set()).update({".".join(other.split(".")[:3]) for other in others} - {part})
    inner = {name for name in parts if name.count(".") == 2 and modules()[name].name == "__init__.py"}
    assert [group for group in circles(parts) if len(inner.intersection(group)) > 1] == []


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def definitions(kind: type) -> list[tuple[str, str]]:
    """The (module, name) of every class or function at the top of a module."""
    return [
        (module, node.name)
        for module, file in modules().items()
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, kind)
    ]


@pytest.mark.slow
def test_a_class_or_type_has_a_name_of_its_own():
    """Classes, type aliases and type variables. A leading underscore makes no other name."""
    homes: dict[str, list[str]] = collections.defaultdict(list)
    for module, name in definitions(ast.ClassDef):
        homes[name.lstrip("_")].append(module)
    for module, file in modules().items():
        for name, _ in named_values(ast.parse(file.read_text(encoding="utf-8"))):
            if re.match("_?[A-Z]", name) and not name.isupper():
                homes[name.lstrip("_")].append(module)
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


@pytest.mark.slow
def test_a_set_of_choices_is_spelled_out_once():
    """Elsewhere a type alias names it. `Literal` in a signature may stand alone, with choices of its own."""
    spelled = [
        ast.unparse(node)
        for file in modules().values()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "Literal"
        and isinstance(node.slice, ast.Tuple)
    ]
    assert [text for text, times in collections.Counter(spelled).items() if times > 1] == []


@pytest.mark.slow
def test_no_file_is_named_like_a_function_it_exports():
    assert [module for module, name in definitions(ast.FunctionDef) if module.rpartition(".")[2] == name] == []


def test_no_file_is_named_by_a_bare_participle():
    nouns = {"typing", "pooling", "sampling", "formatting", "blitting", "screening", "saving"}
    nouns |= {"coupling", "lettering", "wording", "forcing"}
    names = {module.rpartition(".")[2] for module in modules()}
    assert {name for name in names if re.fullmatch(r"[a-z]+(ing|ed)", name)} - nouns == set()


def bound_names(module: ast.Module) -> Iterator[str]:
    """Yield the names of variables and arguments of a module, not those of the fields of its classes."""
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def test_variables_are_named_by_nouns():
    """`kept` may be a field of an answer, because its name is a key of the JSON."""
    fields = {"simlib.calibration.predictive_check": {"kept"}, "simlib.calibration.weekly_rows": {"kept"}}
    found = {}
    for name, file in modules().items():
        some = {"told", "made", "asked", "kept", "found"} & set(
            bound_names(ast.parse(file.read_text(encoding="utf-8")))
        )
        if some - fields.get(name, set()):
            found[name] = some
    assert found == {}


def face() -> dict[str, object]:
    return {name: getattr(simlib, name) for name in simlib.__all__ if not name.startswith("_")}


def test_every_name_of_the_face_is_explained():
    assert [name for name, value in face().items() if callable(value) and not value.__doc__] == []


def test_the_page_of_the_functions_lists_the_face_once():
    page = (HOME / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\.\. auto(?:function|class):: (\w+)$", page, re.MULTILINE)) == sorted(face())


def test_every_home_says_which_of_its_names_are_in_the_face():
    homes = {home: importlib.import_module(home) for home in simlib._HOMES}
    said = {home: set(getattr(module, "__all__", ())) for home, module in homes.items()}
    assert {home: names for home, names in simlib._HOMES.items() if not said[home].issuperset(names)} == {}


def vocabulary() -> dict[str, str]:
    """The arguments of the face and their meanings, from the tables of docs/api.md."""
    text = (HOME / "docs" / "api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| (.*) \|$", text, re.MULTILINE)
    return {name: meaning for names, meaning in rows for name in re.findall(r"`(\w+)`", names)}


ASKED = face() | {f"sweep.{name}": getattr(simlib.sweep, name) for name in simlib.sweep.__all__}


@pytest.mark.parametrize("name", [name for name, value in ASKED.items() if inspect.isfunction(value)])
def test_a_public_function_speaks_the_one_vocabulary(name):
    """At most eight arguments beside the scenario, all but one by name, each in a table of docs/api.md."""
    params = list(inspect.signature(ASKED[name]).parameters.values())
    options = [param for param in params if param.kind is param.KEYWORD_ONLY]
    assert len(params) <= 9
    assert {param.name for param in params} - vocabulary().keys() == set()
    assert {
        param.name: param.default for param in params if param.name in ("measure", "measures") and param.default
    } == {}
    assert len(params) - len(options) <= (3 if name in ("plot", "resolve") else 2)


def test_code_says_uncertainty_where_prose_may_say_doubt():
    """One name is left, because it is a key of the JSON: the attribute `doubt` of an `Accumulation`."""
    attribute = {"cli.output.impact_text", "engines.montecarlo.counts", "engines.pooled_forecast"}
    attribute |= {"results.amounts", "results.forecast"}
    found = {
        (module.removeprefix("simlib."), token.string)
        for module, file in modules().items()
        for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline)
        if token.type == tokenize.NAME and re.search(r"(?i)(^|_)doubts?($|_)", token.string)
    }
    assert found == {(module, "doubt") for module in attribute}
    assert [module for module in modules() if "doubt" in module] == []


def test_sentences_of_analyses_and_pictures_quote_labels_in_one_way():
    """A label that has quotation marks gets no others: `quoted` sees to it."""
    own = [name for name, file in modules().items() if "“{" in file.read_text(encoding="utf-8")]
    assert [name for name in own if name.startswith(("simlib.analysis", "simlib.plots"))] == []


def docstrings() -> list[str]:
    return [
        ast.get_docstring(node) or ""
        for file in modules().values()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    ]


@pytest.mark.slow
def test_a_constant_has_one_value():
    """The name of a constant means one thing in the whole of simlib, with a leading underscore or without.

    The value of a public constant stands in one place.
    """
    public, values = collections.defaultdict(list), collections.defaultdict(dict)
    for module, file in modules().items():
        for name, value in named_values(ast.parse(file.read_text(encoding="utf-8"))):
            if name.isupper():
                values[name.lstrip("_")].setdefault(value, module)
                public[name] += [] if name.startswith("_") else [module]
    assert {name: some for name, some in values.items() if len(some) > 1} == {}
    assert {name: homes for name, homes in public.items() if len(homes) > 1} == {}


def test_quantiles_of_the_normal_distribution_stand_in_one_place():
    """No module spells 1.6449 or 1.9600, to however many digits."""
    spelled = {
        module
        for module, file in modules().items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
        if min(abs(node.value - 1.6449), abs(node.value - 1.9600)) < 1e-3
    }
    assert spelled == {"simlib.scenario.scales"}


def test_the_english_does_not_slide_back():
    """Riddles and semicolons in docstrings: the numbers may fall, never rise."""
    texts = docstrings()
    assert sum(text.count(";") for text in texts) <= SEMICOLONS
    assert sum(len(re.findall(r"(?i)\bwhat (is|was|has been|can be|it)\b", text)) for text in texts) <= RIDDLES
    assert max(len(text.partition("\n")[0]) for text in texts) <= FIRST_LINE


@pytest.mark.slow
def test_the_picture_of_the_house_is_up_to_date():
    sys.path.insert(0, str(HOME / "docs"))
    import house

    stored = (HOME / "docs" / "house.svg").read_text(encoding="utf-8")
    described = re.search(r"<dc:description>(.*?)</dc:description>", stored, re.DOTALL)[1]
    assert json.loads(html.unescape(described)) == house.arrows()


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


@pytest.mark.slow
def test_everything_imported_is_asked_for():
    asked = {distribution.replace("-", "_") for distribution in asked_for()}
    owners = importlib.metadata.packages_distributions()
    imported = set()
    for folder in ("simlib", "tests", "benchmarks"):
        for file in (HOME / folder).rglob("*.py"):
            imported |= {name.partition(".")[0] for name in imports_of(file.read_text(encoding="utf-8"))}
    inseparable = {
        "pydantic_core",
        "jupyter_server",
        "packaging",
        "llvmlite",
        "house",
    }  # of pydantic, JupyterLab, pytest, Numba
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


@pytest.mark.slow
@pytest.mark.parametrize("line", readme_commands())
def test_the_commands_of_the_readme_work(line, tmp_path, monkeypatch, capsys):
    if line.startswith("simlib sweep"):
        pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')
    monkeypatch.chdir(tmp_path)
    if line.split()[1] in ("register", "resolve", "score"):  # they write into the folder of the scenario
        shutil.copytree(HOME / "scenarios" / "two-islands", tmp_path / "two-islands")
    if line.split()[1] == "rates":  # a file of the true layout, as anybody can get it
        (tmp_path / "MIDI.csv").write_text(INCIDENTS, encoding="utf-8")
    if line.split()[1] == "data":
        (tmp_path / "MIDIP.csv").write_text(PARTICIPANTS, encoding="utf-8")
    if line.split()[1] in ("resolve", "score"):
        assert main(["register", "two-islands", "--draws", "8"]) == 0
    assert main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


def test_the_readme_shows_the_commands_there_are():
    from simlib.cli.options.parser import COMMANDS

    assert {line.split()[1] for line in readme_commands()} == {command.name for command in COMMANDS} - {"lab"}


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


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason='the pages need Sphinx: pip install -e ".[docs]"')
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path / "html")]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert 'id="simlib.compare"' in (tmp_path / "html" / "api.html").read_text(encoding="utf-8")


def test_the_panels_that_the_browser_tests_open_exist():
    text = (HOME / "tests" / "browser" / "test_questions.py").read_text(encoding="utf-8")
    opened = set(re.findall(r"page\(f?'(\w+)\(", text))
    assert opened
    assert opened <= set(simlib.widgets.__all__)
