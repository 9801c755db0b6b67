"""The command as its own process: exit codes, streams, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simlib.cli import _tidy_end
from simlib.cli.output.progress import Task
from tests.cli.world import write_bridge

SIMLIB = [sys.executable, "-m", "simlib"]
SECONDS = 120

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes and signals")


@pytest.fixture(autouse=True)
def _ctrl_c_stops() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # tests that a script runs in the background pass this on
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_bridge(tmp_path_factory.mktemp("world")))


def simlib(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = [*SIMLIB, *argv], os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False, env=variables)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", line]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def piped(text: str, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [*SIMLIB, *argv]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.mark.slow
def test_done_is_0_and_the_answer_is_on_standard_output(bridge: str) -> None:
    done = simlib("run", bridge, "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["scenario"] == "bridge"


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_terminal_without_the_letters_gets_escapes(bridge: str) -> None:
    done = simlib("run", bridge, "--set", "pressure=4", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0
    assert r"pressure = \xd74 instead of \xd73" in done.stdout


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "simlib: stopping; press Ctrl-C again to stop at once" in told
    assert told.splitlines()[-1] == "simlib: stopped"
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_ctrl_c_while_drawing_tells_what_is_known_by_then(bridge: str) -> None:
    endless = [*SIMLIB, "uncertainty", bridge, "--tolerance", "0.0001", "--most-draws", "9000000"]
    run = subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert run.stderr is not None
        assert run.stderr.readline().startswith("answering at each draw: ")
        assert run.stderr.readline().startswith("answering at each draw: ")  # five seconds later
        run.send_signal(signal.SIGINT)
        out, told = run.communicate(timeout=SECONDS)
    finally:
        run.kill()
    assert run.returncode == 130
    assert "each quantile is known to ±" in out
    assert "not to the ±0.0001 points asked for: that would" in out
    assert re.search(r"^simlib: stopped; the answer is from the [\d,]+ draws made before the stop$", told, re.MULTILINE)


@pytest.mark.slow
@posix
def test_sigterm_leaves_no_temporary_files(bridge: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = subprocess.Popen([*SIMLIB, "run", bridge, "--out", str(out)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + SECONDS
    while not list(out.glob(".simlib-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(out.glob(".simlib-*"))
    run.send_signal(signal.SIGTERM)
    assert run.wait(SECONDS) == 143
    assert not out.exists()


def test_a_task_in_the_background_of_a_shell_script_still_ignores_ctrl_c() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Task("waiting") as task:
            signal.raise_signal(signal.SIGINT)
            stopped = task.stopped_with_an_answer()
        assert (stopped, signal.getsignal(signal.SIGINT)) == (False, signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGINT, before)


@posix
def test_sigterm_cancels_the_work_of_every_thread() -> None:
    """The process ends only when its threads have ended, and they watch the control of the task."""
    task = Task("working")
    with pytest.raises(SystemExit) as end, _tidy_end(), task:
        os.kill(os.getpid(), signal.SIGTERM)
    assert end.value.code == 143
    assert task.control.cancelled()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.slow
@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_answer(bridge: str, tmp_path: Path, closed: str) -> None:
    file = tmp_path / "answer.json"
    line = f"{shlex.join([*SIMLIB, 'run', bridge, '--times', '2', '--json', str(file)])} {closed}"
    done = shell(line)
    assert done.returncode == 0
    assert json.loads(file.read_text())["scenario"] == "bridge"
    assert ("Endings" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))
    assert shell(f"{shlex.join([*SIMLIB, 'check', 'no'])} 2>&-").returncode == 2


@pytest.mark.slow
@posix
@pytest.mark.parametrize("way", ["simlib {} - < {}", "cat {1} | simlib {0} -", "simlib {} /dev/stdin < {}", "fifo"])
def test_a_scenario_may_come_through_a_pipe(bridge: str, tmp_path: Path, way: str) -> None:
    """Explaining reads it twice, and a pipe gives its text once."""
    file, pipe = shlex.quote(f"{bridge}/scenario.yaml"), tmp_path / "pipe"
    if way == "fifo":
        os.mkfifo(pipe)
        way = f"cat {{1}} > {pipe} & simlib {{0}} {pipe}"
    line = way.format("explain", file).replace("simlib", shlex.join(SIMLIB))
    done = shell(line)
    assert (done.returncode, done.stderr) == (0, "")
    assert "A blockade of the valley bridge" in done.stdout


@pytest.mark.slow
@posix
def test_what_is_wrong_in_a_pipe_is_refused_by_line(bridge: str) -> None:
    text = Path(bridge, "scenario.yaml").read_text()
    wrong = piped(text.replace("{talks: signed}", "{talks: sined}"), "run", "-")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("standard input:")
    view = piped(text, "run", "-", "--save-view", "x")
    assert view.returncode == 2
    assert "a scenario from a pipe has no folder for views" in view.stderr
    assert piped("", "run", "-").stderr.startswith("standard input:1: the file is")


@pytest.mark.slow
@pytest.mark.parametrize("argv", [["run"], ["drivers"], ["sweep", "--out", "x"], ["discover"]])
def test_a_seed_that_no_array_holds_is_refused_in_a_sentence(bridge: str, argv: list[str], tmp_path: Path) -> None:
    for seed in (2**63, "1" + "0" * 5000):
        done = simlib(argv[0], bridge, *argv[1:], "--seed", str(seed))
        assert done.returncode == 2
        assert f"--seed: expected a whole number of at least 0 and at most {2**63 - 1:,}" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert simlib("run", bridge, "--seed", str(2**63 - 1), "--engine", "montecarlo", "--runs", "9").returncode == 0


def test_the_last_seed_of_a_sweep_must_fit_too(bridge: str, tmp_path: Path) -> None:
    argv = ["--out", str(tmp_path / "x"), "--grid", "yes=0.5", "--seed", str(2**63 - 1), "--seeds", "2"]
    done = simlib("sweep", bridge, *argv)
    assert done.returncode == 2
    assert "--seeds: the last seed would be above" in done.stderr


@pytest.mark.slow
def test_a_backend_that_is_none_is_refused_before_the_work(bridge: str, tmp_path: Path) -> None:
    done = simlib("run", bridge, "--out", str(tmp_path / "out"), MPLBACKEND="crayons")
    assert (done.returncode, done.stdout) == (2, "")
    assert "MPLBACKEND: 'crayons' is no backend that Matplotlib knows" in done.stderr
    assert not (tmp_path / "out").exists()
    assert simlib("run", bridge, MPLBACKEND="crayons").returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_named(bridge: str) -> None:
    done = simlib("diff", bridge, "--no-forecast", "--json", "/dev/full")
    assert done.returncode == 1
    assert "simlib: /dev/full: No space left on device" in done.stderr
    with Path("/dev/full").open("w") as full:
        command = [*SIMLIB, "explain", bridge]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("simlib: standard output: No space left on device\n")


@pytest.mark.slow
def test_of_three_processes_that_save_a_view_one_wins(bridge: str) -> None:
    command = [*SIMLIB, "run", bridge, "--set", "pressure=4", "--save-view", "contested"]
    runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    messages = [run.communicate(timeout=SECONDS)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2, 2]
    assert sum("written: " in message for message in messages) == 1
    assert sum("there is a view 'contested' already" in message for message in messages) == 2
    assert [file.name for file in Path(bridge, "views").iterdir() if file.name.startswith(".")] == []
    Path(bridge, "views", "contested.yaml").unlink()


@pytest.mark.slow
def test_the_installed_command_is_the_same(bridge: str) -> None:
    command = Path(sys.executable).with_name("simlib")
    if not command.exists():
        pytest.skip("simlib is not installed beside this Python: there is no command to call")
    done = subprocess.run([command, "check", bridge], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("bridge: the file fits the format.")
