"""Timing in alternated rounds, and a plain table of what was found."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def rounds(work: Mapping[str, Callable[[], object]], times: int = 7) -> dict[str, list[float]]:
    """Run each piece of work once to warm up, then all of them in turn, `times` times; return seconds by round."""
    for piece in work.values():
        piece()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(times):
        for name, piece in work.items():
            begun = time.perf_counter()
            piece()
            seconds[name].append(time.perf_counter() - begun)
    return seconds


def ratio(seconds: Mapping[str, list[float]], this: str, that: str) -> float:
    """Return the median over the rounds of this time over that time, both taken in the same round."""
    return statistics.median(a / b for a, b in zip(seconds[this], seconds[that], strict=True))


def best(seconds: list[float]) -> float:
    """Return the median of the faster half: what the machine does when it is left alone."""
    return statistics.median(sorted(seconds)[: max(1, len(seconds) // 2)])


def machine() -> str:
    """Say what this ran on."""
    processors = os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    kind, version = platform.machine(), platform.python_version()
    return f"{kind}, {processors} processors, Python {version}, load {load:.1f} at the start"


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def line(what: str, value: str, wanted: str = "", reached: bool | None = None) -> None:
    """Print one figure, what was to be reached, and whether it was."""
    mark = "" if reached is None else "reached" if reached else "NOT REACHED"
    print(f"{what:<62} {value:>14}   {wanted:<12} {mark}")


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far, in MB (Linux), or not a number."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return float("nan")
    return next(int(row.split()[1]) for row in text.splitlines() if row.startswith("VmHWM")) / 1024
