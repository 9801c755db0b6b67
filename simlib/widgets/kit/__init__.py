"""Parts that several panels use: fast pictures, widgets, and worker threads."""
