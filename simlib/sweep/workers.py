"""Who works: threads of this process, or a Dask cluster. Both hand back blocks as they are finished."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simlib.sweep.design import Design
from simlib.sweep.needs import need
from simlib.sweep.points import Options, work

Task = tuple[int, NDArray[np.int64], Design, Options]


class Threads:
    """Workers of this process: the Monte Carlo kernel and the exact kernels release the interpreter's lock."""

    def __init__(self, workers: int, retries: int) -> None:
        self.workers, self.retries = workers, retries
        self.retried: list[str] = []
        self._pool = ThreadPoolExecutor(workers)

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[int, Any]]:
        """Yield (block number, rows or the exception) as blocks finish, a few ahead of the workers."""
        waiting: dict[Future[Any], int] = {}
        for task in tasks:
            waiting[self._pool.submit(self._try, *task)] = task[0]
            if len(waiting) >= 2 * self.workers:
                yield from self._finished(waiting)
        while waiting:
            yield from self._finished(waiting)

    @staticmethod
    def _finished(waiting: dict[Future[Any], int]) -> Iterator[tuple[int, Any]]:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()

    def _try(self, number: int, rows: NDArray[np.int64], part: Design, options: Options) -> Any:
        for attempt in range(self.retries + 1):
            try:
                return work(rows, part, options)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again and then reported
                last = error
                if attempt < self.retries:
                    self.retried.append(f"block {number}: {type(error).__name__}: {error}")
        return last

    def close(self) -> None:
        """Let what runs finish and drop the rest."""
        self._pool.shutdown(cancel_futures=True)


class Cluster:
    """Workers of a Dask cluster; results come back here, so they need no folder in common."""

    def __init__(self, scheduler: str, retries: int) -> None:
        need("distributed", "a Dask cluster")
        import distributed

        self.retries = retries
        self.retried: list[str] = []
        client: Any = distributed.Client
        self._client = client(scheduler)
        threads = self._client.nthreads()
        self.workers, self._known = max(sum(threads.values()), 1), set(threads)

    def results(self, tasks: Iterator[Task]) -> Iterator[tuple[int, Any]]:
        """Yield (block number, rows or the exception); a block whose worker died is run again by the scheduler."""
        import distributed

        ahead = max(4 * self.workers, 8)
        waiting: dict[Any, Task] = {}
        tries: Counter[int] = Counter()
        make: Any = distributed.as_completed
        queue = make()
        for task in itertools.islice(tasks, ahead):
            self._submit(task, waiting, queue)
        for future in queue:
            task = waiting.pop(future.key)
            number, error = task[0], future.exception()
            if error is not None and tries[number] < self.retries:
                tries[number] += 1
                self.retried.append(f"block {number}: {type(error).__name__}: {error}")
                self._submit(task, waiting, queue)
                continue
            yield number, error if error is not None else future.result()
            for new in itertools.islice(tasks, 1):
                self._submit(new, waiting, queue)
        left = sorted(self._known - set(self._client.nthreads()))
        self.retried += [f"whatever the worker {address} was at when it left" for address in left]

    def _submit(self, task: Task, waiting: dict[Any, Task], queue: Any) -> None:
        # Retries of Dask's own would be silent; only blocks of workers that died are left to it.
        future = self._client.submit(work, *task[1:], pure=False)
        waiting[future.key] = task
        queue.add(future)

    def close(self) -> None:
        """Leave the cluster; tasks not yet begun are dropped with their client."""
        self._client.close()
