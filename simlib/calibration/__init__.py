"""Calibration: comparing forecasts with the real events, and base rates from past crises."""
