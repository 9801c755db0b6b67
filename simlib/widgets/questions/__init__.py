"""Question panels: one question of a notebook each."""
