"""Reports: one self-contained file to pass on to others, as HTML or Markdown."""

DRAWS = 512
"""Default number of draws of the priors for a report."""
