"""Vary a scenario: apply views, changed values, interventions or another horizon.

The structure of the scenario never changes. The functions that vary it return a new `Scenario`, or raise a
ScenarioError with every reason why a change does not fit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from simlib.errors import Problem, QuantityError, ScenarioError, collect, did_you_mean, refuse
from simlib.quantities import check_range, parse, show, why_impossible, window_days
from simlib.scenario import checks
from simlib.scenario.assumptions import place_of
from simlib.scenario.checks import Misfit
from simlib.scenario.document import dotted
from simlib.scenario.model import Assume, Assumption, Change, Force, Intervention, Scenario, View
from simlib.scenario.scalars import Refusal
from simlib.scenario.scales import possible, shifted
from simlib.scenario.views.intervention_rules import overlapping_holds, wrong_intervention

MOST_REPEATS = 500
"""Largest number of times that a repeated move is forced.

Each repeat divides the forecast into one more stretch, which costs computing time.
"""

_WHOLE = 1e-9

# Views


def apply_view(scenario: Scenario, view: View | Sequence[View]) -> Scenario:
    """Return the scenario with one or several views (named sets of changes) applied.

    No two of the views may change the same assumption, the horizon, or the ladder shown first. Raises ScenarioError
    with every reason why the views do not fit the scenario or each other.
    """
    views = [view] if isinstance(view, View) else list(view)
    if not views:
        return scenario
    problems = list(_clashes(scenario, views))
    for each in views:
        problems += [_problem(f"view {each.id}", misfit) for misfit in misfits(scenario, each)]
    refuse(problems)
    changes = [change for each in views for change in each.changes]
    horizons = [each.horizon_days for each in views if each.horizon_days is not None]
    ladders = [each.ladder for each in views if each.ladder]
    changed = _with_changes(scenario, changes).replace(
        interventions=scenario.interventions + tuple(i for each in views for i in each.interventions),
        horizon_days=horizons[0] if horizons else scenario.horizon_days,
        ladder=ladders[0] if ladders else scenario.ladder,
        view="+".join(each.id for each in views),
    )
    refuse([_problem(changed.view, *fault) for fault in _broken_by(changed, changes)])
    _refuse_overlaps(changed)
    return changed


def _refuse_overlaps(scenario: Scenario) -> None:
    overlaps = overlapping_holds(scenario, scenario.interventions)
    refuse([Problem("", 0, str(scenario.interventions[index]), *words) for index, (_, *words) in overlaps])


def _clashes(scenario: Scenario, views: Sequence[View]) -> Iterator[Problem]:
    if scenario.view:
        what = f"the scenario already has the view {scenario.view!r}"
        yield Problem("", 0, "", what, "expected all views in one call, so that clashes are seen")
    owner: dict[str, str] = {}
    for view in views:
        for name in _settings(view):
            if name in owner:
                what = f"changed by the view {owner[name]!r} and again by {view.id!r}"
                yield Problem("", 0, name, what, "expected one change")
            owner[name] = view.id


def _settings(view: View) -> list[str]:
    horizon = ["horizon"] if view.horizon_days is not None else []
    return [*(change.assumption for change in view.changes), *horizon, *(["ladder"] if view.ladder else [])]


def _problem(where: str, misfit: Misfit, broken: tuple[str, str] | None = None) -> Problem:
    place, what, expected = misfit
    return Problem("", 0, ": ".join(part for part in (where, dotted(place)) if part), what, expected, broken=broken)


def misfits(scenario: Scenario, view: View) -> Iterator[Misfit]:
    """Yield a problem for each reason why a view does not fit a scenario.

    A problem is (place in the view file, fault, expected input).
    """
    for change in view.changes:
        for place, what, expected in _wrong(scenario, change):
            yield ("assumptions", change.assumption, *place), what, expected
    known = [change for change in view.changes if change.assumption in scenario.assumptions]
    yield from (misfit for misfit, _ in _broken_by(_with_changes(scenario, known), known))
    horizon = view.horizon_days or scenario.horizon_days
    for index, intervention in enumerate(view.interventions):
        for place, what, expected in wrong_intervention(scenario, intervention, horizon):
            yield ("interventions", index, *place), what, expected
    for index, (place, what, expected) in overlapping_holds(scenario, view.interventions):
        yield ("interventions", index, *place), what, expected
    if view.horizon_days is not None and view.horizon_days <= 0:
        yield ("horizon",), f"a horizon of {view.horizon_days:g} days", "expected a horizon above zero"
    if view.ladder and view.ladder not in scenario.ladders:
        yield ("ladder",), f"unknown ladder {view.ladder!r}", did_you_mean(view.ladder, scenario.ladders)


def view_of(base: Scenario, changed: Scenario, *, id: str, title: str, author: str = "", because: str = "") -> View:  # noqa: A002
    """Return a view (a named set of changes) that turns `base` into `changed`.

    If an assumption has the same reason in both scenarios, its change gets the reason "assumed".

    Args:
        base: The scenario without the changes.
        changed: The scenario with the changes.
        id: The name of the view's file, without `.yaml`.
        title: The title of the view.
        author: Who holds this view.
        because: The reason for the view.
    """
    changes = (_difference(base.assumptions[name], now) for name, now in changed.assumptions.items())
    return View(
        id=id,
        title=title,
        author=author,
        because=because,
        changes=tuple(change for change in changes if change),
        interventions=changed.interventions[len(base.interventions) :],
        horizon_days=None if changed.horizon_days == base.horizon_days else changed.horizon_days,
        ladder=None if changed.ladder == base.ladder else changed.ladder,
    )


def _difference(old: Assumption, new: Assumption) -> Change | None:
    if (old.value, old.low, old.high) == (new.value, new.low, new.high):
        return None
    moved = shifted(old, new.value)
    follows = (moved.low, moved.high) == (new.low, new.high)
    return Change(
        assumption=old.id,
        value=new.value,
        low=None if follows else new.low,
        high=None if follows else new.high,
        because=new.because if new.because != old.because else "assumed",
        sources=new.sources if new.sources != old.sources else (),
        unit=new.unit,
    )


# Values


def with_values(scenario: Scenario, values: Mapping[str, str | float]) -> Scenario:
    """Return the scenario with other medians of its assumptions. `values` is {id: new median}.

    The 5th and 95th percentiles shift by as much as the median, on the logit scale for a chance and on the log scale
    for any other kind. A value that is text is a quantity as in files ("2 per week", "30%"). A value that is a number
    is in base units (per day, days, or plain numbers). Raises ScenarioError for an unknown id, for a quantity of
    another kind, and for chances that then sum to more than 1.
    """
    changes: list[Change] = []
    problems: list[Problem] = []
    for name, value in values.items():
        with collect(problems):
            changes.append(_read_value(scenario, name, value))
    refuse(problems)
    changed = _with_changes(scenario, changes)
    refuse([_problem("", *fault) for fault in _broken_by(changed, changes)])
    return changed


def unknown(scenario: Scenario, name: str) -> Problem:
    """Return the problem that there is no assumption with this id."""
    return Problem("", 0, name, "there is no such assumption", did_you_mean(name, scenario.assumptions))


def _read_value(scenario: Scenario, name: str, value: str | float) -> Change:
    assumption = scenario.assumptions.get(name)
    if assumption is None:
        raise ScenarioError(unknown(scenario, name))
    if not isinstance(value, str):
        return Change(name, possible(assumption, value))
    try:
        quantity = parse(value, assumption.kind, assumption.unit)
    except QuantityError as error:
        raise ScenarioError(Problem("", 0, name, error.what, error.expected)) from None
    return Change(name, quantity.value, unit=quantity.unit)


def _wrong(scenario: Scenario, change: Change) -> Iterator[Misfit]:
    assumption = scenario.assumptions.get(change.assumption)
    if assumption is None:
        expected = did_you_mean(change.assumption, scenario.assumptions)
        yield (), f"unknown assumption {change.assumption!r}", expected
        return
    if (change.low is None) != (change.high is None):
        given, other = ("low", "high") if change.high is None else ("high", "low")
        yield (), f"{given!r} without {other!r}", "expected both, or neither (then they shift with the value)"
    for part in ("value", "low", "high"):
        number = getattr(change, part)
        fault = why_impossible(number, assumption.kind) if number is not None or part == "value" else None
        if fault:
            yield (part,), *fault


def _with_changes(scenario: Scenario, changes: Iterable[Change]) -> Scenario:
    assumptions, before = dict(scenario.assumptions), dict[str, float]()
    for change in changes:
        before.setdefault(change.assumption, assumptions[change.assumption].value)
        assumptions[change.assumption] = _changed(assumptions[change.assumption], change)
    return scenario.replace(assumptions=assumptions, file_values=before | dict(scenario.file_values))


def _changed(assumption: Assumption, change: Change) -> Assumption:
    moved = shifted(assumption, change.value, change.low, change.high)
    return dataclasses.replace(
        moved,
        because=change.because or assumption.because,
        sources=change.sources or assumption.sources,
        unit=change.unit or assumption.unit,
        within_days=window_days(change.unit) if change.unit else assumption.within_days,
    )


def _broken_by(changed: Scenario, changes: Sequence[Change]) -> Iterator[tuple[Misfit, tuple[str, str] | None]]:
    """Yield (problem, `Problem.broken`) for each rule about numbers that `changes` breaks.

    If the problem lies at a value that is not in `changes`, `Problem.broken` is (place in the scenario file,
    fault). Otherwise it is None.
    """
    mine = {place_of(changed.assumptions[change.assumption]): change.assumption for change in changes}
    for place, what, expected in checks.misfits_of(changed, checks.NUMBER_RULES):
        if place in mine:
            yield (("assumptions", mine[place]), what, expected), None
        else:
            where = dotted(place)
            yield (("assumptions",), f"with these changes, {where}: {what}", expected), (where, what)


def outside_range(base: Scenario, changed: Scenario) -> list[str]:
    """Return a sentence for every value of `changed` that lies outside its 90% range in `base`."""
    now = [(name, number.value) for name, number in changed.assumptions.items()]
    acts = changed.interventions[len(base.interventions) :]
    now += [(item.assumption, item.value) for item in acts if isinstance(item, Assume)]
    sentences = []
    for name, value in now:
        old = base.assumptions[name]
        if not old.fixed and not old.low <= value <= old.high:
            here, low, high = (show(number, old.kind, old.unit) for number in (value, old.low, old.high))
            sentences.append(f"{name} = {here} lies outside its 90% range, {low} to {high}")
    return list(dict.fromkeys(sentences))


# Interventions


def with_interventions(scenario: Scenario, interventions: Iterable[Intervention]) -> Scenario:
    """Return the scenario with further interventions (changes from outside), in the given order.

    Raises ScenarioError with every reason why an intervention does not fit.
    """
    added = tuple(interventions)
    refuse([problem for each in added for problem in refusals(str(each), each, scenario)])
    changed = scenario.replace(interventions=scenario.interventions + added)
    _refuse_overlaps(changed)
    return changed


def begun_by(scenario: Scenario, day: float) -> Scenario:
    """Return the scenario without interventions that begin more than `day` days after the start."""
    begun = (each for each in scenario.interventions if each.date is None or scenario.day(each.date) <= day)
    return scenario.replace(interventions=tuple(begun))


def repeated(
    first: Force, every: float, until: dt.date | None, scenario: Scenario, horizon_days: float | None = None
) -> tuple[Force, ...]:
    """Return a forced move and its copies on later days.

    Args:
        first: The forced move.
        every: The interval in days, a whole number.
        until: The first day without a copy. Default: the horizon.
        scenario: The scenario, for its dates.
        horizon_days: A horizon in place of the scenario's, in days.

    Raises:
        Refusal: If `every` is not a whole number, if `until` is not after the first date, and for more than
            `MOST_REPEATS` copies.
    """
    step = round(every)
    if step < 1 or abs(every - step) > _WHOLE:
        raise Refusal(f"a move repeated every {every:g} days", "expected a whole number of days, such as '7 days'")
    if until is not None and until <= first.date:
        what = f"it ends ({until}) before it begins ({first.date})"
        raise Refusal(what, "expected a later day: the first day on which it is no longer repeated")
    last = math.ceil(scenario.horizon_days if horizon_days is None else horizon_days)
    end = last if until is None else min(last, int(scenario.day(until)))
    days = range(int(scenario.day(first.date)), end, step)
    if len(days) > MOST_REPEATS:
        what = f"a move repeated {len(days):,} times"
        raise Refusal(what, f"expected at most {MOST_REPEATS:,}; use a policy, which has a rate instead of dates")
    later = (dataclasses.replace(first, date=scenario.as_of + dt.timedelta(days=day)) for day in days[1:])
    return (first, *later)


def with_horizon(scenario: Scenario, horizon: str | float) -> Scenario:
    """Return the scenario with another horizon: "30 days", or a number of days.

    Raises ScenarioError if the horizon cannot be read, or if an intervention does not fit it.
    """
    try:
        days = parse(horizon, "duration" if isinstance(horizon, str) else "number").value
        check_range(days, "duration", f"{days!r} days")
    except QuantityError as error:
        raise ScenarioError(Problem("", 0, "horizon", error.what, error.expected)) from None
    changed = scenario.replace(horizon_days=days)
    refuse([_problem("", misfit) for misfit in checks.the_horizon_is_on_the_calendar(changed)])
    with_interventions(changed.replace(interventions=()), scenario.interventions)
    return changed


def refusals(where: str, intervention: Intervention, scenario: Scenario) -> list[Problem]:
    """Return why an intervention does not fit the scenario, in messages that begin with `where`."""
    wrong = wrong_intervention(scenario, intervention, scenario.horizon_days)
    return [Problem("", 0, where, what, expected) for _, what, expected in wrong]
