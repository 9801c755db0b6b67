"""A lesson in a notebook: exercises that check the answers of the learner against a scenario."""
