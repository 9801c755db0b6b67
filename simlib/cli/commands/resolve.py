"""`simlib resolve`: record the verdict on a registered forecast."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.formatting import long_date
from simlib.scenario.loader import load


def execute(arguments: Request) -> int:
    """Add the verdict on a forecast to the registry, and print the hash of the new record."""
    from simlib.calibration.forecast_registry import resolve

    registry = resolve(
        load(arguments.path),
        arguments.number,
        arguments.verdict,
        on=arguments.on,
        source=arguments.source,
        correction=arguments.correction,
    )
    said = f"Forecast {arguments.number} is settled: {arguments.verdict}, on {long_date(arguments.on)}."
    sys.stdout.write(f"{said}\nReceipt: {registry.receipt}\n")
    return 0
