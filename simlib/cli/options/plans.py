"""The plans (sets of interventions) of a sweep, from files or from options after an `--as`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from simlib.cli.options import world
from simlib.cli.options.request import ChangeOptions, Request
from simlib.cli.options.variants import named_problem
from simlib.errors import Problem, collect, refuse
from simlib.scenario.loader import load
from simlib.scenario.model import Scenario
from simlib.scenario.views.interventions import Plan

EXPECTED_PLAN = "expected --plan, or an intervention such as --forbid"


def shared_out(request: Request) -> Request:
    """Return the request of a sweep, with each change assigned to all forecasts or to one plan.

    A plan is a named set of interventions. The position of an option on the command line decides:

    - A `--plan` before the first `--as` is a plan of its own.
    - Any other change before the first `--as` belongs to every forecast.
    - A change after an `--as` belongs to the plan that this `--as` names.
    """
    common = [change for name, changes in request.variants if not name for change in changes]
    alone = [("", (change,)) for change in common if change[0] == "plan"]
    return request.replace(
        settings=tuple(text for kind, text in common if kind == "set"),
        interventions=tuple(change for change in common if change[0] not in ("set", "plan")),
        plans=(*alone, *(group for group in request.variants if group[0])),
    )


def requested_plans(request: Request) -> dict[str, Plan]:
    """Return {name: interventions} of the plans of a sweep.

    Raises ScenarioError, which lists every problem.
    """
    base = world.changed(Request(horizon=request.horizon), load(request.path))
    plans: dict[str, Plan] = {}
    problems: list[Problem] = []
    for name, changes in request.plans:
        problems += _wrong(name, changes)
        added: dict[str, Plan] = {name: ()} if name else {}
        with collect(problems, partial(named_problem, name)):
            added = _plan(name, changes, base)
        problems += [
            Problem("", 0, "sweep", f"two plans are called {each!r}", "expected another name")
            for each in added
            if each in plans
        ]
        plans |= added
    refuse(problems)
    return plans


def _plan(name: str, changes: ChangeOptions, base: Scenario) -> dict[str, Plan]:
    """Return the plans that the options in `changes` describe.

    If the options follow `--as NAME`, `name` is NAME, and all of them make one plan: the interventions of the files,
    then those on the command line. Otherwise `name` is "", and each file makes one plan, named by the id of the file.
    """
    from simlib.sweep import load_plans

    problems: list[Problem] = []
    plans: dict[str, Plan] = {}
    added: Plan = ()
    with collect(problems):
        plans = load_plans(base, [text for kind, text in changes if kind == "plan"])
    with collect(problems):
        typed = tuple(change for change in changes if change[0] not in ("plan", "set"))
        added = world.changed(Request(interventions=typed), base).interventions[len(base.interventions) :]
    refuse(problems)
    return {name: (*(item for items in plans.values() for item in items), *added)} if name else plans


def _wrong(name: str, changes: ChangeOptions) -> Iterator[Problem]:
    if not changes:
        yield Problem("", 0, f"--as {name}", "no intervention follows it", EXPECTED_PLAN)
    for kind, text in changes:
        if kind == "set":
            what, expected = (
                f"--set {text}: a plan cannot change assumptions",
                "expected --assume, or --set before the first --as",
            )
            yield Problem("", 0, f"--as {name}", what, expected)
