"""The command `simlib`: check, explain, run and export a scenario, and open the notebooks.

Results go to standard output, everything else (progress, notes, errors) to standard error. Exit code 0: done; 2: the
input was refused, each reason a line; 1: it could not be done (too many states for the exact engine, a package is
missing, a file cannot be written); 130: stopped by Ctrl-C.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from simlib.cli.output.progress import Told
from simlib.errors import Cancelled, QuantityError, ScenarioError, SimlibError, Unsupported

if TYPE_CHECKING:
    from argparse import Namespace

FAILED, REFUSED, STOPPED = 1, 2, 130

PREFIX = "simlib: "
"""Begins a line of error, unless it begins with `file:line:`, where editors look for it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: that of the process) and return its exit code."""
    from simlib.cli.options.parser import parse

    _never_fail_on_a_letter()
    try:
        arguments = parse(argv)
    except SystemExit as end:  # argparse has printed help or what is wrong
        return int(end.code or 0)
    try:
        return _run(arguments)
    except BrokenPipeError:  # whoever read the output has gone, as in `simlib run ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: Namespace) -> int:
    from simlib.cli.commands.registry import execute

    try:
        code = execute(arguments)
        sys.stdout.flush()
    except (KeyboardInterrupt, Cancelled) as stop:
        return _fail(f"stopped; {stop}" if isinstance(stop, Told) else _stopped(arguments), STOPPED)
    except ScenarioError as error:
        sys.stderr.write("".join(f"{'' if problem.file else PREFIX}{problem}\n" for problem in error.problems))
        return REFUSED
    except QuantityError as error:
        return _fail(str(error), REFUSED)
    except Unsupported as error:  # what a format cannot say is refused; what an engine cannot do has failed
        return _fail(str(error), REFUSED if arguments.command == "export" else FAILED)
    except SimlibError as error:
        return _fail(str(error), FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}", FAILED)
    except Exception as error:  # noqa: BLE001 - a person at a terminal gets a line; --traceback gives the rest
        return _unexpected(error, traced=arguments.traceback)
    return code


def _stopped(arguments: Namespace) -> str:
    """Say that it was stopped, and what is kept."""
    if arguments.command == "sweep" and (arguments.out / "manifest.json").exists():
        return f"stopped; {arguments.out} keeps what is done, the same command goes on"
    return "stopped"


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        sys.stderr.write(f"{PREFIX}{line}\n")
    return code


def _unexpected(error: Exception, *, traced: bool) -> int:
    if traced:
        traceback.print_exception(error)
    told = str(error).splitlines()[0] if str(error) else "no message"
    where = "" if traced else " (simlib --traceback ... shows where)"
    return _fail(f"unexpected error, please report it: {type(error).__name__}: {told}{where}", FAILED)


def _never_fail_on_a_letter() -> None:
    """Show letters that the terminal does not have as escapes; by default they raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
