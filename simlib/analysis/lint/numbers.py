"""Lint rules about the numbers and the calendar of a scenario, one function for each rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simlib.analysis.lint.subject import Finding, Subject, warning
from simlib.engines.exact.forecast import solve
from simlib.quantities import show
from simlib.scenario.document import dotted
from simlib.scenario.model import Assumption, Move, Outcome, Scenario
from simlib.scenario.scales import forward

LOPSIDED = 4.0
"""A prior is reported if one of its halves is more than this many times as wide as the other.

The halves are from `low` to `value` and from `value` to `high`, on the scale of the prior.
"""

CLAIMS = 1.5
"""A base rate is reported if the rate that it implies differs from the observed rate by this factor or more.

Without an observed rate, the implied rate is compared with the base rate.
"""

FIRST_WEEKS = 3
"""Number of weeks from the start over which the product of a move's factors is averaged."""


def every_assumption_is_used(subject: Subject) -> Iterator[Finding]:
    """Report each assumption that no move, factor, outcome, start or impact uses."""
    scenario = subject.scenario
    used = {share for v in scenario.variables.values() for _, share in v.start}
    for item in (*scenario, *scenario.impacts.values()):
        used |= set(item.assumptions)
    for name, assumption in scenario.assumptions.items():
        if name not in used:
            yield warning(
                subject.place(assumption),
                f"{name!r} is used nowhere",
                "expected a move, a factor, an outcome, a start or an impact that uses it; else remove it",
            )


def every_window_opens_before_the_horizon(subject: Subject) -> Iterator[Finding]:
    """Report each calendar window of a move that opens after the horizon."""
    scenario = subject.scenario
    windows = [(("moves", move.id, *place), window) for move in scenario for place, window in move.placed_windows()]
    for where, window in windows:
        if scenario.day(window.first) >= scenario.horizon_days:
            yield warning(
                dotted(where),
                f"the window opens on {window.first}, after the horizon ({scenario.by_date(scenario.horizon_days)})",
                "expected a window that opens within the forecast, or a longer horizon",
            )


def every_date_is_before_the_horizon(subject: Subject) -> Iterator[Finding]:
    """Report each move that happens on a fixed date, if that date is after the horizon."""
    scenario = subject.scenario
    for move in scenario:
        if move.at is not None and scenario.day(move.at) >= scenario.horizon_days:
            yield warning(
                f"moves.{move.id}.at",
                f"{move.at} is after the horizon ({scenario.by_date(scenario.horizon_days)})",
                "expected a date within the forecast, or a longer horizon",
            )


def no_covert_move_changes_what_everybody_sees(subject: Subject) -> Iterator[Finding]:
    """Report each covert move that changes a public variable.

    The visible change would reveal a move that nobody is meant to observe.
    """
    variables = subject.scenario.variables
    for move in subject.scenario.moves.values():
        changed = {effect.variable for outcome in move.outcomes for effect in outcome.effects}
        public = [name for name in variables if name in changed and not variables[name].hidden]
        if move.covert and public:
            yield warning(
                f"moves.{move.id}",
                f"{move.id!r} is covert but changes {' and '.join(map(repr, public))}, which everybody sees",
                "expected a public move, or hidden: true on what it changes",
            )


def no_prior_is_lopsided(subject: Subject) -> Iterator[Finding]:
    """Report each assumption whose value is much nearer one end of its range than the other end.

    Distances are measured on the scale of the prior: logits for chances, and logarithms for all other numbers.
    """
    for assumption in subject.scenario.assumptions.values():
        if assumption.fixed:
            continue
        low, value, high = (forward(assumption.kind, x) for x in (assumption.low, assumption.value, assumption.high))
        down, up = value - low, high - value
        if max(down, up) <= LOPSIDED * min(down, up) * (1 + 1e-9):
            continue
        wide, ratio = ("upper", up / down) if up > down else ("lower", down / up)
        scale = "logit" if assumption.kind == "chance" else "log"
        yield warning(
            subject.place(assumption),
            f"the prior of {assumption.id!r} is lopsided: its {wide} half is {ratio:.1f} times as wide as the other "
            f"on the {scale} scale",
            f"expected at most {LOPSIDED:g} times; check low, value and high",
        )


def every_spread_start_has_a_reason(subject: Subject) -> Iterator[Finding]:
    """Report each variable that may start at several levels, if its start has no reason.

    The reason may be given with the variable, or with the probabilities of its levels. "assumed" is a reason.
    """
    assumptions = subject.scenario.assumptions
    for variable in subject.scenario.variables.values():
        shares = [assumptions[share] for _, share in variable.start if share is not None]
        if variable.because or not any(share.inline and share.because in _SILENCE for share in shares):
            continue
        yield warning(
            f"variables.{variable.id}.start",
            f"the start of {variable.id!r} is spread over several levels without a reason",
            'expected a reason (because:) on the variable or on its shares ("assumed" is a reason)',
        )


_SILENCE = ("", "no reason given")


# ---------------------------------------------------------------- the rate that a base rate implies


@dataclass(frozen=True, slots=True)
class Claim:
    """The rate of a move, as implied by its base rate and its factors together.

    base: the assumption that is the base rate of the move (the rate before any factor).
    multipliers: the expected product of the factors, by period. "at the start" is the mean over the start states in
    which the move is possible. For an observed rate there is also "over the first 3 weeks": the mean over the days on
    which the move is possible.
    """

    move: Move
    base: Assumption
    multipliers: dict[str, float]

    @property
    def nearest(self) -> float:
        """The multiplier that best implies the observed rate, or the first if no rate was observed."""
        observed = self.base.observed
        if observed is None:
            return next(iter(self.multipliers.values()))
        return min(self.multipliers.values(), key=lambda m: abs(np.log(self.base.value * m / observed)))

    def shown(self, rate: float) -> str:
        """Write a rate in the unit of the base rate."""
        return show(rate, "rate", self.base.unit)

    @property
    def what(self) -> str:
        """The base rate and the rates that it implies, in words, as a part of a sentence."""
        claims = " and ".join(f"{self.shown(self.base.value * m)} {when}" for when, m in self.multipliers.items())
        factors = " and ".join(f"{m:.2g}" for m in self.multipliers.values())
        return (
            f"a base rate of {self.shown(self.base.value)} implies {claims}: the factors of {self.move.id!r} are "
            f"expected to multiply it by {factors}"
        )


