"""All questions that have a panel in a notebook (most methods are in `simlib.analysis`)."""

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
from simlib.widgets.questions.history import BesidePastCrises, DayByDay, RatesFromHistory, RegisteredForecasts
from simlib.widgets.questions.interventions import Plans, WhatIf
from simlib.widgets.questions.logs import LearnFromTheLog, WhatEachRowDid
from simlib.widgets.questions.sweep_grid import Sweep

__all__ = ["BesidePastCrises", "ByWhichPath", "ChanceWithinDoubt", "DayByDay", "HowSure", "OnTheWayTo"]
__all__ += ["Plans", "RatesFromHistory", "RegisteredForecasts", "SharesOfDoubt", "SignsOfEveryEnding", "Sweep"]
__all__ += ["UnderWhichAssumptions", "WhatDrivesIt", "WhatIf", "WhatToWatchFor", "WherePathsDiverge", "WorthKnowing"]
__all__ += ["WorthSeeing"]
__all__ += ["LearnFromTheLog", "WhatEachRowDid"]
