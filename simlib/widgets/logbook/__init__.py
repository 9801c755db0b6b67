"""A panel with the forecast on each day of a log, and the effect of events that users add."""
