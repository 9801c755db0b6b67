"""Sweeps: the same numbers whoever works them out; nothing lost, nothing counted twice."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simlib import sweep
from simlib.control import Control
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import simulate
from simlib.errors import Cancelled, MissingDependency, ScenarioError, SimlibError, TooManyStates
from simlib.scenario.model import Assume, Forbid, Force, Hold
from simlib.scenario.views.variation import with_interventions, with_values
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


def test_the_mean_of_an_impact_is_a_row_by_both_engines(tmp_path):
    world = worlds.World.of(doors()).impact("hurt", on=[("push", None, 2.0, 0.0)]).scenario()
    design = sweep.grid_design(world, {"push": [0.1]})
    for engine in ("exact", "montecarlo"):
        sweep.run(design, tmp_path / engine, engine=engine, runs=500, times=[10.0, 30.0])
        rows = sweep.read(tmp_path / engine)
        row = rows[(rows["kind"] == "impact") & (rows["day"] == 30)].iloc[0]
        assert row["name"] == "hurt"
        assert row["low"] <= -2 * np.expm1(-3) + 1e-9
        assert row["high"] >= -2 * np.expm1(-3) - 1e-9
        assert (row["high"] - row["low"] > 0) == (engine == "montecarlo")


STOP = Forbid("push")
NUDGE = Force("push", worlds.date(5))
PLANS = {"stop": [STOP], "nudge": [NUDGE], "keep": [Hold("door", "shut")], "slow": [Assume("push", 0.01)]}


def plans_design():
    return sweep.views_design(
        {"calm": doors(), "eager": with_values(doors(), {"push": 0.2})}, plans=PLANS, seeds=(3, 4)
    )


def test_views_plans_and_seeds_are_crossed():
    told = plans_design().frame()[["point", "seed", "view", "case", "plan"]]
    cases = list(itertools.product(("calm", "eager"), (3, 4)))
    assert told.to_numpy().tolist() == [
        [5 * case + number, seed, view, case, plan]
        for case, (view, seed) in enumerate(cases)
        for number, plan in enumerate(("baseline", *PLANS))
    ]


def test_every_point_is_of_its_view_and_its_plan():
    worlds_of = {"calm": doors(), "eager": with_values(doors(), {"push": 0.2})}
    told = plans_design().frame()
    assert list(told["scenario_sha256"]) == [
        with_interventions(worlds_of[view], {"baseline": (), **PLANS}[plan]).sha256
        for view, plan in zip(told["view"], told["plan"], strict=True)
    ]


def test_a_plan_does_what_the_same_interventions_do_alone(tmp_path):
    design = plans_design()
    for engine in ("exact", "montecarlo"):
        sweep.run(design, tmp_path / engine, engine=engine, runs=200)
    exact, counted = (sweep.read(tmp_path / engine).query("name == 'out'") for engine in ("exact", "montecarlo"))
    eager = with_values(doors(), {"push": 0.2})
    exact, counted = (
        table[table["view"] == "eager"].groupby("plan") for table in (exact, counted[counted["seed"] == 4])
    )
    for plan, items in {"baseline": (), **PLANS}.items():
        world = with_interventions(eager, items)
        wanted = solve(world, times=[30.0]).endings["out"].probability[-1]
        assert set(exact.get_group(plan)["probability"]) == {wanted}
        thrown = simulate(world, runs=200, seed=4).endings["out"].probability[-1]
        assert set(counted.get_group(plan)["probability"]) == {thrown}


@pytest.mark.parametrize(
    "design",
    [sweep.grid_design(doors(), {"push": [0.1, 0.2]}, seeds=(0, 1)), sweep.sobol_design(doors(), 8)],
    ids=["grid", "sobol"],
)
def test_any_design_is_crossed_with_the_same_values_and_dice(design, tmp_path):
    crossed = design.cross({"stop": [STOP]})
    assert crossed.drawn == design.drawn
    told = crossed.frame()
    assert list(told["plan"]) == ["baseline", "stop"] * len(design)
    before, after = (told[told["plan"] == plan].reset_index(drop=True) for plan in ("baseline", "stop"))
    same = ["case", "seed", "push"]
    pd.testing.assert_frame_equal(before[same], after[same], check_exact=True)
    sweep.run(design, tmp_path / "plain", runs=100)
    sweep.run(crossed, tmp_path / "crossed", runs=100, block=3)
    plain, table = sweep.read(tmp_path / "plain"), sweep.read(tmp_path / "crossed")
    stands = table[table["plan"] == "baseline"]
    assert stands["probability"].tolist() == plain["probability"].tolist()
    beside = sweep.compare_plans(table).query("name == 'out'")
    assert set(beside["plan"]) == {"stop"}
    assert beside["before"].tolist() == plain.query("name == 'out'")["probability"].tolist()
    assert beside["change"].tolist() == (-beside["before"]).tolist()


def test_a_sweep_stopped_anywhere_has_tried_all_plans_alike(tmp_path):
    design, told = sweep.sobol_design(doors(), 32).cross({"stop": [STOP], "nudge": [NUDGE]}), []
    with pytest.raises(Cancelled):
        sweep.run(design, tmp_path, runs=20, workers=1, block=4, control=Control(told.append, lambda: len(told) >= 9))
    done = sweep.read(tmp_path).drop_duplicates("point")
    counts = done.groupby("plan").size()
    assert 36 <= len(done) < 96
    assert counts.max() - counts.min() <= 1
    assert done["case"].max() > 24
    assert len(sweep.compare_plans(sweep.read(tmp_path)).query("name == 'out'")) >= 22


def test_a_plan_that_has_changed_is_refused_by_name(tmp_path):
    design = sweep.sobol_design(doors(), 2)
    sweep.run(design.cross({"stop": [STOP]}), tmp_path, runs=20)
    later = Forbid("push", worlds.date(3))
    for plans, words in (
        ({"stop": [later]}, "plan 'stop' has other interventions there; choose"),
        ({"halt": [STOP]}, "plan 'stop' is in that sweep only, plan 'halt' is in this design only; choose"),
        ({"nudge": [NUDGE], "stop": [STOP]}, "holds another sweep: plan 'nudge' is in this design only; choose"),
    ):
        with pytest.raises(SimlibError, match=words):
            sweep.run(design.cross(plans), tmp_path, runs=20)
    assert sweep.run(design.cross({"stop": [STOP]}), tmp_path, runs=20).done_now == 0


def test_points_that_are_called_otherwise_are_another_sweep(tmp_path):
    sweep.run(sweep.views_design({"calm": doors()}), tmp_path, runs=20)
    with pytest.raises(SimlibError, match="other values, seeds or scenarios of the points"):
        sweep.run(sweep.views_design({"quiet": doors()}), tmp_path, runs=20)


def test_what_does_not_fit_as_a_plan_is_told():
    design = sweep.views_design({"calm": doors()})
    with pytest.raises(ScenarioError, match="plan odd: forbid pull: unknown move 'pull'"):
        design.cross({"odd": [Forbid("pull")]})
    with pytest.raises(ScenarioError, match="plan baseline: this name belongs to the scenario without interventions"):
        design.cross({"baseline": [STOP]})
    with pytest.raises(
        SimlibError, match="the design already has the plans baseline, stop; cross a design without plans"
    ):
        design.cross({"stop": [STOP]}).cross({"nudge": [NUDGE]})


def test_worlds_of_several_horizons_need_one(tmp_path):
    design = sweep.views_design({"near": doors(10.0), "far": doors(30.0)})
    with pytest.raises(ScenarioError, match="the views look 10 and 30 days ahead; expected one horizon for all"):
        sweep.run(design, tmp_path / "none", runs=20)
    sweep.run(design, tmp_path / "one", engine="exact", by=10.0)
    out = sweep.read(tmp_path / "one").query("name == 'out'")
    assert set(out["day"]) == {10.0}
    assert len(set(out["probability"])) == 1


def test_the_engine_is_exact_where_all_states_fit(tmp_path, monkeypatch):
    design = sweep.sobol_design(doors(), 4)
    sweep.run(design, tmp_path / "auto", engine="auto", runs=20)
    sweep.run(design, tmp_path / "exact", engine="exact", runs=20)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "auto"), sweep.read(tmp_path / "exact"), check_exact=True)

    def refuse(*_, **__):
        raise TooManyStates(10, 5, complete=True)

    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    large = sweep.sobol_design(doors(20.0), 4)
    assert sweep.run(large, tmp_path / "large", engine="auto", runs=20).failed == ()
    manifest = json.loads((tmp_path / "large" / "manifest.json").read_text())
    assert (manifest["engine"], manifest["runs"]) == ("montecarlo", 20)


def test_a_target_may_be_a_date(tmp_path):
    sweep.run(sweep.sobol_design(doors(), 2), tmp_path, runs=20, by=worlds.date(9))
    assert set(sweep.read(tmp_path)["day"]) == {10.0}
    with pytest.raises(ScenarioError, match="by: 99 lies outside the forecast"):
        sweep.run(sweep.sobol_design(doors(), 2), tmp_path / "late", by=99)


PLAN = "format: 1\nid: {id}\ntitle: A plan\ninterventions:\n  - forbid: push\n    from: 2031-04-04\n"


def test_plans_are_read_from_view_files(tmp_path):
    (tmp_path / "later.yaml").write_text(PLAN.format(id="later"))
    assert sweep.load_plans(doors(), [tmp_path / "later.yaml"]) == {"later": (Forbid("push", worlds.date(3)),)}


def test_what_is_wrong_with_a_plan_file_is_told_with_its_line(tmp_path):
    files = {
        "believes": PLAN.format(id="believes") + "assumptions:\n  push: {value: 0.1 per day, because: seen}\n",
        "looks": PLAN.format(id="looks").replace("interventions:", "horizon: 20 days\ninterventions:"),
        "rests": "format: 1\nid: rests\ntitle: A plan\n",
        "errs": PLAN.format(id="errs").replace("push", "pusch"),
        "copy": PLAN.format(id="looks"),
    }
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(ScenarioError) as refused:
        sweep.load_plans(doors(), [*(tmp_path / f"{name}.yaml" for name in files), "none.yaml"])
    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in refused.value.problems]
    assert told == [
        "believes.yaml:7: assumptions: a plan cannot change assumptions; expected interventions, such as `assume`",
        "looks.yaml:4: horizon: a plan cannot have a horizon of its own; expected one horizon for the whole sweep",
        "rests.yaml:1: interventions: the plan has no interventions; expected at least one intervention",
        "errs.yaml:5: interventions.1.forbid: unknown move 'pusch'; did you mean 'push'?",
        "copy.yaml: a second plan called 'looks'; expected another id",
        "none.yaml: there is no such file; expected a view file, or the id of a view",
    ]


def test_the_same_bits_whatever_the_workers(tmp_path):
    design = sweep.sobol_design(doors(), 40)
    for name, count, block in (("one", 1, 7), ("two", 2, 3)):
        sweep.run(design, tmp_path / name, runs=100, workers=count, block=block)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "one"), sweep.read(tmp_path / "two"), check_exact=True)


def test_an_aborted_sweep_goes_on_and_is_a_fair_sample(tmp_path):
    design = sweep.sobol_design(doors(), 64)
    told = []
    with pytest.raises(Cancelled, match="run the sweep again to continue"):
        sweep.run(
            design, tmp_path / "a", runs=50, workers=1, block=4, control=Control(told.append, lambda: len(told) >= 8)
        )
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
from simlib.scenario.views.variation import with_interventions, with_values
from simlib.sweep import workers
from tests.test_sweep import doors
slow = workers.work
def work(*arguments):
    time.sleep(0.05)
    return slow(*arguments)
workers.work = work
sweep.run(sweep.sobol_design(doors(), 120), sys.argv[1], runs=50, workers=2, block=2)
"""


