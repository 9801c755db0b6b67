"""Several experts' views as one forecast, and where they disagree.

Each view is forecast by itself; what is pooled are probabilities: of the endings (`ongoing` among them), which exclude
one another and sum to one at each date, and of each question, which happens or does not. With weights w that sum to
one, the linear pool is Σ w p, the logarithmic one is proportional to Π p^w.

The linear pool is the forecast of somebody who thinks that one of the views is right and does not know which; what all
views say of a sum of endings it says too. The logarithmic pool is externally Bayesian: to pool and then learn from
evidence on which the views agree is to learn and then pool; it is sharper, and a view that rules something out rules
it out of the pool. It is taken at each date by itself, so its curve over time need not be that of any one world.

References: Genest, C. and Zidek, J. (1986) Combining probability distributions: a critique and an annotated
bibliography, Statistical Science 1. Lin, J. (1991) Divergence measures based on the Shannon entropy, IEEE Transactions
on Information Theory 37.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from simlib.answer import plain_json
from simlib.control import in_transition
from simlib.errors import Problem, ScenarioError, Unsupported
from simlib.formatting import long_date, percent
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["exact", "montecarlo"]
Kind = Literal["ending", "question"]

_NOTHING = 5e-7
"""A spread of probabilities below this is no disagreement."""

# -------------------------------------------------------------------- the two pools


def linear(probabilities: Floats, weights: Floats) -> Floats:
    """Return the weighted mean over the first axis: (V, ...) -> (...). The weights sum to one."""
    return np.asarray(np.tensordot(weights, probabilities, axes=1))


def logarithmic(probabilities: Floats, weights: Floats) -> Floats:
    """Return the normalised weighted geometric mean of distributions: (V, K, ...) -> (K, ...), each summing to one.

    Raises Unsupported where the views have no case in common, so that nothing is left to normalise.
    """
    counted = weights > 0
    with np.errstate(divide="ignore"):
        logs = linear(np.log(probabilities[counted]), weights[counted])
    highest = logs.max(axis=0)
    if not np.all(np.isfinite(highest)):
        raise Unsupported(
            "the views exclude one another: each ending is ruled out by one of them, so they have no logarithmic pool; "
            "the linear pool exists"
        )
    share = np.exp(logs - highest)
    return np.asarray(share / share.sum(axis=0))


def divergence(probabilities: Floats, weights: Floats) -> Floats:
    """Return the Jensen-Shannon divergence of distributions, in bits: (V, K, ...) -> (...).

    It is the entropy of the linear pool less the mean entropy of the views: what knowing whose view is right would tell
    about the ending. 0 where they agree, at most the entropy of the weights.
    """
    mean = np.tensordot(weights, entropy(probabilities.swapaxes(0, 1)), axes=1)
    return np.maximum(entropy(linear(probabilities, weights)) - mean, 0.0)


def entropy(probabilities: Floats) -> Floats:
    """Return the entropy over the first axis, in bits: (K, ...) -> (...)."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(-np.sum(probabilities * logs, axis=0))


# -------------------------------------------------------------------- the answer


@dataclass(frozen=True)
class Item:
    """An ending or a question: in each view (V, T), pooled both ways (T,), and how far the views are apart (T,).

    `deviation` is the standard deviation between the views, by weight; `divergence` the Jensen-Shannon divergence, in
    bits, of whether it happens.
    """

    kind: Kind
    id: str
    label: str
    views: Floats
    linear: Floats
    logarithmic: Floats
    deviation: Floats
    divergence: Floats

    @property
    def range(self) -> float:
        """From the lowest to the highest view at the last time."""
        return float(np.ptp(self.views[:, -1]))


