"""The commands of the command line, one file each.

The function `execute` of a command takes the request (the options of the command line), and returns an exit code.
"""
