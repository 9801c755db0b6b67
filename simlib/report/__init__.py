"""Reports: one self-contained page to hand on, as HTML or Markdown."""

from simlib.report.writer import write_report

__all__ = ["write_report"]
