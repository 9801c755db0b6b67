"""The Monte Carlo engine, compiled by Numba. Its random numbers are hashes of a seed, a name and a counter."""
