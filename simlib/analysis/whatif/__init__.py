"""What if? A scenario beside variants of it, number by number and history by history."""
