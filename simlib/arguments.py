"""Rules and defaults of arguments: a name has one meaning and one rule everywhere.

`checked` applies the rules to a function. Every message names the argument, the given value and the expected one. This
module imports no NumPy, so that the command line can print its help without waiting for NumPy to load.
"""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import math
import numbers
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from simlib.errors import DOES_NOT_FIT, ArgumentError, Unsupported

if TYPE_CHECKING:
    from simlib.typing import Returned

Engine = Literal["auto", "exact", "montecarlo"]
"""The engine that answers a question. "auto" means the exact engine if it can answer, else Monte Carlo."""

DEFAULT_RUNS = 10_000
"""Default number of replicates of the Monte Carlo engine, if there are no draws of the assumptions."""

FORECAST_DRAWS = 200
"""Default number of draws at each of which a forecast is computed."""

LESSON_DRAWS = 1000
"""Default number of draws with which a log of events changes the assumptions."""

INDICATOR_DRAWS = 500
"""Default number of draws in which signs of an ending or a question are counted."""

DISCOVERY_DRAWS, DISCOVERY_RUNS = 1000, 1000
"""Default number of draws among which ranges are discovered, and of replicates of each draw."""

REGISTRY_DRAWS = 512
"""Default number of draws of a forecast that is registered."""

DRIVER_ASSUMPTIONS, SOBOL_INPUTS = 12, 10
"""Default number of assumptions that are moved over their ranges, and of inputs with Sobol indices."""

PATH_CLASSES = 20
"""Default number of path classes that are listed."""

SWEEP_RUNS, SWEEP_BLOCK = 1000, 32
"""Default number of replicates of a forecast in a sweep, and of forecasts in a file of its folder."""

BACKTEST_HORIZONS = (3, 7, 14, 30)
"""Default numbers of days ahead for which a backtest scores forecasts."""

MAX_SEED = 2**63 - 1
"""Largest seed, and largest count of anything."""

_DATE = "expected a date such as 2031-04-01"


def whole(name: str, value: object, least: int = 0, most: int = MAX_SEED) -> int:
    """Return a whole number as an int. Raises ArgumentError unless it is from `least` to `most`."""
    expected = f"expected a whole number of at least {least}"
    if most != MAX_SEED or name == "seed":
        expected = f"expected a whole number from {least} to {most}"
    try:
        result = operator.index(value)  # type: ignore[arg-type]  # any other type raises TypeError
    except TypeError:
        raise ArgumentError(name, value, expected) from None
    if isinstance(value, bool) or not least <= result <= most:
        raise ArgumentError(name, value, expected)
    return result


def real(name: str, value: object, expected: str) -> float:
    """Return a number as a float. Raises ArgumentError for anything else, such as a text."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise ArgumentError(name, value, expected)
    return float(value)


def number(name: str, value: object, expected: str, *, above: float = -math.inf, below: float = math.inf) -> float:
    """Return a finite float strictly between `above` and `below`, or raise ArgumentError.

    Args:
        name: The name of the argument, for the message.
        value: The value to check.
        expected: The rest of the message, such as "expected a number above 0".
        above: A bound below every permitted value.
        below: A bound above every permitted value.
    """
    result = real(name, value, expected)
    if not above < result < below:
        raise ArgumentError(name, value, expected)
    return result


def tolerance(value: object, name: str = "tolerance") -> float:
    """Return a bound above 0 and below 1 on a probability's error, or raise ArgumentError."""
    return number(name, value, "expected a number above 0 and below 1", above=0, below=1)


def date(name: str, value: object) -> dt.date:
    """Return a date that is given as a date, as its ISO text, or as a `datetime` at midnight.

    Raises ArgumentError for anything else, such as a `datetime` with a time of day: simlib counts in whole days.
    """
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ArgumentError(name, value, _DATE) from None
    if isinstance(value, dt.datetime):
        if value != dt.datetime.combine(value, dt.time(), value.tzinfo) or value.utcoffset():
            raise ArgumentError(name, value, f"{_DATE}, without a time of day")
        return value.date()
    if not isinstance(value, dt.date):
        raise ArgumentError(name, value, _DATE)
    return value


def read_dates(item: Any, *names: str) -> None:
    """Turn named fields of a frozen dataclass into dates, but keep None if it is the default."""
    for field in fields(item):
        given = getattr(item, field.name)
        if field.name in names and not (given is None and field.default is not MISSING):
            object.__setattr__(item, field.name, date(field.name, given))


def check_engine(engine: str) -> None:
    """Raise ArgumentError for a name that is no engine, such as "MonteCarlo"."""
    if engine not in (names := get_args(Engine)):
        raise ArgumentError("engine", engine, f"expected {', '.join(map(repr, names[:-1]))} or {names[-1]!r}")