def no_base_rate_contains_its_tempo_twice(subject: Subject) -> Iterator[Finding]:
    """Report each base rate that probably includes the effect of the move's factors already.

    A rate that was counted in a tense period includes the effect of the tension. So the base rate should be the counted
    rate divided by the multiplier (the expected product of the factors).

    If the assumption has an `observed` rate, the implied rate is compared with the observed one. The rate was observed
    before the start, so two multipliers are tried: at the start and over the first weeks. The multiplier whose implied
    rate is closer to the observed rate decides.

    Without `observed`, the base rate of a public move is reported if the factors are expected to change the rate at the
    start by the factor `CLAIMS` or more. There are
    two exceptions: the reason of the rate begins with "assumed", or the rate was elicited as a probability p within T
    days. For elicited rates, the function `elicited` shows the implied probability.
    """
    for claim in _claims(subject):
        base, fair = claim.base, claim.shown((claim.base.observed or claim.base.value) / claim.nearest)
        if base.observed is not None:
            if _apart(base.value * claim.nearest, base.observed):
                yield warning(
                    subject.place(base),
                    f"{claim.what}; {claim.shown(base.observed)} was observed",
                    f"expected a base rate of about {fair}: the observed rate divided by the multiplier",
                )
        elif _apart(claim.nearest, 1.0) and _may_be_observed(claim):
            yield warning(
                subject.place(base),
                claim.what,
                f"expected a base rate without the effect of the factors: if {claim.shown(base.value)} was observed, "
                f'write it as `observed` and {fair} as `value`; if not, begin the reason (because:) with "assumed"',
            )


def _apart(one: float, other: float) -> bool:
    return bool(abs(np.log(one / other)) >= np.log(CLAIMS) - 1e-9)


def _may_be_observed(claim: Claim) -> bool:
    assumed = claim.base.because.strip().lower().startswith("assumed")
    return not (assumed or claim.move.covert or claim.base.within_days is not None)


def _claims(subject: Subject) -> Iterator[Claim]:
    """Yield, for each move that has factors, the expected product of its factors in each period.

    Moves with a waiting time (`takes`) and moves that are not possible in any period are left out.
    """
    assumptions = subject.scenario.assumptions
    later = _later_multipliers(subject)
    for move in (move for move in subject.scenario if move.rate and move.takes is None):
        by_period = {
            "at the start": _start_multiplier(subject, move),
            f"over the first {FIRST_WEEKS} weeks": later.get(move.id),
        }
        multipliers = {when: multiplier for when, multiplier in by_period.items() if multiplier}
        if move.factors and multipliers:
            yield Claim(move, assumptions[move.rate], multipliers)


def _start_multiplier(subject: Subject, move: Move) -> float | None:
    """Return the expected product of a move's factors over start states that allow the move.

    The result is None if the move is not possible in any start state.
    """
    levels, probability = subject.start
    going = subject.tables.ending(levels) < 0
    index = subject.tables.move(move.id)
    entry = subject.tables.local_index(index, levels)
    able = going & subject.tables.possible[entry]
    opening = subject.segments[0]
    hazard = subject.tables.rates(subject.theta, opening)[entry]
    if not np.any(able) or not np.any(hazard[able] > 0):
        return None
    weights = probability[able]
    base = subject.theta[subject.tables.assumption(move.rate)]
    return float(weights @ hazard[able] / base / weights.sum())


def _later_multipliers(subject: Subject) -> dict[str, float]:
    """Return the expected product of factors in the first weeks for moves with observed rates.

    For each such move, a second move is added, the probe of this move. The probe changes nothing. Its rate is one per
    day whenever the first move is possible, so the expected number of its firings is the number of days on which the
    first move is possible. The expected product of the factors is the expected number of firings of the move / (base
    rate × expected days).
    """
    scenario = subject.scenario
    moves = [m for m in scenario.moves.values() if m.factors and scenario.assumptions[m.rate].observed is not None]
    if not moves or not subject.enumerable:
        return {}
    days = min(7.0 * FIRST_WEEKS, scenario.horizon_days)
    world = _with_probes(scenario, moves).replace(horizon_days=days)
    counts = solve(world, times=[days], cap=subject.cap, control=subject.control).moves
    result = {}
    for move in moves:
        fired, able = float(counts[move.id][-1]), float(counts[_probe(move)][-1])
        if able > 0:
            result[move.id] = fired / able / scenario.assumptions[move.rate].value
    return result


def _probe(move: Move) -> str:
    return f"days of {move.id}"  # ids in a file have no spaces, so none can be equal to this


def _with_probes(scenario: Scenario, moves: list[Move]) -> Scenario:
    daily = Assumption("once a day", "once a day", "rate", 1.0, 1.0, 1.0, "counts days")
    probes = {
        _probe(move): Move(
            _probe(move),
            "nature",
            "",
            daily.id,
            when=move.when,
            between=move.between,
            outcomes=(Outcome("done", "", None),),
        )
        for move in moves
    }
    return scenario.replace(
        assumptions={**scenario.assumptions, daily.id: daily},
        moves={**scenario.moves, **probes},
        questions={},
        ladders={},
    )
