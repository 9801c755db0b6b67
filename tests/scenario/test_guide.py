"""Every example of the guide is read: it is laid over a small world, and must give a sound scenario."""

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from simlib.scenario.library import scenarios_folder
from simlib.scenario.loader import load_text
from simlib.scenario.yaml_editing import text_of
from tests.scenario.test_labels import PLAIN

GUIDE = (scenarios_folder() / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def laid_over(world: Any, example: Any) -> None:
    """Put each item of an example into the section of a world."""
    for section, items in example.items():
        if isinstance(items, dict):
            world.setdefault(section, {}).update(items)
        else:
            world[section] = items


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split(":")[0])
def test_an_example_of_the_guide_is_sound(example):
    world = YAML(typ="base").load(PLAIN)
    laid_over(world, YAML(typ="base").load(example))
    assert load_text(text_of(world)).id == "bridge"
