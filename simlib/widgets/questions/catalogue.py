"""The questions that notebooks ask, each over one analysis: what to choose, and how the answer is told and drawn.

No widget here, and no method: those are in `simlib.analysis`.
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

__all__ = [
    "ByWhichPath",
    "ChanceWithinDoubt",
    "HowSure",
    "OnTheWayTo",
    "Plans",
    "SharesOfDoubt",
    "SignsOfEveryEnding",
    "UnderWhichAssumptions",
    "WhatDrivesIt",
    "WhatIf",
    "WhatToWatchFor",
    "WherePathsDiverge",
    "WorthKnowing",
    "WorthSeeing",
]
