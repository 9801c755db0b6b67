"""`simlib score`: the scores of a scenario's registered forecasts, and of rival forecasts."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.cli.output.answers import tell
from simlib.scenario.loader import load


def execute(arguments: Request) -> int:
    """Check that the registry of a scenario was not altered, and print its scores.

    If requested, write a page about the scores.
    """
    from simlib.calibration.registry_score import score_registry
    from simlib.report.registry_page import write_registry_page

    scenario = load(arguments.path)
    score = score_registry(scenario, receipt=arguments.receipt or "")
    if arguments.page is not None:
        sys.stderr.write(f"{write_registry_page(score, arguments.page)}\n")
    return tell(arguments, {"score": score})
