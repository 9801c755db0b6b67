"""Answers on the command line: sentences, tables, JSON, files and pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from simlib.answer import plain_json
from simlib.cli.options.request import Request
from simlib.cli.output.files import Picture, draw_all, staged, write_table, written
from simlib.cli.output.progress import Task
from simlib.files import write_atomically
from simlib.formatting import long_date
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd


class Result(Protocol):
    """The methods of every answer, and of every table that comes with an answer."""

    def frame(self) -> pd.DataFrame:
        """Return a tidy table."""

    def sentences(self) -> list[str]:
        """Return the answer in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""


@dataclass(frozen=True)
class Table:
    """A table that comes with an answer and has no sentences of its own."""

    rows: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.rows

    def sentences(self) -> list[str]:
        """Return no sentences."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {"rows": self.rows.to_dict("records")}


def heading(request: Request, scenario: Scenario, method: str) -> str:
    """Return a line with the scenario, its first day, and the method that computed the answer."""
    through = f", through the view {scenario.view}" if scenario.view else ""
    changes = ", with the requested changes" if request.settings or request.interventions or request.horizon else ""
    date = long_date(scenario.as_of)
    as_of = "" if date in scenario.title else f", as of {date}"
    return f"{scenario.title} ({scenario.id}){as_of}{through}{changes}: {method}."


def json_text(results: Mapping[str, Result]) -> str:
    """Return answers as one JSON text by name, with null for numbers that are not finite."""
    data = plain_json({name: result.to_dict() for name, result in results.items()})
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False, default=str) + "\n"


def tell(
    request: Request,
    results: Mapping[str, Result],
    pictures: Callable[[], Iterable[Picture]] = tuple,
    tables: Iterable[str] = (),
    *,
    lines: Sequence[str] | None = None,
    caption: str = "",
) -> int:
    """Print the answers, then write the requested files. Return the exit code 0.

    If the command is stopped while it writes into a folder, none of the new files is kept.

    Args:
        request: The options, which name the files to write.
        results: {name: answer}. The names are used as names of files and as keys of the JSON data.
        pictures: A function that returns the pictures. The function is called only if `--out` names a folder.
        tables: Texts to print below the sentences.
        lines: The sentences to print above the tables. None means the sentences of the answers.
        caption: A line about the scenario and the method, printed between `lines` and the tables.
    """
    text = json_text(results)
    if request.json == "-":
        sys.stdout.write(text)
    else:
        sentences = [line for result in results.values() for line in result.sentences()] if lines is None else lines
        above = [*sentences, *([caption] if caption else [])]
        sys.stdout.write("".join(f"{line}\n" for line in above) + "".join(f"\n{table}\n" for table in tables))
    if request.json not in (None, "-"):
        write_atomically(request.json, text)
        sys.stderr.write(f"written: {request.json}\n")
    if request.out is not None:
        sys.stdout.flush()
        with Task("drawing") as task, staged(request.out) as stage:
            for name, result in results.items():
                write_table(result.frame(), stage / f"{name}.csv")
            write_atomically(stage / f"{request.command}.json", text)
            draw_all(pictures(), stage, task)
            names = {file.name for file in stage.iterdir()}
        sys.stderr.write(written(request.out, names))
    return 0
