"""The words around a picture that stands alone: finding, source of numbers, and foot line.

A live picture needs no such words, because a sentence beside the picture has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from simlib.formatting import counted, long_date, over_draws
from simlib.plots import style
from simlib.plots.lettering import put
from simlib.results import Forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simlib.plots.panel import LivePanel
    from simlib.results import Band


def head(panel: LivePanel, finding: str, *notes: str) -> None:
    """Write `finding` as the title of a panel, and below it `notes` on how to read the drawing."""
    caption = style.wrap("; ".join(notes), panel.letters(), 3)
    lines = 1 + caption.count("\n")
    panel.caption.set_text(caption)
    panel.caption.set_verticalalignment("bottom")
    panel.caption.set_y(1.0)
    title = style.wrap(finding, int(panel.letters(style.TITLE_SIZE) * 0.88), 2)  # bold letters are wider
    style.entitle(panel.ax, title, lines=lines)


def basis(result: Forecast) -> str:
    """Say which values of the assumptions a forecast uses."""
    if result.stated is None:
        return "at the stated values"
    return f"{over_draws(result.provenance)} ({counted(result.provenance['draws'], 'draw')})"


def computed_from(result: Forecast) -> str:
    """Return the source of the computation error in words, such as "200 replicates"."""
    source = result.provenance
    if result.stated is not None:
        return f"the mean over {counted(source['draws'], 'draw')}"
    return counted(source["runs"], "replicate") if source.get("runs") else "the computation"


def error(result: Forecast, bands: Iterable[Band]) -> Iterator[str]:
    """Yield a note on the largest error of `bands` at their last time, if at least 0.05 points."""
    widest = max((float(band.high[-1] - band.low[-1]) / 2 for band in bands), default=0.0)
    if widest >= 5e-4:
        yield f"error of {computed_from(result)}: up to ±{100 * widest:.{0 if widest >= 0.0995 else 1}f} points"


def foot(result: Forecast) -> str:
    """Return the foot line: scenario, start of its hash, date, view, number of interventions."""
    source = result.provenance
    view = f", seen through the view {source['view']}" if source.get("view") else ""
    acts = counted(len(result.interventions), "intervention") if result.interventions else ""
    sha256 = f" ({source['scenario_sha256'][:12]})" if source.get("scenario_sha256") else ""
    return f"{result.scenario.id}{sha256}, as of {long_date(result.as_of)}{view}{acts and f', with {acts}'}"


def sign(figure: Figure, words: str) -> None:
    """Write a foot line in small type at the lower right of a figure."""
    width, height = figure.get_size_inches()
    foot = figure.text(1 - 0.08 / width, 0.05 / height, "", fontsize=7, color=style.FAINT, ha="right", va="bottom")
    put(foot, words)
