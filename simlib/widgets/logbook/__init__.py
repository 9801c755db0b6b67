"""A log explored day by day, with added rows."""
