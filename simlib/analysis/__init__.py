"""Questions asked of a scenario, one module each: what if, what drives it, how sure, by which path, what to see."""
