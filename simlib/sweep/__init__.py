"""Sweeps: forecasts for many sets of inputs, on this machine or on a Dask cluster.

- A *point* is a world (a scenario, or a scenario with a view), one set of assumption values and a seed.
- A *plan* is a named set of interventions. If a design has plans, each point also has one of these plans.
- A *case* is a group of points that differ only in their plan.
- A *block* is a group of points that are computed together and stored in one file.

Cases are computed in random order, and all plans of a case one after another. So the finished part of an aborted sweep
is a random sample of the cases. The file of a block is written whole or not at all. An interrupted sweep continues
where it stopped, and no finished block is lost or counted twice. The results of a point are the same, bit for bit, on
one thread or on a cluster.

The folder of a sweep holds:

- `manifest.json`: the options, the interventions of each plan, and hashes of the design.
- `design.parquet`: one row per point.
- `block-NNNNNN.parquet`: one row per point, report time and quantity, such as an ending.
"""

from __future__ import annotations

from simlib.sweep.design import NO_PLAN, SweepDesign, grid_design, sobol_design, views_design
from simlib.sweep.folder import compare_plans, read
from simlib.sweep.plans import load_plans, plan_views
from simlib.sweep.runner import SweepReport, run

__all__ = ["NO_PLAN", "SweepDesign", "SweepReport", "compare_plans", "grid_design", "load_plans", "plan_views"]
__all__ += ["read", "run", "sobol_design", "views_design"]
