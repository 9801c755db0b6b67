"""Sweeps: a design of many points × an engine → a folder of Parquet files, on this machine or on a Dask cluster.

A *point* is a world (a scenario, perhaps seen through a view and with interventions), one set of assumption values
and a seed. Points are worked off in blocks, in a balanced order (a seeded permutation), so that an aborted sweep is
still a fair sample. Each finished block is one file, written whole or not at all: a sweep killed at any moment goes
on where it was, loses nothing and counts nothing twice. What a point gives does not depend on who works it out: the
same numbers, bit for bit, on one thread or on a cluster.

The folder holds `manifest.json` (what is swept, how, and its hash), `design.parquet` (one row per point) and
`block-NNNNNN.parquet` (one row per point, time and measure).
"""

from __future__ import annotations

from simlib.sweep.design import Design, grid_design, sobol_design, views_design
from simlib.sweep.folder import read
from simlib.sweep.points import Engine, Options, work
from simlib.sweep.running import Report, run

__all__ = [
    "Design", "Engine", "Options", "Report", "grid_design", "read", "run", "sobol_design", "views_design", "work",
]  # fmt: skip
