"""Files are written whole or not at all, and never in place of a device, a pipe or a link."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from simlib.files import stored_json, write_atomically

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes, links and modes of this kind")


def test_text_is_written_and_replaced(tmp_path: Path) -> None:
    for text in ("mir: мир", "peace"):
        write_atomically(tmp_path / "new" / "answer.json", text)
        assert (tmp_path / "new" / "answer.json").read_text("utf-8") == text
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["answer.json"]


@posix
def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_atomically(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


@posix
def test_an_existing_file_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_text("old")
    file.chmod(0o600)
    write_atomically(file, "new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@posix
def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe, texts = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: texts.append(pipe.read_text()), daemon=True)
    reader.start()
    write_atomically(pipe, "an answer")
    reader.join(10)
    assert texts == ["an answer"]
    assert pipe.is_fifo()


@posix
def test_an_open_file_of_the_process_is_written_into(tmp_path: Path) -> None:
    """As in `simlib run ... --json >(jq .)`, where the shell hands over the number of a pipe."""
    reading, writing = os.pipe()
    write_atomically(f"/dev/fd/{writing}", "an answer")
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert stream.read() == "an answer"


@posix
def test_a_device_is_written_into(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        device.write_text("x")
    except OSError:
        pytest.skip("only an administrator makes devices")
    write_atomically(device, "an answer")
    assert stat.S_ISCHR(device.stat().st_mode)


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "answer.json").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as error:
        write_atomically(tmp_path / "answer.json", "new")
    assert error.value.filename == str(tmp_path / "answer.json")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("links", [True, False])
def test_of_many_writers_of_a_new_file_exactly_one_wins(tmp_path: Path, monkeypatch, links: bool) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    file, winners, start = tmp_path / "view.yaml", [], threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        with contextlib.suppress(FileExistsError):
            write_atomically(file, str(number), new=True)
            winners.append(str(number))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert winners == [file.read_text()]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "text", [None, "{", "[]", "{}", '{"format": 1, "x": 1}', '{"format": 2, "x": 3}', '{"format": 2}']
)
def test_a_stored_file_that_cannot_be_used_is_passed_over(tmp_path: Path, text: str | None) -> None:
    """Missing, damaged, no mapping, without a version, of an older version, refused by the reader, or incomplete."""
    files = tmp_path / "first.json", tmp_path / "second.json"
    if text is not None:
        files[0].write_text(text)
    files[1].write_text('{"format": 2, "x": 4}')

    def read(data: dict) -> int:
        if data["x"] == 3:
            raise ValueError("three is refused")
        return data["x"]

    assert stored_json(files, 2, read) == 4
    assert stored_json(files[:1], 2, read) is None