@dataclass(frozen=True)
class Pooled:
    """Views pooled. `weights` sum to one; `divergence` and `entropy` (T,), in bits, are of the set of endings.

    `entropy` is that of the linear pool: all that is uncertain about the ending, of which `divergence` is disagreement.
    """

    scenario: str
    title: str
    as_of: dt.date
    by: dt.date
    times: Floats
    weights: Mapping[str, float]
    items: tuple[Item, ...]
    divergence: Floats
    entropy: Floats
    over_priors: int
    provenance: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return one row for each ending or question and time: both pools, the spread, and each view in a column."""
        import pandas as pd

        rows = [
            {
                "kind": item.kind,
                "name": item.id,
                "label": item.label,
                "day": float(day),
                "linear": item.linear[t],
                "logarithmic": item.logarithmic[t],
                "lowest": item.views[:, t].min(),
                "highest": item.views[:, t].max(),
                "deviation": item.deviation[t],
                "divergence_bits": item.divergence[t],
            }
            | {f"view:{name}": item.views[v, t] for v, name in enumerate(self.weights)}
            for item in self.items
            for t, day in enumerate(self.times)
        ]
        return pd.DataFrame(rows)

    def ranked(self, kind: Kind | None = None) -> list[Item]:
        """Return endings and questions (or one kind) by their range at the last time, the widest first."""
        some = (i for i in self.items if kind in (None, i.kind))
        return sorted(some, key=lambda i: -i.range)

    def sentences(self) -> list[str]:
        """Say both pools by the horizon, who says least and most, and how much of what is uncertain is disagreement."""
        names = list(self.weights)
        shares = ", ".join(f"“{name}” {percent(weight)}" for name, weight in self.weights.items())
        how = f"over {self.over_priors} draws from the priors of each" if self.over_priors else "at the stated values"
        lines = [f"By {long_date(self.by)}, {how}, the views weighing {shares}:"]
        lines += [_about(item, names) for item in self.items]
        bits, whole = float(self.divergence[-1]), float(self.entropy[-1])
        if bits > _NOTHING:
            lines.append(
                f"Of the {whole:.2g} bits that are uncertain about the ending in the linear pool, {bits:.2g} are "
                f"disagreement between the views ({percent(bits / whole)})."
            )
        else:
            lines.append("The views agree about every ending.")
        most = self.ranked()[0]
        if most.range > _NOTHING:
            low, high = (percent(float(x)) for x in (most.views[:, -1].min(), most.views[:, -1].max()))
            lines.append(f"Of all endings and questions they are furthest apart on “{most.label}”: {low} to {high}.")
        return [*lines, "The logarithmic pool is taken at each date by itself; what one view rules out it rules out."]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        arrays = ("linear", "logarithmic", "deviation", "divergence")
        plain: dict[str, Any] = plain_json(
            {
                "question": "pool",
                "scenario": self.scenario,
                "title": self.title,
                "as_of": self.as_of,
                "by": self.by,
                "times": self.times,
                "weights": self.weights,
                "draws": self.over_priors,
                **{
                    f"{kind}s": {
                        item.id: {"label": item.label, "views": dict(zip(self.weights, item.views, strict=True))}
                        | {name: getattr(item, name) for name in arrays}
                        for item in self.items
                        if item.kind == kind
                    }
                    for kind in ("ending", "question")
                },
                "divergence": self.divergence,
                "entropy": self.entropy,
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


def _about(item: Item, names: list[str]) -> str:
    values, pools = item.views[:, -1], (float(item.linear[-1]), float(item.logarithmic[-1]))
    text = f"“{item.label}”: {percent(pools[0])} (linear) or {percent(pools[1])} (logarithmic)"
    low, high = int(np.argmin(values)), int(np.argmax(values))
    if values[high] - values[low] < _NOTHING:
        return f"{text}; the views agree."
    told = f"{text}; from {percent(values[low])} (“{names[low]}”) to {percent(values[high])} (“{names[high]}”)."
    return told + (f" “{names[low]}” rules it out." if values[low] == 0 else "")


# -------------------------------------------------------------------- asking


def pool(forecasts: Mapping[str, Forecast], weights: Mapping[str, float] | None = None) -> Pooled:
    """Pool forecasts of one world, {view: forecast}; `weights` (default: alike) are scaled to sum to one.

    Raises ScenarioError for weights that do not fit, Unsupported for forecasts of different questions or times, and
    where the views have no ending in common.
    """
    share = _scaled(list(forecasts), weights)
    first = next(iter(forecasts.values()))
    for name, forecast in forecasts.items():
        same = [list(f.endings) + list(f.questions) for f in (first, forecast)]
        if same[0] != same[1] or not np.array_equal(first.times, forecast.times) or forecast.as_of != first.as_of:
            raise Unsupported(f"{name!r} answers other questions, or for other dates, than the other views")
    w = np.array(list(share.values()))
    endings = np.stack([_distribution(forecast) for forecast in forecasts.values()])
    seen = np.stack([_seen(p, f) for p, f in zip(endings, forecasts.values(), strict=True)])
    pools = linear(endings, w), logarithmic(seen, w)
    items = [
        _item("ending", name, first, endings[:, k], pools[0][k], pools[1][k], w) for k, name in enumerate(first.endings)
    ]
    for name in first.questions:
        happens = np.clip(np.stack([f.questions[name].probability for f in forecasts.values()]), 0, 1)
        both = np.stack([_seen(np.stack([p, 1 - p]), f) for p, f in zip(happens, forecasts.values(), strict=True)])
        items.append(_item("question", name, first, happens, linear(happens, w), logarithmic(both, w)[0], w))
    return Pooled(
        first.scenario.id,
        first.scenario.title,
        first.as_of,
        first.by_date(float(first.times[-1])),
        first.times,
        share,
        tuple(items),
        divergence(endings, w),
        entropy(pools[0]),
        first.provenance.get("draws") or 0,
        {name: dict(forecast.provenance) for name, forecast in forecasts.items()},
    )


@in_transition
def pool_views(
    views: Mapping[str, Scenario],
    weights: Mapping[str, float] | None = None,
    *,
    engine: Engine = "exact",
    draws: int = 0,
    runs: int = 10_000,
    seed: int = 0,
    times: int | Iterable[float] = 60,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Pooled:
    """Forecast each view of a world (over `draws` of its own priors, where asked), and pool; to the first's horizon.

    Raises what `pool`, `solve` and `simulate` raise.
    """
    _scaled(list(views), weights)
    horizon = next(iter(views.values())).horizon_days
    common: dict[str, Any] = {"times": times if isinstance(times, int) else list(times), "cancel": cancel}
    forecasts = {}
    for number, (name, world) in enumerate(views.items()):
        part = None if progress is None else _part(progress, number, len(views))
        forecasts[name] = _forecast(
            world.replace(horizon_days=horizon),
            engine,
            draws,
            {"runs": runs, "seed": seed},
            common | {"progress": part},
        )
    return pool(forecasts, weights)


def _forecast(world: Scenario, engine: Engine, draws: int, dice: dict[str, Any], common: dict[str, Any]) -> Forecast:
    if draws:
        from simlib.engines.ensemble import over_priors

        dice = dice | {"runs": -(-dice["runs"] // draws)}
        return over_priors(world, engine=engine, draws=draws, **dice, **common).mixture()
    if engine == "exact":
        from simlib.engines.exact.forecast import solve

        return solve(world, **common)
    from simlib.engines.montecarlo.simulator import simulate

    return simulate(world, **dice, **common)


def _part(progress: Callable[[float], None], number: int, of: int) -> Callable[[float], None]:
    return lambda share: progress((number + share) / of)


def _scaled(names: list[str], weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return the weights in the order of the views, summing to one."""
    problems = []
    if len(names) < 2:
        problems.append(Problem("", 0, "views", f"{len(names)} of them", "expected at least two to pool"))
    given = dict.fromkeys(names, 1.0) if weights is None else weights
    for name in [*names, *(other for other in given if other not in names)]:
        if name not in given or name not in names:
            what = "has no weight" if name in names else "has a weight and is no view"
            problems.append(Problem("", 0, f"weights: {name}", what, "expected one for each view"))
        elif not 0 <= given[name] < np.inf:
            problems.append(Problem("", 0, f"weights: {name}", f"{given[name]:g}", "expected a number of at least 0"))
    total = sum(given[name] for name in names if name in given)
    if not problems and total <= 0:
        problems.append(Problem("", 0, "weights", "all are 0", "expected at least one above 0"))
    if problems:
        raise ScenarioError(problems)
    return {name: float(given[name]) / total for name in names}


def _item(kind: Kind, name: str, first: Forecast, views: Floats, mean: Floats, sharp: Floats, w: Floats) -> Item:
    deviation = np.sqrt(linear((views - mean) ** 2, w))
    apart = divergence(np.stack([views, 1 - views], axis=1), w)
    return Item(kind, name, first.label(f"{kind}s", name), views, mean, sharp, deviation, apart)


def _distribution(forecast: Forecast) -> Floats:
    """Return the probabilities of the endings (K, T), summing to one."""
    stack = np.clip(np.stack([band.probability for band in forecast.endings.values()]), 0, 1)
    return np.asarray(stack / stack.sum(axis=0))


def _seen(stack: Floats, forecast: Forecast) -> Floats:
    """Return a distribution (K, T) in which what no replicate showed is rare, not impossible: (k + 1/2) / (n + K/2).

    Only where replicates were counted, and only after the start: the exact engine knows zeros.
    """
    runs = forecast.provenance.get("runs")
    if not runs:
        return stack
    return np.where(forecast.times > 0, (stack * runs + 0.5) / (runs + len(stack) / 2), stack)
