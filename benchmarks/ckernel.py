"""The Monte Carlo kernel in C, compiled if there is a C compiler, and called through ctypes."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from simlib.engines.montecarlo.arrays import make_work
from simlib.engines.montecarlo.simulator import Counts, Simulator, _Job
from simlib.engines.montecarlo.streams import seed_key

FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")


def compiler() -> str | None:
    """Return the name of a C compiler, or None if there is none."""
    return next((name for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and shutil.which(name)), None)


def build() -> ctypes.CDLL:
    """Compile and load the kernel."""
    source = Path(__file__).with_name("kernel.c")
    target = Path(tempfile.mkdtemp(prefix="simlib-bench-")) / "kernel.so"
    subprocess.run([str(compiler()), *FLAGS, str(source), "-o", str(target), "-lm"], check=True)
    library = ctypes.CDLL(str(target))
    library.run.restype = ctypes.c_int64
    library.run.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64]
    return library


def pointers(arrays: Any) -> Any:
    """Return a C struct of pointers, in order."""
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def run(library: ctypes.CDLL, simulator: Simulator, *, runs: int, seed: int = 0) -> Counts:
    """Simulate as `Simulator.run` does on one thread, in one call."""
    flat = simulator.flat
    values = flat.values(simulator.stated)
    job = _Job(simulator, values, seed_key(seed), 0, runs)
    work = make_work(flat.layout, flat.structure)
    structure, layout = flat.structure, flat.layout
    conditions = layout.question - layout.rung + layout.questions
    sizes = [
        len(work.level),
        len(work.rate),
        len(work.rung),
        len(structure.segment_end),
        len(structure.effect_variable),
        len(flat.grid),
        len(structure.condition_start) - 1 - conditions,
        len(structure.amount_impact),
    ]
    counts = (ctypes.c_int64 * (len(layout) + len(sizes)))(*layout, *sizes)
    structs = [counts, *(pointers(part) for part in (structure, values, work, job.each))]
    library.run(*structs, np.uint64(seed_key(seed)), 0, runs)
    job.sums.append(job.each)
    return job.counts()
