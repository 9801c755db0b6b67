"""Forecasts beside what happened: base rates and inter-event times."""
