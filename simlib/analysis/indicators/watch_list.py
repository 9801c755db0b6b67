"""Which moves and levels to watch for, as signs of one ending or question or of all endings."""

from __future__ import annotations

from simlib.analysis.indicators.counts import counted_indicators
from simlib.analysis.indicators.exact import exact_indicators
from simlib.analysis.indicators.result import INDICATOR_HISTORIES, Indicators
from simlib.analysis.samples import sampled
from simlib.arguments import INDICATOR_DRAWS, Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.errors import Unsupported
from simlib.formatting import quoted
from simlib.machine.belief import Belief
from simlib.machine.measures import By, Measure, find, watched_days
from simlib.results import ONGOING
from simlib.scenario.model import Scenario

__all__ = ["indicators", "indicators_of_endings"]


def indicators(
    scenario: Scenario,
    measure: str | None = None,
    *,
    look_by: By = None,
    times_seen: int = 1,
    engine: Engine = "auto",
    draws: int | Belief = INDICATOR_DRAWS,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Indicators:
    """Return what each public move and level says about an ending or a question.

    Args:
        scenario: The scenario, with its interventions.
        measure: The ending or question to watch for, such as "ending:open-war". Default: the scenario's headline.
        look_by: The day of the observation: a date, or days after `as_of`. Default: 14 days, or half the horizon if
            that is less.
        times_seen: Number of sightings from which a move or level counts as seen. Each entry into a level is a
            sighting, and so is a start at that level.
        engine: "exact" uses the stated values, and needs `times_seen` 1. It refuses a belief as `draws`, and ignores
            any number given for `draws` or `runs`. "auto" is exact if `draws` is 0, `times_seen` is 1 and the states
            are few enough. Otherwise "auto" is Monte Carlo.
        draws: A number of draws (sets of assumption values) of the prior, or a belief (weighted draws). 0: the values
            stated in the scenario.
        runs: Histories of each draw. Default: as many as make 20,000 in all.
        seed: Seed of the draws and the histories.
        control: Progress callback and cancellation.

    Returns:
        The moves and levels, as indicators. Known signs (likelihood ratio known to differ from 1) come first.
        `Indicators.with_forcing` adds the effects of forcing the moves.

    Raises:
        ScenarioError: For an unknown measure, or a day outside the forecast.
        Unsupported: For a measure other than an ending or a question, and for a belief about another scenario or date.
            For "exact", also for any belief, for `times_seen` above 1, and for a question about a move.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    target, day = _target(scenario, measure), watched_days(scenario, look_by, scenario.horizon_days)
    return exact_where_it_fits(
        "montecarlo" if engine == "auto" and (draws != 0 or times_seen != 1) else engine,
        lambda: _exact(scenario, target, day, times_seen, draws, control),
        lambda: counted_indicators(
            sampled(scenario, draws, INDICATOR_HISTORIES, runs, by=None, seed=seed, control=control),
            target,
            day,
            times_seen,
        ),
    )


def indicators_of_endings(
    scenario: Scenario,
    *,
    look_by: By = None,
    times_seen: int = 1,
    draws: int | Belief = INDICATOR_DRAWS,
    runs: int | None = None,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> list[Indicators]:
    """Return the indicators of each ending, all counted in the same sampled histories.

    Args:
        scenario: The scenario.
        look_by: The last day on which a sign counts, in days after the start or as a date. None: as in `indicators`.
        times_seen: The number of times that a move or level must be seen before it counts as a sign.
        draws: Number of draws from the priors, or the belief that gives them. 0: the stated values.
        runs: Histories of each draw. By default about as many in all as in `indicators`.
        seed: The seed of the draws and of the histories.
        control: Progress callback and cancellation.

    Raises the errors of `indicators`, and Unsupported for a scenario without endings.
    """
    day = watched_days(scenario, look_by, scenario.horizon_days)
    if not scenario.endings:
        raise Unsupported(f"{scenario.id!r} has no ending to watch for")
    histories = sampled(scenario, draws, INDICATOR_HISTORIES, runs, by=None, seed=seed, control=control)
    return [counted_indicators(histories, _target(scenario, f"ending:{e}"), day, times_seen) for e in scenario.endings]


def _exact(
    scenario: Scenario, target: Measure, day: float, times_seen: int, draws: int | Belief, control: Control
) -> Indicators:
    if times_seen != 1:
        raise Unsupported("the exact engine counts only the first sighting of a sign; for more use Monte Carlo")
    if isinstance(draws, Belief):
        raise Unsupported(
            f"the exact engine works at the stated values, not over the belief {quoted(draws.name)}; use Monte Carlo"
        )
    return exact_indicators(scenario, target, day, control=control)


def _target(scenario: Scenario, name: str | None) -> Measure:
    if not scenario.endings and not scenario.questions:
        raise Unsupported(f"{scenario.id!r} has no ending and no question, so there is nothing to watch for")
    (target,) = find(scenario, name)
    if target.kind not in ("ending", "question") or target.of == ONGOING:
        raise Unsupported(f"only an ending or a question, which happens once, can have signs, not {target.name!r}")
    return target
