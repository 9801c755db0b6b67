"""Blocks of a report: settlement of questions, start of variables, grounds of assumptions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from simlib.formatting import long_date, quoted
from simlib.quantities import show, show_range
from simlib.report.markup import Block
from simlib.scenario.condition_wording import condition_in_words
from simlib.scenario.model import Factor, Scenario, Source, Variable

_SINGLE = str.maketrans("“”", "‘’")
"""Single quotation marks for a label, because sentences put double ones around it."""


def readable(scenario: Scenario) -> Scenario:
    """Return the scenario with plain labels for factors whose value is written inside a move.

    Such a factor is labelled by its place, as in "Factor 1 of 'Raid'". The new label says what the factor multiplies,
    and when.

    Use the result for display only, because labels are part of the hash of a scenario.
    """
    numbers = dict(scenario.assumptions)
    for move in scenario:
        for (*where, _, place), factor in move.placed_factors():
            if factor.per:
                continue
            number, often = numbers[factor.by], f"How many times as often {quoted(move.label)}"
            named = f"Factor {int(place) + 1} of '{move.label}'"
            if where:
                of = move.outcome(str(where[1])).label
                often = f"Factor on the odds of {quoted(of)} as the outcome of {quoted(move.label)}"
                named = f"Factor {int(place) + 1} on the odds of '{of}' as the outcome of '{move.label}'"
            if number.inline and number.label == named:
                label = f"{often}{_while(factor, scenario)}".translate(_SINGLE)
                numbers[number.id] = dataclasses.replace(number, label=label)
    return scenario.replace(assumptions=numbers)


def with_reasons(base: Scenario, scenario: Scenario, where: str = "for this report") -> Scenario:
    """Return `scenario` with a new reason for each value or range that differs from `base`.

    The reason says `where` the value was set, and gives the old value and the old reason.

    Use the result for display only, because reasons are part of the hash of a scenario.
    """
    origin = f"the view {base.view}" if base.view else "the file"
    numbers = dict(scenario.assumptions)
    for name, now in numbers.items():
        old = base.assumptions.get(name, now)
        if (now.value, now.low, now.high) != (old.value, old.low, old.high):
            why = f" for this reason: {old.because}" if old.because else ""
            reason = ", assumed" if old.because == "assumed" else why
            because = f"set {where}; {origin} states {show(old.value, old.kind, old.unit)}{reason}"
            numbers[name] = dataclasses.replace(now, because=because, sources=())
    return scenario.replace(assumptions=numbers)


def _while(factor: Factor, scenario: Scenario) -> str:
    held = "" if factor.when.always else f" while {condition_in_words(factor.when, scenario, labels=True)}"
    if factor.between is None:
        return held
    return f"{held}, from {long_date(factor.between.first)} to {long_date(factor.between.last)}"


def settling(scenario: Scenario) -> Block:
    """Return a list with the rule that settles each question, and who decides."""
    lines = []
    for question in scenario.questions.values():
        who = re.sub("^The ", "the ", question.decides)
        parts = [question.resolves, who and f"decided by {who}"]
        how = "; ".join(part.rstrip(".") for part in parts if part)
        lines.append(f"{question.label}: {how or 'the scenario does not say how it is settled'}.")
    return Block("list", items=tuple(lines))


def start(scenario: Scenario) -> Block:
    """Return a table with the levels at which each variable starts, the reason and the sources."""
    head = ("what", "starts at", "because", "sources")
    rows = []
    for variable in scenario.variables.values():
        shares = [scenario.assumptions[share] for _, share in variable.start if share]
        reasons = [variable.because, *(share.because for share in shares)]
        named = [*variable.sources, *(name for share in shares for name in share.sources)]
        because = " ".join(f"{reason.rstrip('.')}." for reason in dict.fromkeys(reasons) if reason)
        rows.append((variable.label, _levels(variable, scenario), because, numbers(named, scenario)))
    return Block("table", items=(head, *rows))


def _levels(variable: Variable, scenario: Scenario) -> str:
    if not variable.spread:
        return variable.words(variable.start[0][0])
    parts = []
    for name, share in variable.start:
        level = variable.words(name)
        number = scenario.assumptions[share] if share else None
        parts.append(f"otherwise {level}" if number is None else f"{level} with {show(number.value, number.kind)}")
    return ", ".join(sorted(parts, key=lambda text: text.startswith("otherwise")))


def assumptions(scenario: Scenario) -> Iterator[Block]:
    """Yield a table of assumptions, and a list of correlations or a note that there are none."""
    rows = [("assumption", "value", "90% range", "because", "sources")]
    for a in readable(scenario).assumptions.values():
        value = show(a.value, a.kind, a.unit)
        span = "fixed" if a.fixed else show_range(a.low, a.high, a.kind, a.unit)
        rows.append((a.label, value, span, a.because, numbers(a.sources, scenario)))
    yield Block("table", items=tuple(rows))
    if scenario.correlations:
        yield Block("text", "These assumptions are drawn together, with a rank correlation (-1 to 1):")
        yield Block("list", items=tuple(_together(scenario)))
    elif len(scenario.uncertain) > 1:
        yield Block("text", "The assumptions are drawn independently of each other.")


def _together(scenario: Scenario) -> Iterator[str]:
    called = readable(scenario).assumptions
    for pair in scenario.correlations:
        link = ". " if pair.because[:1].isupper() else ", because "
        why = f"{link}{pair.because.rstrip('.')}" if pair.because else ""
        named = numbers(pair.sources, scenario)
        pair_of = f"{quoted(called[pair.first].label)} and {quoted(called[pair.second].label)}: {pair.rank:+g}{why}"
        yield f"{pair_of}{f' {named}' if named else ''}."


def numbers(names: Iterable[str], scenario: Scenario) -> str:
    """Return the numbers of sources in the list of all sources, "[2], [5]", without unknown ids."""
    every = list(scenario.sources)
    places = sorted({every.index(name) for name in names if name in scenario.sources})
    return ", ".join(f"[{number + 1}]" for number in places)


def sources(scenario: Scenario) -> Block:
    """Return a list of every source with its date and its address."""
    listed = (f"[{number}] {_source(source)}" for number, source in enumerate(scenario.sources.values(), start=1))
    return Block("list", items=tuple(listed) or ("None are named.",))


def _source(source: Source) -> str:
    date = f", {long_date(source.date)}" if source.date else ""
    return f"{source.title}{date}{f' ({source.url})' if source.url else ''}"
