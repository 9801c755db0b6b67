"""Checks of options against the scenario, before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from simlib.cli.options.request import Request
from simlib.errors import Problem, ScenarioError, did_you_mean, refuse
from simlib.results import ONGOING
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.machine.measures import Measure

FEWEST_DRAWS = 10
"""A mean over fewer draws of the assumptions is refused, because its error cannot be estimated well."""


def check(request: Request, scenario: Scenario) -> None:
    """Refuse options with numbers or names that do not fit the scenario.

    Raises ScenarioError, which lists all problems.
    """
    problems = [
        *_of_days(request, scenario),
        *_of_measures(request, scenario),
        *_of_draws(request),
        *_of_ladder(request, scenario),
        *_of_threshold(request),
        *_of_precision(request),
        *_of_sightings(request),
    ]
    refuse(problems)


def _of_days(request: Request, scenario: Scenario) -> Iterator[Problem]:
    last = scenario.horizon_days
    for option, written in (("--by", request.by), ("--look-by", request.look_by)):
        if written is None:
            continue
        shown, before = f"{written:g}" if isinstance(written, float) else written, option == "--look-by"
        days = _days(written, scenario)
        if not 0 < days <= last or (before and days == last):
            where = f"before day {last:g}" if before else f"up to day {last:g}"
            what = f"expected a day after the start and {where}, the {'target' if request.by else 'horizon'}"
            yield Problem("", 0, option, shown, what)
        elif not before:
            last = days


def _days(written: float | str, scenario: Scenario) -> float:
    """Return a day as a number of days after the start. A date means the end of that date."""
    return written if isinstance(written, float) else scenario.day(dt.date.fromisoformat(written)) + 1


def _of_measures(request: Request, scenario: Scenario) -> Iterator[Problem]:
    from simlib.machine.measures import find

    for option, names in (("--measure", request.measure), ("--given", [request.given] if request.given else ())):
        try:
            measures = find(scenario, names) if names else ()
        except ScenarioError as error:
            yield from (Problem("", 0, option, f"{each.where}: {each.what}", each.expected) for each in error.problems)
            continue
        if option == "--given" or request.command == "indicators":
            yield from _of_events(option, measures, scenario)


def _of_events(option: str, measures: Iterable[Measure], scenario: Scenario) -> Iterator[Problem]:
    kinds = ("ending",) if option == "--given" else ("ending", "question")
    for measure in measures:
        if measure.kind not in kinds or measure.of == ONGOING:
            known = [*scenario.endings, *(scenario.questions if "question" in kinds else ())]
            expected = f"expected one of {', '.join(known)}" if known else "the scenario has none"
            yield Problem("", 0, option, f"{measure.name} is no {' and no '.join(kinds)} of the scenario", expected)


def _of_draws(request: Request) -> Iterator[Problem]:
    draws = request.draws
    if request.command in ("run", "report", "compare", "pool") and 0 < draws < FEWEST_DRAWS:
        what = f"{draws}, too few to estimate the error of the mean over the draws"
        yield Problem("", 0, "--draws", what, f"expected at least {FEWEST_DRAWS}, or 0 for the stated values alone")


def _of_ladder(request: Request, scenario: Scenario) -> Iterator[Problem]:
    if request.command != "paths":
        return
    ladder, over = request.ladder, request.over
    if over and ladder:
        yield Problem("", 0, "--over", "it cannot be used with --ladder", "expected one of the two options")
    elif over and over not in scenario.variables:
        yield Problem("", 0, "--over", f"unknown variable {over!r}", did_you_mean(over, scenario.variables))
    elif over and scenario.variables[over].counter:
        yield Problem("", 0, "--over", f"{over!r} is a counter", "expected a variable with levels, or --ladder")
    elif not over and not ladder and not scenario.ladders:
        known = ", ".join(scenario.variables)
        yield Problem("", 0, "paths", f"{scenario.id!r} has no ladder", f"expected --over with a variable: {known}")


def _of_threshold(request: Request) -> Iterator[Problem]:
    threshold = request.threshold
    if threshold is None:
        return
    of_counts = bool(request.measure) and all(name.startswith(("moves:", "days:")) for name in request.measure)
    if not (threshold > 0 if of_counts else 0 < threshold <= 1):
        expected = "expected a number above 0" if of_counts else "expected a probability above 0 and up to 1"
        yield Problem("", 0, "--threshold", f"{threshold:g}", expected)


def _of_precision(request: Request) -> Iterator[Problem]:
    if request.command != "uncertainty":
        return
    from simlib.analysis.uncertainty.perfect_information import LEAST_DRAWS

    draws, tolerance, most = request.draws, request.tolerance, request.most_draws
    if 0 < draws < LEAST_DRAWS:
        yield Problem("", 0, "--draws", f"{draws}", f"expected at least {LEAST_DRAWS}, or 0 for as many as needed")
    for name, given in (("--tolerance", tolerance), ("--most-draws", most)):
        if given is not None and draws:
            yield Problem("", 0, name, "it cannot be used with --draws", "expected one of the two options")
    if tolerance is not None and not 0 < tolerance < 100:
        yield Problem("", 0, "--tolerance", f"{tolerance:g}", "expected percentage points above 0 and below 100")
    if most is not None and most < LEAST_DRAWS:
        yield Problem("", 0, "--most-draws", f"{most}", f"expected at least {LEAST_DRAWS}")
    for quantile in request.quantile:
        if not 0 < quantile < 1:
            yield Problem("", 0, "--quantile", f"{quantile:g}", "expected a number strictly between 0 and 1")


def _of_sightings(request: Request) -> Iterator[Problem]:
    if request.command == "indicators" and request.engine == "exact" and request.times_seen != 1:
        expected = "expected 1 with --engine exact, because only the simulation counts how often a sign is seen"
        yield Problem("", 0, "--times-seen", f"{request.times_seen}", expected)
