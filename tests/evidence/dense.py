"""The probability of a log by dense matrix exponentials, written from the definitions and slow.

Nothing here uses the tables or the walk of the filter: states are dictionaries, and rates come from the reference
engine.
"""

import itertools

import numpy as np
from scipy.linalg import expm

from simlib.engines.reference import Reference


def starts(world):
    """Every start state with its probability."""
    values = {a.id: a.value for a in world.assumptions.values()}
    parts = []
    for variable in world.variables.values():
        stated = {level: values[share] for level, share in variable.start if share is not None}
        rest = 1 - sum(stated.values())
        parts.append([(variable.id, level, stated.get(level, rest)) for level, _ in variable.start])
    for choice in itertools.product(*parts):
        yield {name: level for name, level, _ in choice}, np.prod([share for _, _, share in choice])


def weigh(world, rows, shown, stop, start=0.0):
    """Return the log-likelihood and the states at the end [(state, probability)].

    `rows` are (firings, first day, day after the last, times, ratio or None). `shown` is the chance of each (move,
    outcome) to be seen.
    """
    engine = Reference(world, horizon=1e9)
    rows = [(*row, number) for number, row in enumerate(rows)]  # two equal rows are two rows
    cuts = {start, stop, *(day for row in rows for day in row[1:3])}
    cuts |= {day for day in engine.dates() if start < day < stop}
    cuts = sorted(day for day in cuts if start <= day <= stop)
    mass = {(frozenset(state.items()), ()): p for state, p in starts(world)}
    log = 0.0
    for begin, end in itertools.pairwise(cuts):
        here = [row for row in rows if row[1] <= begin < row[2]]
        mass = flow(engine, mass, here, shown, begin, end - begin)
        mass = close(mass, here, end)
        total = sum(mass.values())
        log += np.log(total)
        mass = {key: p / total for key, p in mass.items()}
    return log, [(dict(state), p) for (state, _), p in mass.items()]


def close(mass, rows, end):
    """Keep full counts of the rows that end, and of doubtful ones zero too."""
    kept = {}
    for (state, counts), p in mass.items():
        weight, still = 1.0, []
        for row, count in counts:
            if row[2] > end:
                still.append((row, count))
            elif row[4] is None:
                weight *= count == row[3]
            else:
                weight *= {0: 1.0, row[3]: row[4]}.get(count, 0.0)
        key = (state, tuple(still))
        kept[key] = kept.get(key, 0.0) + p * weight
    return kept


def flow(engine, mass, rows, shown, day, length):
    """Carry a distribution over (state, counts of open rows) through a stretch of time."""
    vector = {}
    for (state, counts), p in mass.items():
        own = dict(counts)
        key = (state, tuple((row, own.get(row, 0)) for row in rows))
        vector[key] = vector.get(key, 0.0) + p
    ways, waiting = {}, list(vector)
    while waiting:
        key = waiting.pop()
        ways[key] = list(leaving(engine, key, shown, day))
        waiting += [to for to, _, _ in ways[key] if to is not None and to not in ways and to not in waiting]
    place = {key: number for number, key in enumerate(ways)}
    matrix = np.zeros((len(place), len(place)))
    for key, out in ways.items():
        for to, inflow, outflow in out:
            matrix[place[key], place[key]] -= outflow
            if to is not None:
                matrix[place[key], place[to]] += inflow
    before = np.array([vector.get(key, 0.0) for key in ways])
    return dict(zip(ways, (before @ expm(matrix * length)).tolist(), strict=True))


def leaving(engine, key, shown, day):
    """Yield (where to, rate in, rate out) of everything that may happen in a state."""
    state, counts = dict(key[0]), key[1]
    if engine.ending(state) is not None:
        return
    for move in engine.scenario:
        hazard = engine.hazard(move, state, day)
        stated = {o.id: engine.values[o.chance] for o in move.outcomes if o.chance is not None}
        rest = 1 - sum(stated.values())
        odds = {o.id: stated.get(o.id, rest) * engine.product(o.factors, state, day) for o in move.outcomes}
        for outcome in move.outcomes if hazard > 0 else ():
            chance = odds[outcome.id] / sum(odds.values())
            seen = shown[(move.id, outcome.id)]
            after = frozenset(engine.after(state, outcome.effects).items())
            yield (after, counts), hazard * chance * (1 - seen), hazard * chance * (1 - seen)
            yield None, 0.0, hazard * chance * seen
            for number, (row, count) in enumerate(counts):
                if (move.id, outcome.id) in row[0] and count < row[3]:
                    more = (*counts[:number], (row, count + 1), *counts[number + 1 :])
                    yield (after, more), hazard * chance * (seen or 1.0), 0.0
