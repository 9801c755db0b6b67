"""Reports about one scenario: a self-contained page to pass on, as HTML or Markdown."""

REPORT_DRAWS = 512
"""Default number of sets of assumption values that a report draws from the priors."""
