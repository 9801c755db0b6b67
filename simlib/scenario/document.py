"""Read a YAML file into plain data, with the line of each value.

Only this module and `yaml_editing` use ruamel.yaml. The data are built from the parser's events, so that every
duplicate key is reported and not only the first. A scalar becomes text: `no` stays a word and `+1` keeps its sign. Only
an empty scalar, `~` or `null` without quotes becomes None. A file cannot make the reader build other objects or
evaluate expressions. Anchors, aliases, and tags other than those of plain data are refused. Size and depth are limited.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simlib.errors import INVISIBLE, MAX_PROBLEMS, UNSEEN, Problem, ScenarioError, did_you_mean, refuse

MAX_BYTES = 1_000_000
"""Largest size of a file."""
MAX_DEPTH = 12
"""Largest number of keys and list positions on the path to a value."""
MAX_NODES = 100_000
"""Largest number of values in a file."""

Place = tuple[str | int, ...]
"""The path from the top of a file to a value: keys, and positions in lists counted from 0."""

NULLS = ("", "~", "null", "Null", "NULL")
"""Texts that, without quotes, stand for no value."""
CORE_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
"""The YAML tags that a value may have, which are the tags of plain data."""


def dotted(place: Place) -> str:
    """Write the path to a value, with list positions from 1, such as `moves.patrol.times.1.by`."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in place)


@dataclass
class Document:
    """A YAML file that was read, and its problems.

    - `file`: the path or name by which messages call the file.
    - `text`: the text of the file.
    - `data`: the content of the file, as mappings, lists, texts and None.
    - `lines`: the line of each value, by its `Place`.
    - `problems`: the problems found so far.
    - `readable`: False if the reading was stopped by an error, so that the rest of the file is unknown.
    """

    file: str
    text: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    readable: bool = True

    def line(self, place: Place) -> int:
        """Return the line of a place in the file.

        For a place that the file does not have, return the line of the innermost place around it that the file has.
        """
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def names(self, section: str) -> Container[str]:
        """Return the keys of a section as the file has them, valid or not.

        If the section cannot be read, every name counts as one of its keys.
        """
        written = self.data.get(section, None if section in ("variables", "moves") else {})
        return written if isinstance(written, dict) else _Anything()

    def note(self, place: Place, what: str, expected: str = "") -> None:
        """Record one problem at a place in the file.

        Raises ScenarioError once there are more than `MAX_PROBLEMS`.
        """
        self.problems.append(Problem(self.file, self.line(place), dotted(place), what, expected))
        if len(self.problems) > MAX_PROBLEMS:
            self.refuse_if_any()

    def note_unknown(self, kind: str, name: str, place: Place, known: Collection[str]) -> None:
        """Record that `name` is not in `known`, the names of valid items of a `kind` such as "move".

        If the section of the file has the name, nothing is recorded, because the item has a problem of its own.
        """
        if name not in known and name not in self.names(f"{kind}s"):
            self.note(place, f"unknown {kind} {name!r}", did_you_mean(name, known))

    def has_problem_in(self, place: Place) -> bool:
        """Return whether a problem was noted at a place or inside it."""
        where = dotted(place)
        return any(problem.where == where or problem.where.startswith(f"{where}.") for problem in self.problems)

    def refuse_if_any(self) -> None:
        """Raise one ScenarioError with all problems that were noted. Without problems, do nothing."""
        refuse(self.problems)


class _Anything:
    """Stands for the keys of a section that cannot be read, and contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


def read_file(path: Path, shown: str) -> str:
    """Return the text of a file. Messages call the file `shown`.

    Raises ScenarioError if the file is missing, too large or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ScenarioError(Problem(shown, 0, "", f"cannot be read: {reason}", "expected a readable file")) from None
    return decode(raw, shown)


def decode(raw: bytes, shown: str) -> str:
    """Return bytes as text. `shown` is the name of their source in messages.

    Raises ScenarioError if there are too many bytes or if they are not UTF-8.
    """
    if len(raw) > MAX_BYTES:
        raise ScenarioError(Problem(shown, 0, "", *_TOO_LARGE))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what = f"byte {raw[error.start]:#04x} is not UTF-8"
        raise ScenarioError(Problem(shown, line, "", what, "expected a text file saved as UTF-8")) from None


_TOO_LARGE = ("the file is larger than a megabyte", f"expected at most {MAX_BYTES:,} bytes")


