"""Answers on the command line: sentences, tables, JSON, files and pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from simlib.answer import Answer, json_text, plain_json
from simlib.cli.options.request import Request
from simlib.cli.output.files import Picture, draw_all, staged, write_table, written
from simlib.cli.output.progress import Task
from simlib.files import write_payload
from simlib.formatting import long_date
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd


class Result(Protocol):
    """The methods of every answer, and of the results of `rates`, which are about no scenario."""

    def frame(self) -> pd.DataFrame:
        """Return a tidy table."""

    def sentences(self) -> list[str]:
        """Return the answer in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""


def heading(request: Request, scenario: Scenario, method: str) -> str:
    """Return a line with the scenario, its first day, and the method that computed the answer."""
    through = f", through the view {scenario.view}" if scenario.view else ""
    changes = ", with the requested changes" if request.settings or request.interventions or request.horizon else ""
    date = long_date(scenario.as_of)
    as_of = "" if date in scenario.title else f", as of {date}"
    return f"{scenario.title} ({scenario.id}){as_of}{through}{changes}: {method}."


def tell(
    request: Request,
    results: Mapping[str, Result],
    pictures: Callable[[], Iterable[Picture]] = tuple,
    tables: Iterable[str] = (),
    *,
    lines: Sequence[str] | None = None,
    caption: str = "",
    frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> int:
    """Print the answers, then write the requested files. Return the exit code 0.

    Args:
        request: The options, which name the files to write.
        results: {name: answer}. The names are used as names of files and as keys of the JSON data.
        pictures: A function that returns the pictures. The function is called only if `--out` names a folder.
        tables: Texts to print below the sentences.
        lines: The sentences to print above the tables. None means the sentences of the answers.
        caption: A line about the scenario and the method, printed between `lines` and the tables.
        frames: Further tables to write into the folder of `--out`, by name.
    """
    if request.json != "-":
        sentences = [line for result in results.values() for line in result.sentences()] if lines is None else lines
        above = [*sentences, *([caption] if caption else [])]
        sys.stdout.write("".join(f"{line}\n" for line in above) + "".join(f"\n{table}\n" for table in tables))
    write_files(request, results, pictures, frames)
    return 0


def write_files(
    request: Request,
    results: Mapping[str, Result],
    pictures: Callable[[], Iterable[Picture]] = tuple,
    frames: Mapping[str, pd.DataFrame] = MappingProxyType({}),
) -> None:
    """Write the files that `--json` and `--out` ask for. The arguments are those of `tell`.

    If the command is stopped while it writes into a folder, none of the new files is kept.
    """
    if request.json is None and request.out is None:
        return
    data = by_name(results)
    if request.json is not None:
        write_json(data, request.json)
    if request.out is None:
        return
    sys.stdout.flush()
    with Task("drawing") as task, staged(request.out) as stage:
        for name, frame in ({name: result.frame() for name, result in results.items()} | dict(frames)).items():
            write_table(frame, stage / f"{name}.csv")
        write_payload(stage / f"{request.command}.json", json_text(data).encode())
        draw_all(pictures(), stage, task)
        names = {file.name for file in stage.iterdir()}
    sys.stderr.write(written(request.out, names))


def by_name(results: Mapping[str, Result]) -> dict[str, Any]:
    """Return JSON data {name: result}. `load_answer` rebuilds each answer from the data."""
    return {
        name: result.stored() if isinstance(result, Answer) else plain_json(result.to_dict())
        for name, result in results.items()
    }


def write_json(data: Mapping[str, Any], target: str) -> None:
    """Write JSON data to a file, or to standard output if `target` is "-"."""
    if target == "-":
        sys.stdout.write(json_text(data, escape="utf" not in (sys.stdout.encoding or "").lower()))
        return
    write_payload(Path(target), json_text(data).encode())
    sys.stderr.write(f"written: {target}\n")
