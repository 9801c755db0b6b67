"""The folders of the scenarios and notebooks that come with simlib.

In a clone of the repository, these folders lie beside the package. In an installed wheel, they lie inside the package.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "_shipped"  # the build creates this folder in the wheel, and nowhere else


def in_clone() -> bool:
    """Return whether simlib runs from a clone of the repository rather than an installed copy."""
    return not _INSTALLED.is_dir()


def _home() -> Path:
    return _PACKAGE.parent if in_clone() else _INSTALLED


def scenarios_folder() -> Path:
    """Return the folder that holds one folder for each scenario that comes with simlib."""
    return _home() / "scenarios"


def notebooks_folder() -> Path:
    """Return the folder of the notebooks that come with simlib.

    The folder may be read-only if an administrator installed simlib.
    """
    return _home() / "notebooks"


def shipped_scenarios() -> dict[str, Path]:
    """Return {name: folder} of the scenarios that come with simlib, in alphabetical order."""
    return {file.parent.name: file.parent for file in sorted(scenarios_folder().glob("*/scenario.yaml"))}
