"""Reports: one self-contained page to pass on to others, as HTML or Markdown."""

DRAWS = 512
"""Draws of the priors behind a report."""
