"""Reports: whole, self-contained, escaped, and with the words of ICD 203."""

from __future__ import annotations

import re

import pytest

from simlib.cli import main
from simlib.engines.exact import solve
from simlib.export.report import Answers, blocks, icd203, to_html, to_markdown
from tests import worlds

HEADINGS = ["The answer", "What drives it", "By which path", "What to watch for", "The assumptions", "Sources",
            "Limits", "Provenance"]  # fmt: skip


@pytest.mark.parametrize(
    ("p", "word"),
    [(0.003, "remote"), (0.03, "almost no chance"), (0.1, "very unlikely"), (0.3, "unlikely"),
     (0.5, "roughly even chance"), (0.7, "likely"), (0.9, "very likely"), (1.0, "almost certain")],
)  # fmt: skip
def test_words_of_probability(p, word):
    assert icd203(p) == word


def test_a_whole_report_as_html(tmp_path, capsys):
    target = tmp_path / "report.html"
    assert main(["report", "two-islands", "--out", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    page = target.read_text()
    assert re.findall("<h2>(.*?)</h2>", page) == HEADINGS
    assert page.count('src="data:image/png;base64,') >= 5
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "four patrols in the two weeks" in page


def test_what_a_scenario_says_is_never_markup():
    scenario = worlds.two_states(0.05, ends=True).replace(title="<script>alert(1)</script> *bold*")
    pieces = list(blocks(Answers(scenario, solve(scenario, times=5))))
    assert "<script>" not in to_html(pieces)
    assert "&lt;script&gt;" in to_html(pieces)
    assert to_markdown(pieces).startswith("# \\<script\\>alert(1)\\</script\\> \\*bold\\*")


def test_numbers_carry_words():
    scenario = worlds.two_states(0.05, ends=True)
    text = to_markdown(blocks(Answers(scenario, solve(scenario, times=5))))
    assert "- across: likely, 78%." in text
    assert "at the stated values of the assumptions" in text


def test_an_unknown_ending_of_the_file_is_refused(capsys):
    assert main(["report", "two-islands", "--out", "report.docx"]) == 2
    assert "expected .html or .md" in capsys.readouterr().err
