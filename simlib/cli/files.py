"""`--out DIR`: the forecast as figures, tables and one JSON file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from simlib.results import write_atomically

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from simlib.cli.running import Answer

TABLES = ("endings", "questions", "levels", "rungs", "moves")
POINTS = ("p05", "p25", "p50", "p75", "p95")

SIZE, PNG_DPI, SVG_DPI = (11, 6), 100, 72
"""Of a figure: inches, and dots per inch."""

Place = tuple[float, float, float, float]
Draw = Callable[["Axes"], Any]

_LABELS_BESIDE: Place = (0.07, 0.1, 0.65, 0.76)
_LABELS_INSIDE: Place = (0.03, 0.08, 0.92, 0.8)


def write_all(answer: Answer, folder: Path) -> list[Path]:
    """Write forecast.json, a CSV for each table and a PNG and an SVG for each figure; return the paths."""
    written = [answer.forecast.save(folder / "forecast.json")]
    for name, frame in _frames(answer):
        written.append(folder / f"{name}.csv")
        write_atomically(written[-1], frame.to_csv(index=False, lineterminator="\n").encode())
    for name, draw, place in _figures(answer):
        written += _save(draw, place, folder / name)
    return written


def _frames(answer: Answer) -> Iterator[tuple[str, pd.DataFrame]]:
    for forecast, suffix in ((answer.forecast, ""), (answer.forecast.stated, "-stated")):
        if forecast is None:
            continue
        for name in TABLES:
            frame = forecast.frame(name)
            if not frame.empty:
                yield f"{name}{suffix}", frame
    if answer.draws is not None:
        yield "doubt", _doubt(answer)


def _doubt(answer: Answer) -> pd.DataFrame:
    """Return the spread over the draws, tidy: day, by, kind, name and five percentiles."""
    import pandas as pd

    assert answer.draws is not None
    forecast, rows = answer.forecast, []
    kinds: tuple[Literal["endings", "questions"], ...] = ("endings", "questions")
    for kind in kinds:
        for name in getattr(forecast, kind):
            spread = answer.draws.spread(name, kind)
            for day, points in zip(forecast.times.tolist(), spread.T, strict=True):
                row = {"day": day, "by": forecast.by_date(day), "kind": kind.removesuffix("s"), "name": name}
                rows.append(row | dict(zip(POINTS, points, strict=True)))
    return pd.DataFrame(rows)


def _figures(answer: Answer) -> Iterator[tuple[str, Draw, Place]]:
    from simlib.plots.endings import endings
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.moves import moves

    forecast = answer.forecast
    yield "endings", partial(endings, forecast), _LABELS_BESIDE
    for name in forecast.ladders:
        yield f"ladder-{name}", partial(ladder_fan, forecast, ladder=name), _LABELS_BESIDE
    if forecast.moves:
        yield "moves", partial(moves, forecast), _LABELS_INSIDE


def _save(draw: Draw, place: Place, stem: Path) -> list[Path]:
    """Draw once for each format: labels are placed by pixels, and the formats differ in their size."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    written = []
    with mpl.rc_context({"svg.hashsalt": "simlib", "svg.fonttype": "none"}):
        for form, dpi, metadata in (("png", PNG_DPI, {}), ("svg", SVG_DPI, {"Date": None})):
            figure, buffer = Figure(figsize=SIZE, dpi=dpi), io.BytesIO()
            draw(figure.add_axes(place))
            figure.savefig(buffer, format=form, dpi=dpi, metadata=metadata)
            written.append(stem.with_name(f"{stem.name}.{form}"))
            write_atomically(written[-1], buffer.getvalue())
    return written
