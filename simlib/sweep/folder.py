"""The folder of a sweep: its manifest, its design, and a Parquet file per finished block."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simlib.answer import pick, plain_json
from simlib.errors import SimlibError
from simlib.files import write_atomically
from simlib.package import VERSION
from simlib.sweep.design import NO_PLAN, SweepDesign
from simlib.sweep.points import Options, need

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["block_file", "claim", "compare_plans", "read", "write_parquet"]

SWEEP_FORMAT = 2


def block_file(folder: Path, number: int) -> Path:
    """Return the path of the file for the block (group of forecasts) with this number."""
    return folder / f"block-{number:06d}.parquet"


def claim(folder: Path, design: SweepDesign, options: Options, block: int) -> None:
    """Write the manifest and the design of a sweep into a new folder.

    If the folder has a manifest, nothing is written. Raises SimlibError if this manifest belongs to another sweep, or
    if the folder has blocks but no manifest.
    """
    wanted = plain_json(
        {
            "format": SWEEP_FORMAT,
            "design_sha256": design.sha256,
            "points": len(design),
            "block": block,
            **pick(options, "engine", "runs"),
            "times": list(options.times),
            "horizon_days": options.horizon,
            "scenario": design.worlds[0].id,
            "scenario_sha256": [world.sha256 for world in design.worlds],
            "plans": _plain_plans(design),
        }
    )
    manifest = folder / "manifest.json"
    if not manifest.exists():
        if folder.exists() and any(folder.glob("block-*.parquet")):
            raise SimlibError(f"{folder} holds blocks of a sweep but no manifest.json; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(design.frame(), folder / "design.parquet")
        origin = {"made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **_versions()}
        write_atomically(manifest, json.dumps(wanted | origin, indent=1))
        return
    there = json.loads(manifest.read_text())
    decides = wanted | {"version": _versions()["version"]}
    different = _plans_apart(there.get("plans") or {}, decides["plans"]) or [
        _DIFFERENCES[key].format(there.get(key), value) for key, value in decides.items() if there.get(key) != value
    ]
    if different:
        raise SimlibError(
            f"{folder} holds another sweep: {', '.join(different)}; choose another folder, or ask for the same sweep"
        )


def _plain_plans(design: SweepDesign) -> dict[str, Any]:
    world = design.worlds[0]
    return {
        name: world.replace(interventions=items).resolved()["interventions"] for name, items in design.plans.items()
    }


def _plans_apart(there: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    apart = [f"plan {name!r} is in that sweep only" for name in there if name not in wanted]
    apart += [f"plan {name!r} is in this design only" for name in wanted if name not in there]
    both = [name for name in wanted if name in there]
    apart += [f"plan {name!r} has other interventions there" for name in both if there[name] != wanted[name]]
    return apart if apart or list(there) == both else ["its plans have another order"]


_DIFFERENCES = {
    "format": "format {} of the folder instead of {}",
    "design_sha256": "other values, seeds or scenarios of the points",
    "points": "{} points instead of {}",
    "block": "{} points in a block instead of {}",
    "engine": "the engine {} instead of {}",
    "runs": "{} replicates of a point instead of {}",
    "times": "other report times",
    "horizon_days": "a horizon of {} days instead of {}",
    "scenario": "the scenario {} instead of {}",
    "scenario_sha256": "other content of the scenario or its views",
    "plans": "other plans",
    "version": "version {} of simlib instead of {}",
}
"""For each manifest entry on which answers depend, a difference between two sweeps in words.

The first {} stands for the entry of the sweep in the folder, and the second for that of the requested sweep.
"""


def _versions() -> dict[str, str]:
    return {"version": VERSION, "numpy": np.__version__}


def write_parquet(frame: pd.DataFrame, target: Path) -> None:
    """Write a table to a Parquet file, as a whole or not at all."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    write_atomically(target, buffer.getvalue())


def read(folder: str | Path) -> pd.DataFrame:
    """Return a table of the finished forecasts: one row per forecast, report time and quantity.

    The columns of the design, which describe the inputs of a forecast, are joined to the rows. In rows of the kind
    "impact", the column `probability` holds the expected amount. Raises SimlibError for a folder without a sweep.
    """
    import pandas as pd

    source = Path(folder)
    if not (source / "manifest.json").exists():
        raise SimlibError(f"{source} holds no sweep: it has no manifest.json")
    need("pyarrow", "Parquet files")
    blocks = sorted(source.glob("block-*.parquet"))
    design = pd.read_parquet(source / "design.parquet", engine="pyarrow")
    if not blocks:
        return design.iloc[:0]
    rows = pd.concat([pd.read_parquet(path, engine="pyarrow") for path in blocks], ignore_index=True)
    merged = rows.merge(design, on="point", validate="many_to_one")
    return merged.sort_values(["point", "kind", "name", "day"], ignore_index=True)


def compare_plans(table: pd.DataFrame, baseline: str = NO_PLAN) -> pd.DataFrame:
    """Return the rows of all plans except `baseline`, with their change from `baseline`.

    `table` is the result of `read`. The new column `before` is the probability under `baseline`, and `change` is the
    probability minus `before`. Rows for which an unfinished sweep has no result under `baseline` yet are left out.
    Raises SimlibError for a sweep without the plan `baseline`.
    """
    if "plan" not in table or baseline not in set(table["plan"]):
        raise SimlibError(f"the sweep has no plan {baseline!r} to compare with")
    same = ["case", "kind", "name", "day"]
    before = table.loc[table["plan"] == baseline, [*same, "probability"]].rename(columns={"probability": "before"})
    both = table[table["plan"] != baseline].merge(before, on=same, validate="many_to_one")
    both["change"] = both["probability"] - both["before"]
    return both
