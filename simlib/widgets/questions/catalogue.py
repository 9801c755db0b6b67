"""The questions that notebooks ask: their fields, and the words, tables and pictures of their answers.

The methods are in `simlib.analysis`. No widget here.
"""

from simlib.widgets.questions.assumptions import (
    ChanceWithinDoubt,
    HowSure,
    SharesOfDoubt,
    UnderWhichAssumptions,
    WhatDrivesIt,
    WorthKnowing,
)
from simlib.widgets.questions.courses import (
    ByWhichPath,
    OnTheWayTo,
    SignsOfEveryEnding,
    WhatToWatchFor,
    WherePathsDiverge,
    WorthSeeing,
)
from simlib.widgets.questions.interventions import Plans, WhatIf
from simlib.widgets.questions.sweep_grid import Sweep

__all__ = ["ByWhichPath", "ChanceWithinDoubt", "HowSure", "OnTheWayTo", "Plans", "SharesOfDoubt", "SignsOfEveryEnding"]
__all__ += ["Sweep", "UnderWhichAssumptions", "WhatDrivesIt", "WhatIf", "WhatToWatchFor", "WherePathsDiverge"]
__all__ += ["WorthKnowing", "WorthSeeing"]
