"""The texts and files that the command line produces."""
