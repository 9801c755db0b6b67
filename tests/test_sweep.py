"""Sweeps: the same numbers whoever works them out; nothing lost, nothing counted twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib import sweep
from simlib.engines.exact import solve
from simlib.engines.montecarlo import simulate
from simlib.errors import Cancelled, MissingDependency, ScenarioError, SimlibError
from simlib.scenario.model import Forbid
from simlib.sweep import workers
from tests import worlds

pytest.importorskip("pyarrow", reason='sweeps need pyarrow: pip install -e ".[scale]"')

ROOT = Path(__file__).parent.parent


def doors(horizon=30.0):
    world = worlds.World("doors", horizon).variable("door", "shut", "open", start="shut")
    world.move("push", world.uncertain("push", "rate", 0.05, 0.01, 0.25), {"door": "open"}, when={"door": "shut"})
    return world.ending("out", {"door": "open"}).question("pushed", move="push").scenario()


def test_a_grid_by_both_engines(tmp_path):
    design = sweep.grid_design(doors(), {"push": ["1 per week", 0.1]}, seeds=(0, 1))
    assert len(design) == 4
    sweep.run(design, tmp_path / "exact", engine="exact", times=[10.0, 30.0])
    sweep.run(design, tmp_path / "mc", runs=500, times=[10.0, 30.0])
    exact, counted = (sweep.read(tmp_path / name) for name in ("exact", "mc"))
    out = exact[(exact["name"] == "out") & (exact["day"] == 30)].set_index("point")
    assert out["probability"].tolist() == pytest.approx([-np.expm1(-30 / 7)] * 2 + [-np.expm1(-3)] * 2, abs=1e-8)
    assert out["set_push"].tolist() == ["1 per week"] * 2 + ["0.1"] * 2
    own = simulate(doors(), values={"push": 0.1}, runs=500, seed=1, times=[10.0, 30.0])
    row = counted[(counted["point"] == 3) & (counted["name"] == "out") & (counted["day"] == 30)].iloc[0]
    assert (row["probability"], row["low"], row["high"]) == tuple(
        float(getattr(own.endings["out"], k)[-1]) for k in ("probability", "low", "high")
    )


def test_views_and_interventions(tmp_path):
    calm = doors()
    design = sweep.views_design({"baseline": calm}, interventions={"none": (), "stop": (Forbid("push"),)})
    sweep.run(design, tmp_path, engine="exact")
    frame = sweep.read(tmp_path).query("name == 'out'").set_index("interventions")
    assert frame.loc["stop", "probability"] == 0
    assert frame.loc["none", "probability"] == solve(calm).endings["out"].probability[-1]
    assert frame["scenario_sha256"].nunique() == 2


def test_the_same_bits_whatever_the_workers(tmp_path):
    design = sweep.sobol_design(doors(), 40)
    for name, count, block in (("one", 1, 7), ("two", 2, 3)):
        sweep.run(design, tmp_path / name, runs=100, workers=count, block=block)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "one"), sweep.read(tmp_path / "two"), check_exact=True)


def test_an_aborted_sweep_goes_on_and_is_a_fair_sample(tmp_path):
    design = sweep.sobol_design(doors(), 64)
    told = []
    with pytest.raises(Cancelled, match="run it again to go on"):
        sweep.run(design, tmp_path / "a", runs=50, workers=1, block=4, progress=lambda *x: told.append(x),
                  cancel=lambda: len(told) >= 8)  # fmt: skip
    half = sweep.read(tmp_path / "a")
    assert 32 <= half["point"].nunique() < 64
    assert half["point"].max() > 48
    assert half["point"].min() < 16
    report = sweep.run(design, tmp_path / "a", runs=50, workers=1, block=4)
    assert report.done_before == half["point"].nunique()
    assert report.done_before + report.done_now == 64
    sweep.run(design, tmp_path / "b", runs=50, workers=1, block=4)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "a"), sweep.read(tmp_path / "b"), check_exact=True)


KILLED = """
import sys, time
from simlib import sweep
from simlib.sweep import workers
from tests.test_sweep import doors
slow = workers.work
def work(*arguments):
    time.sleep(0.05)
    return slow(*arguments)
