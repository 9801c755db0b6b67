"""The shape of scenario and view files: which keys there are, what they hold, how many.

This is the only user of pydantic. The same models validate a file and are published as JSON Schema (`python -m
simlib.scenario.schema`). What a key *means* together with others is in `resolve` and `checks`. Every scalar arrives as
text (see `document`), and numbers with units are read by `simlib.quantities`.
"""
