"""Forecasts beside what happened: base rates and the rhythm of events."""
