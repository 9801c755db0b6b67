"""Where compiled code is kept: beside the source, in a folder of the user's own, or nowhere; never an error."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="there is nothing to keep without Numba")

from numba import config
from numba.core.caching import CacheImpl, UserProvidedCacheLocator

from simlib.engines import compile_cache as caching
from simlib.engines.compile_cache import compiled_once


@pytest.fixture
def unwritable(monkeypatch, tmp_path):
    """Numba finds no folder but the one it is told of, and the temporary folder is `tmp_path`."""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [UserProvidedCacheLocator])
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caching._say_once.cache_clear()
    return tmp_path


def test_it_is_kept_in_a_folder_of_the_users_own_and_says_so(unwritable):
    with pytest.warns(RuntimeWarning, match="compiled code is kept in .*simlib-compiled-"):
        add = compiled_once()(lambda x: x + 1)
    assert add(1) == 2
    (folder,) = unwritable.iterdir()
    assert list(folder.rglob("*.nbi"))
    assert config.CACHE_DIR == ""
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="rights of folders as POSIX has them")
def test_a_folder_that_others_can_write_to_is_left_alone(unwritable):
    planted = unwritable / f"simlib-compiled-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="compiled code cannot be kept"):
        assert compiled_once()(lambda x: x + 1)(1) == 2
    assert not list(planted.iterdir())


def test_without_any_folder_it_is_compiled_for_the_process(monkeypatch, unwritable):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    with pytest.warns(RuntimeWarning, match="set NUMBA_CACHE_DIR to a folder"):
        assert compiled_once()(lambda x: x + 1)(1) == 2


def test_an_installation_that_cannot_be_written_to_still_imports(tmp_path):
    """The whole of it, in a process: a file where each cache folder would be."""
    import simlib

    copy = tmp_path / "simlib" / "engines"
    (copy / "exact").mkdir(parents=True)
    source = Path(simlib.__file__).parent
    (copy.parent / "__init__.py").write_text("")
    for name in ("__init__.py", "compile_cache.py", "exact/__init__.py", "exact/backend.py", "exact/_kernels.py"):
        (copy / name).write_text((source / "engines" / name).read_text())
    (copy / "exact" / "__pycache__").write_text("a file")
    (tmp_path / "home").write_text("a file")
    home, here = str(tmp_path / "home"), str(tmp_path)
    environment = os.environ | {
        "HOME": home,
        "XDG_CACHE_HOME": home,
        "TMPDIR": here,
        "PYTHONPATH": here,
        "NUMBA_CACHE_DIR": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from simlib.engines.exact.backend import kernels; print(kernels is not None)"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "True", done.stderr
    if os.name == "posix" and sys.platform != "darwin":  # elsewhere the user's cache folder is not told by HOME
        assert "compiled code is kept in" in done.stderr
