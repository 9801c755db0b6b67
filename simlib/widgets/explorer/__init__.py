"""The explorer: sliders on a scenario, and its forecast redrawn as they move."""
