"""The questions that notebooks ask, each over one analysis: what to choose, and how the answer is told and drawn.

No widget here, and no method: those are in `simlib.analysis`.
"""

from simlib.widgets.questions.assumptions import (
    ChanceWithinDoubt,
    Drivers,
    HowSure,
    SharesOfDoubt,
    UnderWhichAssumptions,
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

__all__ = [
    "ByWhichPath",
    "ChanceWithinDoubt",
    "Drivers",
    "HowSure",
    "OnTheWayTo",
    "Plans",
    "SharesOfDoubt",
    "SignsOfEveryEnding",
    "UnderWhichAssumptions",
    "WhatIf",
    "WhatToWatchFor",
    "WherePathsDiverge",
    "WorthKnowing",
    "WorthSeeing",
]
