"""Run the benchmarks, all or some: `python -m benchmarks [imports] [montecarlo] [exact] [evidence] [learning] ...`."""

from __future__ import annotations

import importlib
import sys

from benchmarks.timing import machine

SECTIONS = ("imports", "montecarlo", "exact", "evidence", "learning", "analysis", "scale", "readers")
BY_NAME = ("outoftime",)
"""Sections that need data from elsewhere. They run only if they are named."""


def main() -> None:
    asked = sys.argv[1:] or list(SECTIONS)
    known = (*SECTIONS, *BY_NAME)
    unknown = set(asked) - set(known)
    if unknown:
        raise SystemExit(f"no section {', '.join(sorted(unknown))}; expected some of {', '.join(known)}")
    print(machine())
    for section in asked:
        importlib.import_module(f"benchmarks.{section}").main()


main()
