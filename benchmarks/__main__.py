"""Run the benchmarks: `python -m benchmarks [montecarlo] [exact] [imports] [analysis]`, all of them by default."""

from __future__ import annotations

import importlib
import sys

from benchmarks.timing import machine

SECTIONS = ("imports", "montecarlo", "exact", "analysis")


def main() -> None:
    asked = sys.argv[1:] or list(SECTIONS)
    unknown = set(asked) - set(SECTIONS)
    if unknown:
        raise SystemExit(f"no section {', '.join(sorted(unknown))}; expected some of {', '.join(SECTIONS)}")
    print(machine())
    for section in asked:
        importlib.import_module(f"benchmarks.{section}").main()


main()
