"""The engines, which turn a scenario into a forecast.

`reference` defines the meaning of a scenario. `exact` solves a scenario, and `montecarlo` simulates it. `ensemble` runs
one of these two engines at many random draws of the assumption values. `pooled_forecast` averages the resulting
forecasts.
"""
