"""Numbers on the command line that cannot be judged without the scenario: refused before anything is computed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from simlib.errors import Problem, ScenarioError, Unsupported, did_you_mean
from simlib.scenario.model import Scenario

FEWEST_DRAWS = 10
"""Draws of a mixture: the spread between fewer says next to nothing of the error of their mean."""


def check(arguments: Namespace, scenario: Scenario) -> None:
    """Refuse, all at once, numbers and names that do not fit the scenario; raises ScenarioError."""
    problems = [
        *_of_day(arguments, scenario),
        *_of_draws(arguments),
        *_of_ladder(arguments, scenario),
        *_of_endings(arguments, scenario),
        *_of_threshold(arguments),
        *_of_observing(arguments, scenario),
        *_of_stopping(arguments),
        *_of_sightings(arguments),
    ]
    if problems:
        raise ScenarioError(problems)


def _of_day(arguments: Namespace, scenario: Scenario) -> Iterator[Problem]:
    day, horizon = getattr(arguments, "day", None), scenario.horizon_days
    if day is None:
        return
    if arguments.command == "indicators" and not 0 < day < horizon:
        yield Problem("", 0, "--day", f"{day:g}", f"expected a day before the horizon of {horizon:g} days")
    elif not 0 < day <= horizon:
        yield Problem("", 0, "--day", f"{day:g}", f"expected a day up to the horizon of {horizon:g} days")


def _of_draws(arguments: Namespace) -> Iterator[Problem]:
    draws = getattr(arguments, "draws", 0)
    if arguments.command in ("run", "report", "compare", "pool") and 0 < draws < FEWEST_DRAWS:
        what = f"{draws}, too few to tell how far the mean may be off"
        yield Problem("", 0, "--draws", what, f"expected at least {FEWEST_DRAWS}, or 0 for the stated values alone")
    if arguments.command == "uncertainty" and draws:
        from simlib.analysis.uncertainty.evppi import LEAST_DRAWS

        if draws < LEAST_DRAWS:
            yield Problem("", 0, "--draws", f"{draws}", f"expected at least {LEAST_DRAWS}, or 0 for as many as needed")


def _of_ladder(arguments: Namespace, scenario: Scenario) -> Iterator[Problem]:
    if arguments.command != "paths":
        return
    ladder, over = arguments.ladder, arguments.over
    if over and ladder:
        yield Problem("", 0, "--over", "and --ladder at once", "expected one of them")
    elif over and over not in scenario.variables:
        yield Problem("", 0, "--over", f"unknown variable {over!r}", did_you_mean(over, scenario.variables))
    elif not over and not ladder and not scenario.ladders:
        known = ", ".join(scenario.variables)
        yield Problem("", 0, "paths", f"{scenario.id!r} has no ladder", f"expected --over with a variable: {known}")


def _of_endings(arguments: Namespace, scenario: Scenario) -> Iterator[Problem]:
    """Check what to watch for: an ending or a question."""
    for name in getattr(arguments, "ending", None) or ():
        known = [*scenario.endings, *scenario.questions]
        if name.removeprefix("ending:").removeprefix("question:") not in known:
            yield Problem("", 0, "--ending", f"{name!r} is not known", did_you_mean(name, known))


def _of_threshold(arguments: Namespace) -> Iterator[Problem]:
    threshold = getattr(arguments, "threshold", None)
    if threshold is None:
        return
    of_counts = bool(arguments.measure) and all(name.startswith("moves:") for name in arguments.measure)
    if not (threshold > 0 if of_counts else 0 < threshold <= 1):
        expected = "expected a number above 0" if of_counts else "expected a probability above 0 and up to 1"
        yield Problem("", 0, "--threshold", f"{threshold:g}", expected)


def _of_observing(arguments: Namespace, scenario: Scenario) -> Iterator[Problem]:
    seen_by = getattr(arguments, "observe", None)
    if seen_by is None:
        return
    last = scenario.horizon_days if arguments.day is None else arguments.day
    if not 0 < seen_by < last:
        yield Problem("", 0, "--observe", f"{seen_by:g}", f"expected a day before that of the forecast, {last:g} days")


def _of_stopping(arguments: Namespace) -> Iterator[Problem]:
    """Check when `uncertainty` stops to draw, and the quantiles it tells."""
    if arguments.command != "uncertainty":
        return
    from simlib.analysis.uncertainty.evppi import LEAST_DRAWS

    tolerance, most = arguments.tolerance, arguments.most_draws
    for name, given in (("--tolerance", tolerance), ("--most-draws", most)):
        if given is not None and arguments.draws:
            yield Problem("", 0, name, "and --draws at once", "expected one of them: --draws says how many to draw")
    if tolerance is not None and not 0 < tolerance < 100:
        yield Problem("", 0, "--tolerance", f"{tolerance:g}", "expected points of probability above 0 and below 100")
    if most is not None and most < LEAST_DRAWS:
        yield Problem("", 0, "--most-draws", f"{most}", f"expected at least {LEAST_DRAWS}")
    for quantile in arguments.quantile or ():
        if not 0 < quantile < 1:
            yield Problem("", 0, "--quantile", f"{quantile:g}", "expected a number strictly between 0 and 1")


def _of_sightings(arguments: Namespace) -> Iterator[Problem]:
    if arguments.command == "indicators" and arguments.engine == "exact" and arguments.times_seen != 1:
        expected = "expected 1 with --engine exact: how often a sign is seen is counted in histories"
        yield Problem("", 0, "--times-seen", f"{arguments.times_seen}", expected)


def uncertain(scenario: Scenario) -> bool:
    """Say whether any assumption has a range."""
    return any(not assumption.fixed for assumption in scenario.assumptions.values())


def insist_on_doubt(scenario: Scenario) -> None:
    """Raise Unsupported where no assumption has a range, so that nothing is in doubt."""
    if not uncertain(scenario):
        raise Unsupported(f"every assumption of {scenario.id!r} is fixed: there is no doubt about them to look into")
