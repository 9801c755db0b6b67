"""Compare a scenario with variants of it, by numbers and by single histories."""
