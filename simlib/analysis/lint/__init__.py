"""Lint: warnings about a scenario that loads, but is probably not what its author meant."""
