"""The options of the commands: how they are read and checked."""