@pytest.mark.slow
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
    whole, calls = workers.work, []

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


def test_what_is_under_way_when_it_is_stopped_is_finished_and_kept(tmp_path, monkeypatch):
    whole, begun, stop = workers.work, threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        stop.wait(10)
        return whole(*arguments)

    def stopped():
        if begun.is_set():
            stop.set()
        return stop.is_set()

    monkeypatch.setattr(workers, "work", slow)
    design = sweep.sobol_design(doors(), 12)
    with pytest.raises(Cancelled):
        sweep.run(design, tmp_path, runs=20, workers=1, block=4, control=Control(cancel=stopped))
    assert sweep.read(tmp_path)["point"].nunique() == 4


def test_an_error_of_the_reader_ends_what_is_under_way_between_points(tmp_path, monkeypatch):
    whole, seen = workers.work, []

    def endless(numbers, part, options, halted):
        while True:
            seen.append(whole(numbers, part, options, halted))

    monkeypatch.setattr(workers, "work", endless)

    def interrupted():
        if len(seen) > 3:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20, workers=1, control=Control(cancel=interrupted))


def test_a_refusal_is_reported_without_another_try(tmp_path, monkeypatch):
    def refusing(*_):
        raise TooManyStates(10, 5, complete=True)

    monkeypatch.setattr(workers, "work", refusing)
    report = sweep.run(sweep.sobol_design(doors(), 2), tmp_path, engine="exact")
    assert report.retried == ()
    assert len(report.failed) == 1
    assert "would need 10 reachable states" in report.failed[0]


