"""A panel with the forecast on each day of a log, and the effect of rows that the user adds."""
