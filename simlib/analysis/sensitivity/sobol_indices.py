"""Sobol indices: the share of each input in the variance of an answer over the priors.

The *first-order* index of an input is Var(E[P | input]) / Var(P): the part of the variance that would disappear, on
average, if this input alone were known. The *total* index is E[Var(P | all others)] / Var(P): the part that would
remain if all other inputs were known. The difference between them comes from interactions with other inputs.

Both indices need independent inputs. So correlated assumptions form one input, and a belief other than the prior is
refused. All assumptions vary in every draw, but indices are computed only for the inputs with the steepest slopes.

The draws are several independently scrambled Sobol sequences with two dimensions for each assumption, split into
matrices A and B. For each input i there is a further matrix AB_i: A with the columns of that input taken from B. Let
f_A be the answers at the rows of A, minus their mean, and f_B and f_AB the same for B and AB_i. Then

    total    T = E[(f_A - f_AB)²] / (E f_A² + E f_AB²)                        (Jansen 1999)
    first    S = 2 E[f_B (f_AB - β f_A)] / (E f_B² + E f_AB²),   β = 1 - T.

β f_A is a control variate: it is the part that f_AB has in common with f_A, and its product with f_B has mean zero.
With β = 0 this is the estimator of Janon et al. (2014), which is precise for large indices. With β = 1 it is the
estimator of Saltelli et al. (2010), which is precise for small indices.

By Monte Carlo all rows of a sequence share their random numbers, in blocks. Products are taken across different blocks,
so that Monte Carlo noise adds nothing to a variance (see `simlib.analysis.evaluator.cross`). Each sequence has its own
random numbers, so the sequences are independent replications. Intervals come from a jackknife over the sequences
(randomised quasi-Monte Carlo). Resampling rows would ignore how evenly a Sobol sequence fills the space, and would make
the intervals many times too wide.

References: Jansen, M. (1999) Analysis of variance designs for model output, Computer Physics Communications 117.
Janon, A. et al. (2014) Asymptotic normality and efficiency of two Sobol index estimators, ESAIM: Probability and
Statistics 18. Saltelli, A. et al. (2010) Variance based sensitivity analysis of model output, Computer Physics
Communications 181. L'Ecuyer, P. (2018) Randomized quasi-Monte Carlo: an introduction for practitioners, MCQMC 2016.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.analysis.evaluator import Responses, cross, listed
from simlib.analysis.sensitivity.screening import Input, inputs, largest_shares, swings, tangent_spreads
from simlib.answer import ScenarioKey, Traced, dated, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.formatting import counted, percent
from simlib.machine import priors
from simlib.machine.belief import insist_on_prior
from simlib.machine.measures import By, Measure, days_by, find
from simlib.scenario.model import Scenario
from simlib.typing import Engine, Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DRAWS", "PRECISION", "RUNS", "SCRAMBLES", "TOP", "Index", "PickFreeze", "Share", "Shares", "Sobol"]
__all__ += ["indices", "jackknife", "products", "share_in_words", "sobol"]

TOP, DRAWS, RUNS = 10, 1024, 1000

SCRAMBLES, LEAST_ROWS = 8, 4
"""Number of independent sequences, and the fewest rows of each. With few draws there are fewer sequences."""

PRECISION = 0.1
"""An index is printed only if the half-width of its interval is at most this."""

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
    """Write a share: "about half", "about a twentieth", "next to nothing"."""
    return next((words for least, words in _SHARES if share >= least), "next to nothing")


@dataclass(frozen=True)
class Index:
    """An estimated index with its 95% interval.

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
    """The share of the variance of one measure that one input causes."""

    input: Input
    first: Index
    total: Index


