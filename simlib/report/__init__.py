"""Reports: one self-contained page to pass on to others, as HTML or Markdown."""

DRAWS = 512
"""Default number of draws of the priors for a report."""
