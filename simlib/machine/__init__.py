"""The compiled scenario: tables, priors, time cut into segments, and the numbers that can be asked for."""
