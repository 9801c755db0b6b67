"""Parts that every panel uses: fast pictures, components, a worker thread."""
