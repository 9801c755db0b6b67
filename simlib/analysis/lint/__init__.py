"""A second reading of a scenario: what is well formed and still unlikely to be meant."""
