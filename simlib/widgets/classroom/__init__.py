"""A lesson in a notebook: exercises with a place to answer, a check, and answers computed from the world."""
