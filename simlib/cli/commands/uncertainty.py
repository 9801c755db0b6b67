"""`simlib uncertainty`: how certain an answer is, and what would make it more certain."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from simlib.cli.commands.subject import AskedScenario, requested
from simlib.cli.options import world
from simlib.cli.options.request import Request
from simlib.cli.output import figures, listings
from simlib.cli.output.answers import heading, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import StoppedWithAnswer, Task
from simlib.errors import DOES_NOT_FIT, ArgumentError
from simlib.formatting import counted, how_made
from simlib.results import ONGOING
from simlib.scenario.views.variation import begun_by

if TYPE_CHECKING:
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.analysis.uncertainty.propagation import Precision
    from simlib.analysis.uncertainty.sample_information import Evsi
    from simlib.machine.measures import Measure

FAN_DRAWS, FAN_TIMES, FAN_RUNS = 100, 45, 200
"""For the chart of the level of escalation over time: numbers of draws, report times and runs per draw."""


def execute(arguments: Request) -> int:
    """Print the range of the answer, the causes of its spread, and the value of information."""
    from simlib.analysis.uncertainty.perfect_information import evppi_from
    from simlib.analysis.uncertainty.propagation import uncertainty

    subject, measures = requested(arguments), arguments.measure or None
    scenario = subject.scenario
    with Task("answering at each draw") as task:
        answer = uncertainty(
            scenario,
            measures,
            by=arguments.by,
            engine=arguments.engine,
            draws=subject.belief or arguments.draws or None,
            seed=arguments.seed,
            precision=_precision(arguments),
            control=task.control,
        )
        stopped = task.stopped_with_an_answer()
    worths = {}
    for measure in answer.measures:
        if measure.probability and subject.belief is None:
            try:
                worths[f"evppi-{slug(measure.name)}"] = evppi_from(answer, measure.name)
            except ArgumentError as few:
                world.note(f"the value of knowing each assumption is left out: {few}")
    if subject.belief is not None:
        world.note("the value of knowing each assumption is left out: with a log the draws are not independent")
    fan = _fan(subject, arguments) if arguments.out is not None and scenario.ladders and not stopped else None
    watch = _observations(subject, arguments, answer.measures) if arguments.look_by is not None and not stopped else {}
    tables = list(chain.from_iterable(map(listings.observations, watch.values())))
    method = how_made(answer.provenance)
    tell(
        arguments,
        {"uncertainty": answer, **worths, **watch},
        partial(figures.uncertainty, answer, worths, fan, watch),
        tables,
        caption=heading(arguments, scenario, method),
    )
    if stopped:
        raise StoppedWithAnswer(f"the answer is from the {counted(answer.draws, 'draw')} made before the stop")
    return 0


def _precision(arguments: Request) -> Precision:
    from simlib.analysis.uncertainty.propagation import DEFAULT_PRECISION, Precision

    return Precision(
        tolerance=DEFAULT_PRECISION.tolerance if arguments.tolerance is None else arguments.tolerance / 100,
        quantiles=tuple(sorted(set(arguments.quantile or DEFAULT_PRECISION.quantiles))),
        most_draws=arguments.most_draws or DEFAULT_PRECISION.most_draws,
        answer_when_cancelled=True,
    )


def _observations(subject: AskedScenario, arguments: Request, measures: Iterable[Measure]) -> dict[str, Evsi]:
    from simlib.analysis.uncertainty.sample_information import SAMPLE_INFORMATION_DRAWS, evsi

    answers = {}
    for measure in measures:
        if measure.kind in ("ending", "question") and measure.of != ONGOING:
            with Task(f"watching for “{measure.label}”") as task:
                answers[f"evsi-{slug(measure.name)}"] = evsi(
                    subject.scenario,
                    measure.name,
                    by=arguments.by,
                    look_by=arguments.look_by,
                    draws=subject.draws(arguments.draws or SAMPLE_INFORMATION_DRAWS),
                    seed=arguments.seed,
                    control=task.control,
                )
    return answers


def _fan(subject: AskedScenario, arguments: Request) -> Fan:
    from simlib.analysis.uncertainty.fans import ladder_fan
    from simlib.engines.ensemble import over_priors
    from simlib.machine.measures import days_by

    scenario = subject.scenario
    by_then = scenario if arguments.by is None else begun_by(scenario, days_by(scenario, arguments.by))
    with Task("drawing the fan") as task:
        forecast = partial(
            over_priors,
            by_then,
            by=arguments.by,
            times=FAN_TIMES,
            draws=subject.draws(FAN_DRAWS),
            seed=arguments.seed,
            control=task.control,
        )
        try:
            ensemble = forecast(engine="exact" if arguments.engine == "auto" else arguments.engine)
        except DOES_NOT_FIT:
            ensemble = forecast(engine="montecarlo", runs=FAN_RUNS)
    return ladder_fan(ensemble, scenario.ladder or None)
