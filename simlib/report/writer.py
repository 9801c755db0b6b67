"""A report in a file: the forecast, the further answers, and the page that shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.arguments import DEFAULT_RUNS, Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, ScenarioError
from simlib.files import write_atomically
from simlib.machine.belief import Belief
from simlib.report import REPORT_DRAWS
from simlib.report.assumption_blocks import with_reasons
from simlib.report.change_list import Earlier, changes, read_earlier
from simlib.report.markup import Block, to_html, to_markdown
from simlib.report.material import Material, gather, pooled_views
from simlib.report.page import blocks
from simlib.report.sample import HISTORIES_PER_DRAW, ReportOptions, sampled
from simlib.scenario.loader import load, load_views
from simlib.scenario.model import Scenario
from simlib.scenario.views.variation import apply_view, with_horizon
from simlib.scenario.views.wording import what_if

if TYPE_CHECKING:
    from simlib.evidence.belief_update import Update

__all__ = ["report_on", "save_report", "text_format", "write_report"]

_RUNS_OF_EACH = 500
"""Number of Monte Carlo replicates with each set of assumption values."""

_FORMATS = {".html": to_html, ".md": to_markdown}


def write_report(
    scenario: Scenario | Update,
    path: str | Path,
    *,
    baseline: Scenario | None = None,
    since: str | Path | None = None,
    engine: Engine = "auto",
    draws: int | Belief = REPORT_DRAWS,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Path:
    """Write a brief of two pages, with an annex of every answer, driver, sign and assumption.

    Args:
        scenario: The scenario of the report, or an update of one by a log of events. For an update, the report has the
            date of the update, uses its belief (weighted sets of assumption values), and says how the log changed the
            forecast.
        path: The file to write, FILE.html or FILE.md. It is written whole or not at all.
        baseline: The unchanged scenario, if `scenario` is a changed one. The report then lists each change, and gives
            the numbers of both scenarios.
        since: The JSON file of an earlier forecast of the scenario. The report then lists the changes since this
            forecast.
        engine: "exact" or "montecarlo". "auto" means the exact engine if the states fit into memory.
        draws: The number of sets of assumption values to draw from the priors, or a belief. With 0, or without ranges
            in the scenario, the forecast is at the stated values.
        seed: The seed of the draws and of the replicates.
        ignore_windows: Whether the calendar windows of moves and factors are left out.
        control: Progress, cancelling and threads.

    Returns:
        The path that was written. The same seed gives the same bytes.

    Raises:
        ScenarioError: For a suffix other than .html and .md, for interventions that do not fit the scenario, and for an
            earlier forecast that cannot be read or is about another scenario.
        Unsupported: For a belief about another scenario or date.
        Cancelled: When `control` cancels the work. Nothing is written.
    """
    text_format(path)
    material = report_on(
        scenario,
        baseline=baseline,
        since=since,
        engine=engine,
        draws=draws,
        seed=seed,
        ignore_windows=ignore_windows,
        control=control,
    )
    return save_report(material, path)


def text_format(path: str | Path) -> Callable[[Iterable[Block]], str]:
    """Return the function that turns blocks into the text of an HTML or a Markdown file.

    Raises ScenarioError for any suffix other than .html and .md.
    """
    suffix = Path(path).suffix
    if suffix not in _FORMATS:
        raise ScenarioError(Problem("", 0, "report", f"{path} has no known suffix", "expected .html or .md"))
    return _FORMATS[suffix]


def save_report(material: Material, path: str | Path) -> Path:
    """Write a report of the material that `report_on` returned, and return the path.

    Raises ScenarioError for any suffix other than .html and .md.
    """
    target = Path(path)
    write_atomically(target, text_format(target)(blocks(material)))
    return target


def report_on(
    scenario: Scenario | Update,
    *,
    baseline: Scenario | None = None,
    since: str | Path | None = None,
    engine: Engine = "auto",
    draws: int | Belief = REPORT_DRAWS,
    seed: int = 0,
    ignore_windows: bool = False,
    control: Control = UNWATCHED,
) -> Material:
    """Return the material of a report.

    Args:
        scenario: The scenario, or what `update` returned for it.
        baseline: The scenario without the changes. None: the report lists no changes.
        since: The JSON file of an earlier forecast. None: the report compares no forecasts.
        engine: "auto" is the exact engine, or Monte Carlo if the scenario has too many states.
        draws: Number of draws from the priors, or the belief that gives them. An update brings its own belief.
        seed: The seed of the draws and of the replicates.
        ignore_windows: Whether to leave out the calendar windows.
        control: Progress, cancelling and threads.

    Raises the errors of `write_report`.
    """
    update = None if isinstance(scenario, Scenario) else scenario
    world: Scenario = scenario if isinstance(scenario, Scenario) else scenario.scenario
    earlier = None if since is None else read_earlier(since, world)
    options = _options(world, update.belief if update else draws, seed, ignore_windows)
    ways = options, dataclasses.replace(options, engine="montecarlo", runs=max(options.runs, _RUNS_OF_EACH))
    ask = (partial(sampled, world, way, control.part(0.0, 0.5)) for way in ways)
    forecast, sample = exact_where_it_fits(engine, *ask)
    options = next(way for way in ways if way.engine == forecast.engine)
    material = gather(world, forecast, draws=sample, seed=seed, control=control.part(0.5, 0.8))
    if baseline is not None:
        material = _beside(material, with_horizon(baseline, world.horizon_days), options, control.part(0.8, 0.9))
    views = _views(world) if sample is not None and sample.belief.is_prior else {}
    pooled = pooled_views(material, views, options, control.part(0.9, 1.0))
    control.report(1.0)
    return dataclasses.replace(material, views=pooled, changes=_changes(material, earlier, update))


def _options(world: Scenario, draws: int | Belief, seed: int, ignore_windows: bool) -> ReportOptions:
    """Return the options for the exact engine, without draws if all assumptions are fixed."""
    number = draws if world.uncertain else 0
    size = number.draws if isinstance(number, Belief) else number
    each = HISTORIES_PER_DRAW if size else DEFAULT_RUNS
    return ReportOptions("exact", number, each, seed, ignore_windows)


def _beside(material: Material, baseline: Scenario, options: ReportOptions, control: Control) -> Material:
    """Return the material with changes from `baseline` and, if any, the forecast of `baseline`."""
    world = material.scenario
    changed = what_if(baseline, world, windows=not options.ignore_windows)
    reasons = with_reasons(_seen(baseline, world.view), world)
    if not changed:
        return dataclasses.replace(material, ledger=reasons)
    forecast, _ = sampled(baseline, dataclasses.replace(options, ignore_windows=False), control)
    return dataclasses.replace(material, what_if=changed, baseline=forecast, ledger=reasons)


def _seen(baseline: Scenario, view: str) -> Scenario:
    views = load_views(baseline) if view and baseline.path else {}
    return apply_view(baseline, views[view]) if view in views else baseline


def _views(world: Scenario) -> dict[str, Scenario]:
    """Return {title of a view: the stored scenario with this view}, without the view of `world`.

    If `world` differs from the stored scenario, the stored scenario without a view is added.
    """
    if not world.path:
        return {}
    base = load(world.path)
    beside: dict[str, Scenario] = {"The scenario as it stands": base} if world.sha256 != base.sha256 else {}
    seen = {view.title: apply_view(base, view) for name, view in load_views(base).items() if name != world.view}
    return beside | seen


def _changes(material: Material, earlier: Earlier | None, update: Update | None) -> Any:
    if earlier is None and update is None:
        return None
    return changes(material.scenario, material.forecast, material.lead, earlier, update)
