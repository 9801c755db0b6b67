"""Write changed YAML data back as text that keeps comments, order and indentation.

Only this module and `document` use ruamel.yaml.
"""

from __future__ import annotations

import io
from typing import Any

YAML_LINE_WIDTH = 120
"""Largest width of a line in a new file."""


def editable(text: str) -> Any:
    """Return the mapping in a YAML text, in a form that keeps comments and order when written.

    An empty text gives an empty mapping.
    """
    from ruamel.yaml.comments import CommentedMap

    return _round_trip("").load(text) if text.strip() else CommentedMap()


def in_one_line(mapping: dict[str, Any]) -> Any:
    """Return a mapping that `text_of` writes on one line, as {key: value}."""
    from ruamel.yaml.comments import CommentedMap

    line = CommentedMap(mapping)
    line.fa.set_flow_style()
    return line


def text_of(data: Any, like: str = "") -> str:
    """Return an editable mapping as YAML text.

    `like` is the text that will be replaced. The new text indents lists as `like` does. Its lines may be as wide as the
    widest line of `like`, and at least `YAML_LINE_WIDTH`.
    """
    stream = io.StringIO()
    _round_trip(like).dump(data, stream)
    return stream.getvalue()


def _round_trip(like: str) -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = max([YAML_LINE_WIDTH, *(len(line) for line in like.splitlines())])
    yaml.representer.ignore_aliases = lambda _: True
    offset = _offset_of_lists(like)
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    return yaml


def _offset_of_lists(text: str) -> int:
    """Return by how many columns the first list is indented from its key (2 without a list).

    Lists in square brackets do not count.
    """
    key = 0
    for line in text.splitlines():
        bare = line.lstrip(" ")
        indent = len(line) - len(bare)
        if bare.startswith("- "):
            return max(indent - key, 0)
        if bare and not bare.startswith("#"):
            key = indent
    return 2
