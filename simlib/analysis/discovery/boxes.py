"""A box as a region of the assumptions: what lies in it, where its middle is, and how a discovery is kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from simlib.analysis.discovery.scenario_discovery import Bound, Box, Discovery, Leaf
from simlib.errors import SimlibError
from simlib.machine import measures, priors
from simlib.scenario.model import Scenario


def middle(scenario: Scenario, box: Box) -> dict[str, float]:
    """Return for each assumption that a box bounds the median of its prior between the bounds (base units).

    Each assumption is taken on its own: correlations within the box are left out.
    """
    found = {}
    for bound in box.bounds:
        assumption = scenario.assumptions[bound.assumption]
        low = 0.0 if bound.low is None else priors.share_below(assumption, bound.low)
        high = 1.0 if bound.high is None else priors.share_below(assumption, bound.high)
        found[bound.assumption] = float(priors.quantile(assumption, (low + high) / 2))
    return found


def outside(box: Box, values: Mapping[str, float]) -> list[Bound]:
    """Return the bounds of a box that some values (by assumption, in base units) break; none: they lie inside."""
    return [bound for bound in box.bounds if side(bound, values[bound.assumption])]


def side(bound: Bound, value: float) -> int:
    """Return -1 for a value below a bound, 1 for one above it, 0 for one within."""
    if bound.low is not None and value < bound.low:
        return -1
    return 1 if bound.high is not None and value > bound.high else 0


# -------------------------------------------------------------------- kept as data


def stored(result: Discovery, *, bounds: int) -> dict[str, Any]:
    """Return a discovery as plain JSON data from which `restored` makes it again; the draws are not part of it.

    Of the peeling, only the steps with at most so many `bounds` are.
    """
    return result.to_dict() | {
        "answers": result.answers.tolist(),
        "last_draw": result.theta[-1].tolist(),
        "trajectory": [box.to_dict() for box in result.trajectory if len(box.bounds) <= bounds],
    }


def restored(scenario: Scenario, data: Mapping[str, Any]) -> Discovery:
    """Return the discovery that `stored` gave as data, with its draws made again.

    Raises SimlibError where the data are of another world, or where the draws do not fall as they did.
    """
    if data["scenario_sha256"] != scenario.sha256:
        raise SimlibError(f"these boxes were found in another world than {scenario.id!r} as it stands")
    theta = priors.draws(scenario, data["draws"], seed=data["seed"])
    if not np.allclose(theta[-1], data["last_draw"], rtol=1e-6):
        raise SimlibError("the draws fall otherwise than when the boxes were found: another version of SciPy")
    (measure,) = measures.find(scenario, data["measure"])
    leaves = tuple(
        Leaf(
            tuple((str(name), bool(above), float(cut)) for name, above, cut in leaf["conditions"]),
            leaf["mass"],
            leaf["mean"],
            leaf["density"],
        )
        for leaf in data["tree"]
    )
    known = ("draws", "runs", "seed", "engine", "noise", "upper_quarter")
    details = {name: data[name] for name in known if name in data}
    boxes, trajectory = (tuple(map(_box, data[name])) for name in ("boxes", "trajectory"))
    return Discovery(
        scenario,
        measure,
        data["day"],
        data["threshold"],
        theta,
        np.array(data["answers"]),
        boxes,
        leaves,
        trajectory,
        details,
    )


def _box(data: Mapping[str, Any]) -> Box:
    bounds = tuple(Bound(b["assumption"], b["low"], b["high"], b["p_value"]) for b in data["bounds"])
    return Box(bounds, data["coverage"], data["density"], data["mass"])