def test_another_sweep_in_the_same_folder_is_refused(tmp_path):
    sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20)
    with pytest.raises(SimlibError, match="holds another sweep: 20 replicates of a point instead of 21; choose"):
        sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=21)
    with pytest.raises(SimlibError, match="other values, seeds or scenarios of the points, 4 points instead of 5"):
        sweep.run(sweep.sobol_design(doors(), 5), tmp_path, runs=20)
    with pytest.raises(SimlibError, match="holds no sweep"):
        sweep.read(tmp_path / "nowhere")


def test_a_sweep_of_another_version_is_refused(tmp_path, monkeypatch):
    sweep.run(sweep.sobol_design(doors(), 4), tmp_path, runs=20)
    monkeypatch.setattr("simlib.sweep.folder.VERSION", "9.9")
    with pytest.raises(SimlibError, match=r"holds another sweep: version \S+ of simlib instead of 9\.9"):
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


@pytest.mark.slow
def test_a_task_that_raises_once_on_a_cluster_is_tried_again_and_told(tmp_path, cluster, monkeypatch):
    mark = tmp_path / "raised"

    def failing_once(rows, *rest):
        from simlib.sweep.points import work  # in the worker, which is another process, the whole one

        if 3 in rows and not mark.exists():
            mark.touch()
            raise RuntimeError("a broken disk")
        return work(rows, *rest)

    def failing(rows, *rest):
        from simlib.sweep.points import work

        if 3 in rows:
            raise RuntimeError("a broken disk")
        return work(rows, *rest)

    design = sweep.sobol_design(doors(), 8)
    monkeypatch.setattr(workers, "work", failing_once)
    report = sweep.run(design, tmp_path / "once", runs=20, block=2, workers=cluster.scheduler_address)
    assert (report.done_now, report.failed, len(report.retried)) == (8, (), 1)
    assert re.fullmatch(r"block \d: RuntimeError: a broken disk", report.retried[0])
    monkeypatch.setattr(workers, "work", failing)
    report = sweep.run(design, tmp_path / "always", runs=20, block=2, workers=cluster.scheduler_address)
    assert (report.done_now, len(report.failed), len(report.retried)) == (6, 1, 2)


