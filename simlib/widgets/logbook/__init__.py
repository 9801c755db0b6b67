"""A log that is scrubbed through day by day, with rows of one's own."""
