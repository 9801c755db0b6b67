"""Count the figures of `scenarios/base_rates.yaml` again from the data files.

    SIMLIB_DATA=FOLDER python docs/base_rates.py

The folder holds the files of COW MID 5.0, ICB 14 and ICBe 1.1. Each figure is k of n past crises. The script writes
only `k` and `n`. The description and the citation of a figure stay as they are in the file.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME))

from benchmarks.outoftime.crises import data_folder, read_crises
from benchmarks.outoftime.cut import quiet_trigger

FILE = HOME / "scenarios" / "base_rates.yaml"
Counts = dict[str, tuple[int, int]]

SINCE, FORCE, WAR = 1946, 4, 5
LATIN_AMERICA = (40, 165)
"""First and last country code of COW in Latin America and the Caribbean, from Cuba to Uruguay."""

AMERICAS, INVOLVED = (40, 43), 3
"""Codes of ICB: first and last `geog` of the Americas, and the lowest `usinv` that counts as US involvement.

This lowest code stands for covert or semi-military involvement.
"""


def share(happened: pd.Series) -> tuple[int, int]:
    """Return the number of rows in which something happened, and the number of all rows."""
    return int(happened.sum()), len(happened)


def disputes(folder: Path) -> Counts:
    """Count wars, and disputes that a third state joined, among militarised disputes."""
    table, sides = pd.read_csv(folder / "MIDA 5.0.csv"), pd.read_csv(folder / "MIDB 5.0.csv")
    war = table["hostlev"] == WAR
    recent = table["styear"] >= SINCE
    american = sides.loc[sides["stabb"] == "USA", ["dispnum", "sidea"]]
    latin = sides.loc[sides["ccode"].between(*LATIN_AMERICA), ["dispnum", "sidea"]]
    both = american.merge(latin, on="dispnum")
    against = table["dispnum"].isin(both.loc[both["sidea_x"] != both["sidea_y"], "dispnum"])
    joined = table["dispnum"].isin(sides.loc[sides["orig"] == 0, "dispnum"])
    return {
        "mid-war": share(war[recent]),
        "mid-war-after-force": share(war[recent & (table["hostlev"] >= FORCE)]),
        "mid-war-us-latin-america": share(war[recent & against]),
        "mid-joiners": share(joined),
        "mid-joiners-of-wars": share(joined[war]),
    }


def crises(folder: Path) -> Counts:
    """Count ICB crises by violence, length and response.

    A length includes the first and the last day.
    """
    system, actors = (
        pd.read_csv(folder / f"icb{level}v14.csv", dtype=str, keep_default_na=False, encoding="utf-8-sig")
        for level in (1, 2)
    )
    system = system[system["viol"] != ""]
    number = system[["geog", "usinv", "viol"]].apply(pd.to_numeric, errors="coerce")
    involved = (number["usinv"] >= INVOLVED) | system["crisno"].isin(actors.loc[actors["actor"] == "USA", "crisno"])
    violence = number.loc[number["geog"].between(*AMERICAS) & involved, "viol"]
    length = ((exact(system, "term") - exact(system, "trig")).dt.days + 1).dropna()
    still = length[length > 62] - 62
    response = pd.to_numeric(actors["trgresra"], errors="coerce").dropna()
    return {
        "icb-war-americas-us": share(violence == 4),
        "icb-serious-americas-us": share(violence >= 3),
        "icb-open-62-days-30": share(still <= 30),
        "icb-open-62-days-90": share(still <= 90),
        "icb-lasts-80": share(length <= 80),
        "icb-response-5": share(response <= 5),
        "icb-response-51": share(response <= 51),
    }


def exact(system: pd.DataFrame, end: str) -> pd.Series:
    """Return the dates of triggers or ends.

    A date is missing if ICB has no day (66, 77, 88 or blank).
    """
    parts = {"year": "yr", "month": "mo", "day": "da"}
    table = pd.DataFrame({name: pd.to_numeric(system[f"{key}{end}"], errors="coerce") for name, key in parts.items()})
    known = table["day"].between(1, 31) & table["month"].between(1, 12)
    return pd.to_datetime(table[known], errors="coerce").reindex(table.index)


def first_strikes(folder: Path) -> Counts:
    """Count crises with a first strike by a day, after a non-violent trigger and outside wars.

    A crisis that ended without a strike counts as a crisis without a strike.
    """
    quiet = [crisis for crisis in read_crises(folder) if quiet_trigger(crisis)]
    by_day = {day: sum(crisis.struck_by(day) for crisis in quiet) for day in (7, 30, 90)}
    return {f"icbe-first-strike-{day}": (struck, len(quiet)) for day, struck in by_day.items()}


def counted(folder: Path) -> Counts:
    """Return k and n of every figure that is a share of past crises."""
    return disputes(folder) | crises(folder) | first_strikes(folder)


def written(text: str, counts: Counts) -> str:
    """Return the text of the file with the counts in it."""
    for figure, (k, n) in counts.items():
        entry = rf"(- id: {re.escape(figure)}\n(?:    (?!k:).*\n)*)    k: .*\n    n: .*\n"
        text, found = re.subn(entry, rf"\g<1>    k: {k}\n    n: {n}\n", text)
        if found != 1:
            raise SystemExit(f"{FILE.name} has {found} entries for {figure}; expected one with k and n")
    return text


def main() -> None:
    """Write the counts into the file."""
    text = FILE.read_text(encoding="utf-8")
    new = written(text, counted(data_folder()))
    FILE.write_text(new, encoding="utf-8")
    print("nothing has changed" if new == text else f"written: {FILE.relative_to(HOME)}")


if __name__ == "__main__":
    main()
