"""A lesson in a notebook: exercises that check your answers against the scenario."""
