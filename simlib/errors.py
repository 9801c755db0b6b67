"""Errors, and the form of their messages.

Every message about bad input is built from `Problem`. The message has the form `file:line: place in the file: fault;
expected input`. One `ScenarioError` carries all problems of a file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["ArgumentError", "Cancelled", "MissingDependency", "Problem", "QuantityError", "ScenarioError"]
__all__ += ["DOES_NOT_FIT", "SimlibError", "TooManyStates", "Unsupported"]

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Invisible characters that no file may hold: control characters, lone surrogates, and marks of text direction.

A terminal obeys some of them. `printable` shows them, and readers of files refuse them with `INVISIBLE`.
"""

INVISIBLE = ("an invisible control character in the text", "expected printable characters")
"""The fault and the expectation for a text in which `UNSEEN` is found."""


def printable(text: str) -> str:
    """Return a text in which each character of `UNSEEN` is written as its escape in Python."""
    return UNSEEN.sub(lambda match: repr(match[0])[1:-1], text)


MAX_PROBLEMS = 200
"""Largest number of problems that are reported at once."""


class SimlibError(Exception):
    """Base class of every error that this library raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in the input, and its place.

    - `file`: the path as the user gave it (or "").
    - `line`: the line in the file, counted from 1 (0: unknown).
    - `where`: the place inside the file, such as `moves.patrol.rate`.
    - `what`: the fault, a half-sentence without a full stop.
    - `expected`: the expected input, a half-sentence without a full stop (or "").
    - `broken`: (place of the rule in the file, fault) if changed values break a rule of the scenario.
    """

    file: str
    line: int
    where: str
    what: str
    expected: str = ""
    broken: tuple[str, str] | None = field(default=None, compare=False, kw_only=True)

    def inside(self, where: str) -> Problem:
        """Return the problem with a place before its own place, such as the name of a variant."""
        return dataclasses.replace(self, where=": ".join(part for part in (where, self.where) if part))

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file and self.line else f"{self.file}: " if self.file else ""
        where = f"{self.where}: " if self.where else ""
        expected = f"; {self.expected}" if self.expected else ""
        return printable(f"{place}{where}{self.what}{expected}")


class ScenarioError(SimlibError):
    """A scenario, view (named set of changes) or request with faults, listed in `problems`."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ScenarioError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one ScenarioError with all `problems`. Without problems, do nothing.

    Each problem is listed once. The problems of one file stand together, in the order of their lines. If there are more
    than `MAX_PROBLEMS`, the error lists the first ones, and says that there are more.
    """
    each = list(dict.fromkeys(problems))
    files = list(dict.fromkeys(problem.file for problem in each))
    each.sort(key=lambda problem: (files.index(problem.file), problem.line))
    if len(each) > MAX_PROBLEMS:
        more = Problem(each[-1].file, 0, "", f"and more problems after these {MAX_PROBLEMS}")
        each = [*each[:MAX_PROBLEMS], more]
    if each:
        raise ScenarioError(each)


@contextlib.contextmanager
def collect(problems: list[Problem], named: Callable[[Problem], Problem] = lambda problem: problem) -> Iterator[None]:
    """Add the problems of a ScenarioError to a list. The error ends only the `with` block.

    Later, `refuse` can raise all problems at once. `named` may change each problem, for example to put the name of a
    variant before its place.
    """
    try:
        yield
    except ScenarioError as error:
        problems += map(named, error.problems)


class QuantityError(SimlibError, ValueError):
    """An unreadable number with a unit: its fault `what`, and the right form `expected`."""

    def __init__(self, what: str, expected: str) -> None:
        self.what, self.expected = what, expected
        super().__init__(f"{what}; {expected}")

    def __reduce__(self) -> tuple[type[QuantityError], tuple[str, str]]:
        return type(self), (self.what, self.expected)


class ArgumentError(SimlibError, ValueError):
    """An unusable argument: its `name`, the `given` value, and what is `expected`."""

    def __init__(self, name: str, given: object, expected: str) -> None:
        self.name, self.given, self.expected = name, given, expected
        shown = repr(given)
        super().__init__(f"{name} is {shown if len(shown) <= 60 else shown[:57] + '...'}; {expected}")

    def __reduce__(self) -> tuple[type[ArgumentError], tuple[str, object, str]]:
        return type(self), (self.name, self.given, self.expected)


class TooManyStates(SimlibError):
    """The scenario has more reachable states than the exact engine accepts.

    - `count`: the number of states found.
    - `cap`: the largest number that the exact engine accepts.
    - `complete`: False if the search stopped early, so that there may be more states than `count`.
    """

    def __init__(self, count: int, cap: int, *, complete: bool) -> None:
        self.count, self.cap, self.complete = count, cap, complete
        number = f"{count:,}" if complete else f"at least {count:,}"
        super().__init__(
            f"the exact engine would need {number} reachable states, more than its cap of {cap:,}; "
            "use the Monte Carlo engine (--engine montecarlo), or merge variables or levels"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return _too_many_states, (self.count, self.cap, self.complete)


def _too_many_states(count: int, cap: int, complete: bool) -> TooManyStates:
    return TooManyStates(count, cap, complete=complete)


class Unsupported(SimlibError):
    """A well-formed request that an engine or a file format does not support, with the reason."""


DOES_NOT_FIT = (TooManyStates, Unsupported)
"""Errors by which the exact engine says that it cannot answer a question."""


class MissingDependency(SimlibError):
    """A missing optional package, with the reason why it is needed and how to install it."""


class Cancelled(SimlibError):
    """The caller asked a long computation to stop."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the name in `known` that is most like `name`, or "" if none is similar."""
    import difflib

    matches = difflib.get_close_matches(name, [str(word) for word in known], n=1, cutoff=0.6)
    return matches[0] if matches else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a half-sentence for a message about an unknown name.

    The half-sentence suggests the most similar known name. If none is similar, it lists up to 20 known names.
    """
    known = list(known)
    close = nearest(name, known)
    if close:
        return f"did you mean {close!r}?"
    return "expected one of: " + ", ".join(known[:20]) + (", ..." if len(known) > 20 else "") if known else ""
