"""Write the reference page of the scenario language from the published schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[1]
FILES = {"scenario.yaml": "scenario.schema.json", "views/NAME.yaml": "view.schema.json"}
HEAD = """# Reference of the language

This page lists every key of a scenario file and of a view file. It is made from the schema that `simlib check` uses.
[How to write a scenario](scenarios.md) explains how the parts work together.
"""


def type_of(part: dict[str, Any]) -> str:
    """Return the type of a key's value, in words."""
    if "$ref" in part:
        return short(part["$ref"].rsplit("/", 1)[-1]).lower()
    if part.get("oneOf") and "maxProperties" in part["oneOf"][0] and part["oneOf"][-1].get("type") == "array":
        return "effects" if "$ref" in part["oneOf"][-1]["items"] else "condition"
    for several in ("anyOf", "oneOf"):
        if several in part:
            return " or ".join(dict.fromkeys(type_of(each) for each in part[several]))
    if "enum" in part or "const" in part:
        return ", ".join(f"`{word}`" for word in part.get("enum", [part.get("const")]))
    if part.get("type") == "array":
        return f"list of {type_of(part.get('items', {}))}"
    if isinstance(part.get("additionalProperties"), dict):
        return f"mapping to {type_of(part['additionalProperties'])}"
    named = part.get("type", "anything")
    return " or ".join(named) if isinstance(named, list) else str(named)


def short(shape: str) -> str:
    """Return the name of a shape without the suffix `Shape`."""
    return shape.removesuffix("Shape")


def table(shape: dict[str, Any]) -> Iterator[str]:
    """Yield the table rows of one mapping: key, whether it is required, type and meaning."""
    yield "| key | required | type | meaning |"
    yield "|---|---|---|---|"
    for key, part in shape.get("properties", {}).items():
        must = "yes" if key in shape.get("required", ()) else ""
        words = " ".join(part.get("description", "").split()).replace("|", "\\|")
        yield f"| `{key}` | {must} | {type_of(part)} | {words} |"


def page() -> str:
    """Return the text of the reference page."""
    lines = [HEAD]
    for title, name in FILES.items():
        schema = json.loads((HOME / "simlib" / "scenario" / name).read_text(encoding="utf-8"))
        lines += [f"## `{title}`", "", " ".join(schema.get("description", "").split()), "", *table(schema), ""]
        for shape, part in schema.get("$defs", {}).items():
            if "properties" in part:
                lines += [
                    f"### {short(shape)}",
                    "",
                    " ".join(part.get("description", "").split()),
                    "",
                    *table(part),
                    "",
                ]
    return "\n".join(lines).rstrip() + "\n"


def write(file: Path) -> None:
    """Write the page to a file, if the file is missing or out of date."""
    text = page()
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
