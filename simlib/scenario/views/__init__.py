"""Views and interventions: all that varies a scenario without changing its structure."""
