"""Files written whole or not at all, and read back."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
from pathlib import Path


def write_atomically(file: str | Path, payload: bytes | str) -> None:
    """Write a file whole or not at all; whatever goes wrong, the old one stays whole and no scrap stays behind.

    Links are followed and an existing file keeps its mode. What is there and is no regular file (a device, a pipe) is
    written into, never replaced. Text is written as UTF-8. An OSError names the file.
    """
    data = payload.encode() if isinstance(payload, str) else payload
    target = Path(file).resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                stream.write(data)
        else:
            _replace(target, data)
    except OSError as error:
        error.filename = error.filename or str(file)
        raise


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target, then rename over it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scrap = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with scrap.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, scrap)
        scrap.replace(target)
    except BaseException:
        scrap.unlink(missing_ok=True)
        raise


def write_payload(target: Path, payload: bytes) -> None:
    """Write bytes to a file, whole or not at all; compressed with gzip when its name ends in .gz."""
    write_atomically(target, gzip.compress(payload, mtime=0) if target.suffix == ".gz" else payload)


def read_payload(source: Path) -> bytes:
    """Read what `write_payload` wrote."""
    payload = source.read_bytes()
    return gzip.decompress(payload) if source.suffix == ".gz" else payload
