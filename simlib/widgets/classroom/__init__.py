"""A lesson in a notebook: exercises that check a learner's answers against a scenario."""
