"""The plans of a sweep: view files, and groups of interventions that `--as` names."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

from simlib.cli.options import world
from simlib.cli.options.variants import told_of
from simlib.errors import Problem, ScenarioError
from simlib.scenario.loader import load
from simlib.scenario.model import Intervention, Scenario

EXPECTED = "expected --plan, or an intervention such as --forbid"

Changes = Sequence[tuple[str, str]]
Plan = tuple[Intervention, ...]


def share_out(arguments: Namespace) -> None:
    """Put what belongs to every point where `world` looks for it, and what plans there are into `plans`."""
    first = [change for name, changes in arguments.variants if not name for change in changes]
    arguments.values = [text for kind, text in first if kind == "set"]
    arguments.interventions = [(kind, text) for kind, text in first if kind not in ("set", "plan")]
    arguments.plans = [("", [change]) for change in first if change[0] == "plan"]
    arguments.plans += [(name, changes) for name, changes in arguments.variants if name]


def plans_asked(arguments: Namespace) -> dict[str, Plan]:
    """Return the plans by name; raises ScenarioError with every reason at once."""
    base = world.changed(Namespace(values=[], horizon=arguments.horizon), load(arguments.path))
    plans: dict[str, Plan] = {}
    problems: list[Problem] = []
    for name, changes in arguments.plans:
        problems += _wrong(name, changes)
        made, wrong = _plan(name, changes, base)
        problems += [told_of(name, problem) for problem in wrong]
        problems += [
            Problem("", 0, "sweep", f"two plans are called {each!r}", "expected another name")
            for each in made
            if each in plans
        ]
        plans |= made
    if problems:
        raise ScenarioError(dict.fromkeys(problems))
    return plans


def _plan(name: str, changes: Changes, base: Scenario) -> tuple[dict[str, Plan], list[Problem]]:
    """Return one plan, a file under its own id or, under a name, files and then what was typed; and what is wrong."""
    from simlib.sweep import load_plans

    wrong: list[Problem] = []
    read: dict[str, Plan] = {}
    added: Plan = ()
    try:
        read = load_plans(base, [text for kind, text in changes if kind == "plan"])
    except ScenarioError as error:
        wrong += error.problems
    if not name:
        return read, wrong
    try:
        typed = Namespace(values=[], interventions=[change for change in changes if change[0] not in ("plan", "set")])
        added = world.changed(typed, base).interventions[len(base.interventions) :]
    except ScenarioError as error:
        wrong += error.problems
    return {name: (*(item for items in read.values() for item in items), *added)}, wrong


def _wrong(name: str, changes: Changes) -> Iterator[Problem]:
    if not changes:
        yield Problem("", 0, f"--as {name}", "no intervention follows it", EXPECTED)
    for kind, text in changes:
        if kind == "set":
            what, expected = f"--set {text}: a plan changes no assumption", "expected --assume, or it before --as"
            yield Problem("", 0, f"--as {name}", what, expected)
