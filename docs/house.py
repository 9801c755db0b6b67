"""Draw the packages of simlib as rooms of a house, with arrows for their imports.

    python docs/house.py            writes docs/house.svg

A room is a package, or a few single files at the top of simlib. A row of rooms is a floor, and data flows downwards. An
arrow from one room to another means that the second imports the first. An arrow is left out if it follows from others.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_name("house.svg")
FACE = {"__init__", "__main__"}
GROUPS = {
    "basics": ("errors", "arguments", "typing", "files", "formatting", "control", "package", "quantities"),
    "results": ("answer", "results"),
    "saved": ("saved_answers",),
    "lab": ("_jupyter",),
}
"""Single files at the top of simlib. Each group of files is drawn as one room."""

SAYS = {
    "basics": "Errors, units, files, types, words for numbers.",
    "results": "What every question gives back; the forecast.",
    "saved": "Answers read back from files.",
    "lab": "JupyterLab, opened with our settings.",
}


def room_of(module: str) -> str:
    """Return the room of a dotted module name."""
    name = module.split(".")[1]
    return next((group for group, names in GROUPS.items() if name in names), name)


def imports_of(file: Path) -> set[str]:
    """Return the modules of simlib that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "simlib":
            found |= {f"simlib.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("simlib.") and is_module(name)}


def is_module(name: str) -> bool:
    """Say whether a dotted name is in a file or folder of simlib, and not only exported by it."""
    top = HOME / "simlib" / name.split(".")[1]
    return top.is_dir() or top.with_suffix(".py").is_file()


def arrows() -> dict[str, list[str]]:
    """Return for each room the other rooms that it imports from, in alphabetical order."""
    uses: dict[str, set[str]] = defaultdict(set)
    for file in (HOME / "simlib").rglob("*.py"):
        parts = file.relative_to(HOME).with_suffix("").parts
        if len(parts) == 2 and parts[1] in FACE:
            continue
        room = room_of(".".join(parts))
        uses[room] |= {room_of(module) for module in imports_of(file)} - {room}
    return {room: sorted(uses[room]) for room in sorted(uses)}


def floors(uses: dict[str, list[str]]) -> dict[str, int]:
    """Return the floor of each room: one below the lowest room that it imports."""
    floor: dict[str, int] = {}

    def of(room: str, above: tuple[str, ...] = ()) -> int:
        if room in above:
            raise ValueError(f"a circle: {' -> '.join((*above, room))}")
        if room not in floor:
            floor[room] = max((of(other, (*above, room)) + 1 for other in uses[room]), default=0)
        return floor[room]

    for room in uses:
        of(room)
    return floor


def reduced(uses: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return the arrows that do not follow from other arrows."""

    def reaches(room: str, goal: str) -> bool:
        return any(other == goal or reaches(other, goal) for other in uses[room])

    return [
        (room, other)
        for room, others in uses.items()
        for other in others
        if not any(reaches(between, other) for between in others if between != other)
    ]


def first_line(room: str) -> str:
    """Return the first line of the docstring of a room."""
    if room in SAYS:
        return SAYS[room]
    text = ast.get_docstring(ast.parse((HOME / "simlib" / room / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0]


def draw(uses: dict[str, list[str]]) -> None:
    """Write the picture. Its metadata hold the arrows.

    A test reads the arrows there to tell whether the picture is out of date.
    """
    import textwrap

    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    mpl.rcParams["svg.hashsalt"] = "simlib"
    floor, rows = floors(uses), defaultdict(list)
    for room, level in sorted(floor.items()):
        rows[level].append(room)
    width, height, across, down = 2.5, 0.92, 2.75, 1.45
    wide = max(len(rooms) for rooms in rows.values()) * across
    figure = Figure(figsize=(wide, len(rows) * down))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, wide), ylim=(-len(rows) * down + 0.1, 0.1))
    ax.axis("off")
    place = {}
    for level, rooms in rows.items():
        for index, room in enumerate(rooms):
            x, y = wide / 2 + (index - (len(rooms) - 1) / 2) * across, -level * down - 0.6
            place[room] = (x, y)
            box = FancyBboxPatch(
                (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=.08"
            )
            box.set(facecolor="#eef3f8", edgecolor="#34506b", linewidth=1.2, zorder=2)
            ax.add_patch(box)
            ax.text(x, y + 0.24, room, ha="center", va="center", weight="bold", size=13, zorder=3)
            words = "\n".join(textwrap.wrap(first_line(room), 36)[:3])
            ax.text(x, y - 0.14, words, ha="center", va="center", size=8.5, color="#333333", zorder=3)
    for user, used in reduced(uses):
        (x0, y0), (x1, y1) = place[used], place[user]
        arrow = FancyArrowPatch(
            (x0, y0 - height / 2), (x1, y1 + height / 2), arrowstyle="-|>", mutation_scale=11, color="#8a9bab", zorder=1
        )
        ax.add_patch(arrow)
    figure.savefig(FILE, metadata={"Description": json.dumps(uses), "Date": None})


if __name__ == "__main__":
    draw(arrows())
    sys.stdout.write(f"written: {FILE}\n")
