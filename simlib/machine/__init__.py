"""The compiled scenario: tables, priors, segments of time, and the measures of a forecast."""
