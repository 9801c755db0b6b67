"""The commands: each takes the parsed options and returns an exit code."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping

from simlib.cli.options import world


def explain(arguments: Namespace) -> int:
    """Print every move, assumption and ending in a sentence."""
    from simlib.scenario.explanation import explain_text
    from simlib.scenario.loader import load
    from simlib.scenario.views.wording import what_if

    stated = world.stated(arguments)
    changed = world.changed(arguments, stated)
    changes = what_if(load(arguments.path), changed)
    head = "\n".join([changes[0], *(f"  {line}" for line in changes[1:])]) + "\n\n" if changes else ""
    sys.stdout.write(head + explain_text(world.with_reasons(stated, changed)).rstrip("\n") + "\n")
    return 0


def run(arguments: Namespace) -> int:
    """Forecast."""
    from simlib.cli.commands.run import run as forecast

    return forecast(arguments)


def check(arguments: Namespace) -> int:
    """Say what is wrong, then what looks doubtful."""
    from simlib.cli.commands.check import check as read_twice

    return read_twice(arguments)


def export(arguments: Namespace) -> int:
    """Write the scenario in another language."""
    from simlib.export import prism

    scenario = world.changed(arguments, world.stated(arguments))
    written = prism.write(scenario, arguments.out, ignore_windows=arguments.ignore_windows)
    for sentence in prism.notes(scenario):
        world.note(sentence)
    sys.stdout.write("".join(f"{path}\n" for path in written))
    return 0


def lab(arguments: Namespace) -> int:
    """Open JupyterLab and stay until it is stopped."""
    from simlib.lab import open_lab

    options = ["--no-browser"] * arguments.no_browser
    options += [] if arguments.port is None else [f"--port={arguments.port}"]
    return open_lab([*options, *arguments.jupyter])


def ask(arguments: Namespace) -> int:
    """Answer one of the questions."""
    from simlib.cli.commands import paths as following
    from simlib.cli.commands import questions as asking
    from simlib.cli.commands import report as reporting
    from simlib.cli.commands import sweep as sweeping
    from simlib.cli.output.files import refuse_targets

    refuse_targets(arguments)
    home = {"paths": following, "report": reporting, "sweep": sweeping}.get(arguments.command, asking)
    answer: Callable[[Namespace], int] = getattr(home, arguments.command)
    return answer(arguments)


QUESTIONS = ("compare", "drivers", "uncertainty", "paths", "indicators", "discover", "pool", "diff", "report", "sweep")

COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "check": check,
    "explain": explain,
    "run": run,
    "export": export,
    "lab": lab,
    **dict.fromkeys(QUESTIONS, ask),
}
