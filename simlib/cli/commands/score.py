"""`simlib score`: how good the registered forecasts of a scenario were, beside their rivals."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.cli.output.answers import tell
from simlib.errors import Problem, ScenarioError
from simlib.scenario.loader import load


def execute(arguments: Request) -> int:
    """Verify the registry, print its scores, and write the page where one is wanted."""
    from simlib.calibration.forecast_registry import read_registry
    from simlib.calibration.registry_score import score_registry
    from simlib.report.registry_page import write_registry_page

    scenario = load(arguments.path)
    if arguments.receipt and arguments.receipt not in read_registry(scenario).receipts:
        what = f"the registry holds no record with the receipt {arguments.receipt}"
        raise ScenarioError(Problem("", 0, "--receipt", what, "expected one; records were changed or cut off"))
    score = score_registry(scenario)
    if arguments.page is not None:
        sys.stderr.write(f"{write_registry_page(score, arguments.page)}\n")
    return tell(arguments, {"score": score})
