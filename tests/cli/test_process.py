"""The command as its own process: exit codes, streams, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.world import write_bridge

SIMLIB = [sys.executable, "-m", "simlib"]
SECONDS = 120


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_bridge(tmp_path_factory.mktemp("world")))


def simlib(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = [*SIMLIB, *argv], os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=variables)


def test_done_is_0_and_the_answer_is_on_standard_output(bridge: str) -> None:
    done = simlib("run", bridge, "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["scenario"] == "bridge"


@pytest.mark.parametrize("argv", [["check", "nowhere"], ["run", "nowhere"], ["run"], ["run", "bridge", "--set", "x"]])
def test_bad_input_is_2_without_a_traceback(argv: list[str]) -> None:
    done = simlib(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_2(bridge: str) -> None:
    done = simlib("run", bridge, "--json", f"{bridge}/scenario.yaml/forecast.json")
    assert done.returncode == 2
    assert "scenario.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_the_letters_gets_escapes(bridge: str) -> None:
    done = simlib("run", bridge, "--set", "pressure=4", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert r"pressure = \xd74 instead of \xd73" in done.stdout


def test_a_reader_that_goes_away_is_no_error_message(bridge: str) -> None:
    command = [*SIMLIB, "run", bridge, "--times", "60", "--json", "-"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    told = run.stderr.read().decode()
    run.stderr.close()
    assert run.wait(SECONDS) == 1
    assert "Traceback" not in told
    assert "roken" not in told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_stops_with_130_and_one_line(bridge: str) -> None:
    endless = [*SIMLIB, "run", bridge, "--engine", "montecarlo", "--runs", "500000000", "--threads", "1"]
    run = subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    shown = run.stderr.readline()
    while "%" not in shown:  # it has compiled and is simulating
        shown = run.stderr.readline()
    assert shown.startswith("simulating bridge: ")
    begun = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, told = run.communicate(timeout=SECONDS)
    assert time.monotonic() - begun < 10
    assert (run.returncode, out) == (130, "")
    assert "simlib: stopping; once more to stop at once" in told
    assert told.splitlines()[-1] == "simlib: stopped"
    assert "Traceback" not in told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_while_drawing_tells_what_is_known_by_then(bridge: str) -> None:
    endless = [*SIMLIB, "uncertainty", bridge, "--tolerance", "0.0001", "--most-draws", "9000000"]
    run = subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    assert run.stderr.readline().startswith("carrying the priors through: ")
    assert run.stderr.readline().startswith("carrying the priors through: ")  # five seconds later
    run.send_signal(signal.SIGINT)
    out, told = run.communicate(timeout=SECONDS)
    assert run.returncode == 130
    assert "the quantiles could not be known to ±0.0001 points, only to ±" in out
    assert re.search(r"^simlib: stopped; the answer is from the [\d,]+ draws made by then$", told, re.MULTILINE)


def test_the_installed_command_is_the_same(bridge: str) -> None:
    command = Path(sys.executable).with_name("simlib")
    if not command.exists():
        pytest.skip("simlib is not installed beside this Python: there is no command to call")
    done = subprocess.run([command, "check", bridge], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("bridge: the file fits the format.")
