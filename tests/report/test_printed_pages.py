"""The printed report: the brief fills two pages of paper, no more, and the annex begins on the third."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from simlib import load
from simlib.report.writer import write_report

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""


def printed(report: Path) -> list[str]:
    """Return the text of each page that Chromium prints, with single spaces."""
    pdf = report.with_suffix(".pdf")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={report.parent / 'profile'}", f"--print-to-pdf={pdf}", report.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, timeout=60).stdout
    return [" ".join(page.split()) for page in text.decode().split("\f")]


def sheets(report: Path) -> list[str]:
    """Return the text of each sheet of the report, with single spaces."""
    found = re.findall(r'<section class="sheet">(.*?)</section>', report.read_text(encoding="utf-8"), re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", sheet)).split()) for sheet in found]


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium found; set CHROMIUM to its path")
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="no pdftotext found (Debian: apt install poppler-utils)")
@pytest.mark.slow
@pytest.mark.parametrize("world", ["two-islands", "caribbean-2025"])
def test_the_brief_fills_two_printed_pages(world, tmp_path):
    report = write_report(load(world), tmp_path / "report.html", draws=32)
    pages, brief = printed(report), sheets(report)
    assert len(brief) == 2
    for page, sheet in zip(pages, brief, strict=False):
        first, last = (" ".join(words) for words in (sheet.split()[:3], sheet.split()[-2:]))
        assert first in page
        assert last in page, f"the page ends with {page[-80:]!r}, and the sheet with {sheet[-80:]!r}"
    assert pages[2].startswith("All answers")
