"""Lint: warnings about scenarios that load, but probably do not say what their author meant."""
