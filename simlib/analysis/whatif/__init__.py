"""Compare a scenario with variants of it, by probabilities and by single simulated histories."""
