"""The Monte Carlo engine: replicates with keyed random numbers, compiled by Numba."""
