"""Pictures of answers: functions `(answer, ax) -> ax` that only draw and compute nothing.

`plot` finds the function for the class of an answer. Every picture has dates and units, and colours that colour-blind
people can tell apart. Every picture of 9 by 6 inches is readable in print and on a screen with 100 dpi. Matplotlib is
imported only when a picture is drawn.
"""

from simlib.plots.boxes_and_arrows import diagram, state_diagram
from simlib.plots.comparison_bars import comparison
from simlib.plots.driver_bars import drivers
from simlib.plots.ending_curves import endings
from simlib.plots.forecast_figure import dashboard
from simlib.plots.impact_charts import impact_bars, impact_fan
from simlib.plots.ladders import ladder_fan
from simlib.plots.move_counts import moves
from simlib.plots.pictures import PICTURES, plot
from simlib.plots.story_line import story

__all__ = ["PICTURES", "comparison", "dashboard", "diagram", "drivers", "endings", "ladder_fan", "moves"]
__all__ += ["impact_bars", "impact_fan", "plot", "state_diagram", "story"]
