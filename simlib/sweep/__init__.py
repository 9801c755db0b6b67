"""Sweeps: many points computed into a folder of Parquet files, here or on a Dask cluster.

A *point* is a world (a scenario, perhaps seen through a view), one set of assumption values and a seed. A design can be
crossed with plans. A point then also has a *plan*, a named set of interventions, and the points that differ only in
their plan are a *case*. Points are computed in blocks, in a balanced order: cases are shuffled by a seed, and all plans
of a case stay together, so that an aborted sweep is a fair sample. Each finished block is one file, written whole or
not at all. A sweep that was killed goes on where it was, loses nothing and counts nothing twice. The numbers of a point
are the same, bit for bit, on one thread or on a cluster.

The folder holds `manifest.json` (the design, the options, the hash, and the interventions of each plan),
`design.parquet` (one row per point) and `block-NNNNNN.parquet` (one row per point, time and measure).
"""

from __future__ import annotations

from simlib.sweep.design import BASELINE, SweepDesign, grid_design, sobol_design, views_design
from simlib.sweep.folder import compare_plans, read
from simlib.sweep.plans import load_plans, plan_views
from simlib.sweep.runner import SweepReport, run

__all__ = ["BASELINE", "SweepDesign", "SweepReport", "compare_plans", "grid_design", "load_plans", "plan_views"]
__all__ += ["read", "run", "sobol_design", "views_design"]
