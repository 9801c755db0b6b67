"""What every question on the command line does with its answer: sentences, tables, JSON, files and pictures."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from simlib.answer import plain_json
from simlib.cli.options import limits as numbers
from simlib.cli.options import world
from simlib.cli.output.files import Picture, draw_all, staged, write_table, written
from simlib.cli.output.progress import Task
from simlib.files import write_atomically
from simlib.formatting import long_date
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd


class Result(Protocol):
    """What every question answers with."""

    def frame(self) -> pd.DataFrame:
        """Return a tidy table."""

    def sentences(self) -> list[str]:
        """Return the answer in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""


class Table:
    """A table that comes with an answer and has no sentences of its own."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def frame(self) -> pd.DataFrame:
        """Return the table."""
        return self._frame

    def sentences(self) -> list[str]:
        """Return none."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {"rows": self._frame.to_dict("records")}


class Untold:
    """An answer that goes into the files and the JSON, and is not told on the terminal."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def frame(self) -> pd.DataFrame:
        """Return its table."""
        return self._result.frame()

    def sentences(self) -> list[str]:
        """Return none."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return its plain JSON data."""
        return self._result.to_dict()


def asked_world(arguments: Namespace) -> Scenario:
    """Return the scenario that the options ask about; raises ScenarioError with every reason at once."""
    scenario = world.changed(arguments, world.stated(arguments))
    numbers.check(arguments, scenario)
    return scenario


def heading(arguments: Namespace, scenario: Scenario, made: str) -> str:
    """Return the line above an answer: of which world it is, as of when, and how it was `made`."""
    through = f", through the view {scenario.view}" if scenario.view else ""
    asked = any(getattr(arguments, name, None) for name in ("values", "interventions", "horizon"))
    changes = ", with the changes asked for" if asked else ""
    date = long_date(scenario.as_of)
    as_of = "" if date in scenario.title else f", as of {date}"
    return f"{scenario.title} ({scenario.id}){as_of}{through}{changes}: {made}."


def made_by(engine: str, *, draws: int = 0, played: str = "", seed: int = 0, each: bool = False) -> str:
    """Say which engine answered, at the stated values or over the priors.

    `played` is what the Monte Carlo engine did, for each draw or (the default) for all of them together.
    """
    name = "exact" if engine == "exact" else "Monte Carlo"
    where = "over the priors" if draws else "at the stated values"
    numbers = [f"{draws:,} draws" if draws else "", "" if engine == "exact" else played]
    inside = (" of " if each else ", ").join(filter(None, numbers))
    return f"{name}, {where}" + (f" ({inside}, seed {seed})" if inside else "")


def tell(
    arguments: Namespace,
    results: Mapping[str, Result],
    pictures: Callable[[], Iterable[Picture]] = tuple,
    tables: Iterable[str] = (),
    *,
    head: str = "",
) -> int:
    """Print the answer under `head`, then write what was asked for: every file, or where that is stopped none."""
    data = _finite(plain_json({name: result.to_dict() for name, result in results.items()}))
    text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False, default=str) + "\n"
    if arguments.json == "-":
        sys.stdout.write(text)
    else:
        told = [head] * bool(head) + [line for result in results.values() for line in result.sentences()]
        sys.stdout.write("".join(f"{line}\n" for line in told) + "".join(f"\n{text}\n" for text in tables))
    if arguments.json not in (None, "-"):
        write_atomically(Path(arguments.json), text.encode())
        sys.stderr.write(f"written: {arguments.json}\n")
    if arguments.out is not None:
        sys.stdout.flush()
        with Task("drawing") as task, staged(arguments.out) as stage:
            for name, result in results.items():
                write_table(result.frame(), stage / f"{name}.csv")
            write_atomically(stage / f"{arguments.command}.json", text.encode())
            draw_all(pictures(), stage, task)
            names = {file.name for file in stage.iterdir()}
        sys.stderr.write(written(arguments.out, names))
    return 0


def _finite(value: Any) -> Any:
    """Return JSON data with numbers that cannot be had (not a number, infinite) as null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value
