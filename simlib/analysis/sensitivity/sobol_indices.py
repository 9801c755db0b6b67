"""Sobol indices: the share of each input in the variance of an answer P over the priors.

The *first-order* index of an input is Var(E[P | input]) / Var(P): the part of the variance that would disappear, on
average, if this input alone were known. The *total* index is E[Var(P | all others)] / Var(P): the part that would
remain if all other inputs were known. The difference between them comes from interactions with other inputs.

Both indices need independent inputs. So correlated assumptions form one input, and a belief other than the prior is
refused. All assumptions vary in every draw, but indices are computed only for the inputs with the steepest slopes.

The module `pick_freeze` has the draws, the estimators and their references.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import Responses
from simlib.analysis.sensitivity.pick_freeze import SCRAMBLES, PickFreeze, jackknife, products
from simlib.analysis.sensitivity.screening import Input, inputs, largest_shares, steepest_first, swings, tangent_spreads
from simlib.answer import ScenarioKey, Traced, dated, pick, provenance
from simlib.arguments import SOBOL_INPUTS, Engine
from simlib.control import UNWATCHED, Control
from simlib.formatting import capital, counted, listed, percent, quoted
from simlib.machine import priors
from simlib.machine.measures import By, Measure, days_by, find
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "INDEX_PRECISION",
    "SOBOL_DRAWS",
    "SOBOL_RUNS",
    "Index",
    "Share",
    "Shares",
    "Sobol",
    "share_in_words",
    "sobol",
]

SOBOL_DRAWS, SOBOL_RUNS = 1024, 1000
"""Default number of rows of each matrix, and of replicates of each row."""

INDEX_PRECISION = 0.1
"""An index is given only if the half-width of its 95% interval is at most this."""

_SHARES = (
    (0.95, "nearly all"),
    (0.8, "most"),
    (0.7, "about three quarters"),
    (0.6, "about two thirds"),
    (0.45, "about half"),
    (0.38, "about two fifths"),
    (0.29, "about a third"),
    (0.22, "about a quarter"),
    (0.18, "about a fifth"),
    (0.14, "about a sixth"),
    (0.075, "about a tenth"),
    (0.03, "about a twentieth"),
)


def share_in_words(share: float) -> str:
    """Write a share in words: "about half", "about a twentieth", "next to nothing"."""
    return next((words for least, words in _SHARES if share >= least), "next to nothing")


@dataclass(frozen=True)
class Index:
    """An estimated Sobol index with its 95% interval [low, high].

    `known` is False if the interval is too wide for the estimate to be of use.
    """

    estimate: float
    low: float
    high: float
    known: bool

    def __str__(self) -> str:
        interval = f"{self.low:.2f} to {self.high:.2f}"
        return f"{self.estimate:.2f} ({interval})" if self.known else f"not known ({interval})"


@dataclass(frozen=True)
class Share:
    """One input's share in a measure's variance: alone (`first`) and with others (`total`)."""

    input: Input
    first: Index
    total: Index

    @property
    def noticeable(self) -> bool:
        """Whether `first` (or `total`, if `first` is not known) is known to be at least 0.01."""
        index = self.first if self.first.known else self.total
        return index.known and index.low >= 0.01

    def sentence(self, spread: str) -> str:
        """Say which part of a spread, described by the words `spread`, comes from the input."""
        first, total, who = self.first, self.total, quoted(self.input.label)
        if not first.known:
            part = f"{percent(total.estimate)} ({percent(total.low)} to {percent(total.high)})"
            return f"With interactions, {part} of {spread} comes from {who}; its share without them is not known."
        more = f"{total.estimate:.2f}" if total.estimate > first.estimate else "no more"
        together = f"; {more} with others" if total.known else ""
        return f"{share_in_words(first.estimate).capitalize()} of {spread} is due to {who} (alone {first}{together})."


@dataclass(frozen=True)
class Shares:
    """The spread of one measure over the priors, and how much of this spread each input causes.

    mean, deviation: the mean and the standard deviation of the measure over the priors.
    known: False if the variance cannot be distinguished from Monte Carlo noise, so that no index is known.
    shares: the indices of each input, the largest total index first.
    """

    measure: Measure
    mean: float
    deviation: float
    known: bool
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Sobol(Traced):
    """Sobol indices of measures on one day: each input's share in the variance of a measure.

    measures: the spread of each measure and the indices of the inputs, by name.
    screened: the number of inputs without an index.
    beyond: the largest share that an input without an index has in the variance of any measure, estimated from slopes.
    """

    kind: ClassVar[str] = "sobol"

    scenario: ScenarioKey
    by: dt.date
    by_day: float
    measures: Mapping[str, Shares]
    screened: int
    beyond: float
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""
        about = listed(shares.measure.words for shares in self.measures.values())
        return f"Which assumptions cause the spread of {about} by {self.by_words} when all are uncertain at once?"

    def frame(self) -> pd.DataFrame:
        """Return a table with one row for each measure and input.

        An index that is not known is nan, but its interval is given.
        """
        import pandas as pd

        rows = []
        for name, shares in self.measures.items():
            for share in shares.shares:
                row: dict[str, Any] = {"measure": name, "input": share.input.name, "label": share.input.label}
                for kind, index in (("first", share.first), ("total", share.total)):
                    row |= {kind: index.estimate if index.known else np.nan}
                    row |= {f"{kind}_low": index.low, f"{kind}_high": index.high}
                rows.append(row)
        return pd.DataFrame(rows)

    def sentences(self, most: int = 4) -> list[str]:
        """Say which inputs cause the spread of each measure: "half of the spread is due to Y".

        At most `most` inputs are named for each measure.
        """
        lines = [line for shares in self.measures.values() for line in self._about(shares, most)]
        if self.screened:
            verb, whose = ("varies", "its own share was") if self.screened == 1 else ("vary", "their own shares were")
            part, these = percent(self.beyond), "any of these answers" if len(self.measures) > 1 else "this answer"
            lines.append(
                f"{counted(self.screened, 'more assumption')} {verb} too (correlated or grouped ones count as one), "
                f"but {whose} not computed: by their slopes at the stated values, none causes more than about {part} "
                f"of the variance of {these}."
            )
        return lines

    def _about(self, shares: Shares, most: int) -> Iterator[str]:
        what, spread = f"{shares.measure.words} by {self.by_words}", shares.deviation
        mean = percent(shares.mean) if shares.measure.probability else f"{shares.mean:.3g}"
        wide = f"{100 * spread:.2g} points" if shares.measure.probability else f"{spread:.2g}"
        what = capital(what)
        whole = f"{what}: {mean} on average over the priors, with a standard deviation of {wide}."
        if not shares.known:
            yield whole
            yield "So small a spread cannot be distinguished from the noise of the simulation, so no shares are given."
            return
        large = [share for share in shares.shares if share.noticeable]
        for share in large[:most]:
            yield share.sentence(f"the spread of {shares.measure.words}")
        if not any(share.first.known for share in large):
            yield "No input whose share is known well enough causes a noticeable part of the spread by itself."
        yield whole
        hidden = [share.input.label for share in shares.shares if not (share.first.known or share.total.known)]
        if hidden:
            names = ", ".join(quoted(label) for label in hidden)
            yield (
                f"No share is given for {names}: the interval is wider than ±{INDEX_PRECISION:g}; "
                "more draws would narrow it."
            )

    def data(self) -> dict[str, Any]:
        """Return the indices of each measure as plain data. An index that is not known is None."""

        def index(i: Index) -> dict[str, Any]:
            return {"estimate": i.estimate if i.known else None, "low": i.low, "high": i.high}

        measures = {
            name: {"label": s.measure.label}
            | pick(s, "mean", "deviation", "known")
            | {
                "inputs": [
                    {"input": x.input.name, "label": x.input.label, "assumptions": x.input.assumptions}
                    | {"first": index(x.first), "total": index(x.total)}
                    for x in s.shares
                ]
            }
            for name, s in self.measures.items()
        }
        return pick(self, "engine", "draws", "runs", "screened", "beyond") | {"measures": measures}


def sobol(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    by: By = None,
    engine: Engine = "auto",
    top: int | Mapping[str, Iterable[str]] | None = SOBOL_INPUTS,
    draws: int = SOBOL_DRAWS,
    runs: int = SOBOL_RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Sobol:
    """Return first-order and total Sobol indices of measures over the priors.

    An input is one assumption, or several that vary together. The work is `draws` × (inputs + 2) rows of assumption
    values. Each row needs one exact solution, or `runs` replicates under common random numbers. An index whose 95%
    interval is wider than ± `INDEX_PRECISION` is not known.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures. Default: the headline (main measure).
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: The engine: "exact", "montecarlo", or "auto".
        top: Number of inputs with indices (None: all). They are the inputs that, judged by slopes, cause the largest
            shares of the variance of any measure. Instead of a number, {name: assumptions} puts assumptions into groups
            that form one input each. Correlated assumptions are always grouped.
        draws: Number of draws of the prior, a power of two of at least 8. A belief is refused, because inputs must be
            independent.
        runs: Monte Carlo replicates for each row.
        seed: Seed of the draws and of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ValueError: If `draws` is no power of two, or less than 8.
        Unsupported: For a belief, when every assumption is fixed, for a group with only some of several correlated
            assumptions, and for "exact" if a measure depends on whole histories.
        ScenarioError: For unknown measures or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    if draws < 8 or draws & (draws - 1):
        raise ValueError(f"draws must be a power of two of at least 8, not {draws}")
    top = {name: tuple(members) for name, members in top.items()} if isinstance(top, Mapping) else top
    groups, most = (top, SOBOL_INPUTS) if isinstance(top, Mapping) else (None, top)
    chosen, day, every = find(scenario, measures), days_by(scenario, by), inputs(scenario, groups)
    picked, beyond, begun, swing = every, 0.0, 0.0, None
    most = len(every) if most is None else most
    if most < len(every) or any(item.tied for item in every):
        begun = 0.1
        screening: Engine = "exact" if engine == "exact" else "auto"
        swing = swings(scenario, chosen, by=day, engine=screening, seed=seed, control=control.part(0.0, begun))
        if most < len(every):
            picked, beyond = _screen(scenario, every, swing, most)
    rows = PickFreeze(scenario, picked, draws, seed)
    ready = partial(Responses, scenario, chosen, by=day, runs=runs)
    responses = ready(engine=engine, rows=rows.thetas[:, :, 0].size, seed=seed * SCRAMBLES)
    answers = []
    for number, thetas in enumerate(rows.thetas):
        if number and responses.engine == "montecarlo":
            responses = ready(engine="montecarlo", seed=seed * SCRAMBLES + number)
        first, last = (begun + (1 - begun) * part / len(rows.thetas) for part in (number, number + 1))
        answers.append(rows.split(responses(thetas, control=control.part(first, last))))
    shares = {
        measure.name: _shares(
            measure,
            picked if swing is None else steepest_first(scenario, picked, swing[:, m]),
            [[x[:, :, m] for x in each] for each in answers],
        )
        for m, measure in enumerate(chosen)
    }
    arguments = {"by_day": day, "top": top, "seed": seed, "draws": draws}
    source = provenance(scenario, engine=responses.engine, runs=responses.runs or None, **arguments)
    return Sobol(*dated(scenario, day), shares, len(every) - len(picked), beyond, source)


