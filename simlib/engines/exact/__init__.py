"""The exact engine: uniformisation over the reachable states, with a reported error bound."""
