"""What is compared or pooled: views, and groups of changes that `--as` names."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from simlib.cli.options import world
from simlib.errors import Problem, ScenarioError
from simlib.scenario.loader import load, load_view, load_views
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import apply_view

UNNAMED = "changed"
"""What changes without a name are called where their own words would be too long for one."""

LONGEST_NAME = 60
"""Characters of a name made of the changes' own words."""

BASELINE = "baseline"
"""The scenario as it stands, among views."""

EXPECTED = "expected --with-view, --set, --force, --repeat, --forbid, --delay, --policy, --pin, --hold or --assume"

Changes = Sequence[tuple[str, str]]


def variants_asked(arguments: Namespace, base: Scenario) -> dict[str, Scenario]:
    """Return the variants of the baseline by name; raises ScenarioError with every reason at once."""
    groups: list[tuple[str, Changes]] = []
    for name, changes in arguments.variants:
        if name:
            groups.append((name, changes))
            continue
        groups += [(text, [(kind, text)]) for kind, text in changes if kind == "view"]
        rest = [change for change in changes if change[0] != "view"]
        groups += [(_named_after(rest), rest)] if rest else []
    problems = [problem for name, changes in groups for problem in _wrong(name, changes, groups)]
    if not groups:
        problems.append(Problem("", 0, "compare", "nothing to compare the scenario with", EXPECTED))
    found: dict[str, Scenario] = {}
    for name, changes in groups:
        try:
            found[name] = _changed(changes, base)
        except ScenarioError as error:
            named = any(name == other for other, _ in arguments.variants)
            problems += [told_of(name, problem) if named else problem for problem in error.problems]
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return _piled(groups, base) if arguments.cumulative else found


def _named_after(changes: Changes) -> str:
    words = ", ".join(text if kind == "set" else f"{kind} {text}" for kind, text in changes)
    return words if len(words) <= LONGEST_NAME else UNNAMED


def _piled(groups: Sequence[tuple[str, Changes]], base: Scenario) -> dict[str, Scenario]:
    """Return variants of which each has the changes of those before it too."""
    sofar: list[tuple[str, str]] = []
    found = {}
    for name, changes in groups:
        sofar += changes
        found[name] = _changed(sofar, base)
    return found


def _wrong(name: str, changes: Changes, groups: Sequence[tuple[str, Changes]]) -> list[Problem]:
    problems = []
    if not changes:
        problems.append(Problem("", 0, f"--as {name}", "no change follows it", EXPECTED))
    if name == BASELINE:
        problems.append(
            Problem("", 0, f"--as {name}", "the baseline is the scenario as it stands", "expected another name")
        )
    if [other for other, _ in groups].count(name) > 1:
        problems.append(Problem("", 0, "compare", f"two variants are called {name!r}", "expected another name"))
    return problems


def told_of(name: str, problem: Problem) -> Problem:
    """Return a problem told at the variant or plan that `--as` named; "" for one without a name."""
    where = ": ".join(part for part in (name and f"--as {name}", problem.where) if part)
    return Problem(problem.file, problem.line, where, problem.what, problem.expected)


def _changed(changes: Changes, base: Scenario) -> Scenario:
    views = [load_view(base, text) for kind, text in changes if kind == "view"]
    seen = apply_view(base, views) if views else base
    options = Namespace(
        values=[text for kind, text in changes if kind == "set"],
        interventions=[(kind, text) for kind, text in changes if kind not in ("view", "set")],
    )
    return world.changed(options, seen)


# Views to pool


def views_asked(arguments: Namespace) -> dict[str, Scenario]:
    """Return the views to pool by name, each with the changes asked for; default: the baseline and every view."""
    base = load(arguments.path)
    names = arguments.views or [BASELINE, *load_views(base)]
    problems = [
        Problem("", 0, "--views", f"{name!r} is named twice", "expected each view once")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if len(names) < 2:
        what = f"{names[0]!r} alone" if arguments.views else f"{base.id!r} has no views"
        problems.append(Problem("", 0, "--views", what, "expected at least two to pool (`baseline` may be one)"))
    return worlds_asked(arguments, names, problems)


def worlds_asked(arguments: Namespace, names: Sequence[str], problems: Sequence[Problem] = ()) -> dict[str, Scenario]:
    """Return the scenario through each view by name, with the changes asked for; `baseline` is no view.

    Raises ScenarioError with every reason at once, those in `problems` first.
    """
    base, found, wrong = load(arguments.path), {}, list(problems)
    for name in dict.fromkeys(names):
        try:
            seen = base if name == BASELINE else apply_view(base, load_view(base, name))
            found[name] = world.changed(arguments, seen)
        except ScenarioError as error:
            wrong += error.problems
    if wrong:
        raise ScenarioError(dict.fromkeys(wrong))
    return found


def weights_asked(arguments: Namespace, names: Sequence[str]) -> dict[str, float] | None:
    """Return a weight for each view; None where they weigh alike."""
    if arguments.weights is None:
        return None
    if len(arguments.weights) != len(names):
        what = f"{len(arguments.weights)} weights for {len(names)} views"
        raise ScenarioError(Problem("", 0, "--weights", what, f"expected one for each of {', '.join(names)}"))
    weights, problems = {}, []
    for name, text in zip(names, arguments.weights, strict=True):
        try:
            weights[name] = float(text)
        except ValueError:
            problems.append(Problem("", 0, "--weights", f"{text!r} is no number", "expected a number of at least 0"))
    if problems:
        raise ScenarioError(problems)
    return weights