@dataclass(frozen=True)
class Shares:
    """The spread of one measure over the priors, and how much of it each input causes.

    `shares` begins with the input of the largest total index. `mean` and `deviation` are over the priors. `known` is
    False if the variance cannot be distinguished from Monte Carlo noise. No index is known then.
    """

    measure: Measure
    mean: float
    deviation: float
    known: bool
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Sobol(Traced):
    """Sobol indices of measures by a day: the share of each input in the variance of a measure.

    `screened` is the number of inputs without an index. By slope, none of them causes more than the share `beyond` of
    the variance of any measure.
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
        """The question, with its date."""
        about = listed([shares.measure for shares in self.measures.values()])
        return f"Which assumptions cause the spread of {about} by {self.by_words} when all are uncertain at once?"

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure and input.

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
        """Say which inputs cause the spread of each measure: "half of the spread is due to Y"."""
        lines = [line for shares in self.measures.values() for line in self._about(shares, most)]
        if self.screened:
            verb, whose = ("varies", "its own share was") if self.screened == 1 else ("vary", "their own shares were")
            part, these = percent(self.beyond), "any of these answers" if len(self.measures) > 1 else "this answer"
            lines.append(
                f"{counted(self.screened, 'input')} {verb} too, but {whose} not computed: "
                f"judged by slope at the stated values, none causes more than {part} of the variance of "
                f"{these}."
            )
        return lines

    def _about(self, shares: Shares, most: int) -> Iterator[str]:
        what, spread = f"{shares.measure.words} by {self.by_words}", shares.deviation
        mean = percent(shares.mean) if shares.measure.probability else f"{shares.mean:.3g}"
        wide = f"{100 * spread:.2g} points" if shares.measure.probability else f"{spread:.2g}"
        what = f"{what[0].upper()}{what[1:]}"
        whole = f"{what}: {mean} on average over the priors, with a standard deviation of {wide}."
        if not shares.known:
            yield whole
            yield "So small a spread cannot be distinguished from the noise of the simulation: no share of it is given."
            return
        large = [share for share in shares.shares if share.first.known and share.first.low >= 0.01]
        for share in large[:most]:
            more = f"{share.total.estimate:.2f}" if share.total.estimate > share.first.estimate else "no more"
            together = f"; {more} with others" if share.total.known else ""
            words = share_in_words(share.first.estimate).capitalize()
            of = f"{words} of the spread of {shares.measure.words}"
            yield f"{of} is due to “{share.input.label}” (alone {share.first}{together})."
        if not large:
            yield "No input whose share is known well enough causes a noticeable part of the spread by itself."
        yield whole
        hidden = [share.input.label for share in shares.shares if not share.first.known]
        if hidden:
            names = ", ".join(f"“{label}”" for label in hidden)
            yield (
                f"No share is given for {names}: the interval is wider than ±{PRECISION:g}; more draws would narrow it."
            )

    def data(self) -> dict[str, Any]:
        """Return the indices of each measure. An index that is not known is null."""

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
    top: int | Mapping[str, Iterable[str]] | None = TOP,
    draws: int = DRAWS,
    runs: int = RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> Sobol:
    """Return first-order and total Sobol indices of measures over the priors.

    This takes `draws` × (inputs + 2) rows. Each row is one exact solution, or `runs` replicates under common random
    numbers. An index whose 95% interval is wider than ± `PRECISION` is not known.

    Args:
        scenario: The scenario, with its interventions.
        measures: Names of measures. Default: the headline.
        by: The target: a date, or days after `as_of`. Default: the horizon.
        engine: Which engine answers.
        top: Number of inputs with indices (None: all). The inputs with the largest share of the variance of any
            measure, by slope, are chosen. {name: assumptions} puts assumptions into groups first. Correlated
            assumptions are always grouped.
        draws: Rows of each matrix, a power of two of at least 8. A belief is refused: inputs must be independent.
        runs: Replicates of each row by Monte Carlo.
        seed: Seed of the draws and of the random numbers.
        control: Progress callback, cancellation and number of threads.

    Raises:
        ValueError: If `draws` is no power of two, or less than 8.
        Unsupported: For a belief, when every assumption is fixed, or for a group with only some of several correlated
            assumptions.
        ScenarioError: For unknown measures or a target outside the forecast.
        TooManyStates: For "exact", when there are too many states.
        Cancelled: When `control` cancels the work.
    """
    insist_on_prior(draws, "A Sobol index")
    if draws < 8 or draws & (draws - 1):
        raise ValueError(f"draws must be a power of two of at least 8, not {draws}")
    groups, top = (top, TOP) if isinstance(top, Mapping) else (None, top)
    chosen, day, every = find(scenario, measures), days_by(scenario, by), inputs(scenario, groups)
    picked, beyond, begun = every, 0.0, 0.0
    if top is not None and top < len(every):
        begun = 0.1
        screening: Engine = "exact" if engine == "exact" else "auto"
        swing = swings(scenario, chosen, by=day, engine=screening, seed=seed, control=control.part(0.0, begun))
        picked, beyond = _screen(scenario, every, swing, top)
    rows = PickFreeze(scenario, picked, draws, seed)
    ready = partial(Responses, scenario, chosen, by=day, runs=runs)
    responses = ready(engine=engine, rows=draws * (len(picked) + 2), seed=seed * SCRAMBLES)
    answers = []
    for number, thetas in enumerate(rows.thetas):
        if number and responses.engine == "montecarlo":
            responses = ready(engine="montecarlo", seed=seed * SCRAMBLES + number)
        first, last = (begun + (1 - begun) * part / len(rows.thetas) for part in (number, number + 1))
        answers.append(rows.split(responses(thetas, control=control.part(first, last))))
    shares = {
        measure.name: _shares(measure, picked, [[x[:, :, m] for x in each] for each in answers])
        for m, measure in enumerate(chosen)
    }
    source = provenance(scenario, engine=responses.engine, seed=seed, draws=draws, runs=responses.runs or None)
    return Sobol(*dated(scenario, day), shares, len(every) - len(picked), beyond, source)


def _screen(scenario: Scenario, every: Sequence[Input], swing: Floats, top: int) -> tuple[list[Input], float]:
    """Return the inputs with the largest shares by slope, and the largest share of all others."""
    shares = largest_shares(tangent_spreads(every, swing, priors.correlation(scenario)))
    ranked = np.argsort(-shares, kind="stable")
    return [every[place] for place in ranked[:top]], float(shares[ranked[top:]].max(initial=0.0))


class PickFreeze:
    """The rows of assumption values at which a Sobol analysis needs answers.

    These are two matrices of draws, A and B, and for each input the matrix A with the columns of that input taken from
    B (pick-freeze). `thetas` (R, rows, A) has these rows for each of R independently scrambled sequences.
    """

    def __init__(self, scenario: Scenario, picked: Sequence[Input], draws: int, seed: int) -> None:
        count = min(SCRAMBLES, draws // LEAST_ROWS)
        self.inputs, self.each = len(picked), draws // count
        rows = np.concatenate([self._sequence(scenario, picked, [seed, number]) for number in range(count)])
        self.thetas = priors.values_from_scores(scenario, rows).reshape(count, -1, len(scenario.assumptions))

    def _sequence(self, scenario: Scenario, picked: Sequence[Input], seed: list[int]) -> Floats:
        """Return the normal scores (rows, A) of one sequence."""
        from scipy.special import ndtri
        from scipy.stats import qmc

        free = [column for column, a in enumerate(scenario.assumptions.values()) if not a.fixed]
        sequence = qmc.Sobol(2 * len(free), scramble=True, bits=30, rng=np.random.default_rng(seed))
        uniform = np.clip(sequence.random(self.each) + 0.5**31, 0.5**31, 1 - 0.5**31)
        scores = np.zeros((2, self.each, len(scenario.assumptions)))
        scores[:, :, free] = ndtri(uniform).reshape(self.each, 2, len(free)).transpose(1, 0, 2)
        # Whole groups of correlated assumptions are swapped, so A, B and every mixture of them have the same
        # distribution.
        a, b = scores @ np.linalg.cholesky(priors.correlation(scenario)).T
        mixed = np.tile(a, (len(picked), 1, 1))
        for place, item in enumerate(picked):
            mixed[place][:, list(item.columns)] = b[:, list(item.columns)]
        return np.concatenate([a, b, *mixed])

    def split(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Split the answers of one sequence into those at A, at B and at the mixtures.

        The first two are (D, ...), the last is (D, ..., I). A mixture is A with the columns of one input taken from B.
        """
        a, b = values[: self.each], values[self.each : 2 * self.each]
        mixed = values[2 * self.each :].reshape(self.inputs, self.each, *values.shape[1:])
        return a, b, np.moveaxis(mixed, 0, -1)


