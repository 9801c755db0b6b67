"""Publish the pydantic models of files as JSON Schema, with which editors complete keys."""

from __future__ import annotations

import json
from typing import Any

from pydantic import VERSION
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from simlib.scenario.schema.scalars import Shape
from simlib.scenario.schema.scenario_shape import ScenarioShape
from simlib.scenario.schema.view_shape import ViewShape


class _Published(GenerateJsonSchema):
    """Generates a schema without titles and without `null`.

    An optional key may be missing from a file, but a key without a value is not allowed. So `null` is not allowed.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic calls it so
        return False

    def dict_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of a mapping, which refuses keys that do not match its pattern for keys."""
        shape = super().dict_schema(schema)
        for pattern, values in shape.pop("patternProperties", {}).items():
            shape["additionalProperties"] = values
            shape.setdefault("propertyNames", {})["pattern"] = pattern
        return shape

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(shape: type[Shape]) -> dict[str, Any]:
    """Return the JSON Schema of scenario files (`ScenarioShape`) or of view files (`ViewShape`)."""
    head = {"$schema": DIALECT, "$comment": f"made by pydantic {'.'.join(VERSION.split('.')[:2])}; do not edit"}
    return head | shape.model_json_schema(schema_generator=_Published)


def published(shape: type[Shape]) -> str:
    """Return the text of the published JSON Schema file for a pydantic model of a file."""
    return json.dumps(json_schema(shape), indent=1, ensure_ascii=False) + "\n"


PUBLISHED: dict[str, type[Shape]] = {"scenario.schema.json": ScenarioShape, "view.schema.json": ViewShape}
"""The published files in the folder `simlib/scenario`, each with the pydantic model that it describes."""
