"""The engines: `reference` defines, `exact` solves, `montecarlo` simulates.

`ensemble` runs either over draws.
"""
