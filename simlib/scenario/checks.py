"""The static rules of scenario files, one function for each rule.

The name of a function states its rule. Each function takes a resolved scenario and yields a `Misfit` for each
violation: (place in the file, fault, expected input). A rule must also accept an incomplete scenario, which lacks the
parts of its file that could not be read. Rules that need the reachable states or a solution are not static: see
`simlib.analysis.lint.rules`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from simlib.errors import did_you_mean
from simlib.quantities import show
from simlib.scenario.assumptions import place_of
from simlib.scenario.document import Place
from simlib.scenario.model import SECTIONS, Assumption, Clause, Condition, Effect, Move, Scenario, Window

Misfit = tuple[Place, str, str]
Rule = Callable[[Scenario], Iterator[Misfit]]

ROUNDING_TOLERANCE = 1e-9
"""Largest distance from 1 at which a sum of probabilities counts as 1."""

MAX_ASSUMPTIONS = 2000
"""Largest number of assumptions in a scenario."""


def misfits_of(scenario: Scenario, rules: Iterable[Rule] | None = None) -> Iterator[Misfit]:
    """Yield (place, fault, expected input) for each violation of `rules` (None: all rules)."""
    for rule in SCENARIO_RULES if rules is None else rules:
        yield from rule(scenario)


# Numbers


def value_lies_between_low_and_high(scenario: Scenario) -> Iterator[Misfit]:
    """Check that every number has low < value < high, or that all three are equal."""
    for assumption in _numbers(scenario):
        wrong = _wrong_with_order(assumption)
        if wrong:
            yield (place_of(assumption), *wrong)


def _numbers(scenario: Scenario) -> Iterator[Assumption]:
    yield from scenario.assumptions.values()
    yield from scenario.log_assumptions.values()


def _wrong_with_order(a: Assumption) -> tuple[str, str] | None:
    low, value, high = (show(number, a.kind, a.unit) for number in (a.low, a.value, a.high))
    if a.low < a.value < a.high or a.fixed:
        return None
    if a.low > a.high:
        return f"low ({low}) is above high ({high})", "expected low < value < high"
    if not a.low <= a.value <= a.high:
        return f"the value ({value}) is not between low ({low}) and high ({high})", "expected low < value < high"
    side, bound = ("low", low) if a.low == a.value else ("high", high)
    return f"{side} equals the value ({bound})", "expected low < value < high, or all three equal (fixed)"


def chance_with_a_spread_is_never_0_or_1(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no range of a chance begins at 0 or ends at 1, where the logit is infinite."""
    for assumption in _numbers(scenario):
        ends = (("low", assumption.low, 0.0), ("high", assumption.high, 1.0))
        for name, bound, end in ends if assumption.kind == "chance" and not assumption.fixed else ():
            if bound == end:
                what = f"{name} is a chance of exactly {show(end, 'chance')}"
                yield place_of(assumption), what, "expected a chance strictly between 0 and 1, or a fixed one"


