"""The engines: `reference` defines, `exact` solves, `montecarlo` simulates.

`ensemble` runs the exact or the Monte Carlo engine over draws.
"""