def _screen(scenario: Scenario, every: Sequence[Input], swing: Floats, top: int) -> tuple[list[Input], float]:
    """Return the `top` inputs by share of variance, and the largest share of the other inputs.

    The shares are estimated from slopes.
    """
    shares = largest_shares(tangent_spreads(every, swing, priors.correlation(scenario)))
    ranked = np.argsort(-shares, kind="stable")
    return [every[place] for place in ranked[:top]], float(shares[ranked[top:]].max(initial=0.0))


def _shares(measure: Measure, picked: Sequence[Input], answers: Sequence[Sequence[Floats]]) -> Shares:
    """Return the Sobol indices of the picked inputs.

    `answers` has the values of the measure at the rows of `PickFreeze`.
    """
    each = np.stack([products(*part) for part in answers])
    (variance, first, total), (half, half_first, half_total) = jackknife(each)
    known = bool(variance > half)
    shares = [
        Share(item, _index(first[i], half_first[i], known), _index(total[i], half_total[i], known))
        for i, item in enumerate(picked)
    ]
    ranked = sorted(shares, key=lambda share: -np.nan_to_num(share.total.estimate))
    mean = float(np.concatenate([x for part in answers for x in part[:2]]).mean())
    return Shares(measure, mean, float(np.sqrt(max(variance, 0.0))), known, tuple(ranked))


def _index(estimate: float, half: float, known: bool) -> Index:
    if not known:
        return Index(float("nan"), 0.0, 1.0, known=False)
    low, high = max(estimate - half, 0.0), min(estimate + half, 1.0)
    return Index(float(min(max(estimate, 0.0), 1.0)), low, max(high, low), known=bool(half <= INDEX_PRECISION))
