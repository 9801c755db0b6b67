"""`simlib register`: write forecasts down before the answer is known."""

from __future__ import annotations

import sys

from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.files import write_atomically
from simlib.formatting import counted, long_date, percent
from simlib.scenario.loader import load


def execute(arguments: Request) -> int:
    """Register the forecasts of a scenario, or only write its questions for a forecasting site."""
    from simlib.calibration.forecast_registry import read_registry, register
    from simlib.calibration.forecast_terms import as_questions

    scenario = load(arguments.path)
    if arguments.questions_to is not None:
        write_atomically(arguments.questions_to, as_questions(scenario))
        sys.stdout.write(f"{arguments.questions_to}\n")
        return 0
    before = len(read_registry(scenario).forecasts)
    with Task("forecasting") as task:
        registry = register(
            scenario,
            questions=arguments.question,
            draws=arguments.draws,
            engine=arguments.engine,
            seed=arguments.seed,
            control=task.control,
        )
    new = registry.forecasts[before:]
    lines = [
        f"{one.number}. {one.label} by {long_date(one.by)}: {percent(one.probability)} "
        f"({percent(one.low)} to {percent(one.high)})"
        for one in new
    ]
    head = f"{counted(len(new), 'forecast')} registered in {registry.file}" if new else "Nothing new to register."
    late = ["A forecast proves no skill if its deadline has passed."] if any(one.late for one in new) else []
    receipt = f"Receipt: {registry.receipt}\nPublish the receipt. It proves later that no earlier record was changed."
    sys.stdout.write("\n".join([head, *lines, *late, receipt]) + "\n")
    return 0
