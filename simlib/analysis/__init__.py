"""Questions asked of a scenario, one module each."""
