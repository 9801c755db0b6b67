"""Pictures of answers: `(result, ax) -> ax`, drawn from data and computing nothing.

Colour-blind safe, dated, with units, readable at 9 by 6 inches in 100 dpi and in print. Matplotlib is imported when a
picture is drawn.
"""

from simlib.plots.comparison import comparison
from simlib.plots.dashboard import dashboard
from simlib.plots.diagram import diagram, machine
from simlib.plots.drivers import drivers
from simlib.plots.endings import endings
from simlib.plots.ladders import ladder_fan
from simlib.plots.moves import moves
from simlib.plots.story import story

__all__ = ["comparison", "dashboard", "diagram", "drivers", "endings", "ladder_fan", "machine", "moves", "story"]
