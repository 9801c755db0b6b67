"""A command's scenario with the requested changes, updated by a log if one is named."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlib.cli.options import limits, world
from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.formatting import long_date
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from simlib.evidence.belief_update import Update
    from simlib.machine.belief import Belief

SUBJECT_DRAWS, FEWEST_SUBJECT_DRAWS = 200, 32
"""Default and least number of draws of the assumptions when a log of events updates the scenario."""


@dataclass(frozen=True)
class AskedScenario:
    """A scenario to ask about, and the distribution of its assumptions after a log of events.

    `belief` holds weighted draws of the assumptions. `belief` is None if no log was used.
    """

    scenario: Scenario
    belief: Belief | None = None

    def draws(self, otherwise: int) -> int | Belief:
        """Return the belief or, without one, the number `otherwise` of draws from the priors."""
        return otherwise if self.belief is None else self.belief


def requested(request: Request) -> AskedScenario:
    """Return the scenario that the options ask about, with its belief (weighted draws).

    Raises ScenarioError for options that do not fit the scenario, and any error of the update by the log.
    """
    base = world.stated(request)
    update = updated(request, base)
    if update is None:
        subject = AskedScenario(world.changed(request, base))
    else:
        subject = AskedScenario(update.scenario, update.belief)
        _note_answers(update)
    limits.check(request, subject.scenario)
    return subject


def _note_answers(update: Update) -> None:
    """Print a note for each question to which the log has already answered yes."""
    for one in update.answered:
        if one.on is not None:
            answer = f"the log has answered “{one.label}”: yes, on {long_date(one.on)}"
            world.note(f"{answer}. Here the question is asked again, from {long_date(update.scenario.as_of)} on")


def updated(request: Request, base: Scenario) -> Update | None:
    """Return the scenario updated by a log, or None if no option names a log or a date.

    Options that change values are applied before the update. A new horizon and interventions are applied after the
    update, so they take effect from the date of the answer on.
    """
    from simlib.evidence.belief_update import update

    if request.events is None and request.as_of is None:
        return None
    before = world.changed(request.replace(horizon=None, interventions=()), base)
    with Task("reading the log") as task:
        answer = update(
            before,
            request.events,
            as_of=request.as_of,
            learn=not request.no_learn,
            draws=max(request.draws or SUBJECT_DRAWS, FEWEST_SUBJECT_DRAWS),
            seed=request.seed,
            skip_impossible=request.skip_impossible,
            control=task.control,
        )
    return dataclasses.replace(answer, scenario=world.changed(request.replace(settings=()), answer.scenario))
