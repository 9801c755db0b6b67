"""Which observable moves and levels are signs of an ending."""
