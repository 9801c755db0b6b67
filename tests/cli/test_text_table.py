"""Tables on a terminal, and the same for spreadsheets."""

from __future__ import annotations

import pandas as pd
import pytest

from simlib.cli.output.files import write_table
from simlib.cli.output.text_table import Row, table

HEAD = [["1 April", "1 May", "1 June", "1 July"]]
ROWS = [Row("The blockade of the valley bridge ends", ["1%", "20%", "33%", "48%"]), Row("Agreed", ["0%"] * 4)]


@pytest.mark.parametrize("width", [28, 40, 60, 80, 200])
def test_a_table_fits_the_terminal(width):
    text = table("Endings: probability by the end of the date, at the stated values", HEAD, ROWS, width)
    assert max(map(len, text.splitlines())) <= width
    assert [text.count(cell) for cell in ("20%", "33%", "48%", "1 July")] == [1, 1, 1, 1]


def test_a_table_with_room_is_in_one_piece():
    assert table("Endings", HEAD, ROWS, 80).splitlines() == [
        "Endings",
        "                                          1 April  1 May  1 June  1 July",
        "  The blockade of the valley bridge ends       1%    20%     33%     48%",
        "  Agreed                                       0%     0%      0%      0%",
    ]


def test_columns_that_do_not_fit_stand_below():
    lines = table("Endings", HEAD, ROWS, 40).splitlines()
    assert lines.count("") == 1
    assert [line.split()[-1] for line in lines if "Agreed" in line] == ["0%", "0%"]


def test_without_a_terminal_no_line_is_cut(capsys):
    assert "July" in table("Endings " * 40, HEAD, ROWS).splitlines()[1]


def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path):
    names = ["=1+1", "+x", "-x", "@x", "\t=1", "fine", "-"]
    frame = pd.DataFrame({"=name": names, "change": [-0.5, 1, 2, 3, 4, 5, 6]})
    write_table(frame, tmp_path / "a.csv")
    raw = (tmp_path / "a.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(tmp_path / "a.csv")
    assert list(read) == ["'=name", "change"]
    assert list(read["'=name"]) == ["'=1+1", "'+x", "'-x", "'@x", "'\t=1", "fine", "'-"]
    assert list(read["change"]) == [-0.5, 1, 2, 3, 4, 5, 6]
    assert list(frame["=name"]) == names
