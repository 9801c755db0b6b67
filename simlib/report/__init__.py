"""Reports: one self-contained page to hand on, as HTML or Markdown."""

DRAWS = 512
"""Draws of the priors behind a report."""