def products(a: Floats, b: Floats, mixed: Floats) -> Floats:
    """Return the mean products (6, I) of answers: AA, BB, MM, AM, BM, AB (M: mixtures).

    `a` and `b` (D, K) and `mixed` (D, K, I) are the answers of one sequence. The products are means over rows, so they
    can be averaged over several sequences.
    """
    a, b, mixed = (x - x.mean(axis=0) for x in (a, b, mixed))
    a, b = (np.broadcast_to(x[:, :, None], mixed.shape) for x in (a, b))
    return np.stack([cross(*pair) for pair in ((a, a), (b, b), (mixed, mixed), (a, mixed), (b, mixed), (a, b))])


Indices = tuple[float, Floats, Floats]


def indices(means: Floats) -> Indices:
    """Return (variance, first-order indices (I,), total indices (I,)) from `products`."""
    aa, bb, mm, am, bm, ab = means
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (aa - 2 * am + mm) / (aa + mm)
        beta = 1 - np.clip(np.nan_to_num(total, nan=1.0), 0.0, 1.0)
        first = 2 * (bm - beta * ab) / (bb + mm)
    return float(aa[0] + bb[0]) / 2, first, total


def _shares(measure: Measure, picked: Sequence[Input], answers: Sequence[Sequence[Floats]]) -> Shares:
    """Return the indices of a measure, with their jackknife errors.

    `answers` holds for each sequence the answers at A, at B and at the mixtures.
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


def jackknife(each: Floats) -> tuple[Indices, Indices]:
    """Return (variance, first, total), and their 95% half-widths in the same form.

    `each` (R, 6, I) has the `products` of R sequences. A half-width is infinite if leaving out one of the sequences
    leaves no variance to divide by.
    """
    from scipy.special import stdtrit

    count = len(each)
    without = zip(*(indices(np.delete(each, number, axis=0).mean(axis=0)) for number in range(count)), strict=True)
    reach = float(stdtrit(count - 1, 0.975)) * np.sqrt(count - 1)
    half, first, total = (reach * _spread(np.array(some)) for some in without)
    return indices(each.mean(axis=0)), (float(half), first, total)


def _spread(estimates: Floats) -> Floats:
    """Return the standard deviation over the first axis, infinite if any estimate is not finite."""
    finite = np.isfinite(estimates).all(axis=0)
    return np.where(finite, np.std(np.where(finite, estimates, 0.0), axis=0), np.inf)


def _index(estimate: float, half: float, known: bool) -> Index:
    if not known:
        return Index(float("nan"), 0.0, 1.0, known=False)
    low, high = max(estimate - half, 0.0), min(estimate + half, 1.0)
    return Index(float(min(max(estimate, 0.0), 1.0)), low, max(high, low), known=bool(half <= PRECISION))
