"""The command `simlib`, from the command line to the exit code.

Results go to standard output. Progress, notes and errors go to standard error. The exit codes are:

- 0: the command is done.
- 1: the command failed, for example because a package is missing or a file cannot be written.
- 2: the input was refused. Standard error has one line for each reason.
- 130: the command was stopped by Ctrl-C.
- 143: the command was ended by SIGTERM.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from simlib.cli.output.progress import StoppedWithAnswer
from simlib.errors import ArgumentError, Cancelled, QuantityError, ScenarioError, SimlibError, Unsupported, printable

if TYPE_CHECKING:
    from simlib.cli.options.request import Request

FAILED, REFUSED, STOPPED, TERMINATED = 1, 2, 130, 143

PREFIX = "simlib: "
"""The text before each line of an error message.

A line that begins with `file:line:` has no prefix, so that editors find the place.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of `simlib`, and return its exit code.

    `argv` are the words of the command line after `simlib` (default: those of the process).
    """
    from simlib.cli.options.parser import parse

    _open_closed_streams()
    _never_fail_on_a_letter()
    try:
        request = parse(argv)
    except SystemExit as end:  # argparse has printed the help or the error
        return int(end.code or 0)
    try:
        with _tidy_end():
            return _run(request)
    except SystemExit as end:
        return int(end.code or 0)
    except BrokenPipeError:  # the reader of the output has closed it, as in `simlib run ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(request: Request) -> int:
    try:
        code = _execute(request)
        sys.stdout.flush()
    except (KeyboardInterrupt, Cancelled) as stop:
        return _fail(f"stopped; {stop}" if isinstance(stop, StoppedWithAnswer) else _stopped(request), STOPPED)
    except ScenarioError as error:
        sys.stderr.write("".join(f"{'' if problem.file else PREFIX}{problem}\n" for problem in error.problems))
        return REFUSED
    except (QuantityError, ArgumentError) as error:
        return _fail(str(error), REFUSED)
    except Unsupported as error:  # `export` refuses its input, and any other command fails
        return _fail(str(error), REFUSED if request.command == "export" else FAILED)
    except SimlibError as error:
        return _fail(str(error), FAILED)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", FAILED)
    except Exception as error:  # noqa: BLE001 - a person at a terminal gets a line; --traceback gives the rest
        return _unexpected(error, traced=request.traceback)
    return code


def _execute(request: Request) -> int:
    """Import only the module of the command, carry out the command, and return its exit code."""
    if request.command != "lab":
        from simlib.cli.output.files import refuse_targets
        from simlib.scenario.loader import read_stream

        refuse_targets(request)
        if isinstance(request.path, str):
            request = request.replace(path=read_stream(request.path))
    code: int = importlib.import_module(f"simlib.cli.commands.{request.command}").execute(request)
    return code


def _stopped(request: Request) -> str:
    if request.command == "sweep" and (request.target / "manifest.json").exists():
        return f"stopped; {request.out} keeps the finished part; the same command continues the sweep"
    return "stopped"


def _fail(message: str, code: int) -> int:
    for line in message.splitlines():
        sys.stderr.write(f"{PREFIX}{printable(line)}\n")
    return code


def _unexpected(error: Exception, *, traced: bool) -> int:
    if traced:
        traceback.print_exception(error)
    message = str(error).splitlines()[0] if str(error) else "no message"
    where = "" if traced else " (simlib --traceback ... shows where)"
    return _fail(f"unexpected error, please report it: {type(error).__name__}: {message}{where}", FAILED)


def _never_fail_on_a_letter() -> None:
    """Make the terminal show escapes for letters that it lacks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _open_closed_streams() -> None:
    """Open the null device in place of a closed standard stream, as after `2>&-`.

    Otherwise the next file to be opened would get the number and the output of the closed stream.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - it stays open


@contextmanager
def _tidy_end() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that temporary files are removed before the process ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a signal handler must take it
    raise SystemExit(TERMINATED)
