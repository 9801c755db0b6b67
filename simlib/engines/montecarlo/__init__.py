"""The Monte Carlo engine: replicates of a scenario with keyed random numbers, compiled by Numba."""