def test_a_scheduler_that_does_not_answer_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason='a cluster needs Dask: pip install -e ".[scale]"')
    monkeypatch.setattr(workers, "SCHEDULER_WAIT", 0.3)
    design = sweep.sobol_design(doors(), 2)
    with pytest.raises(SimlibError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        sweep.run(design, tmp_path, workers="tcp://127.0.0.1:1")
    with pytest.raises(SimlibError, match=r"no Dask scheduler answers at nowhere .*; expected tcp://HOST:PORT"):
        sweep.run(design, tmp_path, workers="nowhere")


def test_a_scheduler_without_workers_is_told(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason='a cluster needs Dask: pip install -e ".[scale]"')
    monkeypatch.setattr(workers, "SCHEDULER_WAIT", 2.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as made,
        pytest.raises(SimlibError, match=r"at \S+ has no workers; start: dask worker tcp://"),
    ):
        sweep.run(sweep.sobol_design(doors(), 2), tmp_path, workers=made.scheduler_address)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a killed worker leaves its sockets to the operating system
def test_a_cluster_gives_the_same_bits_even_when_a_worker_dies(tmp_path, cluster):
    design = sweep.sobol_design(doors(), 40).cross({"stop": [STOP]})
    killed = []

    def kill_one(share):
        if share > 0.2 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    report = sweep.run(
        design, tmp_path / "cluster", runs=200, block=2, workers=cluster.scheduler_address, control=Control(kill_one)
    )
    assert killed
    assert report.done_now == 80
    assert [line for line in report.retried if re.search(r"tasks of the worker tcp://\S+ when it left", line)]
    sweep.run(design, tmp_path / "here", runs=200, block=2)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "cluster"), sweep.read(tmp_path / "here"), check_exact=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a killed worker leaves its sockets to the operating system
