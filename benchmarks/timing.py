"""Timing of programs that take turns, and lines that report the figures."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Times:
    """Seconds of each round: on the clock, and of processor time of all threads together.

    Other work on the machine hardly changes the processor time.
    """

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def rounds(work: Mapping[str, Callable[[], object]], times: int = 7) -> dict[str, Times]:
    """Run each piece of work once to warm up, then all of them in turn, `times` times."""
    for piece in work.values():
        piece()
    taken = {name: Times() for name in work}
    for _ in range(times):
        for name, piece in work.items():
            begun, spent = time.perf_counter(), time.process_time()
            piece()
            taken[name].clock.append(time.perf_counter() - begun)
            taken[name].processor.append(time.process_time() - spent)
    return taken


def quickest(work: Callable[[], object], times: int = 7) -> float:
    """Return the least processor time of several rounds, in seconds.

    In that round, other work on the machine disturbed least.
    """
    work()
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def ratio(this: list[float], that: list[float]) -> float:
    """Return the median, over the rounds, of `this` divided by `that` in the same round."""
    return statistics.median(a / b for a, b in zip(this, that, strict=True))


def best(seconds: list[float]) -> float:
    """Return the median of the faster half, which is close to the time on an idle machine."""
    return statistics.median(sorted(seconds)[: max(1, len(seconds) // 2)])


def machine() -> str:
    """Describe the machine in words."""
    processors = os.cpu_count()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    kind, version = platform.machine(), platform.python_version()
    return f"{kind}, {processors} processors, Python {version}, load {load:.1f} at the start"


def title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def line(what: str, value: str, wanted: str = "", reached: bool | None = None) -> None:
    """Print one figure, its target, and whether the target was reached."""
    mark = "" if reached is None else "reached" if reached else "NOT REACHED"
    print(f"{what:<62} {value:>14}   {wanted:<12} {mark}")


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far, in MB (Linux), or not a number."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return float("nan")
    return next(int(row.split()[1]) for row in text.splitlines() if row.startswith("VmHWM")) / 1024
