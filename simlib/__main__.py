"""`python -m simlib`: the same as the command `simlib`."""

import sys

from simlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
