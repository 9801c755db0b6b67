"""The explorer: a slider for each assumption, and a forecast that follows the sliders."""
