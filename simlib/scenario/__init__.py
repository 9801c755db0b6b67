"""The scenario language: read, checked, explained, varied and written back."""
