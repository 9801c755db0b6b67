import json
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from simlib import scenario
from simlib.scenario.library import scenarios_folder
from simlib.scenario.schema import publication as schema

HERE = Path(__file__).parent
SHIPPED = [*sorted(scenarios_folder().glob("*/scenario.yaml")), HERE / "bridge" / "scenario.yaml"]
VIEWS = sorted(scenarios_folder().glob("*/views/*.yaml")) + sorted(HERE.glob("bridge/views/*.yaml"))


def plain(data):
    """What an editor's YAML 1.2 reader sees: dates are text."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return data if isinstance(data, str | int | float | None) else str(data)


def errors(file: Path, name: str) -> list[str]:
    data = plain(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))
    validator = jsonschema.Draft202012Validator(published(name))
    return [error.message for error in validator.iter_errors(data)]


def published(name: str):
    return json.loads((Path(scenario.__file__).parent / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", schema.PUBLISHED)
def test_the_published_schema_is_current(name):
    now = schema.json_schema(schema.PUBLISHED[name])
    if now["$comment"] != published(name)["$comment"]:
        pytest.skip(f"{published(name)['$comment']}: another version words it differently")
    assert published(name) == now, "run: python -m simlib.scenario.schema"


@pytest.mark.parametrize("name", schema.PUBLISHED)
def test_the_published_schema_is_a_schema_and_describes_every_key(name):
    jsonschema.Draft202012Validator.check_schema(published(name))
    for title, shape in published(name)["$defs"].items():
        assert shape["description"], title
        for key, value in shape["properties"].items():
            assert "description" in value, f"{title}.{key}"


@pytest.mark.slow
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_a_good_scenario_fits_the_published_schema(file):
    assert errors(file, "scenario.schema.json") == []


@pytest.mark.parametrize("file", VIEWS, ids=lambda file: file.stem)
def test_a_good_view_fits_the_published_schema(file):
    assert errors(file, "view.schema.json") == []


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("a-key-is-misspelt", "'wen' was unexpected"),
        ("a-reason-is-missing", "'because' is a required property"),
        ("an-id-has-a-space", "'cut off' does not match"),
        ("a-variable-has-one-level", "is too short|non-empty|is not valid under any"),
    ],
)
def test_an_editor_sees_what_the_loader_refuses(file, words):
    found = errors(HERE / "bad" / f"{file}.yaml", "scenario.schema.json")
    assert any(re.search(words, message) for message in found), found


@pytest.mark.parametrize("file", [file for file in SHIPPED + VIEWS if "tests" not in str(file)], ids=lambda f: f.stem)
def test_a_shipped_file_tells_editors_where_its_schema_is(file):
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    path = first.partition("$schema=")[2]
    assert (file.parent / path).resolve().is_file()