def read(text: str, file: str) -> Document:
    """Read the text of a YAML file into a document. Messages call the file `file`.

    Errors in the YAML are listed in the `problems` of the document. If such an error stopped the reading, `readable` is
    False.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    document = Document(file, text)
    if len(text) > MAX_BYTES:
        document.problems.append(Problem(file, 0, "", *_TOO_LARGE))
        document.readable = False
        return document
    try:
        _Composer(document, YAML(typ="safe", pure=True).parse(text)).compose()
    except YAMLError as error:
        document.problems.append(_syntax_problem(document, error))
        document.readable = False
    except (_Stopped, ValueError, OverflowError) as error:
        if not isinstance(error, _Stopped):
            document.note((), f"not readable as YAML ({error})", "expected plain text")
        document.readable = False
    return document


def _syntax_problem(document: Document, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if "end of stream" in str(getattr(error, "problem", "")):
        mark = getattr(error, "context_mark", None) or mark
    position = getattr(error, "position", None)
    if isinstance(position, int):
        line = document.text.count("\n", 0, position) + 1
        return Problem(document.file, line, "", "a control character in the text", "expected printable characters")
    opened = _open_bracket(error, mark)
    if mark is not None and opened is not None:
        what = f"not valid YAML: a bracket that is not closed, or a comma that is missing, before line {mark.line + 1}"
        return Problem(document.file, opened, "", what, "expected a comma or the closing bracket")
    raw = str(getattr(error, "problem", None) or "unknown error").replace("\\t", "tab")
    what, expected = next((words for sign, words in _PLAIN_WORDS.items() if sign in raw), (raw, "expected YAML"))
    return Problem(document.file, mark.line + 1 if mark else 1, "", f"not valid YAML: {what}", expected)


def _open_bracket(error: Exception, mark: Any) -> int | None:
    """Return the line of the bracket that was still open where the parser stopped.

    The result is None if there is no such bracket, or if the parser stopped on the line of the bracket.
    """
    begun = getattr(error, "context_mark", None)
    if mark is None or begun is None or begun.line >= mark.line:
        return None
    return begun.line + 1 if "flow" in str(getattr(error, "context", "")) else None


_PLAIN_WORDS = {
    "mapping values are not allowed": (
        "a colon in the wrong place",
        "put a text with ': ' in quotes, write a mapping on one line as {a: b}, or correct the indentation",
    ),
    "character 'tab'": ("a tab", "expected spaces: YAML does not allow tabs for indentation"),
    "that cannot start any token": (
        "a text that starts with a special sign",
        "a text that starts with a sign such as @, %, ` or > needs quotes",
    ),
    "end of stream": ("a quote that is never closed", "expected the same quote at the end of the text"),
    "could not find expected ':'": (
        "a key without ': '",
        "expected 'key: value' with a space after the colon, here or on the line above",
    ),
    "expected <block end>": (
        "a line that is not aligned with the lines above it",
        "keys of one mapping start in the same column",
    ),
    "but got ':'": ("a colon where a comma or a closing bracket belongs", "a text that contains ': ' needs quotes"),
    "expected ',' or": ("a bracket that is never closed", "expected a comma or the closing bracket"),
    "expected the node content": ("a bracket or a comma where a value belongs", "expected a value"),
}
"""For each message of the YAML parser, the problem and the expectation in plain words."""


class _Stopped(Exception):
    """Raised after a problem was noted, to stop the reading."""


class _Composer:
    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document = document
        self.events = events
        self.nodes = 0

    def compose(self) -> None:
        self._next("StreamStart")
        event = next(self.events)
        if _is(event, "StreamEnd"):
            self._stop(1, (), "the file is empty", "expected a mapping that starts with 'format: 1'")
        self.document.data = self._node(next(self.events), ())
        self._next("DocumentEnd")
        event = next(self.events)
        if not _is(event, "StreamEnd"):
            line = event.start_mark.line + 1
            self._problem(line, (), "a second document starts here", "expected one document in a file")

    def _next(self, name: str) -> None:
        event = next(self.events)
        assert _is(event, name), event

    def _node(self, event: Any, place: Place) -> Any:
        self.nodes += 1
        line = event.start_mark.line + 1
        self.document.lines.setdefault(place, line)
        if self.nodes > MAX_NODES:
            self._stop(line, place, f"more than {MAX_NODES:,} values in one file", "expected a smaller file")
        if len(place) > MAX_DEPTH:
            self._stop(line, place[:4], f"nested more than {MAX_DEPTH} levels deep", "expected a flatter file")
        if _is(event, "Alias"):
            self._problem(line, place, f"the alias *{event.anchor}", "aliases are not allowed: write the value out")
            return Alias()
        self._refuse_anchor_and_tag(event, place, line)
        if _is(event, "MappingStart"):
            return self._mapping(place)
        if _is(event, "SequenceStart"):
            return self._sequence(place)
        return self._scalar(event, place, line)

    def _refuse_anchor_and_tag(self, event: Any, place: Place, line: int) -> None:
        if event.anchor:
            self._problem(line, place, f"the anchor &{event.anchor}", "anchors are not allowed: write the value out")
        tag = str(event.tag or "")
        if tag and tag not in CORE_TAGS and tag != "!":
            self._problem(line, place, f"the tag {tag!r}", "tags are not allowed: write plain text, numbers or lists")

    def _scalar(self, event: Any, place: Place, line: int) -> str | None:
        value = unicodedata.normalize("NFC", str(event.value))
        if event.style is None and value in NULLS:
            return None
        if UNSEEN.search(value):
            self._problem(line, place, *INVISIBLE)
        return UNSEEN.sub("?", value)

    def _sequence(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not _is(event := next(self.events), "SequenceEnd"):
            items.append(self._node(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not _is(event := next(self.events), "MappingEnd"):
            line = event.start_mark.line + 1
            key = self._key(event, place, line)
            if key in items:
                first = self.document.lines[(*place, key)]
                self._problem(line, (*place, key), f"the key {key!r} is given twice, first on line {first}", "keep one")
            if key is None or key in items:
                self._node(next(self.events), (*place, f"{key or ''} (again)"))
                continue
            self.document.lines[(*place, key)] = line
            items[key] = self._node(next(self.events), (*place, key))
        return items

    def _key(self, event: Any, place: Place, line: int) -> str | None:
        key = self._node(event, (*place, "(key)"))
        if not isinstance(key, str):
            self._problem(line, place, "a key that is not text", "expected a name before the colon")
            return None
        return key

    def _problem(self, line: int, place: Place, what: str, expected: str) -> None:
        self.document.problems.append(Problem(self.document.file, line, dotted(place), what, expected))
        if len(self.document.problems) > MAX_PROBLEMS:
            raise _Stopped

    def _stop(self, line: int, place: Place, what: str, expected: str) -> None:
        self._problem(line, place, what, expected)
        raise _Stopped


class Alias:
    """Stands for a YAML alias (`*name`). An alias is noted as a problem and never looked up."""


def _is(event: Any, name: str) -> bool:
    return type(event).__name__ == f"{name}Event"
