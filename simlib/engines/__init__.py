"""The engines: `reference` defines, `exact` solves, `montecarlo` simulates; `mixture` runs either over the priors."""
