"""The engines, which turn a scenario into a forecast.

`reference` defines the meaning of a scenario. `exact` solves a scenario, and `montecarlo` simulates it. `ensemble` uses
one of these two engines at many draws of the assumptions, and `pooled_forecast` takes the mean of the results.
"""
