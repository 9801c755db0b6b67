"""The limits in a report: those of every scenario, and those from the scenario's author."""

from __future__ import annotations

import re
from pathlib import Path

from simlib.scenario.model import Scenario

__all__ = ["LIMITS", "own_limits"]

LIMITS = (
    "Actors act at given rates. They do not optimise, bluff or anticipate unless a move says so.",
    "Events that the model does not name have probability zero in the model, but not in the world.",
    "Chance remains even if every assumption is right: under the same assumptions, history may run differently.",
)
"""The limits that every scenario has."""

_TITLES = ("limits", "what is left out")


def own_limits(scenario: Scenario) -> str:
    """Return the limits that a scenario's README names, as plain text, or "" if there are none.

    The limits are the section whose title begins with "Limits", or else with "What is left out". The title is a
    heading, or the bold words at the beginning of a paragraph.
    """
    path = Path(scenario.path) / "README.md" if scenario.path else None
    if path is None or not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    for title in _TITLES:
        section = re.search(rf"(?ims)^#+ {title}[^\n]*\n(.*?)(?=^#+ |\Z)", text)
        section = section or re.search(rf"(?ims)^\*\*{title}\.?\*\*(.*?)(?=\n\n|\Z)", text)
        if section and (plain := _plain(section[1])):
            return plain
    return ""


def _plain(text: str) -> str:
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r'"([^"]*)"', r"“\1”", text)
    lines = (re.sub(r"^\s*[-*] ", "", line) for line in re.sub(r"[*`]", "", text).splitlines())
    return " ".join(" ".join(lines).split())
