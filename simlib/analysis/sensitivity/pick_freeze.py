"""Draws and estimators of Sobol indices: pick-freeze rows, mean products and a jackknife.

The draws are several independently scrambled Sobol sequences with two dimensions for each assumption, split into
matrices A and B. For each input i there is a further matrix AB_i: A with the columns of that input taken from B. Let
f_A be the answers at the rows of A, minus their mean. Let f_B and f_AB be the answers at the rows of B and of AB_i,
also minus their means. Then

    total    T = E[(f_A - f_AB)²] / (E f_A² + E f_AB²)                        (Jansen 1999)
    first    S = 2 E[f_B (f_AB - β f_A)] / (E f_B² + E f_AB²),   β = 1 - T.

β f_A is a control variate: it is the part that f_AB has in common with f_A, and its product with f_B has mean zero.
With β = 0 this is the estimator of Janon et al. (2014), which is precise for large indices. With β = 1 it is the
estimator of Saltelli et al. (2010), which is precise for small indices.

With Monte Carlo, all rows of a sequence share the random numbers of each block. Products are taken across different
blocks, so that Monte Carlo noise adds nothing to a variance (see `simlib.analysis.evaluator.cross`). Each sequence has
its own random numbers, so the sequences are independent replications. Intervals come from a jackknife over the
sequences (randomised quasi-Monte Carlo). Resampling rows would ignore how evenly a Sobol sequence fills the space, and
would make the intervals many times too wide.

References: Jansen, M. (1999) Analysis of variance designs for model output, Computer Physics Communications 117.
Janon, A. et al. (2014) Asymptotic normality and efficiency of two Sobol index estimators, ESAIM: Probability and
Statistics 18. Saltelli, A. et al. (2010) Variance based sensitivity analysis of model output, Computer Physics
Communications 181. L'Ecuyer, P. (2018) Randomized quasi-Monte Carlo: an introduction for practitioners, MCQMC 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simlib.analysis.evaluator import cross, student_95
from simlib.analysis.sensitivity.screening import Input
from simlib.machine import priors
from simlib.scenario.model import Scenario
from simlib.typing import Floats

__all__ = ["SCRAMBLES", "PickFreeze", "indices", "jackknife", "products"]

SCRAMBLES, LEAST_ROWS = 8, 4
"""Number of independent sequences, and the fewest rows of each. With few draws there are fewer sequences."""


class PickFreeze:
    """The rows of assumption values at which a Sobol analysis needs answers.

    The rows come from R independently scrambled Sobol sequences. Each sequence gives two matrices of draws, A and B,
    and a mixture for each input: A with the columns of that input taken from B (pick-freeze).

    thetas (R, N, V): the values of V assumptions at the N rows of each sequence: A, then B, then all mixtures.
    each: the number of rows of one matrix.
    inputs: the number of inputs.
    """

    def __init__(self, scenario: Scenario, picked: Sequence[Input], draws: int, seed: int) -> None:
        count = min(SCRAMBLES, draws // LEAST_ROWS)
        self.inputs, self.each = len(picked), draws // count
        rows = np.concatenate([self._sequence(scenario, picked, [seed, number]) for number in range(count)])
        self.thetas = priors.values_from_scores(scenario, rows).reshape(count, -1, len(scenario.assumptions))

    def _sequence(self, scenario: Scenario, picked: Sequence[Input], seed: list[int]) -> Floats:
        """Return the rows of one Sobol sequence as normal scores, with a column for each assumption.

        The rows of A come first, then the rows of B, and then those of a mixture of A and B for each picked input.
        """
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
        """Split the answers of a sequence: at A (D, ...), at B (D, ...) and at mixtures (D, ..., I).

        D counts the rows of a matrix, and I counts the inputs.
        """
        a, b = values[: self.each], values[self.each : 2 * self.each]
        mixed = values[2 * self.each :].reshape(self.inputs, self.each, *values.shape[1:])
        return a, b, np.moveaxis(mixed, 0, -1)


def products(a: Floats, b: Floats, mixed: Floats) -> Floats:
    """Return the mean products AA, BB, MM, AM, BM and AB of centred answers, by input (6, I).

    A, B and M are the answers at the matrices A and B and at the mixtures. The products are means over rows, so that
    products can be averaged over sequences.

    Args:
        a: The answers at the D rows of A, in K blocks of replicates (D, K).
        b: The answers at B (D, K).
        mixed: The answers at the mixture of each input (D, K, I).
    """
    a, b, mixed = (x - x.mean(axis=0) for x in (a, b, mixed))
    a, b = (np.broadcast_to(x[:, :, None], mixed.shape) for x in (a, b))
    return np.stack([cross(*pair) for pair in ((a, a), (b, b), (mixed, mixed), (a, mixed), (b, mixed), (a, b))])


Indices = tuple[float, Floats, Floats]
"""The variance of an answer, and the first-order and total indices of its I inputs (I,)."""


def indices(means: Floats) -> Indices:
    """Return (variance, first-order indices (I,), total indices (I,)) of I inputs.

    `means` (6, I) are the mean products from `products`.
    """
    aa, bb, mm, am, bm, ab = means
    with np.errstate(divide="ignore", invalid="ignore"):
        total = (aa - 2 * am + mm) / (aa + mm)
        beta = 1 - np.clip(np.nan_to_num(total, nan=1.0), 0.0, 1.0)
        first = 2 * (bm - beta * ab) / (bb + mm)
    return float(aa[0] + bb[0]) / 2, first, total


def jackknife(each: Floats) -> tuple[Indices, Indices]:
    """Return (variance, first-order indices, total indices), and the 95% half-width of each.

    `each` (R, 6, I) has the `products` of R sequences for I inputs. The half-widths come from leaving out one sequence
    at a time. A half-width is infinite if the answers have no variance when some sequence is left out.
    """
    count = len(each)
    without = zip(*(indices(np.delete(each, number, axis=0).mean(axis=0)) for number in range(count)), strict=True)
    reach = student_95(count) * np.sqrt(count - 1)
    half, first, total = (reach * _spread(np.array(some)) for some in without)
    return indices(each.mean(axis=0)), (float(half), first, total)


def _spread(estimates: Floats) -> Floats:
    finite = np.isfinite(estimates).all(axis=0)
    return np.where(finite, np.std(np.where(finite, estimates, 0.0), axis=0), np.inf)
