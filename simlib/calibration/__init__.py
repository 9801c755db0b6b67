"""Calibration: forecasts compared with what happened, and base rates and event times from past crises."""
