"""Most questions on the command line: each computes, and tells its answer (see `telling`)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from simlib.cli.commands.engine_choice import DOES_NOT_FIT, either, too_large
from simlib.cli.options import limits as numbers
from simlib.cli.options import world
from simlib.cli.options.parser import RUNS
from simlib.cli.options.variants import variants_asked, views_asked, weights_asked
from simlib.cli.output import figures
from simlib.cli.output import listings as listing
from simlib.cli.output.answers import Result, Table, Untold, asked_world, heading, made_by, tell
from simlib.cli.output.files import slug
from simlib.cli.output.progress import Task, Told
from simlib.formatting import counted
from simlib.results import ONGOING
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import begun_by

if TYPE_CHECKING:
    from simlib.analysis.discovery.scenario_discovery import Discovery
    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.pooling import Pooled
    from simlib.analysis.sensitivity.one_at_a_time import Tornado
    from simlib.analysis.sensitivity.sobol_indices import Sobol
    from simlib.analysis.uncertainty.evsi import Seeing
    from simlib.analysis.uncertainty.fans import Fan
    from simlib.analysis.whatif.comparison import Comparison
    from simlib.machine.measures import Measure

DRAWN = 6
"""Endings and questions of a comparison that are drawn, unless --measure names some."""

FAN_DRAWS, FAN_TIMES, FAN_RUNS = 100, 45, 200
"""Draws and report times of a nested fan, and replicates of a draw where the exact engine cannot."""


def compare(arguments: Namespace) -> int:
    """What if: the scenario beside itself with the interventions, values and views asked for."""
    from simlib.analysis.whatif.comparison import compare as asked

    base = world.stated(arguments)
    numbers.check(arguments, base)
    variants = variants_asked(arguments, base)

    def by(engine: Any) -> Comparison:
        with Task("comparing") as task:
            return asked(
                base,
                variants,
                measures=arguments.measure or None,
                engine=engine,
                runs=arguments.runs,
                draws=arguments.draws,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )

    result = either(by, arguments.engine)
    drawn = [measure.name for measure in result.measures] if arguments.measure else result.most_moved(DRAWN)
    pictures = partial(figures.compare, result, drawn, cumulative=arguments.cumulative)
    made = made_by(
        result.engine,
        draws=result.over_priors,
        played=f"{result.provenance['runs']:,} pairs of histories",
        seed=arguments.seed,
    )
    return tell(
        arguments,
        {"comparison": result, "flips": Table(result.frame("flips"))},
        pictures,
        listing.compared(result, cumulative=arguments.cumulative),
        head=heading(arguments, base, made),
    )


def drivers(arguments: Namespace) -> int:
    """What drives it: slopes, a tornado, and with --sobol shares of the doubt."""
    from simlib.analysis.sensitivity.one_at_a_time import elasticities, tornado
    from simlib.analysis.sensitivity.sobol_indices import sobol

    scenario, measures = asked_world(arguments), arguments.measure or None
    results: dict[str, Result] = {}
    try:
        if arguments.engine != "montecarlo":
            with Task("following the slopes") as task:
                results["elasticities"] = elasticities(
                    scenario, measures, day=arguments.day, progress=task.report, cancel=task.cancelled
                )
    except DOES_NOT_FIT as error:
        if arguments.engine or not numbers.uncertain(scenario):
            raise
        world.note(f"{too_large(error)}; no slopes, and the rest by Monte Carlo")
    engine: Any = arguments.engine or ("auto" if results else "montecarlo")
    if not numbers.uncertain(scenario):
        world.note("every assumption is fixed: there is no range to move it over")
        return tell(arguments, results, head=heading(arguments, scenario, made_by("exact")))
    with Task("moving every assumption over its range") as task:
        results["tornado"] = bars = tornado(
            scenario,
            measures,
            engine=engine,
            top=arguments.top,
            day=arguments.day,
            seed=arguments.seed,
            progress=task.report,
            cancel=task.cancelled,
        )
    shares = None
    if arguments.sobol:
        with Task("sharing out the doubt") as task:
            results["sobol"] = shares = sobol(
                scenario,
                measures,
                engine=engine,
                top=arguments.top,
                day=arguments.day,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )
    head = heading(arguments, scenario, _driven(bars, shares, slopes="elasticities" in results))
    return tell(arguments, results, partial(figures.drivers, bars, shares), listing.tried(bars), head=head)


def _driven(bars: Tornado, shares: Sobol | None, *, slopes: bool) -> str:
    """Say how slopes (always exact), bars and shares of the doubt were made."""
    seed = bars.provenance["seed"]
    made = made_by(bars.engine, played=f"{bars.provenance['runs'] or 0:,} replicates", seed=seed)
    if slopes and bars.engine != "exact":
        made = f"slopes exact, the rest {made}"
    if shares is not None:
        over = made_by(shares.engine, draws=shares.designs, played=f"{shares.runs:,} replicates", seed=seed, each=True)
        made += f"; shares of the doubt {over.replace('draws', 'designs')}"
    return made


def uncertainty(arguments: Namespace) -> int:
    """How sure: the spread over the priors, doubt and chance apart, and what would be worth finding out."""
    from simlib.analysis.uncertainty.evppi import value_of_knowing
    from simlib.analysis.uncertainty.propagation import MOST_DRAWS, QUANTILES, TOLERANCE, propagate

    scenario, measures = asked_world(arguments), arguments.measure or None
    with Task("carrying the priors through") as task:
        doubt = propagate(
            scenario,
            measures,
            draws=arguments.draws or None,
            day=arguments.day,
            seed=arguments.seed,
            tolerance=TOLERANCE if arguments.tolerance is None else arguments.tolerance / 100,
            most=arguments.most_draws or MOST_DRAWS,
            quantiles=sorted(set(arguments.quantile or QUANTILES)),
            engine=arguments.engine or "auto",
            keep=True,
            progress=task.report,
            cancel=task.cancelled,
        )
        stopped = task.stopped_with_an_answer()
    worths = {
        f"knowing-{slug(measure.name)}": value_of_knowing(doubt, measure.name)
        for measure in doubt.measures
        if measure.probability
    }
    fan = _fan(scenario, arguments) if arguments.out is not None and scenario.ladders and not stopped else None
    seen = _seen(scenario, arguments, doubt.measures) if arguments.observe is not None and not stopped else {}
    drawn = partial(figures.uncertainty, doubt, worths, fan, seen)
    told = worths if arguments.measure else dict(list(worths.items())[:1])
    left = {name: Untold(worth) for name, worth in worths.items() if name not in told}
    tables = [
        *_more(worths[name].measure.name for name in left),
        *chain.from_iterable(map(listing.worth_seeing, seen.values())),
    ]
    made = made_by(doubt.engine, draws=doubt.draws, played=f"{doubt.runs:,} replicates", seed=arguments.seed, each=True)
    tell(
        arguments,
        {"uncertainty": doubt, **told, **left, **seen},
        drawn,
        tables,
        head=heading(arguments, scenario, made),
    )
    if stopped:
        raise Told(f"the answer is from the {counted(doubt.draws, 'draw')} made by then")
    return 0


def _more(names: Iterable[str]) -> Iterator[str]:
    """Say how to be told what settling an assumption is worth to other measures."""
    others = ", ".join(names)
    if others:
        yield (
            "What settling an assumption is worth to another answer is told where --measure asks for it, one or "
            f"more of {others}; --json and --out have all."
        )


def _seen(scenario: Scenario, arguments: Namespace, measures: Iterable[Measure]) -> dict[str, Seeing]:
    """Return for each ending and question what seeing each public move by a day would be worth."""
    from simlib.analysis.uncertainty.evsi import DRAWS, value_of_seeing

    found = {}
    for measure in measures:
        if measure.kind in ("ending", "question") and measure.of != ONGOING:
            with Task(f"looking out for “{measure.label}”") as task:
                found[f"seeing-{slug(measure.name)}"] = value_of_seeing(
                    scenario,
                    measure.name,
                    within_days=arguments.observe,
                    draws=arguments.draws or DRAWS,
                    day=arguments.day,
                    seed=arguments.seed,
                    progress=task.report,
                    cancel=task.cancelled,
                )
    return found


def _fan(scenario: Scenario, arguments: Namespace) -> Fan:
    """Return where the ladder stands over the priors, by Monte Carlo where there are too many states."""
    from simlib.analysis.uncertainty.fans import ladder_fan
    from simlib.engines.ensemble import over_priors

    world_by_then = scenario if arguments.day is None else begun_by(scenario, arguments.day)
    with Task("unfolding the fan") as task:
        ask = partial(
            over_priors,
            world_by_then,
            draws=FAN_DRAWS,
            seed=arguments.seed,
            times=FAN_TIMES,
            horizon=arguments.day,
            progress=task.report,
            cancel=task.cancelled,
        )
        try:
            found = ask(engine=arguments.engine or "exact")
        except DOES_NOT_FIT:
            found = ask(engine="montecarlo", runs=FAN_RUNS * FAN_DRAWS)
    return ladder_fan(found, scenario.ladder or None)


def indicators(arguments: Namespace) -> int:
    """What to watch for: what seeing a move or a level by a day says of an ending."""
    from simlib.analysis.indicators.result import indicators as asked
    from simlib.analysis.indicators.result import of_every_ending

    scenario = asked_world(arguments)
    results: dict[str, Indicators] = {}
    day, every = numbers.looked_by(arguments, scenario), list(scenario.endings)
    engine = arguments.engine or "montecarlo"
    for ending in arguments.ending or every[:1]:
        with Task(f"watching for {ending}") as task:
            results[f"indicators-{ending}"] = asked(
                scenario,
                ending,
                day=day,
                times_seen=arguments.times_seen,
                draws=arguments.draws,
                runs=arguments.runs,
                seed=arguments.seed,
                doing=arguments.doing,
                engine=engine,
                progress=task.report,
                cancel=task.cancelled,
            )
    if any(found.details.get("doing_engine", "exact") != "exact" for found in results.values()):
        world.note(
            "too many states for the exact engine; what forcing a move adds is counted in histories under the same dice"
        )
    of_all = list(results.values())
    if arguments.out is not None and not arguments.ending and len(every) > 1:
        with Task("watching for every ending") as task:
            if engine == "exact":
                of_all = [asked(scenario, name, day=day, engine=engine, cancel=task.cancelled) for name in every]
            else:
                of_all = of_every_ending(
                    scenario,
                    day=day,
                    times_seen=arguments.times_seen,
                    draws=arguments.draws,
                    runs=arguments.runs,
                    seed=arguments.seed,
                    progress=task.report,
                    cancel=task.cancelled,
                )
    made = made_by(
        engine,
        draws=arguments.draws if engine == "montecarlo" else 0,
        played=f"{next(iter(results.values())).details.get('histories', 0):,} histories",
        seed=arguments.seed,
    )
    return tell(
        arguments,
        results,
        partial(figures.indicators, list(results.values()), of_all),
        chain.from_iterable(map(listing.watched, results.values())),
        head=heading(arguments, scenario, made),
    )


def discover(arguments: Namespace) -> int:
    """Under which assumptions: boxes and a tree over the priors."""
    from simlib.analysis.discovery.scenario_discovery import discover as asked

    scenario = asked_world(arguments)
    numbers.insist_on_doubt(scenario)
    results: dict[str, Discovery] = {}
    for measure in arguments.measure or [f"ending:{next(iter(scenario.endings), '')}"]:
        with Task(f"discovering where {measure} is likely") as task:
            results[f"discovery-{slug(measure)}"] = asked(
                scenario,
                measure,
                threshold=arguments.threshold,
                engine=arguments.engine or "montecarlo",
                draws=arguments.draws,
                runs=arguments.runs,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )
    how = next(iter(results.values())).details
    made = made_by(
        how["engine"], draws=how["draws"], played=f"{how['runs'] or 0:,} replicates", seed=how["seed"], each=True
    )
    return tell(
        arguments,
        results,
        lambda: chain.from_iterable(map(figures.discover, results.values())),
        head=heading(arguments, scenario, made),
    )


def pool(arguments: Namespace) -> int:
    """Several views as one forecast, pooled linearly and logarithmically, and where they disagree."""
    from simlib.analysis.pooling import pool_views

    views = views_asked(arguments)
    numbers.check(arguments, next(iter(views.values())))

    def by(engine: Any) -> Pooled:
        with Task("forecasting each view") as task:
            return pool_views(
                views,
                weights_asked(arguments, list(views)),
                engine=engine,
                draws=arguments.draws,
                runs=arguments.runs or RUNS,
                seed=arguments.seed,
                progress=task.report,
                cancel=task.cancelled,
            )

    result = either(by, arguments.engine)
    return tell(arguments, {"pool": result}, partial(figures.pool, result))


def diff(arguments: Namespace) -> int:
    """What changed between two scenarios or views, and what that did."""
    from simlib.analysis.scenario_diff import diff as asked
    from simlib.scenario.loader import load

    other = arguments.other or arguments.path
    before, after = load(arguments.path, view=arguments.view), load(other, view=arguments.other_view)
    with Task("solving both") as task:
        try:
            result = asked(
                before, after, forecast=not arguments.no_forecast, progress=task.report, cancel=task.cancelled
            )
        except DOES_NOT_FIT as error:
            world.note(f"what that does to the forecast is not shown: {too_large(error)}")
            result = asked(before, after, forecast=False)
    return tell(arguments, {"diff": result}, partial(figures.diff, result))
