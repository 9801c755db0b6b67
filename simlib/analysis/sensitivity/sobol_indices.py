"""Whose doubt is it? Sobol indices: the share of an answer's variance over the priors that each input accounts for.

The *first-order* index of an input is Var(E[P | input]) / Var(P): the part of the doubt that would go, on average, if
it alone were settled. The *total* index is E[Var(P | all others)] / Var(P): what would stay if all others were; the
difference between the two is what it does together with others. Both need independent inputs, so correlated
assumptions enter as one. All assumptions vary in every design; indices are computed for those that matter.

A design is several independently scrambled Sobol sequences in twice the number of assumptions, split into matrices A
and B, and one matrix AB_i for each input, A with its columns taken from B. With f the answer at the rows of a matrix,
all centred,

    total    T = E[(f_A - f_AB)²] / (E f_A² + E f_AB²)                        (Jansen 1999)
    first    S = 2 E[f_B (f_AB - β f_A)] / (E f_B² + E f_AB²),   β = 1 - T.

β f_A is a control variate: its product with f_B has mean zero, and it is what f_AB has in common with f_A. With β = 0
this is the efficient estimator of Janon et al. (2014), sharp for large indices, with β = 1 that of Saltelli et al.
(2010), sharp for small ones. By Monte Carlo every row of a sequence is played with the same dice, in blocks, and
products are taken across different blocks, so that chance within a row adds nothing to a variance (see
`responses.cross`). Each sequence has dice of its own, so that sequences are independent replications, of θ and of
luck: intervals are a jackknife over them (randomised quasi-Monte Carlo). Resampling rows would not do: it ignores how
evenly a Sobol sequence fills the space, and gives intervals many times too wide.

References: Jansen, M. (1999) Analysis of variance designs for model output, Computer Physics Communications 117.
Janon, A. et al. (2014) Asymptotic normality and efficiency of two Sobol index estimators, ESAIM: Probability and
Statistics 18. Saltelli, A. et al. (2010) Variance based sensitivity analysis of model output, Computer Physics
Communications 181. L'Ecuyer, P. (2018) Randomized quasi-Monte Carlo: an introduction for practitioners, MCQMC 2016.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.analysis.evaluator import Engine, Responses, cross
from simlib.analysis.sensitivity.screening import Input, inputs, largest_shares, swings, tangent_spreads
from simlib.answer import plain_json, provenance
from simlib.control import in_transition
from simlib.formatting import counted, long_date, percent
from simlib.machine import priors
from simlib.machine.measures import Measure, find
from simlib.scenario.model import Scenario
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

TOP, DESIGNS, RUNS = 10, 1024, 1000

SCRAMBLES, LEAST_ROWS = 8, 4
"""Independent sequences in a design, and the rows that each has at least; small designs have fewer sequences."""

PRECISION = 0.1
"""Half-width of the interval beyond which an index says too little to be printed."""

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
    """Say a share: "about half", "about a twentieth", "next to nothing"."""
    return next((words for least, words in _SHARES if share >= least), "next to nothing")


@dataclass(frozen=True)
class Index:
    """An estimated index with its 95% interval. `known` is False where the interval makes the estimate meaningless."""

    estimate: float
    low: float
    high: float
    known: bool

    def __str__(self) -> str:
        interval = f"{self.low:.2f} to {self.high:.2f}"
        return f"{self.estimate:.2f} ({interval})" if self.known else f"not known (between {interval})"


@dataclass(frozen=True)
class Share:
    """The part one input has in the doubt about one measure."""

    input: Input
    first: Index
    total: Index


@dataclass(frozen=True)
class Shares:
    """The doubt about one measure and the parts in it, the largest total first.

    `mean` and `deviation` are over the priors; `known` is False where the variance cannot be told from Monte Carlo
    noise, and then no index is.
    """

    measure: Measure
    mean: float
    deviation: float
    known: bool
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Sobol:
    """Sobol indices of some measures by a day, from `designs` rows of each matrix.

    `screened` inputs have none: by slope, none makes more than the share `beyond` of the variance of any measure.
    """

    scenario: str
    as_of: dt.date
    by: dt.date
    day: float
    engine: str
    designs: int
    runs: int
    measures: Mapping[str, Shares]
    screened: int
    beyond: float
    precision: float
    provenance: Mapping[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure and input; an index that is not known is nan, its interval stays."""
        import pandas as pd

        rows = []
        for name, found in self.measures.items():
            for share in found.shares:
                row: dict[str, Any] = {"measure": name, "input": share.input.name, "label": share.input.label}
                for kind, index in (("first", share.first), ("total", share.total)):
                    row |= {
                        kind: index.estimate if index.known else np.nan,
                        f"{kind}_low": index.low,
                        f"{kind}_high": index.high,
                    }
                rows.append(row)
        return pd.DataFrame(rows)

    def sentences(self, most: int = 4) -> list[str]:
        """Say for each measure whose doubt it is: "about half of the doubt about X is about Y"."""
        lines = [line for found in self.measures.values() for line in self._about(found, most)]
        if self.screened:
            verb, whose = ("varies", "its") if self.screened == 1 else ("vary", "their")
            part, these = percent(self.beyond), "any of these answers" if len(self.measures) > 1 else "this answer"
            lines.append(
                f"{counted(self.screened, 'input')} {verb} along, but {whose} own share was not computed: "
                f"going by slope at the stated values, none makes more than {part} of the variance of "
                f"{these}."
            )
        return lines

    def _about(self, found: Shares, most: int) -> Iterable[str]:
        what, spread = f"{found.measure.words} by {long_date(self.by)}", found.deviation
        mean = percent(found.mean) if found.measure.probability else f"{found.mean:.3g}"
        wide = f"{100 * spread:.2g} points" if found.measure.probability else f"{spread:.2g}"
        yield f"{what[0].upper()}{what[1:]}: {mean} on average over the priors, with a standard deviation of {wide}."
        if not found.known:
            yield "So small a spread cannot be told from the noise of the simulation: no share of it is given."
            return
        told = [share for share in found.shares if share.first.known and share.first.low >= 0.01]
        for share in told[:most]:
            more = f"{share.total.estimate:.2f}" if share.total.estimate > share.first.estimate else "no more"
            together = f"; {more} with others" if share.total.known else ""
            words, doubt = share_in_words(share.first.estimate).capitalize(), f"the doubt about {found.measure.words}"
            yield f"{words} of {doubt} is about “{share.input.label}” (first-order index {share.first}{together})."
        if not told:
            yield "No input that is known well enough accounts for a noticeable part of it by itself."
        hidden = [share.input.label for share in found.shares if not share.first.known]
        if hidden:
            names = ", ".join(f"“{label}”" for label in hidden)
            yield (
                f"No share is given for {names}: the interval is wider than ±{self.precision:g}; more designs would "
                "narrow it."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; an index that is not known is null."""

        def index(i: Index) -> dict[str, Any]:
            return {"estimate": i.estimate if i.known else None, "low": i.low, "high": i.high}

        plain: dict[str, Any] = plain_json(
            {
                "question": "sobol",
                "scenario": self.scenario,
                "as_of": self.as_of,
                "by": self.by,
                "day": self.day,
                "engine": self.engine,
                "designs": self.designs,
                "runs": self.runs,
                "screened": self.screened,
                "beyond": self.beyond,
                "measures": {
                    name: {
                        "label": s.measure.label,
                        "mean": s.mean,
                        "deviation": s.deviation,
                        "known": s.known,
                        "inputs": [
                            {
                                "input": x.input.name,
                                "label": x.input.label,
                                "assumptions": x.input.assumptions,
                                "first": index(x.first),
                                "total": index(x.total),
                            }
                            for x in s.shares
                        ],
                    }
                    for name, s in self.measures.items()
                },
                "sentences": self.sentences(),
                "provenance": self.provenance,
            }
        )
        return plain


@in_transition
def sobol(
    scenario: Scenario,
    measures: str | Iterable[str] | None = None,
    *,
    engine: Engine = "auto",
    top: int | None = TOP,
    groups: Mapping[str, Iterable[str]] | None = None,
    designs: int = DESIGNS,
    runs: int = RUNS,
    day: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    ignore_windows: bool = False,
    precision: float = PRECISION,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sobol:
    """Return first-order and total Sobol indices of measures (default: every ending) over the priors.

    Costs `designs` (a power of two) × (inputs + 2) rows, each one exact solution or `runs` same-dice replicates. The
    `top` inputs (None: all) are those that make the largest part, by slope, of the variance of any measure. `groups`
    {name: assumptions} puts assumptions together; correlated ones always are. An index whose 95% interval is wider than
    ± `precision` is not given.

    Raises ValueError for other numbers of designs, Unsupported when nothing is uncertain or a group cuts a
    correlation, and what the engines raise.
    """
    if designs < 8 or designs & (designs - 1):
        raise ValueError(f"designs must be a power of two of at least 8, not {designs}")
    chosen, found = find(scenario, measures), inputs(scenario, groups)
    picked, beyond, first_part = found, 0.0, 0.0
    if top is not None and top < len(found):
        first_part = 0.1
        picked, beyond = _screen(
            scenario,
            chosen,
            found,
            top,
            day=day,
            ignore_windows=ignore_windows,
            exactly=engine == "exact" or None,
            seed=seed,
            threads=threads,
            progress=_part(progress, 0.0, first_part),
            cancel=cancel,
        )
    design = Design(scenario, picked, designs, seed)
    ready = partial(Responses, scenario, chosen, day=day, runs=runs, threads=threads, ignore_windows=ignore_windows)
    responses = ready(engine=engine, rows=designs * (len(picked) + 2), seed=seed * SCRAMBLES)
    answers = []
    for number, thetas in enumerate(design.thetas):
        if number and responses.engine == "montecarlo":
            responses = ready(engine="montecarlo", seed=seed * SCRAMBLES + number)
        first, last = (first_part + (1 - first_part) * part / len(design.thetas) for part in (number, number + 1))
        answers.append(design.split(responses(thetas, progress=_part(progress, first, last), cancel=cancel)))
    shares = {
        measure.name: _shares(measure, picked, [[x[:, :, m] for x in each] for each in answers], precision)
        for m, measure in enumerate(chosen)
    }
    return Sobol(
        scenario.id,
        scenario.as_of,
        scenario.by_date(responses.day),
        responses.day,
        responses.engine,
        designs,
        responses.runs,
        shares,
        len(found) - len(picked),
        beyond,
        precision,
        provenance(scenario, engine=responses.engine, runs=responses.runs or None, seed=seed, designs=designs),
    )


def _screen(
    scenario: Scenario, measures: Sequence[Measure], found: Sequence[Input], top: int, **options: Any
) -> tuple[list[Input], float]:
    """Return the inputs any measure hangs on most, and the largest share (by slope) of one that is left out."""
    swing = swings(scenario, measures, **options)
    shares = largest_shares(tangent_spreads(found, swing, priors.correlation(scenario)))
    ranked = np.argsort(-shares, kind="stable")
    return [found[place] for place in ranked[:top]], float(shares[ranked[top:]].max(initial=0.0))


def _part(progress: Callable[[float], None] | None, first: float, last: float) -> Callable[[float], None] | None:
    return None if progress is None else lambda share: progress(first + share * (last - first))


class Design:
    """Rows at which the indices need the answer: A, B, and A with the columns of each input taken from B.

    `thetas` (R, rows, A) has them for each of R independently scrambled sequences.
    """

    def __init__(self, scenario: Scenario, picked: Sequence[Input], designs: int, seed: int) -> None:
        count = min(SCRAMBLES, designs // LEAST_ROWS)
        self.inputs, self.each = len(picked), designs // count
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
        # Whole groups of correlated assumptions are swapped, so that A, B and every mixture of them have the same law.
        a, b = scores @ np.linalg.cholesky(priors.correlation(scenario)).T
        mixed = np.tile(a, (len(picked), 1, 1))
        for place, item in enumerate(picked):
            mixed[place][:, list(item.columns)] = b[:, list(item.columns)]
        return np.concatenate([a, b, *mixed])

    def split(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        """Return answers (rows, ...) of one sequence: of A and of B (D, ...), of the mixtures (D, ..., inputs)."""
        a, b = values[: self.each], values[self.each : 2 * self.each]
        mixed = values[2 * self.each :].reshape(self.inputs, self.each, *values.shape[1:])
        return a, b, np.moveaxis(mixed, 0, -1)


def products(a: Floats, b: Floats, mixed: Floats) -> Floats:
    """Return the mean products (6, I) from which the indices follow: AA, BB, MM, AM, BM, AB, M the mixtures.

    `a` and `b` are (D, K), `mixed` is (D, K, I), the answers of one sequence. Linear in rows: those of several
    sequences average.
    """
    a, b, mixed = (x - x.mean(axis=0) for x in (a, b, mixed))
    a, b = (np.broadcast_to(x[:, :, None], mixed.shape) for x in (a, b))
    return np.stack([cross(*pair) for pair in ((a, a), (b, b), (mixed, mixed), (a, mixed), (b, mixed), (a, b))])


Indices = tuple[float, Floats, Floats]


def indices(means: Floats) -> Indices:
    """Return (variance, first order (I,), total (I,)) from `products`."""
    aa, bb, mm, am, bm, ab = means
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (aa - 2 * am + mm) / (aa + mm)
        beta = 1 - np.clip(np.nan_to_num(total, nan=1.0), 0.0, 1.0)
        first = 2 * (bm - beta * ab) / (bb + mm)
    return float(aa[0] + bb[0]) / 2, first, total


def _shares(measure: Measure, picked: Sequence[Input], answers: Sequence[Sequence[Floats]], precision: float) -> Shares:
    """Return the indices from the answers (A, B, mixtures) of each sequence, with their jackknife over sequences."""
    each = np.stack([products(*part) for part in answers])
    (variance, first, total), (half, half_first, half_total) = jackknife(each)
    known = bool(variance > half)
    shares = [
        Share(
            item, _index(first[i], half_first[i], known, precision), _index(total[i], half_total[i], known, precision)
        )
        for i, item in enumerate(picked)
    ]
    ranked = sorted(shares, key=lambda share: -np.nan_to_num(share.total.estimate))
    mean = float(np.concatenate([x for part in answers for x in part[:2]]).mean())
    return Shares(measure, mean, float(np.sqrt(max(variance, 0.0))), known, tuple(ranked))


def jackknife(each: Floats) -> tuple[Indices, Indices]:
    """Return (variance, first, total) from the `products` of R sequences (R, 6, I), and their 95% half-widths.

    A half-width is infinite where, without one of the sequences, no variance is left to divide by.
    """
    from scipy.special import stdtrit

    count = len(each)
    without = zip(*(indices(np.delete(each, number, axis=0).mean(axis=0)) for number in range(count)), strict=True)
    reach = float(stdtrit(count - 1, 0.975)) * np.sqrt(count - 1)
    half, first, total = (reach * _spread(np.array(some)) for some in without)
    return indices(each.mean(axis=0)), (float(half), first, total)


def _spread(estimates: Floats) -> Floats:
    """Return the standard deviation over the first axis, infinite where not all estimates are finite."""
    finite = np.isfinite(estimates).all(axis=0)
    return np.where(finite, np.std(np.where(finite, estimates, 0.0), axis=0), np.inf)


def _index(estimate: float, half: float, known: bool, precision: float) -> Index:
    if not known:
        return Index(float("nan"), 0.0, 1.0, known=False)
    low, high = max(estimate - half, 0.0), min(estimate + half, 1.0)
    return Index(float(min(max(estimate, 0.0), 1.0)), low, max(high, low), known=bool(half <= precision))
