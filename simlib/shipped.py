"""Where the worlds and notebooks that come with simlib are.

In a clone they lie beside the package, at the top; in an installed wheel they lie inside it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_shipped"  # the build puts it into the wheel, and only there


def in_clone() -> bool:
    """Whether this simlib runs from a clone (or a link to one) rather than from an installed copy."""
    return not _INSTALLED.is_dir()


def _home() -> Path:
    return _PACKAGE.parent if in_clone() else _INSTALLED


def scenarios_folder() -> Path:
    """The folder that holds one folder per shipped world."""
    return _home() / "scenarios"


def notebooks_folder() -> Path:
    """The folder of the shipped notebooks; read-only where simlib was installed by an administrator."""
    return _home() / "notebooks"


def shipped_scenarios() -> dict[str, Path]:
    """The shipped worlds: name to folder, in alphabetical order."""
    return {file.parent.name: file.parent for file in sorted(scenarios_folder().glob("*/scenario.yaml"))}
