"""`simlib check`: problems in the files of a scenario, then warnings of probable mistakes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simlib.cli.options.request import Request
from simlib.cli.options.world import note
from simlib.cli.output.answers import Result, write_files
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.errors import DOES_NOT_FIT, MissingDependency, Problem, collect, refuse
from simlib.formatting import percent
from simlib.quantities import show
from simlib.scenario.loader import load, load_views
from simlib.scenario.model import Scenario, View
from simlib.scenario.views.variation import apply_view

if TYPE_CHECKING:
    from simlib.analysis.lint.rules import Finding, Findings

ITEM_KINDS = ("actors", "variables", "assumptions", "moves", "endings", "ladders", "questions", "impacts", "sources")

_REFUSED = 2


def execute(arguments: Request) -> int:
    """Check the files of a scenario and of its views, then look for probable mistakes.

    Return the exit code. Raises ScenarioError with all problems of the scenario's file or, if it has none, of the
    views.
    """
    if arguments.quick and (arguments.json, arguments.out) != (None, None):
        refuse([Problem("", 0, "--quick", "it gives no answer to write", "expected no --json and no --out")])
    scenario = load(arguments.path)
    views = _views(scenario)
    say = sys.stdout.write if arguments.json != "-" else _nothing
    say(_inventory(scenario, views))
    if arguments.priors:
        say(f"\n{_priors(scenario)}\n")
    if arguments.quick:
        return 0
    sys.stdout.flush()
    findings = _findings(scenario, views)
    say(_listed(findings))
    answers: dict[str, Result] = {"lint": findings}
    for text in _implications(scenario, answers):
        say(f"\n{text}\n")
    write_files(arguments, answers)
    return _REFUSED if any(finding.severity == "error" for finding in findings) else 0


def _nothing(text: str) -> int:  # noqa: ARG001 - it stands for the `write` of standard output
    return 0


def _views(scenario: Scenario) -> dict[str, View]:
    views = load_views(scenario)
    problems: list[Problem] = []
    for view in views.values():
        with collect(problems):
            apply_view(scenario, view)
    refuse(problems)
    return views


def _inventory(scenario: Scenario, views: dict[str, View]) -> str:
    parts = [_many(len(getattr(scenario, kind)), kind) for kind in ITEM_KINDS if kind != "impacts" or scenario.impacts]
    named = f": {', '.join(views)}" if views else ""
    return f"{scenario.id}: the file fits the format. {', '.join(parts)}; {_many(len(views), 'views')}{named}.\n"


def _many(number: int, plural: str) -> str:
    return f"{number} {plural if number != 1 else plural.removesuffix('s')}"


def _findings(scenario: Scenario, views: dict[str, View]) -> Findings:
    from simlib.analysis.lint.rules import lint

    with Task("looking for mistakes") as task:
        findings = lint(scenario, control=task.control)
    return dataclasses.replace(findings, findings=(*findings.findings, *_without_reason(views)))


def _without_reason(views: dict[str, View]) -> Iterator[Finding]:
    from simlib.analysis.lint.rules import Finding

    for name, view in views.items():
        bare = [str(item) for item in view.interventions if not item.because]
        if bare:
            what = f"{_many(len(bare), 'interventions')} without a reason ({bare[0]}{', ...' * (len(bare) > 1)})"
            yield Finding("warning", f"views.{name}.interventions", what, "expected `because` with each")


def _listed(findings: Findings) -> str:
    return "".join(f"{finding}\n" for finding in findings) or "There are no warnings.\n"


def _implications(scenario: Scenario, answers: dict[str, Result]) -> Iterator[str]:
    """Yield what the scenario implies, as texts, and add the answers behind them to `answers`."""
    try:
        yield from _elicited(scenario)
        yield from _base_rates(scenario, answers)
        yield from _prior_predictive(scenario, answers)
    except (*DOES_NOT_FIT, MissingDependency) as error:
        note(f"some tables are not shown: {error}")


def _elicited(scenario: Scenario) -> Iterator[str]:
    from simlib.analysis.lint.rules import elicited

    with Task("implied probabilities") as task:
        frame = elicited(scenario, control=task.control)
    if frame.empty:
        return
    rows = [
        Row(
            f"{row['assumption']}: {row['move']}",
            [f"{row['within_days']:g} days", percent(row["stated"]), percent(row["implied"])],
        )
        for row in frame.to_dict("records")
    ]
    yield table(ELICITED, [["within", "stated", "implied"]], rows)


ELICITED = (
    "Both are probabilities of the move within the days in the first column. Stated: while the move is possible and\n"
    "every factor is 1. Implied: from the start on, with all factors, conditions and endings."
)


def _base_rates(scenario: Scenario, answers: dict[str, Result]) -> Iterator[str]:
    from simlib.calibration.reference_classes import base_rates, classes_of

    if not classes_of(scenario):
        return
    with Task("base rates") as task:
        answers["base_rates"] = answer = base_rates(scenario, control=task.control)
    yield "\n".join(["Base rates:", *(f"- {sentence}" for sentence in answer.sentences())])


def _prior_predictive(scenario: Scenario, answers: dict[str, Result]) -> Iterator[str]:
    from simlib.calibration.predictive_check import LOG_BESIDE_MODEL, has_log, prior_predictive

    if not has_log(scenario):
        return
    with Task("the log") as task:
        answers["prior_predictive"] = answer = prior_predictive(scenario, control=task.control)
    if answer.checks:
        yield table(
            LOG_BESIDE_MODEL, answer.HEAD, [Row(check.move or check.label, check.cells()) for check in answer.checks]
        )
    yield "\n".join(["The log:", *(f"- {sentence}" for sentence in answer.sentences())])


def _priors(scenario: Scenario) -> str:
    from simlib.machine.priors import describe

    points = ("mean", "p01", "p25", "p75", "p99")
    rows = []
    for assumption in scenario.assumptions.values():
        implied = describe(assumption)
        shown = [show(implied[point], assumption.kind, assumption.unit) for point in points]
        rows.append(Row(assumption.id, shown))
    head = [["mean", "1%", "25%", "75%", "99%"]]
    return table("What low, value and high imply for each assumption: the mean and percentiles", head, rows)
