"""Write the published JSON Schema files anew: `python -m simlib.scenario.schema`."""

from pathlib import Path

from simlib.scenario.schema.publication import PUBLISHED, published

for name, shape in PUBLISHED.items():
    (Path(__file__).parent.parent / name).write_text(published(shape), encoding="utf-8")
