"""The shape of scenario and view files: their keys, and the kind and number of their values.

This is the only user of pydantic. The same models validate a file and are published as JSON Schema (`python -m
simlib.scenario.schema`). Rules about several keys together are in `resolver` and `checks`. Every scalar arrives as text
(see `document`), and numbers with units are read by `simlib.quantities`.
"""
