"""Comparison of a scenario with variants, by probabilities and single simulated histories."""