workers.work = work
sweep.run(sweep.sobol_design(doors(), 120), sys.argv[1], runs=50, workers=2, block=2)
"""


def test_killed_outright_nothing_is_lost_or_counted_twice(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "a")], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "a").glob("block-*.parquet"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list((tmp_path / "a").glob("block-*.parquet")))
    assert 5 <= done < 60
    design = sweep.sobol_design(doors(), 120)
    report = sweep.run(design, tmp_path / "a", runs=50, workers=2, block=2)
    assert report.done_before == 2 * done
    sweep.run(design, tmp_path / "b", runs=50, workers=2, block=2)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "a"), sweep.read(tmp_path / "b"), check_exact=True)


def test_a_task_that_raises_is_tried_again_then_reported(tmp_path, monkeypatch):
    whole, calls = sweep.work, []

    def failing(rows, *rest):
        calls.append(tuple(rows))
        if 3 in rows and calls.count(tuple(rows)) <= fails:
            raise RuntimeError("a broken worker")
        return whole(rows, *rest)

    monkeypatch.setattr(workers, "work", failing)
    design, fails = sweep.sobol_design(doors(), 8), 1
    report = sweep.run(design, tmp_path / "once", runs=20, block=2)
    assert report.failed == ()
    assert len(report.retried) == 1
    assert "a broken worker" in report.retried[0]
    calls.clear()
    fails = 99
    report = sweep.run(design, tmp_path / "always", runs=20, block=2)
    assert len(report.failed) == 1
    assert report.done_now == 6
    fails = 0
    assert sweep.run(design, tmp_path / "always", runs=20, block=2).done_now == 2


def test_another_sweep_in_the_same_folder_is_refused(tmp_path):
    sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20)
    with pytest.raises(SimlibError, match="holds another sweep: replicates of a point 20 there and 21 here; choose"):
        sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=21)
    with pytest.raises(SimlibError, match="other values, seeds or worlds of the points, points 4 there and 5 here"):
        sweep.run(sweep.sobol_design(doors(), 5), tmp_path, runs=20)
    with pytest.raises(SimlibError, match="holds no sweep"):
        sweep.read(tmp_path / "nowhere")


def test_a_sweep_of_another_version_is_refused(tmp_path, monkeypatch):
    sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20)
    monkeypatch.setattr("simlib.__version__", "9.9")
    with pytest.raises(SimlibError, match=r"holds another sweep: version of simlib \S+ there and 9\.9 here"):
        sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20)


def test_bad_designs_are_named():
    with pytest.raises(ScenarioError, match="pusj"):
        sweep.grid_design(doors(), {"pusj": [1.0]})


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependency, match=r"pip install -e \"\.\[scale\]\""):
        sweep.run(sweep.sobol_design(doors(), 4), tmp_path)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason='a cluster needs Dask: pip install -e ".[scale]"')
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_task_that_raises_once_on_a_cluster_is_tried_again_and_told(tmp_path, cluster, monkeypatch):
    mark = tmp_path / "raised"

    def failing_once(rows, *rest):
        from simlib.sweep import work  # in the worker, which is another process, the whole one

        if 3 in rows and not mark.exists():
            mark.touch()
            raise RuntimeError("a broken disk")
        return work(rows, *rest)

    def failing(rows, *rest):
        from simlib.sweep import work

        if 3 in rows:
            raise RuntimeError("a broken disk")
        return work(rows, *rest)

    design = sweep.sobol_design(doors(), 8)
    monkeypatch.setattr(workers, "work", failing_once)
    report = sweep.run(design, tmp_path / "once", runs=20, block=2, scheduler=cluster.scheduler_address)
    assert (report.done_now, report.failed, len(report.retried)) == (8, (), 1)
    assert re.fullmatch(r"block \d: RuntimeError: a broken disk", report.retried[0])
    monkeypatch.setattr(workers, "work", failing)
    report = sweep.run(design, tmp_path / "always", runs=20, block=2, scheduler=cluster.scheduler_address)
    assert (report.done_now, len(report.failed), len(report.retried)) == (6, 1, 2)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a killed worker leaves its sockets to the operating system
def test_a_cluster_gives_the_same_bits_even_when_a_worker_dies(tmp_path, cluster):
    design = sweep.sobol_design(doors(), 80)
    killed = []

    def kill_one(share, _):
        if share > 0.2 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    report = sweep.run(design, tmp_path / "cluster", runs=200, block=2, scheduler=cluster.scheduler_address,
                       progress=kill_one)  # fmt: skip
    assert killed
    assert report.done_now == 80
    assert [line for line in report.retried if re.search(r"worker tcp://\S+ was at when it left", line)]
    sweep.run(design, tmp_path / "here", runs=200, block=2)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "cluster"), sweep.read(tmp_path / "here"), check_exact=True)
