"""Views and interventions: everything that varies a scenario without changing its structure."""