def test_results_that_died_with_their_workers_before_they_were_fetched_are_worked_out_again(tmp_path, cluster):
    distributed = pytest.importorskip("distributed", reason='a cluster needs Dask: pip install -e ".[scale]"')
    lost = []

    def until(happened):
        for _ in range(3000):
            if happened():
                return
            time.sleep(0.01)
        pytest.fail("it did not happen within half a minute")

    def kill_all(_share):
        if lost:
            return
        blocks = distributed.default_client().futures.values()  # those under way: reported as they are finished
        until(lambda: all(state.status == "finished" for state in blocks))
        for worker in cluster.workers.values():
            os.kill(worker.pid, signal.SIGKILL)
        until(lambda: any(state.status == "lost" for state in blocks))
        lost.append(True)

    design = sweep.sobol_design(doors(), 16)
    report = sweep.run(
        design, tmp_path / "cluster", runs=20, block=2, workers=cluster.scheduler_address, control=Control(kill_all)
    )
    assert lost
    assert (report.done_now, report.failed) == (16, ())
    sweep.run(design, tmp_path / "here", runs=20, block=2)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "cluster"), sweep.read(tmp_path / "here"), check_exact=True)


@pytest.fixture
def small_cluster(tmp_path):
    """A scheduler and a worker in processes of their own; yields (address, process of the scheduler)."""
    pytest.importorskip("distributed", reason='a cluster needs Dask: pip install -e ".[scale]"')
    said = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    start = [sys.executable, "-m", "dask"]
    scheduler = subprocess.Popen(
        [*start, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", said], **quiet
    )
    worker = subprocess.Popen([*start, "worker", "--scheduler-file", said, "--nthreads", "1", "--no-nanny"], **quiet)
    try:
        for _ in range(300):
            if said.exists() and said.read_text().endswith("}"):
                break
            time.sleep(0.1)
        yield json.loads(said.read_text())["address"], scheduler
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_a_scheduler_that_is_killed_is_told_and_what_is_done_is_kept(tmp_path, small_cluster):
    address, scheduler = small_cluster
    design = sweep.sobol_design(doors(), 40)

    def kill_it(share):
        if share > 0.2:
            scheduler.kill()

    with pytest.raises(
        SimlibError, match="the Dask scheduler is lost; finished blocks are kept, run the sweep again to continue"
    ):
        sweep.run(design, tmp_path / "swept", runs=20, block=2, workers=address, control=Control(kill_it))
    report = sweep.run(design, tmp_path / "swept", runs=20, block=2)
    assert 10 <= report.done_before < 40
    assert report.done_now + report.done_before == 40
    sweep.run(design, tmp_path / "here", runs=20, block=2)
    pd.testing.assert_frame_equal(sweep.read(tmp_path / "swept"), sweep.read(tmp_path / "here"), check_exact=True)
