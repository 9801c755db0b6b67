"""A report in a file: the forecast, the answers beside it, and the page that shows them."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.control import UNWATCHED, Control, exact_where_it_fits
from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.machine.belief import Belief, insist_on_prior
from simlib.machine.report_times import daily_steps
from simlib.report.markup import to_html, to_markdown
from simlib.report.material import Material, gather
from simlib.report.page import blocks
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import with_horizon
from simlib.scenario.views.wording import what_if
from simlib.typing import Engine

if TYPE_CHECKING:
    from simlib.engines.ensemble import Ensemble

__all__ = ["write_report"]

DRAWS = 64
"""Draws of the priors behind a report."""

_RUNS, _RUNS_OF_EACH = 10_000, 500
"""Replicates by Monte Carlo of all draws together, and of each draw at the least."""

_FORMATS = {".html": to_html, ".md": to_markdown}


@dataclasses.dataclass(frozen=True)
class _Options:
    """The options of the forecasts of a report."""

    engine: Engine
    draws: int
    runs: int
    seed: int
    ignore_windows: bool


def write_report(
    scenario: Scenario,
    path: str | Path,
    *,
    baseline: Scenario | None = None,
    reasons: Scenario | None = None,
    engine: Engine = "auto",
    draws: int | Belief = DRAWS,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Path:
    """Write one self-contained page with the answer, its drivers, signs and assumptions.

    Args:
        scenario: The scenario that the report is about.
        path: The file to write, FILE.html or FILE.md. It is written whole or not at all.
        baseline: The scenario as it stands, where `scenario` is a what-if. The report then lists each change, and
            gives the numbers of both.
        reasons: The scenario whose reasons and sources are listed, where they are not those of `scenario`.
        engine: "auto" is the exact engine where the states fit, else Monte Carlo.
        draws: Draws of the priors; 0, or a scenario without ranges, is forecast at the stated values.
        seed: The seed of the draws and of the replicates.
        ignore_windows: Leave the calendar windows of moves and factors out.
        control: Progress, cancelling and threads.

    Returns:
        The path that was written.

    Raises:
        ScenarioError: For another suffix, and for interventions that do not fit.
        Unsupported: For a belief that is not the prior.
        Cancelled: When `control` cancels the work. Nothing is written.
    """
    target = Path(path)
    if target.suffix not in _FORMATS:
        raise ScenarioError(Problem("", 0, "report", f"{target} has no known suffix", "expected .html or .md"))
    insist_on_prior(draws, "a report")
    number = int(draws) if any(not a.fixed for a in scenario.assumptions.values()) else 0  # type: ignore[arg-type]
    each = max(-(-_RUNS // max(number, 1)), _RUNS_OF_EACH if number else 0)
    exact = _Options("exact", number, each, seed, ignore_windows)
    ways = exact, dataclasses.replace(exact, engine="montecarlo")
    ask = (partial(_forecast, scenario, options, control.part(0.0, 0.4)) for options in ways)
    forecast, sample = exact_where_it_fits(engine, *ask)
    options = next(options for options in ways if options.engine == forecast.engine)
    material = gather(scenario, forecast, draws=sample, seed=seed, control=control.part(0.4, 0.8))
    if baseline is not None:
        material = _beside(material, with_horizon(baseline, scenario.horizon_days), options, control.part(0.8, 1.0))
    write_atomically(target, _FORMATS[target.suffix](blocks(dataclasses.replace(material, ledger=reasons))))
    return target


def _beside(material: Material, baseline: Scenario, options: _Options, control: Control) -> Material:
    """Return the material with the changes from a baseline and its forecast, if any."""
    changes = what_if(baseline, material.scenario, windows=not options.ignore_windows)
    if not changes:
        return material
    forecast, _ = _forecast(baseline, dataclasses.replace(options, ignore_windows=False), control)
    return dataclasses.replace(material, what_if=changes, baseline=forecast)


def _forecast(world: Scenario, options: _Options, control: Control) -> tuple[Forecast, Ensemble | None]:
    from simlib.engines.ensemble import forecast, over_priors

    common: dict[str, Any] = {
        "engine": options.engine,
        "runs": options.runs,
        "seed": options.seed,
        "times": daily_steps(world.horizon_days),
        "ignore_windows": options.ignore_windows,
        "control": control,
    }
    if not options.draws:
        return forecast(world, **common), None
    sample = over_priors(world, draws=options.draws, **common)
    return sample.mixture(), sample
