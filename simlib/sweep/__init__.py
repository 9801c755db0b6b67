"""Sweeps: a design of many points × an engine → a folder of Parquet files, on this machine or on a Dask cluster.

A *point* is a world (a scenario, perhaps seen through a view), one set of assumption values and a seed, and, where a
design is crossed with them, a *plan*: a named set of interventions. The points of a *case* differ only in their plan.
Points are worked off in blocks, in a balanced order (cases shuffled by a seed, all plans of a case together), so that
an aborted sweep is still a fair sample. Each finished block is one file, written whole or not at all: a sweep killed at
any moment goes on where it was, loses nothing and counts nothing twice. What a point gives does not depend on who works
it out: the same numbers, bit for bit, on one thread or on a cluster.

The folder holds `manifest.json` (what is swept, how, its hash, and what each plan does), `design.parquet` (one row per
point) and `block-NNNNNN.parquet` (one row per point, time and measure).
"""

from __future__ import annotations

from simlib.sweep.design import BASELINE, Design, grid_design, sobol_design, views_design
from simlib.sweep.folder import beside_baseline, read
from simlib.sweep.plans import load_plans, plan_views
from simlib.sweep.points import Engine, Options, work
from simlib.sweep.runner import Report, run

__all__ = [
    "BASELINE",
    "Design",
    "Engine",
    "Options",
    "Report",
    "beside_baseline",
    "grid_design",
    "load_plans",
    "plan_views",
    "read",
    "run",
    "sobol_design",
    "views_design",
    "work",
]
