"""The files of `--out DIR`: figures, tables and JSON."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.cli.options.request import Request
from simlib.cli.output.progress import Task
from simlib.errors import Cancelled, Problem, refuse
from simlib.files import is_stream, write_atomically
from simlib.formatting import counted

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from simlib.engines.ensemble import Ensemble
    from simlib.results import EventGroup, Forecast

TABLES = ("endings", "questions", "levels", "rungs", "moves", "firings", "counters", "impacts")
PERCENTILE_COLUMNS = ("p05", "p25", "p50", "p75", "p95")

PNG_DPI, SVG_DPI = 100, 72
"""Dots per inch of a figure as PNG, and as SVG."""

Draw = Callable[["Axes"], Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure to draw. Its size and margins are in pixels at 100 dots per inch.

    `draw` draws on given axes. `foot` is a line of small text below the figure.
    """

    name: str
    draw: Draw
    height: int = 600
    width: int = 1000
    left: int = 60
    right: int = 40
    top: int = 84
    bottom: int = 52
    foot: str = ""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The left, bottom, width and height of the axes, as fractions of the figure."""
        across, up = self.width - self.left - self.right, self.height - self.top - self.bottom
        return self.left / self.width, self.bottom / self.height, across / self.width, up / self.height


def refuse_targets(request: Request) -> None:
    """Refuse output files and folders that cannot be written, and an unknown Matplotlib backend.

    Raises ScenarioError, which lists every problem.
    """
    problems: list[Problem] = []
    out = request.out
    if out is not None:
        problems += _unusable_file("--out", out) if request.command == "report" else _unusable_folder(out)
        problems += _unusable_backend() if request.command not in ("export", "sweep") else ()
    if request.json not in (None, "-"):
        problems += _unusable_file("--json", Path(request.json), " or - for output")
    refuse(problems)


def _unusable_backend() -> Iterator[Problem]:
    try:
        import matplotlib  # noqa: F401 - it reads MPLBACKEND when it is first imported
    except ValueError:
        what = f"{os.environ.get('MPLBACKEND', '')!r} is no backend that Matplotlib knows"
        yield Problem("", 0, "MPLBACKEND", what, "expected agg, or the variable unset")


def _unusable_folder(out: Path) -> Iterator[Problem]:
    if out.exists() and not out.is_dir():
        yield Problem("", 0, "--out", f"{out} is a file", "expected a folder")
    else:
        yield from _unwritable("--out", out)


def _unusable_file(option: str, file: Path, also: str = "") -> Iterator[Problem]:
    if file.is_dir():
        yield Problem("", 0, option, f"{file} is a folder", f"expected a file{also and ','}{also}")
    elif is_stream(file):
        if not os.access(file, os.W_OK):
            yield Problem("", 0, option, f"{file}: Permission denied", "expected a file that can be written to")
    else:
        yield from _unwritable(option, Path(os.path.realpath(file)).parent)


def _unwritable(option: str, wanted: Path) -> Iterator[Problem]:
    """Yield a problem if no file can be written in `wanted` or its nearest existing parent.

    A trial file is written, because no other test finds both missing permissions and a full disk.
    """
    folder = next(place for place in (wanted, *wanted.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        yield Problem("", 0, option, f"{folder}: {error.strerror or error}", "expected a folder that can be written to")


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder for files whose final place is `folder`.

    At the end all files move to `folder`. After an error none of the files moves.
    """
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=folder, prefix=".simlib-"))
    try:
        yield stage
        for file in sorted(stage.iterdir()):
            file.replace(folder / file.name)
        missing = []
    except OSError as error:  # name the file that the user knows, not the temporary one
        if error.filename and Path(error.filename).parent == stage:
            error.filename = str(folder / Path(error.filename).name)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for parent in missing:
            if not any(parent.iterdir()):
                parent.rmdir()


