"""Parts that several panels use: fast pictures, components, and worker threads."""
