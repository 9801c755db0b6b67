"""Calibration: forecasts beside what happened, and base rates from past crises."""
