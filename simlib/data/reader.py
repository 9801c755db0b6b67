"""Recognise the layout of a file of event data, and read the file into one tidy frame."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simlib.data.layouts import LAYOUTS, FileKind
from simlib.errors import Problem, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

EVENT_COLUMNS = (
    "date",
    "precision",
    "end",
    "case",
    "actor",
    "target",
    "code",
    "category",
    "intensity",
    "source",
    "known_on",
)
_DATES = ("date", "end", "known_on")
_TEXT_COLUMNS = ("precision", "case", "actor", "target", "code", "category", "source")
_LOOK = 1 << 16
"""Number of bytes that are read from the beginning of a file to recognise its layout."""

_FILLED_COLUMNS = ("dispnum", "dispnum3", "crisno", "event date", "event_date", "date_start")
"""Columns that are never empty in a complete row. A file is checked by the first of these columns that it has."""

CHUNK_ROWS = 100_000
"""Number of rows of a file that are read at a time."""


def read(path: str | Path) -> pd.DataFrame:
    """Read a file of event data into one tidy frame. `simlib.data` lists its columns.

    Args:
        path: a file of COW MID 4 or 5, ICB 1 or 2, ICBe, GDELT 1 or 2, ICEWS, ACLED or UCDP GED. Compressed files (.gz,
            .zip, .bz2, .xz) need not be unpacked.

    Returns: One row for each row of the file: an event, or one participant of an event, depending on the layout. Dates
        are timestamps without a time of day.

    Raises:
        ScenarioError: the file is empty, cut off, mixed from several layouts, a Git LFS pointer, or of an unknown
            layout. The message names the line, the fault and the expected input.
    """
    import pandas as pd

    parts = list(chunks(path))
    for name in _TEXT_COLUMNS:
        kinds = pd.api.types.union_categoricals([part[name] for part in parts]).categories
        for part in parts:
            part[name] = part[name].cat.set_categories(kinds)
    return pd.concat(parts, ignore_index=True)


def chunks(path: str | Path, *, rows: int = CHUNK_ROWS) -> Iterator[pd.DataFrame]:
    """Yield a file of event data as tidy frames of at most `rows` rows.

    `simlib.data` lists the columns. Raises the same errors as `read`.
    """
    file = Path(path)
    layout, encoding = _recognise(file)
    for raw in _raw_chunks(file, layout, encoding, rows):
        yield _tidied(layout, raw)


def _tidied(layout: FileKind, raw: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = layout.tidy(raw)
    frame = pd.DataFrame({name: columns.get(name, "") for name in EVENT_COLUMNS}, index=raw.index)
    for name in _DATES:
        frame[name] = pd.to_datetime(frame[name], errors="coerce")
    frame["intensity"] = pd.to_numeric(frame["intensity"], errors="coerce")
    for name in _TEXT_COLUMNS:
        frame[name] = frame[name].astype("category")
    return frame


# -------------------------------------------------------------------- recognising


def _refused(file: Path, line: int, what: str, expected: str) -> ScenarioError:
    return ScenarioError(Problem(str(file), line, "data", what, expected))


def _open(file: Path) -> Any:
    import bz2
    import gzip
    import io
    import lzma
    import zipfile

    match file.suffix.lower():
        case ".gz":
            return gzip.open(file)
        case ".bz2":
            return bz2.open(file)
        case ".xz":
            return lzma.open(file)
        case ".zip":
            with zipfile.ZipFile(file) as folder:
                names = folder.namelist()
                if len(names) != 1:
                    raise _refused(file, 0, f"the archive holds {len(names)} files", "expected one")
                return io.BytesIO(folder.read(names[0]))
    return file.open("rb")


def _recognise(file: Path) -> tuple[FileKind, str]:
    if file.is_dir():
        raise _refused(file, 0, "is a folder", "expected a file of event data")
    with _open(file) as stream:
        head: bytes = stream.read(_LOOK)
    if not head.strip():
        raise _refused(file, 0, "the file is empty", "expected rows of event data")
    if head.startswith((b"version https://git-lfs", b"/annex/")) or b".git/annex" in head[:200]:
        raise _refused(
            file, 1, "this is a pointer to a file, not the data", "fetch the file itself, e.g. with `git lfs pull`"
        )
    encoding = _encoding(head)
    if b"\0" in head or head.startswith(b"PK\x03\x04"):
        expected = "expected a table with commas or tabs; export spreadsheets as CSV"
        raise _refused(file, 1, "this is not a text file", expected)
    lines = head.decode(encoding, errors="replace").splitlines()
    return _by_header(file, lines[0]) or _by_width(file, lines), encoding


def _encoding(head: bytes) -> str:
    """Return the encoding: UTF-8 if the complete lines in `head` are valid UTF-8, else Latin-1.

    Some ICB and CAMEO files are in Latin-1.
    """
    try:
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _fields(line: str, delimiter: str) -> list[str]:
    return [field.strip().lower().replace(" ", " ") for field in next(csv.reader([line], delimiter=delimiter))]


def _by_header(file: Path, line: str) -> FileKind | None:
    for layout in LAYOUTS:
        if layout.columns and _matches(layout, set(_fields(line, layout.delimiter))):
            return layout
    for layout in LAYOUTS:  # the file may have the right names but the wrong delimiter
        for delimiter in {",", ";", "\t", "|"} - {layout.delimiter}:
            if layout.columns and _matches(layout, set(_fields(line, delimiter))):
                named = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
                what = f"looks like {layout.name}, with {named[delimiter]} between its fields"
                raise _refused(file, 1, what, f"expected {named[layout.delimiter]}, as in the published file")
    return None


def _matches(layout: FileKind, columns: set[str]) -> bool:
    return layout.columns <= columns and not layout.absent & columns


def _by_width(file: Path, lines: list[str]) -> FileKind:
    counts = [line.count("\t") + 1 for line in lines[:50] if line.strip()]
    if len(counts) > 1 and counts[-1] < min(counts[:-1]):
        # The first `_LOOK` bytes may end within a line. If the file is cut off, `_checked` refuses that row later.
        counts.pop()
    widths = set(counts)
    for layout in LAYOUTS:
        if layout.widths and widths <= set(layout.widths):
            return layout
    if any(layout.widths and widths & set(layout.widths) for layout in LAYOUTS):
        several = ", ".join(map(str, sorted(widths)))
        raise _refused(
            file, 1, f"rows have {several} fields", "expected one layout: 57 or 58 (GDELT 1), or 61 (GDELT 2)"
        )
    known = ", ".join(layout.name for layout in LAYOUTS)
    seen = lines[0] if len(lines[0]) <= 60 else lines[0][:57] + "..."
    raise _refused(file, 1, f"no known layout begins with {seen!r}", f"expected one of: {known}")


# -------------------------------------------------------------------- reading


def _raw_chunks(file: Path, layout: FileKind, encoding: str, rows: int) -> Iterator[pd.DataFrame]:
    import pandas as pd
    from pandas.errors import EmptyDataError, ParserError

    options: dict[str, Any] = {}
    if layout.names:
        needs = [place for place, name in enumerate(layout.names) if name in layout.needs]
        options = {"header": None, "names": [layout.names[place] for place in needs], "usecols": needs}
    if layout.delimiter == "\t":
        options["quoting"] = csv.QUOTE_NONE  # a lone quotation mark in a name would swallow the lines after it
    try:
        with pd.read_csv(
            file, sep=layout.delimiter, dtype=str, keep_default_na=False, encoding=encoding, chunksize=rows, **options
        ) as reader:
            for raw in reader:
                raw.columns = [str(name).strip().lower() for name in raw.columns]
                yield _checked(file, layout, raw.fillna(""))
    except EmptyDataError:
        raise _refused(file, 0, "the file is empty", "expected rows of event data") from None
    except (ParserError, EOFError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        expected = "expected a complete file; fetch it again"
        raise _refused(file, 0, f"cannot be read as {layout.name}: {reason}", expected) from None


def _checked(file: Path, layout: FileKind, raw: pd.DataFrame) -> pd.DataFrame:
    """Return a chunk without empty rows, but refuse rows that are cut off or of another layout."""
    raw = raw[(raw != "").any(axis=1)]
    if layout.name.startswith("ICB ") and "viol" in raw:
        raw = raw[raw["viol"] != ""]  # the row of crisis 474 has a number but no values
    if layout.names:
        wrong = ~(raw["sqldate"].str.fullmatch(r"\d{8}") & raw["dateadded"].str.fullmatch(r"\d{8}|\d{14}"))
    else:
        first = next(name for name in _FILLED_COLUMNS if name in raw)
        wrong = raw[first] == ""
    if wrong.any():
        line = int(raw.index.to_numpy()[wrong.to_numpy().argmax()]) + (1 if layout.names else 2)
        raise _refused(file, line, f"this row is cut off, or not of {layout.name}", "expected whole rows of one layout")
    return raw