def exact_where_it_fits(engine: str, exact: Callable[[], Returned], sampled: Callable[[], Returned]) -> Returned:
    """Return the answer of the exact engine, `exact()`, or of Monte Carlo, `sampled()`.

    `engine` is "exact", "montecarlo" or "auto". "auto" means the exact engine if it can answer, else Monte Carlo. With
    "exact", TooManyStates or Unsupported is raised if the exact engine cannot answer. Another name raises
    ArgumentError.
    """
    check_engine(engine)
    if engine != "montecarlo":
        try:
            return exact()
        except DOES_NOT_FIT:
            if engine == "exact":
                raise
    return sampled()


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that checks its arguments by their names and then calls `function`.

    An argument is not checked if it is the default, or an object of a simlib class that the annotation names.
    """
    signature = inspect.signature(function)
    types = {name: str(parameter.annotation) for name, parameter in signature.parameters.items()}
    rules = {name: rule for name, rule in _RULES.items() if name in types}
    if "int" in types.get("dates", ""):
        rules["dates"] = _number_or_dates
    if "Iterable" in types.get("runs", ""):
        rules["runs"] = _number_or_replicates
    if function.__name__ == "compare":
        rules["runs"] = _whole(0)  # 0: the histories that end differently are not counted

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            bound = signature.bind(*args, **options)
        except TypeError:
            return function(*args, **options)  # its own message names the function
        for name, given in bound.arguments.items():
            kind = "None" if given is None else type(given).__name__
            ours = given is None or type(given).__module__.startswith("simlib.")
            if name in rules and given is not signature.parameters[name].default and not (ours and kind in types[name]):
                bound.arguments[name] = rules[name](name, given)
        return function(*bound.args, **bound.kwargs)

    call.__module__ = "simlib"  # pickle looks a function up by its module and name, and finds this one there
    return call


# ---------------------------------------------------------------------- rules


def _whole(least: int) -> Callable[[str, Any], int]:
    return lambda name, value: whole(name, value, least)


def _scenario(name: str, value: Any) -> Any:
    if not hasattr(value, "joint_start"):
        raise ArgumentError(name, value, "expected a scenario, such as simlib.load('two-islands')")
    return value


def _scenarios(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ArgumentError(name, value, "expected a mapping from the name of a view to its scenario")
    return {key: _scenario(f"{name}[{key!r}]", each) for key, each in value.items()}


def _mapping(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ArgumentError(name, value, "expected a mapping from names to numbers")
    return value


def _weights(name: str, value: Any) -> dict[str, float]:
    expected = "expected a number of at least 0"
    return {key: number(f"{name}[{key!r}]", each, expected) for key, each in _mapping(name, value).items()}


def _draws(name: str, value: Any) -> Any:
    if type(value).__name__ == "Belief":  # a function whose annotation names `Belief` does not come here
        raise Unsupported(
            f"{name} is the belief “{value.name}”; expected a number: the method needs its own draws of the prior"
        )
    return whole(name, value)


def _day(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str):  # `days_by` reads a text
        return value
    if isinstance(value, dt.date):
        return date(name, value)
    return number(name, value, "expected a date, or a number of days after the first day")


def _number_or_dates(name: str, value: Any) -> Any:
    return whole(name, value, 1) if isinstance(value, numbers.Number) else _dates(name, value)


def _dates(name: str, value: Any) -> Any:
    if isinstance(value, str | dt.date) or not isinstance(value, Iterable):
        raise ArgumentError(name, value, "expected a list of dates")
    return [date(name, each) for each in value]


def _number_or_replicates(name: str, value: Any) -> Any:
    if isinstance(value, numbers.Number) or not isinstance(value, Iterable) or isinstance(value, str):
        return whole(name, value, 1)
    return [whole(name, each) for each in value]


def _horizons(name: str, value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ArgumentError(name, value, "expected a list of horizons, each a whole number of days")
    return tuple(whole(name, each, 1) for each in value)


def _top(name: str, value: Any) -> Any:
    return value if isinstance(value, Mapping) else whole(name, value, 1)


def _flag(name: str, value: Any) -> bool:
    if value not in (True, False):
        raise ArgumentError(name, value, "expected True or False")
    return bool(value)


def _path(name: str, value: Any) -> Any:
    if not isinstance(value, str | os.PathLike) and not hasattr(value, "text"):
        raise ArgumentError(name, value, "expected the path of a file or folder")
    return value


def _text(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise ArgumentError(name, value, "expected a text")
    return value


def _measures(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    if not isinstance(value, Iterable):
        raise ArgumentError(name, value, "expected the name of a measure, such as 'ending:ID', or a list of names")
    return [_text(name, each) for each in value]


def _names(name: str, value: Any) -> Any:
    names = _measures(name, value)
    return [names] if isinstance(names, str) else names


def _control(name: str, value: Any) -> Any:
    if not hasattr(value, "cancelled"):
        raise ArgumentError(name, value, "expected a simlib.Control")
    return value


def _engine(_: str, value: Any) -> Any:
    check_engine(value)
    return value


def _answer(name: str, value: Any) -> Any:
    if not hasattr(value, "provenance"):
        raise ArgumentError(name, value, "expected an answer")
    return value


_RULES: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("scenario", "before", "after", "baseline"), _scenario),
    **dict.fromkeys(("as_of", "complete_to", "on", "until"), date),
    **dict.fromkeys(("by", "look_by"), _day),
    **dict.fromkeys(("runs", "every", "times_seen", "cap", "number"), _whole(1)),
    **dict.fromkeys(("learn", "skip_impossible", "ignore_windows", "ranges"), _flag),
    **dict.fromkeys(("correction", "strands", "forecast"), _flag),
    **dict.fromkeys(("measure", "measures"), _measures),
    **dict.fromkeys(("questions", "observations"), _names),
    **dict.fromkeys(("path", "since"), _path),
    **dict.fromkeys(("view", "source", "receipt", "move", "given", "ladder"), _text),
    "seed": _whole(0),
    "draws": _draws,
    "dates": _dates,
    "horizons": _horizons,
    "top": _top,
    "values": _mapping,
    "views": _scenarios,
    "weights": _weights,
    "control": _control,
    "engine": _engine,
    "answer": _answer,
    "tolerance": lambda name, value: tolerance(value, name),
    "threshold": lambda name, value: number(name, value, "expected a number, such as 0.5"),
    "events_per_day": lambda name, value: number(name, value, "expected a number above 0", above=0),
}
"""{name of an argument: function of the name and the value that returns the value to use}."""
