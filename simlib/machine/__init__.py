"""The compiled scenario: tables, priors, time cut into segments, and the measures of a forecast."""
