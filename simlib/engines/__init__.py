"""The engines, which turn a scenario into a forecast.

`reference` defines the meaning of a scenario. `exact` solves it, and `montecarlo` simulates it. `ensemble` runs one of
these two over draws of the assumptions.
"""
