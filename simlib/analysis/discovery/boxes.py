"""The median of a box, the bounds that a value violates, and a discovery as JSON data.

A box is a region of assumption values, given by bounds on some assumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simlib.analysis.discovery.result import Bound, Box, Discovery, Leaf
from simlib.answer import pick, provenance
from simlib.errors import SimlibError
from simlib.machine import measures, priors
from simlib.machine.belief import Belief
from simlib.scenario.model import Scenario

__all__ = ["compact_data", "from_compact_data", "middle", "outside", "side"]


def middle(scenario: Scenario, box: Box) -> dict[str, float]:
    """Return the prior's median within the bounds of a box, {assumption: value} in base units.

    Correlations within the box are ignored.
    """
    values = {}
    for bound in box.bounds:
        assumption = scenario.assumptions[bound.assumption]
        low = 0.0 if bound.low is None else priors.share_below(assumption, bound.low)
        high = 1.0 if bound.high is None else priors.share_below(assumption, bound.high)
        values[bound.assumption] = float(priors.quantile(assumption, (low + high) / 2))
    return values


def outside(box: Box, values: Mapping[str, float]) -> list[Bound]:
    """Return the bounds of a box that the values violate."""
    return [bound for bound in box.bounds if side(bound, values[bound.assumption])]


def side(bound: Bound, value: float) -> int:
    """Return -1 for a value below the low bound, 1 for a value above the high bound, else 0."""
    if bound.low is not None and value < bound.low:
        return -1
    return 1 if bound.high is not None and value > bound.high else 0


# -------------------------------------------------------------------- as data for a notebook


def compact_data(result: Discovery, *, bounds: int) -> dict[str, Any]:
    """Return a discovery over the priors as JSON data, without its draws.

    `from_compact_data` computes the draws again. Of the boxes in `trajectory`, only those with at most `bounds` bounds
    are included.
    """
    return {
        "scenario_sha256": result.scenario.sha256,
        "measure": result.measure.name,
        **pick(result, "by_day", "threshold", "upper_quarter", "noise"),
        "answers": result.answers.tolist(),
        "last_draw": result.theta[-1].tolist(),
        "boxes": [box.to_dict() for box in result.boxes],
        "tree": result.data()["tree"],
        "trajectory": [box.to_dict() for box in result.trajectory if len(box.bounds) <= bounds],
        **{name: result.provenance[name] for name in ("engine", "seed", "draws", "runs")},
    }


def from_compact_data(scenario: Scenario, data: Mapping[str, Any]) -> Discovery:
    """Return the discovery that `compact_data` stored, with its draws computed again.

    Raises SimlibError if the data belong to another scenario, or if the draws come out differently.
    """
    if data["scenario_sha256"] != scenario.sha256:
        raise SimlibError(f"these boxes belong to another version of {scenario.id!r}; run the discovery again")
    theta = Belief.prior(scenario, data["draws"], seed=data["seed"]).theta
    if not np.allclose(theta[-1], data["last_draw"], rtol=1e-6):
        raise SimlibError(
            "the draws differ from those in which the boxes were found, probably because of another version of SciPy; "
            "run the discovery again"
        )
    (measure,) = measures.find(scenario, data["measure"])
    leaves = tuple(
        Leaf(tuple((str(name), bool(above), float(cut)) for name, above, cut in leaf.pop("conditions")), **leaf)
        for leaf in map(dict, data["tree"])
    )
    settings = {name: data[name] for name in ("engine", "seed", "draws", "runs")}
    return Discovery(
        scenario=scenario,
        by=scenario.by_date(data["by_day"]),
        measure=measure,
        theta=theta,
        weights=np.ones(len(theta)),
        answers=np.array(data["answers"]),
        boxes=tuple(map(_box, data["boxes"])),
        leaves=leaves,
        trajectory=tuple(map(_box, data["trajectory"])),
        **{name: data[name] for name in ("by_day", "threshold", "upper_quarter", "noise")},
        provenance=provenance(scenario, by_day=data["by_day"], **settings),
    )


def _box(data: Mapping[str, Any]) -> Box:
    return Box(**{**data, "bounds": tuple(Bound(**bound) for bound in data["bounds"])})
