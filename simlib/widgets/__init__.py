"""Widgets for notebooks: the explorer, the editor, a lesson, and a panel for each question.

The logic is in modules that import no widgets, such as `explorer.state` and `questions.inquiry`. The modules that
import widgets are called thin views, because they only show results and pass on actions of the user.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from simlib.errors import MissingDependency

__all__ = ["BesidePastCrises", "ByWhichPath", "ChanceWithinDoubt", "DayByDay", "Editor", "Explorer"]
__all__ += [
    "GuessFirst",
    "HowSure",
    "LearnFromTheLog",
    "Lesson",
    "OnTheWayTo",
    "Plans",
    "RatesFromHistory",
    "RegisteredForecasts",
]
__all__ += ["SharesOfDoubt", "SignsOfEveryEnding", "Sweep", "UnderWhichAssumptions", "UpdateWithEvents"]
__all__ += ["WhatDrivesIt", "WhatEachRowDid", "WhatIf", "WhatToWatchFor", "WherePathsDiverge", "WorthKnowing"]
__all__ += ["WorthSeeing"]

_VIEW_HOMES = {
    "Editor": "simlib.widgets.editor.view",
    "Explorer": "simlib.widgets.explorer.view",
    "GuessFirst": "simlib.widgets.explorer.guess_first",
    "Lesson": "simlib.widgets.classroom.lesson",
    "UpdateWithEvents": "simlib.widgets.logbook.view",
}
_PANELS = "simlib.widgets.questions.panel"

if TYPE_CHECKING:
    from simlib.widgets.classroom.lesson import Lesson
    from simlib.widgets.editor.view import Editor
    from simlib.widgets.explorer.guess_first import GuessFirst
    from simlib.widgets.explorer.view import Explorer
    from simlib.widgets.logbook.view import UpdateWithEvents
    from simlib.widgets.questions.panel import (
        BesidePastCrises,
        ByWhichPath,
        ChanceWithinDoubt,
        DayByDay,
        HowSure,
        LearnFromTheLog,
        OnTheWayTo,
        Plans,
        RatesFromHistory,
        RegisteredForecasts,
        SharesOfDoubt,
        SignsOfEveryEnding,
        Sweep,
        UnderWhichAssumptions,
        WhatDrivesIt,
        WhatEachRowDid,
        WhatIf,
        WhatToWatchFor,
        WherePathsDiverge,
        WorthKnowing,
        WorthSeeing,
    )


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_VIEW_HOMES.get(name, _PANELS))
    except ModuleNotFoundError as error:
        if error.name not in ("ipywidgets", "anywidget", "traitlets"):
            raise
        raise MissingDependency(
            f"{name} needs {error.name}, which is not installed; "
            'in the clone of simlib: python -m pip install -e ".[notebooks]"'
        ) from None
    return getattr(module, name)