def slug(text: str) -> str:
    """Turn a text into a file name of at most 80 letters, digits, underscores, dots and hyphens.

    The name of a longer text ends in a hash, because two long texts may differ only near their end.
    """
    plain = re.sub(r"[^\w.]+", "-", text).strip("-.") or "unnamed"
    return plain if len(plain) <= 80 else f"{plain[:71]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def write_table(frame: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV in UTF-8, with the byte order mark that spreadsheets need.

    A text that a spreadsheet would take for a formula gets a leading quote.
    """
    safe = frame.rename(columns=_as_text)
    for column in safe.select_dtypes(exclude="number"):
        safe[column] = safe[column].map(_as_text)
    write_atomically(file, safe.to_csv(index=False, lineterminator="\n").encode("utf-8-sig"))


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def written(folder: Path, names: set[str]) -> str:
    """Return sentences on how many files were written to a folder and which older ones it holds."""
    others = sorted(file.name for file in folder.iterdir() if file.name not in names)
    sentence = f"written: {counted(len(names), 'file')} in {folder}\n"
    if not others:
        return sentence
    few = ", ".join(others[:3]) + ", ..." * (len(others) > 3)
    return f"{sentence}note: {folder} holds {counted(len(others), 'file')} that this command did not write: {few}\n"


def write_all(forecast: Forecast, draws: Ensemble | None, folder: Path, task: Task) -> set[str]:
    """Write forecast.json, a CSV for each table, and a PNG and an SVG for each figure.

    Return the names of the files.
    """
    with staged(folder) as stage:
        forecast.save(stage / "forecast.json")
        for name, frame in _frames(forecast, draws):
            write_table(frame, stage / f"{name}.csv")
        draw_all(_pictures(forecast, draws), stage, task)
        return {file.name for file in stage.iterdir()}


def _frames(forecast: Forecast, draws: Ensemble | None) -> Iterator[tuple[str, pd.DataFrame]]:
    for version, suffix in ((forecast, ""), (forecast.stated, "-stated")):
        if version is None:
            continue
        for name in TABLES:
            frame = version.frame(name)
            if not frame.empty:
                yield f"{name}{suffix}", frame
    if draws is not None:
        yield "doubt", _spread(forecast, draws)


def _spread(forecast: Forecast, draws: Ensemble) -> pd.DataFrame:
    """Return a table with a row for each day and each ending or question.

    A row has five quantiles of the probability over the draws of the assumptions.
    """
    import pandas as pd

    rows = []
    kinds: tuple[EventGroup, ...] = ("endings", "questions")
    for kind in kinds:
        for name in getattr(forecast, kind):
            spread = draws.spread(name, kind)
            for day, points in zip(forecast.times.tolist(), spread.T, strict=True):
                row = {"day": day, "by": forecast.by_date(day), "kind": kind.removesuffix("s"), "name": name}
                rows.append(row | dict(zip(PERCENTILE_COLUMNS, points, strict=True)))
    return pd.DataFrame(rows)


def _pictures(forecast: Forecast, draws: Ensemble | None) -> Iterator[Picture]:
    from simlib.plots import captions
    from simlib.plots.ending_curves import endings
    from simlib.plots.impact_charts import impact_bars, impact_fan
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.move_counts import moves

    foot = captions.foot(forecast)
    beside: dict[str, Any] = {"width": 1100, "left": 77, "right": 308, "top": 96, "bottom": 66, "foot": foot}
    spread = None if draws is None else {name: draws.spread(name) for name in forecast.endings}
    yield Picture("endings", partial(endings, forecast, uncertainty=spread), **beside)
    for name in forecast.ladders:
        yield Picture(f"ladder-{name}", partial(ladder_fan, forecast, ladder=name), **beside)
    for name in forecast.impacts:
        yield Picture(f"impact-{name}", partial(impact_fan, forecast, impact=name), **beside)
        yield Picture(f"impact-{name}-by-ending", partial(impact_bars, forecast, impact=name), **beside)
    if forecast.moves:
        yield Picture("moves", partial(moves, forecast), width=1100, left=33, right=55, top=84, bottom=54, foot=foot)


def draw_all(pictures: Iterable[Picture], folder: Path, task: Task) -> None:
    """Draw every picture into a folder, as PNG and as SVG.

    Each format is drawn separately, because labels are placed in pixels, and a pixel is larger in SVG. Raises Cancelled
    if the task is stopped.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from simlib.plots.captions import sign
    from simlib.plots.lettering import settle

    wanted = list(pictures)
    with mpl.rc_context({"svg.hashsalt": "simlib", "svg.fonttype": "none"}):
        for number, picture in enumerate(wanted, start=1):
            for form, dpi, metadata in (("png", PNG_DPI, {}), ("svg", SVG_DPI, {"Date": None})):
                figure = Figure(figsize=(picture.width / PNG_DPI, picture.height / PNG_DPI), dpi=dpi)
                buffer = io.BytesIO()
                picture.draw(figure.add_axes(picture.box))
                sign(figure, picture.foot)
                settle(figure)
                figure.savefig(buffer, format=form, dpi=dpi, metadata=metadata)
                write_atomically(folder / f"{picture.name}.{form}", buffer.getvalue())
            task.report(number / len(wanted))
            if task.cancelled():
                raise Cancelled("stopped while drawing")
