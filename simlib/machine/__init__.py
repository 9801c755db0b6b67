"""The compiled scenario: rate tables, priors, time segments, and the measures of a forecast."""
