"""The Monte Carlo engine, compiled by Numba, with hashes as random numbers."""
