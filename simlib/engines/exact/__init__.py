"""The exact engine: uniformization over the reachable states, with a reported error bound."""
