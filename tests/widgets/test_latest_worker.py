"""Only the latest work is done, and stale work says nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from simlib.widgets.kit.latest_worker import LatestWorker


class Log:
    def __init__(self):
        self.done, self.failed, self.shares = [], [], []


@pytest.fixture
def latest():
    worker = LatestWorker()
    yield worker
    worker.close()


def polling(started, release):
    """A job that runs until it is released or cancelled."""

    def job(control):
        started.set()
        while not release.is_set():
            control.check()
            time.sleep(0.002)
        return "late"

    return job


def test_a_job_is_done_and_its_progress_told(latest):
    log = Log()

    def job(control):
        control.report(0.5)
        return 7

    latest.submit(job, log.done.append, log.failed.append, progress=log.shares.append)
    assert latest.wait(5)
    assert (log.done, log.shares, log.failed) == ([7], [0.5], [])


def test_newer_work_cancels_what_runs_and_replaces_what_waits(latest):
    log, started, release = Log(), threading.Event(), threading.Event()
    latest.submit(polling(started, release), log.done.append, log.failed.append)
    assert started.wait(5)
    for number in range(5):
        latest.submit(lambda control, number=number: number, log.done.append, log.failed.append)
    assert latest.wait(5)
    assert log.done == [4]
    assert log.failed == []


def test_work_that_ignores_cancelling_is_not_heard_when_it_ends(latest):
    log, started, release = Log(), threading.Event(), threading.Event()

    def stubborn(control):
        started.set()
        release.wait(5)
        control.report(1.0)
        return "stale"

    latest.submit(stubborn, log.done.append, log.failed.append, progress=log.shares.append)
    started.wait(5)
    latest.submit(lambda control: "fresh", log.done.append, log.failed.append)
    release.set()
    assert latest.wait(5)
    assert (log.done, log.shares) == (["fresh"], [])


def test_work_waits_for_the_hand_to_rest(latest):
    log, begun = Log(), time.monotonic()
    for number in range(5):
        latest.submit(lambda control, number=number: number, log.done.append, log.failed.append, delay=0.2)
        time.sleep(0.02)
    assert latest.busy
    assert latest.wait(5)
    assert log.done == [4]
    assert time.monotonic() - begun >= 0.25


def test_cancelled_work_is_never_heard(latest):
    log, started, release = Log(), threading.Event(), threading.Event()
    latest.submit(polling(started, release), log.done.append, log.failed.append)
    started.wait(5)
    latest.cancel()
    assert latest.wait(5)
    latest.submit(lambda control: 1, log.done.append, log.failed.append, delay=5)
    latest.cancel()
    assert latest.wait(1)
    assert (log.done, log.failed) == ([], [])


def test_what_goes_wrong_is_told_and_the_worker_goes_on(latest):
    log = Log()

    def broken(control):
        raise ValueError("no such thing")

    latest.submit(broken, log.done.append, log.failed.append)
    assert latest.wait(5)
    assert [str(error) for error in log.failed] == ["no such thing"]
    latest.submit(lambda control: 1, lambda _: broken(None), log.failed.append)
    assert latest.wait(5)
    assert len(log.failed) == 2
    latest.submit(lambda control: 2, log.done.append, log.failed.append)
    assert latest.wait(5)
    assert log.done == [2]


def test_waiting_gives_up_in_time(latest):
    latest.submit(lambda control: 1, print, print, delay=10)
    assert not latest.wait(0.05)


def test_a_patient_worker_finishes_what_runs_and_drops_what_waits():
    patient = LatestWorker("patient", patient=True)
    log, started, release = Log(), threading.Event(), threading.Event()
    patient.submit(polling(started, release), log.done.append, log.failed.append)
    assert started.wait(5)
    for number in range(5):
        patient.submit(lambda control, number=number: number, log.done.append, log.failed.append)
    assert not patient.wait_begun(0.05)
    release.set()
    assert patient.wait_begun(5)
    assert patient.wait(5)
    assert log.done == ["late", 4]
    patient.close()


def test_a_patient_worker_can_still_be_cancelled():
    patient = LatestWorker("patient", patient=True)
    log, started = Log(), threading.Event()
    patient.submit(polling(started, threading.Event()), log.done.append, log.failed.append)
    assert started.wait(5)
    patient.cancel()
    assert patient.wait(5)
    assert log.done == []
    patient.close()


def test_what_waits_can_be_hastened(latest):
    log = Log()
    latest.submit(lambda control: 3, log.done.append, log.failed.append, delay=600.0)
    assert not latest.wait(0.05)
    latest.hasten()
    assert latest.wait(5)
    assert log.done == [3]


ENDING = """
import threading, time
from simlib.widgets.kit.latest_worker import LatestWorker

def job(control):
    begun.set()
    for _ in range(1000):
        {step}
        time.sleep(0.01)

begun, worker = threading.Event(), LatestWorker()
worker.submit(job, print, lambda error: print("failed", error))
LatestWorker().submit(job, print, print, delay=600.0)
begun.wait(30)
worker._thread.join = lambda timeout, join=worker._thread.join: (join(timeout), print(worker._thread.is_alive()))
print("end", flush=True)
"""


@pytest.mark.parametrize(("step", "alive"), [("control.check()", "False"), ("pass", "True")], ids=["heeds", "deaf"])
def test_the_end_of_a_program_cancels_jobs_and_waits_for_them_only_for_a_moment(step, alive):
    code = ENDING.format(step=step)
    begun = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, ["end", alive], "")
    assert time.monotonic() - begun < 60


def test_a_closed_worker_takes_no_job_and_a_failing_report_leaves_it_free(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # the report is to fail

    def broken(_):
        raise RuntimeError("the report fails")

    worker = LatestWorker()
    worker.submit(lambda _: 1, broken, broken)
    assert worker.wait(10)
    worker.join(10)
    worker.close()
    worker.submit(lambda _: 1, broken, broken)
    assert worker.wait(0.5)
