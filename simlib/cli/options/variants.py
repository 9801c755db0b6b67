"""The variants of a scenario for the command `compare`, and its views for `pool`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simlib.cli.options import world
from simlib.cli.options.request import ChangeOptions, Request
from simlib.errors import Problem, ScenarioError, collect, refuse
from simlib.scenario.loader import load, load_view, load_views
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import apply_view

UNNAMED_VARIANT = "changed"
"""The name of a variant that `--as` did not name, if its changes in words are too long for a name."""

LONGEST_NAME = 60
"""Largest number of characters in a name that consists of the changes in words."""

BASELINE = "baseline"
"""In a list of views (named sets of changes), the name that means the scenario without a view."""

EXPECTED_CHANGE = (
    "expected --with-view, --set, --force, --repeat, --forbid, --delay, --policy, --pin, --hold or --assume"
)


def requested_variants(request: Request, base: Scenario) -> dict[str, Scenario]:
    """Return the requested variants of the scenario `base`, by name.

    With `--cumulative`, each variant also contains the changes of all variants before it. Raises ScenarioError, which
    lists every problem.
    """
    groups: list[tuple[str, ChangeOptions]] = []
    for name, changes in request.variants:
        if name:
            groups.append((name, changes))
            continue
        groups += [(text, ((kind, text),)) for kind, text in changes if kind == "view"]
        rest = tuple(change for change in changes if change[0] != "view")
        groups += [(_named_after(rest), rest)] if rest else []
    problems = [problem for name, changes in groups for problem in _wrong(name, changes, groups)]
    if not groups:
        problems.append(Problem("", 0, "compare", "nothing to compare the scenario with", EXPECTED_CHANGE))
    variants: dict[str, Scenario] = {}
    for name, changes in groups:
        given = any(name == other for other, _ in request.variants)
        with collect(problems, partial(named_problem, name if given else "")):
            variants[name] = _changed(changes, base)
    refuse(problems)
    return _piled(groups, base) if request.cumulative else variants


def _named_after(changes: ChangeOptions) -> str:
    words = ", ".join(text if kind == "set" else f"{kind} {text}" for kind, text in changes)
    return words if len(words) <= LONGEST_NAME else UNNAMED_VARIANT


def _piled(groups: Sequence[tuple[str, ChangeOptions]], base: Scenario) -> dict[str, Scenario]:
    pile: ChangeOptions = ()
    variants = {}
    for name, changes in groups:
        pile += changes
        variants[name] = _changed(pile, base)
    return variants


def _wrong(name: str, changes: ChangeOptions, groups: Sequence[tuple[str, ChangeOptions]]) -> list[Problem]:
    problems = []
    if not changes:
        problems.append(Problem("", 0, f"--as {name}", "no change follows it", EXPECTED_CHANGE))
    if name == BASELINE:
        problems.append(
            Problem("", 0, f"--as {name}", "the baseline is the scenario as it stands", "expected another name")
        )
    if [other for other, _ in groups].count(name) > 1:
        problems.append(Problem("", 0, "compare", f"two variants are called {name!r}", "expected another name"))
    return problems


def named_problem(name: str, problem: Problem) -> Problem:
    """Return a problem whose place begins with the name that `--as` gave to a variant or plan.

    `name` is "" for a variant or plan that `--as` did not name.
    """
    return problem.inside(f"--as {name}") if name else problem


def _changed(changes: ChangeOptions, base: Scenario) -> Scenario:
    views = [load_view(base, text) for kind, text in changes if kind == "view"]
    seen = apply_view(base, views) if views else base
    settings = tuple(text for kind, text in changes if kind == "set")
    interventions = tuple(change for change in changes if change[0] not in ("view", "set"))
    return world.changed(Request(settings=settings, interventions=interventions), seen)


# Views to pool


def requested_views(request: Request) -> dict[str, Scenario]:
    """Return {name of a view: scenario} for the views whose forecasts are averaged.

    Each scenario has its view and the requested changes applied. By default every view is used, and the scenario
    without a view ("baseline"). Raises ScenarioError, which lists every problem.
    """
    base = load(request.path)
    names = list(request.views) or [BASELINE, *load_views(base)]
    problems = [
        Problem("", 0, "--views", f"{name!r} is named twice", "expected each view once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if len(names) < 2:
        what = f"{names[0]!r} alone" if request.views else f"{base.id!r} has no views"
        problems.append(Problem("", 0, "--views", what, "expected at least two views (`baseline` may be one)"))
    return requested_worlds(request, names, problems)


def requested_worlds(request: Request, names: Sequence[str], problems: Sequence[Problem] = ()) -> dict[str, Scenario]:
    """Return, for each view in `names`, the scenario with this view and the requested changes.

    The name "baseline" means no view. Raises ScenarioError, which lists `problems` and then every further problem.
    """
    base, worlds, gathered = load(request.path), {}, list(problems)
    for name in dict.fromkeys(names):
        with collect(gathered):
            seen = base if name == BASELINE else apply_view(base, load_view(base, name))
            worlds[name] = world.changed(request, seen)
    refuse(gathered)
    return worlds


def requested_weights(request: Request, names: Sequence[str]) -> dict[str, float] | None:
    """Return the weight of each view (named set of changes), or None if no weights are given.

    Raises ScenarioError if the weights cannot be read, or if their number differs from the number of views.
    """
    if request.weights is None:
        return None
    if len(request.weights) != len(names):
        what = f"{len(request.weights)} weights for {len(names)} views"
        raise ScenarioError(Problem("", 0, "--weights", what, f"expected one for each of {', '.join(names)}"))
    weights, problems = {}, []
    for name, text in zip(names, request.weights, strict=True):
        try:
            weights[name] = float(text)
        except ValueError:
            problems.append(Problem("", 0, "--weights", f"{text!r} is no number", "expected a number of at least 0"))
    refuse(problems)
    return weights
