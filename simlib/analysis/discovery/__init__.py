"""Under which assumptions an answer is high or low (scenario discovery)."""
