#!/usr/bin/env python3
"""Start here: installs simlib into .venv beside this file, once, then opens JupyterLab or runs the tests.

    python3 lab.py [--no-browser --port N ...]   JupyterLab on the notebooks
    python3 lab.py test [--fast] [...]           the tests, or only the quick ones, with arguments of pytest

It needs Python 3.11 or newer and nothing else. This file must parse on older Pythons too, so that it can say so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
CORES, FAST = ["-nauto", "--dist=loadfile"], ["-m", "not (browser or notebook or storm or slow)"]
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
USES = [f"import simlib; answer = simlib.{engine}(simlib.load('two-islands'))" for engine in ("solve", "simulate")]
STAMP = VENV / "simlib-installed"
DEBIAN = "On Debian and Ubuntu: apt install python3-venv; then run the same command again."


def succeeds(*command):
    """Whether a command can be run and succeeds. Only the output of an installation is shown."""
    quiet = {} if "install" in command else {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        return subprocess.run([str(word) for word in command], cwd=HERE, check=False, **quiet).returncode == 0
    except OSError:
        return False


def compile_engines():
    """Compile both engines at the same time, so that the first notebook has its answer as soon as it opens."""
    print("Compiling the two engines. This takes about 20 seconds, and only once.", flush=True)
    with ThreadPoolExecutor() as both:
        list(both.map(lambda use: succeeds(PYTHON, "-c", use), USES))


def install(extras):
    """Install into .venv all that pyproject.toml asks for. Return False if it is there already."""
    files = b"".join((HERE / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    key = hashlib.sha256(files + f"{HERE} {sys.version}".encode()).hexdigest()
    old = STAMP.read_text().split() if STAMP.is_file() else []
    if old[:1] == [key] and extras <= set(old[1:]) and PYTHON.exists():
        return False
    if old == ["unfinished"] or not succeeds(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir(exist_ok=True)
    STAMP.write_text("unfinished")
    print("Installing simlib and what it needs into .venv. This takes about a minute, and only once.", flush=True)
    if not PYTHON.exists() and not succeeds(sys.executable, "-m", "venv", "--without-pip", VENV):
        sys.exit(f"Could not make {VENV}. {DEBIAN}")
    extras = extras | set(old[1:])
    pins = ["-c", "constraints.txt"] if sys.version_info < (3, 15) else []  # newer Pythons need newer versions
    wanted = [*pins, "-e", ".[{}]".format(",".join(sorted(extras)))]
    uv = shutil.which("uv")
    if not (uv and succeeds(uv, "pip", "install", "-q", "--python", PYTHON, *wanted)):
        if not succeeds(PYTHON, "-m", "pip", "--version") and not succeeds(PYTHON, "-m", "ensurepip"):
            sys.exit(f"This Python cannot install packages, because it has no pip. {DEBIAN}")
        if not succeeds(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted):
            sys.exit("The installation failed; the reason is above. Run the same command to try again.")
    STAMP.write_text(" ".join([key, *sorted(extras)]))
    return True


def main(arguments):
    """Install all packages that are needed, then run JupyterLab or the tests."""
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit("simlib needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try python3.11 lab.py.")
    testing = arguments[:1] == ["test"]
    try:
        new = install({"notebooks", "scale", "test", "docs", "dev"} if testing else {"notebooks", "scale"})
        if new and not testing:
            compile_engines()
        if testing:
            os.chdir(HERE)
            arguments = [*CORES, *(FAST + arguments[2:] if arguments[1:2] == ["--fast"] else arguments[1:])]
        command = [str(PYTHON), "-m", "pytest" if testing else "simlib._jupyter.lab", *arguments]
        if os.name == "nt":
            return subprocess.call(command)
        os.execv(PYTHON, command)  # so that Ctrl-C goes straight to JupyterLab or pytest
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
