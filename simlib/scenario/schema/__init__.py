"""The shapes of scenario and view files: their keys, and the values that belong to each key.

A shape is a pydantic model of one mapping in a file. Only this package uses pydantic. The same models check a file and
are published as JSON Schema (`python -m simlib.scenario.schema`). Rules that concern several keys are in `resolver` and
`checks`. Every single value arrives as text (see `document`), and `simlib.quantities` reads numbers with units.
"""
