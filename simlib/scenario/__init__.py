"""The scenario language: reads, checks, explains, varies and writes scenarios."""
