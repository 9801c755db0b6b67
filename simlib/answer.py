"""`Answer`: the base class of all results, which can be traced, saved and loaded.

An answer holds the date, the id, the title and the hash of its scenario, and the question in words. The answer also
holds its provenance: the record from which it can be computed again. An answer also gives sentences, a tidy table, a
picture and plain JSON data. All answers share some keys of the JSON data. These keys keep their names and meanings in
later versions (`docs/json.md`).

`Answer.save` writes the JSON data to a file, and adds every field of the answer under the key "state". Arrays are
stored bit for bit. Loading a file creates only dataclasses of simlib, so a file cannot run other code.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
import math
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_type_hints

import numpy as np

from simlib import package
from simlib.errors import SimlibError
from simlib.files import read_payload, write_payload
from simlib.formatting import end_of
from simlib.typing import fits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from simlib.scenario.model import Scenario

__all__ = ["Answer", "ScenarioKey", "Traced"]

FILE_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ScenarioKey:
    """The id, title, hash and first day of a scenario, for answers that do not keep all of it."""

    id: str
    title: str
    sha256: str
    as_of: dt.date

    @classmethod
    def of(cls, scenario: Scenario) -> ScenarioKey:
        """Return the key of a scenario."""
        return cls(scenario.id, scenario.title, scenario.sha256, scenario.as_of)


def dated(scenario: Scenario, day: float) -> tuple[ScenarioKey, dt.date, float]:
    """Return the fields `scenario`, `by` and `by_day` of an answer for the period up to `day`.

    - The first value is the key of the scenario (a `ScenarioKey`).
    - The second value is the last date of that period.
    - The third value is `day` itself, in days after 00:00 of the scenario's first day.
    """
    return ScenarioKey.of(scenario), scenario.by_date(day), day


class Answer(ABC):
    """Base class of answers: frozen dataclasses with the fields `scenario` and `provenance`."""

    kind: ClassVar[str]
    """The name of this kind of answer in the JSON data, such as "compare" or "drivers"."""

    scenario: Any
    """A `Scenario` or a `ScenarioKey`: both have id, title, sha256 and as_of."""

    provenance: Any
    """The record from which the answer can be computed again. The function `provenance` makes this record."""

    sentences_in_json: ClassVar[bool] = True
    """Whether the JSON data include the sentences of the answer."""

    @property
    def as_of(self) -> dt.date:
        """The first day of the forecast. Only events before this day count as known."""
        day: dt.date = self.scenario.as_of
        return day

    @property
    def by_words(self) -> str:
        """The end of the forecast in words. The hour is added if the end is not at midnight."""
        return end_of(self.as_of, self.by_day)  # type: ignore[attr-defined]  # every dated answer has `by_day`

    @property
    def look_by_words(self) -> str:
        """The end, in words, of the period in which events are observed."""
        return end_of(self.as_of, self.look_by_day)  # type: ignore[attr-defined]  # as in `by_words`

    @property
    @abstractmethod
    def question(self) -> str:
        """The question that is answered, in one sentence with its date."""

    @abstractmethod
    def sentences(self) -> list[str]:
        """Return the answer in sentences, the finding first."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """Return the answer as a tidy table."""

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """Return the JSON data of this kind of answer, without the keys that all answers share."""

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON data, with None for numbers that are not finite.

        The keys keep their names and meanings in later versions (`docs/json.md`).
        """
        head = {
            "format": FILE_FORMAT,
            "answer": self.kind,
            "question": self.question,
            "scenario": self.scenario.id,
            "title": self.scenario.title,
            "as_of": self.as_of,
            "provenance": self.provenance,
        }
        if getattr(self, "by", None) is not None:
            head |= {name: getattr(self, name) for name in ("by", "by_day")}
        tail = {"sentences": self.sentences()} if self.sentences_in_json else {}
        plain: dict[str, Any] = plain_json(head | self.data() | tail)
        return plain

    def stored(self) -> dict[str, Any]:
        """Return the JSON data, and every field of the answer under the key "state".

        The function `load_answer` rebuilds the answer from "state".
        """
        return self.to_dict() | {"state": encode(self)}

    def save(self, path: str | Path) -> Path:
        """Write the answer to one JSON file and return the path.

        The file is compressed with gzip if its name ends in .gz.
        """
        target = Path(path)
        write_payload(target, json_text(self.stored()).encode())
        return target

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw the answer on axes (default: a new figure) and return the axes.

        `options` go to the function that draws the picture.
        """
        axes: Axes = package.draw(self, ax, **options)
        return axes


class Traced(Answer):
    """Base class of answers that know which engine made them, with how many draws and runs."""

    @property
    def engine(self) -> str:
        """The engine that computed the answer, "exact" or "montecarlo"."""
        return str(self.provenance["engine"])

    @property
    def draws(self) -> int:
        """The number of draws of the assumptions, 0 if the values stated in the scenario were used."""
        return int(self.provenance["draws"] or 0)

    @property
    def runs(self) -> int:
        """The number of replicates for each draw of the assumptions, 0 for an exact answer."""
        return int(self.provenance["runs"] or 0)


# -------------------------------------------------------------------- provenance


def provenance(scenario: Scenario, **more: Any) -> dict[str, Any]:
    """Return the record from which an answer can be traced and computed again.

    `more` holds the arguments of the question that the answer is for:

    - `engine`, `seed`, `draws` and `runs`.
    - `by_day`: the target day, if there is one. It is then also the length of the forecast, `horizon_days`.
    - `values`: the assumption values that differ from the file (default: those that the scenario itself changes).
    - `belief`: the name of the belief that gives the draws (default: "prior", or None without draws).
    - any other argument of that question.
    """
    common = dict.fromkeys(("engine", "seed", "draws", "runs")) | {"values": scenario.changed_values()}
    days = more.get("by_day", scenario.horizon_days)
    belief = "prior" if more.get("draws") else None
    return {
        "scenario_sha256": scenario.sha256,
        "view": scenario.view,
        "interventions": [str(item) for item in scenario.interventions],
        **record({"horizon_days": days} | common | {"belief": belief} | more),
    }


def record(how: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of the versions, the processor and the time, with the items of `how`."""
    import platform

    return {
        "version": package.VERSION,
        "versions": dict(_versions()),
        "machine": platform.machine(),
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        **how,
    }