def no_number_was_set_after_the_forecast(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no number was set from events after the first day of the forecast."""
    for assumption in scenario.assumptions.values():
        until = assumption.uses_log_until
        if until is not None and until > scenario.as_of:
            place = (*place_of(assumption), "uses_log_until")
            yield place, f"{until} is after the day of the forecast ({scenario.as_of})", "expected that day or earlier"


def assumptions_are_not_too_many(scenario: Scenario) -> Iterator[Misfit]:
    """Check that there are at most `MAX_ASSUMPTIONS` numbers, including those without a name."""
    count = len(scenario.assumptions)
    if count > MAX_ASSUMPTIONS:
        yield ("assumptions",), f"{count:,} numbers, inline ones included", f"expected at most {MAX_ASSUMPTIONS:,}"


def every_source_is_listed(scenario: Scenario) -> Iterator[Misfit]:
    """Check that every source that an item cites is in the section `sources`."""
    for place, names in _citations(scenario):
        for index, name in enumerate(names):
            if name not in scenario.sources:
                expected = did_you_mean(name, scenario.sources) or "expected an id from 'sources'"
                yield (*place, "sources", index), f"unknown source {name!r}", expected


def _citations(scenario: Scenario) -> Iterator[tuple[Place, tuple[str, ...]]]:
    for variable in scenario.variables.values():
        yield ("variables", variable.id), variable.sources
    for assumption in _numbers(scenario):
        yield place_of(assumption), assumption.sources
    for index, correlation in enumerate(scenario.correlations):
        yield ("correlations", index), correlation.sources
    for move in scenario:
        yield ("moves", move.id), move.sources
        if move.takes:
            yield ("moves", move.id, "takes"), move.takes.sources


# Chances that must sum to 1


def chances_of_a_move_leave_room_for_its_rest(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the chances of each move's outcomes sum to 1.

    One outcome may have no chance in the file. Its chance is then one minus the sum of the others.
    """
    for move in scenario:
        branches = {outcome.id: outcome.chance for outcome in move.outcomes}
        yield from _wrong_with_sum(scenario, ("moves", move.id, "outcomes"), branches, "outcome", "chance")


def shares_of_a_start_make_one_whole(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the probabilities of the levels at which a variable may start sum to 1.

    One level may have no probability in the file. Its probability is then one minus the sum of the others.
    """
    for variable in scenario.variables.values():
        place: Place = ("variables", variable.id, "start")
        yield from _wrong_with_sum(scenario, place, dict(variable.start), "level", "share")
    history = scenario.evidence.history if scenario.evidence else None
    for name, start in history.start if history else ():
        yield from _wrong_with_sum(scenario, ("evidence", "history", "start", name), dict(start), "level", "share")


def _wrong_with_sum(
    scenario: Scenario, place: Place, branches: Mapping[str, str | None], part: str, number: str
) -> Iterator[Misfit]:
    rests = [name for name, chance in branches.items() if chance is None]
    if len(rests) > 1:
        what = f"more than one {part} takes the rest up to 1: {', '.join(rests)}"
        yield place, what, f"expected a {number} for all but one of them"
    numbers = {**scenario.assumptions, **scenario.log_assumptions}
    stated = [numbers.get(chance) for chance in branches.values() if chance is not None]
    known = [assumption for assumption in stated if assumption is not None]
    total = math.fsum(assumption.value for assumption in known)
    if total > 1 + ROUNDING_TOLERANCE:
        yield place, f"the {number}s sum to {show(total, 'number')}", "expected at most 1"
    elif not rests and len(known) == len(stated) and abs(total - 1) > ROUNDING_TOLERANCE:
        expected = f"expected a sum of 1, or one {part} that takes the rest"
        yield place, f"the {number}s sum to {show(total, 'number')}, and no {part} takes the rest", expected
    elif rests and abs(total - 1) <= ROUNDING_TOLERANCE and not all(assumption.fixed for assumption in known):
        what = f"the {number}s already sum to 1 and nothing is left for {rests[0]!r}"
        yield place, what, f"expected a sum below 1 if any {number} has a range"


# Guards


def factor_can_apply_while_its_move_is_possible(scenario: Scenario) -> Iterator[Misfit]:
    """Check that each factor of a move can apply while the move is possible.

    The conditions of the factor and of the move must be able to hold together, and their dates must overlap.
    """
    for move in scenario:
        for where, factor in move.placed_factors():
            place: Place = ("moves", move.id, *where)
            if not _can_hold_together(move.when, factor.when):
                yield (*place, "when"), "can never hold while the move is possible", _both(move.when, factor.when)
            if move.between and factor.between and not _overlap(move.between, factor.between):
                what = "this window does not overlap with the window of the move"
                yield (*place, "between"), what, f"expected days from {move.between.first} to {move.between.last}"


def effect_can_happen_while_its_move_is_possible(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the condition of each effect can hold together with the condition of its move."""
    for move, place, effects in _effects(scenario):
        for effect in effects:
            if not _can_hold_together(move.when, effect.when):
                what = f"the effect on {effect.variable!r} can never happen while the move is possible"
                yield place, what, _both(move.when, effect.when)


def effects_of_an_outcome_never_clash(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no two effects of one outcome change the same variable in the same state."""
    for move, place, effects in _effects(scenario):
        for one, other in itertools.combinations(effects, 2):
            if one.variable == other.variable and _can_hold_together(move.when, one.when, other.when):
                what = f"two effects on {one.variable!r} can happen at once"
                yield place, what, "expected conditions that exclude each other"


def _effects(scenario: Scenario) -> Iterator[tuple[Move, Place, tuple[Effect, ...]]]:
    for move in scenario:
        for outcome in move.outcomes:
            short = [outcome.id for outcome in move.outcomes] == ["done"]
            yield move, ("moves", move.id, *(() if short else ("outcomes", outcome.id)), "then"), outcome.effects


def factor_on_an_outcome_has_a_rival(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no outcome with factors is the only outcome of its move.

    A single outcome always happens, so factors would change nothing.
    """
    for move in scenario:
        for outcome in move.outcomes if len(move.outcomes) == 1 else ():
            if outcome.factors:
                what = f"{outcome.id!r} is the only outcome, and its chance is 1 whatever its factors are"
                yield ("moves", move.id, "outcomes", outcome.id, "times"), what, "expected 'times' on the move itself"


def _can_hold_together(*conditions: Condition) -> bool:
    return any(map(_consistent, itertools.product(*(condition.clauses for condition in conditions))))


def _consistent(clauses: Iterable[Clause]) -> bool:
    left: dict[str, set[str]] = {}
    for variable, levels in itertools.chain(*clauses):
        left[variable] = left.get(variable, set(levels)) & set(levels)
    return all(left.values())


def _both(one: Condition, other: Condition) -> str:
    shared = [variable for variable in one.variables if variable in other.variables]
    return f"expected levels of {', '.join(shared)} that the move's own 'when' allows"


def _overlap(one: Window, other: Window) -> bool:
    return one.first <= other.last and other.first <= one.last


def windows_do_not_close_before_the_forecast(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no move and no factor is limited to dates before the first day of the forecast."""
    for move in scenario:
        for place, window in move.placed_windows():
            if window.last < scenario.as_of:
                what = f"the window closes on {window.last}, before the forecast begins ({scenario.as_of})"
                yield ("moves", move.id, *place), what, "expected a window that closes on that day or later"


def dates_do_not_lie_before_the_forecast(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no move happens on a date before the first day of the forecast."""
    for move in scenario:
        if move.at is not None and move.at < scenario.as_of:
            what = f"{move.at} is before the forecast begins ({scenario.as_of})"
            yield ("moves", move.id, "at"), what, "expected that day or a later one"


# Impacts


def only_events_have_a_spread(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no amount per day has a `spread`, a standard deviation from event to event."""
    for impact in scenario.impacts.values():
        for index, reward in enumerate(impact.per_day):
            amount = scenario.assumptions.get(reward.amount)
            if amount is not None and amount.spread > 0:
                what = f"the amount per day {amount.id!r} has a spread from event to event"
                expected = "leave 'spread' out: low and high say how uncertain the amount is"
                yield ("impacts", impact.id, "per_day", index, "amount"), what, expected


# Names and dates


def ids_are_distinct(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no ids differ only by what some tools ignore: case, hyphen, underscore, space."""
    for section in SECTIONS:
        yield from _twins((section,), getattr(scenario, section))
    for variable in scenario.variables.values():
        yield from _twins(("variables", variable.id, "levels"), variable.levels)
    for move in scenario:
        yield from _twins(("moves", move.id, "outcomes"), [outcome.id for outcome in move.outcomes])


def _twins(place: Place, names: Iterable[str]) -> Iterator[Misfit]:
    before: dict[str, str] = {}
    for name in names:
        first = before.setdefault(name.casefold().replace("-", "_").replace(" ", "_"), name)
        if first != name:
            what = f"{name!r} and {first!r} differ only by case, hyphen, underscore or space"
            yield (*place, name), what, "rename one"


def no_id_has_another_meaning(scenario: Scenario) -> Iterator[Misfit]:
    """Check that no ending is called `ongoing`, and that no assumption is called `rest`.

    `ongoing` means that no ending is reached. `rest` means one minus the probabilities of the other levels.
    """
    if "ongoing" in scenario.endings:
        yield ("endings", "ongoing"), "'ongoing' already means that no ending is reached", "expected another id"
    if "rest" in scenario.assumptions:
        yield ("assumptions", "rest"), "'rest' already means the share the other levels leave", "expected another id"


def the_horizon_is_on_the_calendar(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the last day of the forecast is on the calendar, which ends with the year 9999."""
    if scenario.as_of.year + scenario.horizon_days / 365 > dt.MAXYEAR - 1:
        yield ("as_of",), f"{scenario.as_of} plus the horizon is beyond the calendar", "expected an earlier day"


def the_history_begins_by_the_forecast(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the event log is used from the first day of the forecast or an earlier day."""
    history = scenario.evidence.history if scenario.evidence else None
    if history is not None and history.since > scenario.as_of:
        place = ("evidence", "history", "from")
        yield (
            place,
            f"{history.since} is after the day of the forecast ({scenario.as_of})",
            "expected that day or earlier",
        )


# Correlations


def correlated_assumptions_have_a_spread(scenario: Scenario) -> Iterator[Misfit]:
    """Check that each correlation is between two different assumptions that both have a range.

    No pair of assumptions may be given twice.
    """
    before: set[frozenset[str]] = set()
    for index, correlation in enumerate(scenario.correlations):
        place: Place = ("correlations", index, "of")
        pair = frozenset((correlation.first, correlation.second))
        if len(pair) == 1:
            yield place, f"{correlation.first!r} is paired with itself", "expected two assumptions"
        if pair in before:
            yield place, f"{correlation.first!r} and {correlation.second!r} are correlated twice", "keep one"
        before.add(pair)
        for name in sorted(pair):
            if scenario.assumptions[name].fixed:
                what = f"{name!r} is fixed, and nothing can vary with it"
                yield place, what, "expected assumptions with low and high"


def correlations_are_possible_together(scenario: Scenario) -> Iterator[Misfit]:
    """Check that the rank correlations of the assumptions do not contradict each other.

    The correlation of two normal scores is 2 sin(pi rho / 6), where rho is the rank correlation. The matrix of these
    correlations must be positive definite.
    """
    pairs = [c for c in scenario.correlations if c.first != c.second]
    names = sorted({name for pair in pairs for name in (pair.first, pair.second)})
    if not names:
        return
    import numpy as np

    matrix = np.eye(len(names))
    for pair in pairs:
        i, j = names.index(pair.first), names.index(pair.second)
        matrix[i, j] = matrix[j, i] = 2 * math.sin(math.pi * pair.rank / 6)
    if np.linalg.eigvalsh(matrix)[0] <= ROUNDING_TOLERANCE:
        what = "these correlations contradict each other (their matrix is not positive definite)"
        yield ("correlations",), what, "expected weaker correlations: if A goes with B and B with C, then A goes with C"


SCENARIO_RULES: tuple[Rule, ...] = (
    *(value_lies_between_low_and_high, chance_with_a_spread_is_never_0_or_1, no_number_was_set_after_the_forecast),
    *(assumptions_are_not_too_many, every_source_is_listed, chances_of_a_move_leave_room_for_its_rest),
    *(shares_of_a_start_make_one_whole, factor_can_apply_while_its_move_is_possible),
    *(factor_on_an_outcome_has_a_rival, effect_can_happen_while_its_move_is_possible),
    *(effects_of_an_outcome_never_clash, ids_are_distinct, no_id_has_another_meaning),
    *(windows_do_not_close_before_the_forecast, dates_do_not_lie_before_the_forecast),
    only_events_have_a_spread,
    *(
        the_horizon_is_on_the_calendar,
        the_history_begins_by_the_forecast,
        correlated_assumptions_have_a_spread,
        correlations_are_possible_together,
    ),
)
DATE_RULES: tuple[Rule, ...] = (
    *(no_number_was_set_after_the_forecast, windows_do_not_close_before_the_forecast),
    *(dates_do_not_lie_before_the_forecast, the_horizon_is_on_the_calendar, the_history_begins_by_the_forecast),
)
"""The rules that need a readable first day (`as_of`)."""

NUMBER_RULES: tuple[Rule, ...] = (
    *(value_lies_between_low_and_high, chance_with_a_spread_is_never_0_or_1, chances_of_a_move_leave_room_for_its_rest),
    shares_of_a_start_make_one_whole,
)
"""The rules that a change of values alone can break."""
