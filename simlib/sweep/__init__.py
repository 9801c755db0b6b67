"""Sweeps: many points computed into a folder, on this machine or on a Dask cluster.

A *point* is a world (a scenario, or a scenario with a view), one set of assumption values and a seed. A design can be
crossed with plans. Then each point also has a *plan*, a named set of interventions. Points that differ only in their
plan form a *case*.

Points are computed in blocks. Cases are shuffled, but all plans of a case stay together. So even an aborted sweep is a
fair sample. Each finished block is one file, written whole or not at all. An interrupted sweep continues where it
stopped, and no finished block is lost or counted twice. The numbers of a point are the same, bit for bit, on one thread
or on a cluster.

The folder holds `manifest.json` (the options, the interventions of each plan, and hashes of the design),
`design.parquet` (one row per point) and `block-NNNNNN.parquet` (one row per point, time and measure).
"""

from __future__ import annotations

from simlib.sweep.design import BASELINE, SweepDesign, grid_design, sobol_design, views_design
from simlib.sweep.folder import compare_plans, read
from simlib.sweep.plans import load_plans, plan_views
from simlib.sweep.runner import SweepReport, run

__all__ = ["BASELINE", "SweepDesign", "SweepReport", "compare_plans", "grid_design", "load_plans", "plan_views"]
__all__ += ["read", "run", "sobol_design", "views_design"]