@cache
def _versions() -> dict[str, str]:
    """Return the version of Python, and of each package whose version can change the numbers."""
    import importlib.metadata
    import platform

    import scipy

    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    try:
        return versions | {"numba": importlib.metadata.version("numba")}
    except importlib.metadata.PackageNotFoundError:
        return versions | {"numba": "absent"}


# -------------------------------------------------------------------- plain data


def json_text(data: Mapping[str, Any], *, escape: bool = False) -> str:
    """Return plain JSON data as a text. `escape` writes letters outside ASCII as codes."""
    return json.dumps(data, ensure_ascii=escape, indent=1, allow_nan=False) + "\n"


def plain_json(value: Any) -> Any:
    """Return a value as plain JSON data: mappings, lists, texts and numbers.

    Floats keep every bit. A number that is not finite becomes None.
    """
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pick(thing: object, *names: str) -> dict[str, Any]:
    """Return the named attributes of an object as a dictionary."""
    return {name: getattr(thing, name) for name in names}


def in_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a table as {column: value}, with one plain value in each column.

    A list [value, half-width of interval] becomes two columns, `name` and `name_error`. A tuple becomes one text.
    """
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, list):
            flat |= dict(zip((name, f"{name}_error"), value, strict=True))
        else:
            flat[name] = "; ".join(value) if isinstance(value, tuple) else value
    return flat


def encode(value: Any) -> Any:
    """Return a part of an answer as JSON data from which `decode` rebuilds it bit for bit."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {"!float": str(value)}
        case np.ndarray():
            little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
            text = base64.b64encode(little.tobytes()).decode("ascii")
            return {"!array": text, "dtype": little.dtype.str, "shape": list(value.shape)}
        case np.generic():
            return encode(value.item())
        case dt.date():
            return {"!date": value.isoformat()}
        case tuple():
            return {"!tuple": [encode(item) for item in value]}
        case list():
            return [encode(item) for item in value]
        case Mapping():
            return {"!map": [[encode(key), encode(item)] for key, item in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
        return {"!": type(value).__name__, **fields}
    raise TypeError(f"an answer cannot store a {type(value).__name__}")


def decode(data: Any, classes: Mapping[str, type]) -> Any:
    """Rebuild the value that `encode` wrote. `classes` holds the permitted dataclasses by name."""
    if isinstance(data, list):
        return [decode(item, classes) for item in data]
    if not isinstance(data, dict):
        return data
    match data:
        case {"!float": text}:
            return float(text)
        case {"!array": text, "dtype": str(dtype), "shape": shape}:
            flat = np.frombuffer(base64.b64decode(text), dtype=np.dtype(dtype))
            return flat.reshape(shape).astype(flat.dtype.newbyteorder("="))
        case {"!date": text}:
            return dt.date.fromisoformat(text)
        case {"!tuple": items}:
            return tuple(decode(item, classes) for item in items)
        case {"!map": pairs}:
            return {decode(key, classes): decode(item, classes) for key, item in pairs}
        case {"!": name, **fields}:
            return _built(name, {key: decode(item, classes) for key, item in fields.items()}, classes)
    raise ValueError("it has a mapping that `save` does not write")


def _type_name(hint: Any) -> str:
    return str(hint if get_args(hint) else getattr(hint, "__name__", hint))


_HINTS: dict[type, dict[str, Any]] = {}
"""The types of the fields of each class, once they are known."""


def _built(name: str, values: dict[str, Any], classes: Mapping[str, type]) -> Any:
    """Return an instance of the class `name`, or raise TypeError for a value of the wrong type."""
    if name not in classes:
        raise ValueError(f"{name!r} is no part of an answer")
    kind = classes[name]
    if kind not in _HINTS:
        _HINTS[kind] = get_type_hints(kind, localns={**classes, **vars(sys.modules[kind.__module__])})
    for field, hint in _HINTS[kind].items():
        if field in values and not fits(values[field], hint):
            shown = repr(values[field])
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            raise TypeError(f"{name}.{field} is {shown}; expected {_type_name(hint)}")
    return kind(**values)


def load_answer(path: str | Path, classes: Iterable[type], name: str | None = None) -> Answer:
    """Read a file that `Answer.save` or a command wrote, and return the same answer bit for bit.

    Args:
        path: The path of the file.
        classes: The dataclasses that the file may hold.
        name: The name of the answer in the file. May be left out if the file holds one answer.

    Raises:
        SimlibError: If the file cannot be read, if it holds no answer, if no answer has this name, or if the file holds
            several answers and `name` is None.
    """
    source = Path(path)
    try:
        states = _states(json.loads(read_payload(source)))
        answer = decode(states[_chosen(source, name, states)], {each.__name__: each for each in classes})
    except OSError as error:
        raise SimlibError(f"{source}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, TypeError, EOFError, RecursionError, zlib.error) as error:
        raise SimlibError(f"{source}: cannot be read as an answer: {error}") from error
    if not isinstance(answer, Answer):
        raise SimlibError(f"{source}: holds no saved answer")
    return answer


def _states(data: Any) -> dict[str, Any]:
    """Return {name: state} of the answers in a file. An unnamed answer is named after its kind."""
    if not isinstance(data, dict):
        return {}
    answers = {data["answer"]: data} if "answer" in data else data
    return {
        name: each["state"]
        for name, each in answers.items()
        if isinstance(each, dict) and {"answer", "state"} <= each.keys()
    }


def _chosen(source: Path, name: str | None, states: Mapping[str, Any]) -> str:
    if not states:
        raise SimlibError(f"{source}: holds no saved answer")
    if name is None and len(states) > 1:
        raise SimlibError(f"{source}: holds {len(states)} answers; name one of: {', '.join(states)}")
    if name is not None and name not in states:
        raise SimlibError(f"{source}: holds no answer {name!r}; expected one of: {', '.join(states)}")
    return next(iter(states)) if name is None else name
