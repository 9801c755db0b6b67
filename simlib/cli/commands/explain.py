"""`simlib explain`: a scenario in sentences, or one move with its assumptions."""

from __future__ import annotations

import sys

from simlib.cli.commands.engine_choice import too_large
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output.forecast_text import count
from simlib.cli.output.progress import Task
from simlib.errors import DOES_NOT_FIT
from simlib.formatting import capital, percent
from simlib.report.assumption_blocks import with_reasons
from simlib.scenario.model import Scenario


def execute(arguments: Request) -> int:
    """Describe each move, assumption and ending in a sentence, or one move with its assumptions."""
    from simlib.scenario.explanation import explain_text
    from simlib.scenario.loader import load
    from simlib.scenario.views.wording import what_if

    stated = world.stated(arguments)
    changed = world.changed(arguments, stated)
    changes = what_if(load(arguments.path), changed)
    head = "\n".join([changes[0], *(f"  {line}" for line in changes[1:])]) + "\n\n" if changes else ""
    reasoned = with_reasons(stated, changed, "on the command line")
    text = explain_text(reasoned) if arguments.move is None else _one_move(reasoned, changed, arguments.move)
    sys.stdout.write(head + text.rstrip("\n") + "\n")
    return 0


def _one_move(reasoned: Scenario, changed: Scenario, name: str) -> str:
    from simlib.scenario.explanation import explain_move

    parts: dict[str, list[str]] = {}
    for line in explain_move(reasoned, name):
        parts.setdefault(line.section, []).append(line.sentence)
    lines = [*parts.pop("move"), *_happens(changed, name)]
    for section, sentences in parts.items():
        lines += ["", capital(section), *(f"  {sentence}" for sentence in sentences)]
    return "\n".join(lines)


def _happens(scenario: Scenario, name: str) -> list[str]:
    from simlib.engines.ensemble import forecast

    try:
        with Task(f"solving {scenario.id}") as task:
            answer = forecast(scenario, engine="exact", times=1, control=task.control)
    except DOES_NOT_FIT as error:
        world.note(f"{too_large(error)}; how often the move happens is not shown")
        return []
    often = answer.firing_range(name)
    once = "" if often is None else f", and at least once with a probability of {percent(1 - often.none[0])}"
    return [f"It happens {count(answer.moves[name][-1])} times on average by {answer.by_words}{once}."]
