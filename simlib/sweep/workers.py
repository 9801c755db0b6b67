"""The workers that compute a sweep's blocks: threads of this process, or a Dask cluster."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any

from simlib.control import Cancel
from simlib.errors import SimlibError
from simlib.sweep.design import SweepDesign
from simlib.sweep.points import Options, need, work
from simlib.typing import Ints

__all__ = ["Cluster", "Threads"]

SweepTask = tuple[int, Ints, SweepDesign, Options]

LOOK_UP = 0.2
"""Seconds between two checks of whether the sweep was cancelled."""

RETRIES = 2
"""How many times a task that raises an error is tried again."""

SCHEDULER_WAIT = 30.0
"""Seconds to wait for a Dask scheduler to answer, and then for its first worker."""


class Threads:
    """Threads of this process as the workers of a sweep.

    The threads run in parallel, because the compiled code of the engines releases Python's global lock.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.retried: list[str] = []
        self._pool, self._halt = ThreadPoolExecutor(workers), threading.Event()

    def results(self, tasks: Iterator[SweepTask], stopped: Cancel) -> Iterator[tuple[int, Any]]:
        """Yield (block number, result of `work` or exception) for each block when it is finished.

        A block is a group of forecasts. Once `stopped` returns True, only blocks already begun are finished.
        """
        waiting: dict[Future[Any], int] = {}
        while not stopped():
            for task in itertools.islice(tasks, 2 * self.workers - len(waiting)):
                waiting[self._pool.submit(self._try, *task)] = task[0]
            if not waiting:
                return
            yield from self._finished(waiting, LOOK_UP)
        under_way = {future: number for future, number in waiting.items() if not future.cancel()}
        while under_way:
            yield from self._finished(under_way)

    @staticmethod
    def _finished(waiting: dict[Future[Any], int], patience: float | None = None) -> Iterator[tuple[int, Any]]:
        for future in wait(waiting, patience, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()

    def _try(self, number: int, rows: Ints, part: SweepDesign, options: Options) -> Any:
        for attempt in range(RETRIES + 1):
            try:
                return work(rows, part, options, self._halt.is_set)
            except SimlibError as error:  # an error of simlib itself: another try would raise it again
                return error
            except Exception as error:  # noqa: BLE001 - any other error is tried again, then reported
                last = error
                if attempt < RETRIES:
                    self.retried.append(f"block {number}: {type(error).__name__}: {error}")
        return last

    def close(self) -> None:
        """Stop the threads and drop unfinished work."""
        self._halt.set()
        self._pool.shutdown(cancel_futures=True)


class Cluster:
    """Workers of a Dask cluster that compute a sweep.

    The workers send their results to this process, so no shared folder is needed.
    """

    def __init__(self, scheduler: str) -> None:
        need("distributed", "a Dask cluster")
        self.retried: list[str] = []
        self._client = _client(scheduler)
        threads = self._client.nthreads()
        self.workers, self._known = max(sum(threads.values()), 1), set(threads)

    def results(self, tasks: Iterator[SweepTask], stopped: Cancel) -> Iterator[tuple[int, Any]]:
        """Yield (block number, result of `work` or exception) for each block when it is finished.

        A block is a group of forecasts. The scheduler repeats a block whose worker died. Once `stopped` returns True,
        finished blocks are still yielded, and the other blocks are dropped.
        """
        waiting: dict[str, SweepTask] = {}
        tries: Counter[int] = Counter()
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for task in itertools.islice(tasks, max(4 * self.workers, 8)):
            self._submit(task, waiting, finished)
        while waiting:
            try:
                future = finished.get(timeout=LOOK_UP)
            except queue.Empty:
                if stopped():
                    break
                continue
            task = waiting.pop(future.key)
            if future.status == "lost":  # finished, but its worker died before the rows came back
                self._submit(task, waiting, finished)
                continue
            number, result = task[0], _outcome(future)
            if isinstance(result, Exception) and not isinstance(result, SimlibError) and tries[number] < RETRIES:
                tries[number] += 1
                self.retried.append(f"block {number}: {type(result).__name__}: {result}")
                self._submit(task, waiting, finished)
                continue
            yield number, result
            if not stopped():
                for new in itertools.islice(tasks, 1):
                    self._submit(new, waiting, finished)
            elif finished.empty():
                break
        self._tell_who_left()

    def _submit(self, task: SweepTask, waiting: dict[str, SweepTask], finished: queue.SimpleQueue[Any]) -> None:
        # Dask is not asked to retry a block that raises an error, because it would do so without a report.
        future = self._client.submit(work, *task[1:], pure=False)
        waiting[future.key] = task
        future.add_done_callback(finished.put)

    def _tell_who_left(self) -> None:
        left = sorted(self._known - set(self._client.nthreads()))
        self.retried += [f"the tasks of the worker {address} when it left" for address in left]

    def close(self) -> None:
        """Disconnect from the cluster. Work that has not begun is dropped."""
        self._client.close()


def _outcome(future: Any) -> Any:
    """Return the result of a finished task, or the exception that it raised."""
    try:
        return future.result()
    except CancelledError:  # raised by the client when it loses its scheduler
        gone = "the Dask scheduler is lost; finished blocks are kept, run the sweep again to continue"
        raise SimlibError(gone) from None
    except Exception as error:  # noqa: BLE001 - the caller decides what to do about the error
        return error


def _client(scheduler: str) -> Any:
    import distributed

    make: Any = distributed.Client
    try:
        client = make(scheduler, timeout=SCHEDULER_WAIT)
    except (OSError, ValueError) as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SimlibError(f"no Dask scheduler answers at {scheduler} ({why}); expected tcp://HOST:PORT") from None
    try:
        client.wait_for_workers(1, timeout=SCHEDULER_WAIT)
    except TimeoutError:
        client.close()
        raise SimlibError(f"the Dask scheduler at {scheduler} has no workers; start: dask worker {scheduler}") from None
    return client
