"""Results about scenarios at their stated values, stored in files between sessions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simlib.files import stored_json, write_atomically
from simlib.scenario.model import Scenario
from simlib.typing import Returned


@dataclass(frozen=True)
class ResultStore:
    """JSON files with one kind of result. Each scenario has a file of its own.

    - `name`: the beginning of the name of each file.
    - `version`: the version of the file format. A file of another version is ignored.
    """

    name: str
    version: int

    def file_name(self, scenario: Scenario) -> str:
        """Return the name of the file about exactly this scenario."""
        return f"{self.name}-{scenario.id}-{scenario.sha256[:12]}.json"

    def save(self, scenario: Scenario, folder: Path, data: Mapping[str, Any]) -> None:
        """Write a result to a folder. If writing fails, an earlier file stays as it was."""
        text = json.dumps({"format": self.version, **data}) + "\n"
        write_atomically(folder / self.file_name(scenario), text)

    def find(self, scenario: Scenario, folders: Iterable[Path], read: Callable[[Any], Returned]) -> Returned | None:
        """Return the result about exactly this scenario in the first folder that has one, or None."""
        return stored_json((folder / self.file_name(scenario) for folder in folders), self.version, read)
