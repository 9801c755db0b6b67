"""Which assumptions drive an answer: slopes, one-at-a-time ranges, and Sobol indices."""
