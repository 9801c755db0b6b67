"""Panels of the notebooks. Each panel answers one question."""
