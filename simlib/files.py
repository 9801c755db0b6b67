"""Write files whole or not at all, and read them back."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simlib.typing import Returned


def state_folder() -> Path:
    """Return the user's folder for drafts and other state that simlib keeps between sessions.

    The environment variable `SIMLIB_STATE_DIR` can name another folder.
    """
    override = os.environ.get("SIMLIB_STATE_DIR")
    if override:
        return Path(override)
    from platformdirs import user_state_path

    return user_state_path("simlib", appauthor=False)


def write_atomically(file: str | Path, payload: bytes | str, *, new: bool = False) -> None:
    """Write a file whole or not at all.

    If writing fails, the old file is untouched and no temporary file is left. Links are followed, and an existing file
    keeps its permissions. A device or a pipe is written into, never replaced. Text is written as UTF-8.

    Args:
        file: The path of the file. Missing folders are made.
        payload: The content of the file.
        new: Whether the file must not exist yet. If several processes try to write the file at once, exactly one
            succeeds.

    Raises:
        OSError: If the file cannot be written. The error names the file.
        FileExistsError: With `new`, if the file exists.
    """
    data = payload.encode() if isinstance(payload, str) else payload
    target = Path(os.path.realpath(file))
    try:
        if not new and is_stream(file):
            with open(file, "wb") as stream:  # noqa: PTH123 - opened by the given name: the stream may have no other
                stream.write(data)
        else:
            _replace(target, data, new)
    except OSError as error:
        if error.errno is not None:
            error.filename = str(file)
        raise


def is_stream(file: str | Path) -> bool:
    """Return whether a path leads to a device, a pipe or an open file of a process.

    Such a file must not be replaced.
    """
    path = Path(file)
    return path.exists() and (not path.is_file() or path.absolute().parts[1:3] in _OPEN_FILES)


_OPEN_FILES = (("dev", "fd"), ("dev", "stdout"), ("dev", "stderr"), ("proc", "self"))
"""Beginnings of paths that lead to the open files of a process."""


def _replace(target: Path, data: bytes, new: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            _link(part, target, data)
            part.unlink()
            return
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _link(part: Path, target: Path, data: bytes) -> None:
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links
        with target.open("xb") as stream:
            stream.write(data)


def write_payload(target: Path, payload: bytes) -> None:
    """Write bytes to a file, whole or not at all, and compressed if its name ends in .gz."""
    write_atomically(target, gzip.compress(payload, mtime=0) if target.suffix == ".gz" else payload)


def read_payload(source: Path) -> bytes:
    """Return the bytes that `write_payload` wrote to a file."""
    payload = source.read_bytes()
    return gzip.decompress(payload) if source.suffix == ".gz" else payload


def stored_json(files: Iterable[Path], version: int, read: Callable[[Any], Returned]) -> Returned | None:
    """Return what `read` makes of the first file that can be used, or None.

    A file is passed over if it is missing, damaged or of another version, or if `read` refuses its data.

    Args:
        files: The files, each with a JSON mapping.
        version: The value that a file must have under "format".
        read: A function that makes the result from the data. It may raise ValueError, KeyError, TypeError or
            AttributeError to refuse the data.
    """
    for file in files:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if data["format"] == version:
                return read(data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None
