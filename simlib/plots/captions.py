"""What a picture that is handed on says around its plot: the finding, what is drawn and on what basis, and a foot.

A live picture stands beside a sentence that says all this; one that is handed on has to stand alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from simlib.formatting import counted, long_date
from simlib.plots import style
from simlib.plots.lettering import put
from simlib.results import Forecast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simlib.plots.panel import Panel
    from simlib.results import Band


def head(panel: Panel, finding: str, *notes: str) -> None:
    """Write the finding as the title of a panel, and below it what is drawn."""
    caption = style.wrap("; ".join(notes), panel.letters(), 3)
    lines = 1 + caption.count("\n")
    panel.caption.set_text(caption)
    panel.caption.set_verticalalignment("bottom")
    panel.caption.set_y(1.0)
    title = style.wrap(finding, int(panel.letters(style.TITLE) * 0.88), 2)  # bold letters are wider
    style.entitle(panel.ax, title, lines=lines)


def basis(result: Forecast) -> str:
    """Say over what a forecast is: at the stated values, or the mean over draws from the priors."""
    if result.stated is None:
        return "at the stated values"
    return f"over the priors ({counted(result.provenance['draws'], 'draw')})"


def computed_from(result: Forecast) -> str:
    """Say what the error of the computation is an error of; never doubt about the assumptions."""
    made = result.provenance
    if result.stated is not None:
        return f"the mean over {counted(made['draws'], 'draw')}"
    return counted(made["runs"], "replicate") if made.get("runs") else "the computation"


def error(result: Forecast, bands: Iterable[Band]) -> Iterator[str]:
    """Say how far off the numbers at the last report time may be by the computation alone, where that can be seen."""
    widest = max((float(band.high[-1] - band.low[-1]) / 2 for band in bands), default=0.0)
    if widest >= 5e-4:
        yield f"error of {computed_from(result)}: up to ±{100 * widest:.{0 if widest >= 0.0995 else 1}f} points"


def foot(result: Forecast) -> str:
    """Say of which scenario a picture is, and as of when."""
    made = result.provenance
    view = f", seen through the view {made['view']}" if made.get("view") else ""
    acts = counted(len(result.interventions), "intervention") if result.interventions else ""
    told = f" ({made['scenario_sha256'][:12]})" if made.get("scenario_sha256") else ""
    return f"{result.scenario.id}{told}, as of {long_date(result.as_of)}{view}{acts and f', with {acts}'}"


def sign(figure: Figure, words: str) -> None:
    """Write a foot, small, at the lower right of a figure."""
    width, height = figure.get_size_inches()
    foot = figure.text(1 - 0.08 / width, 0.05 / height, "", fontsize=7, color=style.FAINT, ha="right", va="bottom")
    put(foot, words)
