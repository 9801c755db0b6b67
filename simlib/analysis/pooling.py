"""Several experts' views of a scenario as one forecast, and where the views disagree.

Each view is forecast by itself. The endings and `ongoing` (no ending yet) exclude one another. They are pooled as one
distribution, which sums to one at each date. Each question is pooled separately, as a yes or a no. With the probability
p and the weight w of each view, and weights that sum to one, the linear pool is Σ w p, and the logarithmic pool is
proportional to Π p^w.

The linear pool is the forecast of somebody who thinks that one of the views is right and does not know which. If all
views give a group of endings the same probability, the linear pool gives the group this probability too. The
logarithmic pool is externally Bayesian: updating each view on the same evidence and then pooling gives the same result
as pooling first and then updating. An ending that one view rules out has probability 0 in the logarithmic pool. This
pool is computed at each date separately, so there may be no scenario that gives its curve over time.

References: Genest, C. and Zidek, J. (1986) Combining probability distributions: a critique and an annotated
bibliography, Statistical Science 1. Lin, J. (1991) Divergence measures based on the Shannon entropy, IEEE Transactions
on Information Theory 37.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from simlib.answer import ScenarioKey, Traced, pick, provenance
from simlib.arguments import DEFAULT_RUNS, Engine, exact_where_it_fits
from simlib.control import UNWATCHED, Control
from simlib.errors import Problem, Unsupported, refuse
from simlib.formatting import counted, percent, quoted
from simlib.machine.measures import By, days_by
from simlib.results import Forecast
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Pool", "PooledItem", "divergence", "entropy", "linear", "logarithmic", "pool", "pool_forecasts"]

EventKind = Literal["ending", "question"]

_NO_DIFFERENCE = 5e-7
"""A spread of probabilities below this does not count as disagreement."""

# -------------------------------------------------------------------- the two pools


def linear(probabilities: Floats, weights: Floats) -> Floats:
    """Return the weighted mean of probabilities over V views: (V, ...) -> (...).

    The weights sum to one.
    """
    return np.asarray(np.tensordot(weights, probabilities, axes=1))


def logarithmic(probabilities: Floats, weights: Floats) -> Floats:
    """Return the weighted geometric mean of distributions over views, normalised.

    The shapes are (V, K, ...) -> (K, ...): V views, K outcomes. The weights sum to one. Raises Unsupported if every
    outcome is ruled out by at least one view, because all products are 0 in this case.
    """
    counted = weights > 0
    with np.errstate(divide="ignore"):
        logs = linear(np.log(probabilities[counted]), weights[counted])
    highest = logs.max(axis=0)
    if not np.all(np.isfinite(highest)):
        raise Unsupported(
            "the views exclude one another: each ending is ruled out by one of them, so only the linear pool exists; "
            "pool views that share an ending"
        )
    share = np.exp(logs - highest)
    return np.asarray(share / share.sum(axis=0))


def divergence(probabilities: Floats, weights: Floats) -> Floats:
    """Return the Jensen-Shannon divergence of distributions, in bits: (V, K, ...) -> (...).

    There are V views, each with a distribution over K outcomes. The divergence is the entropy of the linear pool minus
    the mean entropy of the views. Somebody who learns which view is right gains this much information about the outcome
    on average. The divergence is 0 where the views agree, and at most the entropy of the weights.
    """
    mean = np.tensordot(weights, entropy(probabilities.swapaxes(0, 1)), axes=1)
    return np.maximum(entropy(linear(probabilities, weights)) - mean, 0.0)


def entropy(probabilities: Floats) -> Floats:
    """Return the entropy of distributions over K outcomes, in bits: (K, ...) -> (...)."""
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(-np.sum(probabilities * logs, axis=0))


# -------------------------------------------------------------------- the answer


@dataclass(frozen=True)
class PooledItem:
    """The probability of one ending or question in each view and in both pools, over time.

    views (V, T): the probability in each of V views at each of T times.
    linear, logarithmic (T,): the probability in the linear pool and in the logarithmic pool.
    deviation (T,): the weighted standard deviation of the views.
    divergence (T,): the Jensen-Shannon divergence of the views about whether the ending is reached or the question
        answered yes, in bits.
    """

    kind: EventKind
    id: str
    label: str
    views: Floats
    linear: Floats
    logarithmic: Floats
    deviation: Floats
    divergence: Floats

    @property
    def range(self) -> float:
        """The highest minus the lowest probability among the views, at the last time."""
        return float(np.ptp(self.views[:, -1]))


@dataclass(frozen=True)
class Pool(Traced):
    """The forecasts of several views of one scenario, pooled into one forecast.

    scenario: the first view.
    by: the date of the last of the `times`.
    times (T,): the times in days after the scenario's first day.
    weights: the weight of each view, by name. The weights sum to one.
    items: the endings and questions, each with its pooled probabilities.
    divergence (T,): the part of `entropy` that comes from disagreement between the views, in bits.
    entropy (T,): the uncertainty about the ending in the linear pool, in bits.
    """

    kind: ClassVar[str] = "pool"

    scenario: ScenarioKey
    by: dt.date
    times: Floats
    weights: Mapping[str, float]
    items: tuple[PooledItem, ...]
    divergence: Floats
    entropy: Floats
    provenance: Mapping[str, Any]

    @property
    def by_day(self) -> float:
        """The target in days after `as_of`."""
        return float(self.times[-1])

    @property
    def basis(self) -> str:
        """A phrase that says at which values of the assumptions the views were forecast."""
        return f"over {counted(self.draws, 'draw')} from each view's priors" if self.draws else "at the stated values"

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        names = [quoted(name) for name in self.weights]
        together = f"{', '.join(names[:-1])} and {names[-1]}"
        return f"How likely are the endings and questions by {self.by_words} if {together} are pooled?"

    def frame(self) -> pd.DataFrame:
        """Return a table of pools and views, with a row for each time and each ending or question."""
        import pandas as pd

        rows = [
            {"kind": item.kind, "name": item.id, "label": item.label, "day": float(day)}
            | {"linear": item.linear[t], "logarithmic": item.logarithmic[t]}
            | {"lowest": item.views[:, t].min(), "highest": item.views[:, t].max()}
            | {"deviation": item.deviation[t], "divergence_bits": item.divergence[t]}
            | {f"view:{name}": item.views[v, t] for v, name in enumerate(self.weights)}
            for item in self.items
            for t, day in enumerate(self.times)
        ]
        return pd.DataFrame(rows)

    def ranked(self, kind: EventKind | None = None) -> list[PooledItem]:
        """Return endings, questions or both (None), the largest difference between views first."""
        some = (item for item in self.items if kind in (None, item.kind))
        return sorted(some, key=lambda item: -item.range)

    def sentences(self, lead: str = "") -> list[str]:
        """Describe both pools at the target date, the lowest and highest view, and the disagreement.

        `lead` is the measure to begin with, such as "ending:war". Without `lead`, questions come first.
        """
        names = list(self.weights)
        shares = ", ".join(f"{quoted(name)} {percent(weight)}" for name, weight in self.weights.items())
        ordered = sorted(self.items, key=lambda item: (f"{item.kind}:{item.id}" != lead, item.kind == "ending"))
        lines = [_about(item, names, f" by {self.by_words}" * (place == 0)) for place, item in enumerate(ordered)]
        bits, whole = float(self.divergence[-1]), float(self.entropy[-1])
        if bits > _NO_DIFFERENCE:
            lines.append(f"Disagreement of views makes up {percent(bits / whole)} of the uncertainty about the ending.")
        else:
            lines.append("The views agree about every ending.")
        most = self.ranked()[0]
        if most.range > _NO_DIFFERENCE:
            low, high = (percent(float(x)) for x in (most.views[:, -1].min(), most.views[:, -1].max()))
            lines.append(f"The views differ most on {quoted(most.label)}: {low} to {high}.")
        return [
            *lines,
            f"Computed {self.basis}, with the weights {shares}.",
            "The logarithmic pool is computed at each date separately. It rules out each ending that a view rules out.",
        ]

    def data(self) -> dict[str, Any]:
        """Return the pooled endings and questions over time, with the views."""
        kinds: dict[str, dict[str, Any]] = {"endings": {}, "questions": {}}
        for item in self.items:
            views = {"label": item.label, "views": dict(zip(self.weights, item.views, strict=True))}
            pools = pick(item, "linear", "logarithmic", "deviation", "divergence")
            kinds[f"{item.kind}s"][item.id] = views | pools
        return pick(self, "times", "weights", "draws") | kinds | pick(self, "divergence", "entropy")


def _about(item: PooledItem, names: list[str], by: str) -> str:
    values, pools = item.views[:, -1], (float(item.linear[-1]), float(item.logarithmic[-1]))
    text = f"{quoted(item.label)}{by}: {percent(pools[0])} (linear) or {percent(pools[1])} (logarithmic)"
    low, high = int(np.argmin(values)), int(np.argmax(values))
    if values[high] - values[low] < _NO_DIFFERENCE:
        return f"{text}; the views agree."
    lowest, highest = quoted(names[low]), quoted(names[high])
    span = f"{text}; from {percent(values[low])} ({lowest}) to {percent(values[high])} ({highest})."
    return span + (f" {lowest} rules it out." if values[low] == 0 else "")


# -------------------------------------------------------------------- asking


def pool(
    views: Mapping[str, Scenario],
    *,
    weights: Mapping[str, float] | None = None,
    by: By = None,
    engine: Engine = "auto",
    draws: int = 0,
    runs: int | None = None,
    seed: int = 0,
    times: int | Iterable[float] = 60,
    control: Control = UNWATCHED,
) -> Pool:
    """Forecast each view of a scenario up to the same day, and pool the forecasts.

    Args:
        views: The views of one scenario, by name. At least two.
        weights: The weight of each view, scaled to sum to one. By default all views have equal weights.
        by: The target: a date, or days after `as_of`. Default: the horizon of the first view.
        engine: "auto" is the exact engine, or Monte Carlo for all views if one of them has too many states.
        draws: Number of draws (sets of assumption values) from the priors of each view. 0: the stated values.
        runs: Monte Carlo replicates of each draw. By default about 10,000 for all draws of a view together.
        seed: The seed of the draws and of the replicates.
        times: A number of equal steps, or the report times in days.
        control: Progress, cancelling and threads.

    Returns: The linear and the logarithmic pool of each ending and question at each time, with the views and their
        disagreement.

    Raises:
        ScenarioError: For weights that do not fit the views, and a target outside the forecast of the first view.
        Unsupported: For views with different endings, questions or dates, if every ending is ruled out by at least one
            view, and if `draws` is a belief.
        TooManyStates: For "exact", when there are too many states.
        MissingDependency: Without Numba, for the Monte Carlo engine.
        Cancelled: When `control` cancels the work.
    """
    shares = _scaled(list(views), weights)
    first = next(iter(views.values()))
    days, worlds = days_by(first, by), {n: view.replace(horizon_days=first.horizon_days) for n, view in views.items()}
    each = -(-DEFAULT_RUNS // max(draws, 1)) if runs is None else runs
    times = times if isinstance(times, int) else list(times)
    ask = partial(_forecasts, worlds, control, draws=draws, runs=each, seed=seed, times=times, by=days)
    forecasts = exact_where_it_fits(engine, partial(ask, "exact"), partial(ask, "montecarlo"))
    chosen = next(iter(forecasts.values())).engine
    replicates = each if chosen == "montecarlo" else None
    sources = {name: dict(forecast.provenance) for name, forecast in forecasts.items()}
    size = {"draws": draws, "runs": replicates, "by_day": days}
    source = provenance(first, engine=chosen, seed=seed, **size, views=sources)
    return _pool(forecasts, shares, ScenarioKey.of(first), source)


def pool_forecasts(forecasts: Mapping[str, Forecast]) -> Pool:
    """Pool named forecasts of one scenario with equal weights.

    Raises ScenarioError for fewer than two forecasts. Raises Unsupported for forecasts of different endings, questions
    or dates, and if every ending is ruled out by at least one of the forecasts.
    """
    shares = _scaled(list(forecasts), None)
    first = next(iter(forecasts.values()))
    views = {name: dict(forecast.provenance) for name, forecast in forecasts.items()}
    return _pool(forecasts, shares, first.scenario, dict(first.provenance) | {"views": views})


def _forecasts(worlds: Mapping[str, Scenario], control: Control, engine: Engine, **options: Any) -> dict[str, Forecast]:
    from simlib.engines.ensemble import forecast

    parts = {name: control.part(number / len(worlds), (number + 1) / len(worlds)) for number, name in enumerate(worlds)}
    return {name: forecast(world, engine=engine, control=parts[name], **options) for name, world in worlds.items()}


def _pool(
    forecasts: Mapping[str, Forecast], weights: dict[str, float], scenario: ScenarioKey, source: Mapping[str, Any]
) -> Pool:
    first = next(iter(forecasts.values()))
    for name, forecast in forecasts.items():
        same = [list(f.endings) + list(f.questions) for f in (first, forecast)]
        if same[0] != same[1] or not np.array_equal(first.times, forecast.times) or forecast.as_of != first.as_of:
            raise Unsupported(
                f"{name!r} has other endings, questions or dates than the first view; pool views that share these"
            )
    w = np.array(list(weights.values()))
    endings = np.stack([_distribution(forecast) for forecast in forecasts.values()])
    smooth = np.stack([_smoothed(p, f) for p, f in zip(endings, forecasts.values(), strict=True)])
    pools = linear(endings, w), logarithmic(smooth, w)
    items = [
        _item("ending", name, first, endings[:, k], pools[0][k], pools[1][k], w) for k, name in enumerate(first.endings)
    ]
    for name in first.questions:
        happens = np.clip(np.stack([f.questions[name].probability for f in forecasts.values()]), 0, 1)
        both = np.stack([_smoothed(np.stack([p, 1 - p]), f) for p, f in zip(happens, forecasts.values(), strict=True)])
        items.append(_item("question", name, first, happens, linear(happens, w), logarithmic(both, w)[0], w))
    by, apart, whole = first.by_date(float(first.times[-1])), divergence(endings, w), entropy(pools[0])
    return Pool(scenario, by, first.times, weights, tuple(items), apart, whole, source)


def _scaled(names: list[str], weights: Mapping[str, float] | None) -> dict[str, float]:
    problems = []
    if len(names) < 2:
        problems.append(Problem("", 0, "views", f"{len(names)} given", "expected at least two to pool"))
    given = dict.fromkeys(names, 1.0) if weights is None else weights
    for name in [*names, *(other for other in given if other not in names)]:
        if name not in given or name not in names:
            what = "has no weight" if name in names else "has a weight but is not a view"
            problems.append(Problem("", 0, f"weights: {name}", what, "expected one weight for each view"))
        elif not 0 <= given[name] < np.inf:
            problems.append(Problem("", 0, f"weights: {name}", f"{given[name]:g}", "expected a number of at least 0"))
    total = sum(given[name] for name in names if name in given)
    if not problems and total <= 0:
        problems.append(Problem("", 0, "weights", "all are 0", "expected at least one above 0"))
    refuse(problems)
    return {name: float(given[name]) / total for name in names}


def _item(
    kind: EventKind, name: str, first: Forecast, views: Floats, mean: Floats, sharp: Floats, w: Floats
) -> PooledItem:
    deviation = np.sqrt(linear((views - mean) ** 2, w))
    apart = divergence(np.stack([views, 1 - views], axis=1), w)
    return PooledItem(kind, name, first.label(f"{kind}s", name), views, mean, sharp, deviation, apart)


def _distribution(forecast: Forecast) -> Floats:
    stack = np.clip(np.stack([band.probability for band in forecast.endings.values()]), 0, 1)
    return np.asarray(stack / stack.sum(axis=0))


def _smoothed(stack: Floats, forecast: Forecast) -> Floats:
    """Return probabilities of K outcomes (K, T) without zeros that come from too few replicates.

    A count k of n replicates becomes the share (k + 1/2) / (n + K/2). The start and an exact forecast do not change,
    because their zeros are true.
    """
    runs = forecast.replicates
    if not runs:
        return stack
    return np.where(forecast.times > 0, (stack * runs + 0.5) / (runs + len(stack) / 2), stack)
