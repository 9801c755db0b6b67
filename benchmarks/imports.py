"""The time to start: imports in new processes, and the compiled kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from benchmarks.timing import best, line, title

IMPORT = "import time; t = time.perf_counter(); import simlib; print(time.perf_counter() - t)"
NAMES = "import simlib, sys; print(len({'numba', 'pandas', 'matplotlib', 'pydantic'} & set(sys.modules)))"
FIRST = """
import time; t = time.perf_counter()
from benchmarks.generated import generated
import simlib
simlib.simulate(generated(), runs=100)
print(time.perf_counter() - t)
"""


def answer(code: str, **environment: str) -> float:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    title("Starting")
    seconds = best([answer(IMPORT) for _ in range(5)])
    line("import simlib", f"{seconds:.3f} s", "under 0.4 s", seconds < 0.4)
    line("  heavy packages it loads", f"{answer(NAMES):.0f}", "none", answer(NAMES) == 0)
    with tempfile.TemporaryDirectory() as empty:
        compiled = answer(FIRST, NUMBA_CACHE_DIR=empty)
        again = best([answer(FIRST, NUMBA_CACHE_DIR=empty) for _ in range(3)])
    line("first simulation after installation: imports, compiling", f"{compiled:.1f} s")
    line("first simulation of a process: imports, loading", f"{again:.1f} s")
