"""The crises of ICBe: dates, the days with events, and the first strike.

Only crises with exact dates in ICB are taken. An event-day is a day within those dates on which somebody did or said
something. Thoughts and conditional statements are left out. Day 0 is the trigger.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from simlib.calibration.crisis_cases import CrisisRecord

FILES = ("icbe_dated_events.csv", "icb1v14.csv", "MIDA 5.0.csv")
VIOLENT_TRIGGERS = (8, 9)
"""Codes of ICB's `break`: indirect violent, violent."""

NO_IWC = "1"
"""Code of ICB's `iwcmb` for a crisis that is not part of a war."""


@dataclass(frozen=True)
class Crisis:
    """A crisis: ICB's codes for its trigger, its event-days, and the day of its first strike.

    `first_strike` is None if there was no strike by the end.
    """

    number: int
    trigger: pd.Timestamp
    break_code: int
    in_war: bool
    record: CrisisRecord
    first_strike: int | None

    @property
    def last_day(self) -> int:
        return self.record.last_day

    def before(self, cut: pd.Timestamp) -> Crisis:
        """Return the crisis as it was known on the morning of a date, without later days."""
        last = min((cut - self.trigger).days - 1, self.last_day)
        struck = self.first_strike if self.first_strike is not None and self.first_strike <= last else None
        return Crisis(self.number, self.trigger, self.break_code, self.in_war, self.record.until(last), struck)

    def struck_by(self, day: int) -> bool:
        return self.first_strike is not None and self.first_strike <= day


def data_folder() -> Path:
    """Return the folder that SIMLIB_DATA names, or stop with a message that names missing files."""
    named = os.environ.get("SIMLIB_DATA", "")
    if not named:
        raise SystemExit("SIMLIB_DATA names no folder; expected one with " + ", ".join(FILES))
    missing = [name for name in FILES if not (Path(named) / name).is_file()]
    if missing:
        raise SystemExit(f"{named} has no {', '.join(missing)}; expected the files of ICBe 1.1, ICB 14 and COW MID 5.0")
    return Path(named)


def read_crises(folder: Path) -> list[Crisis]:
    """Return every crisis with exact dates, in the order of the triggers."""
    rows = pd.read_csv(folder / FILES[0], dtype=str, keep_default_na=False)
    codes = pd.read_csv(folder / FILES[1], dtype=str, keep_default_na=False, encoding="utf-8-sig").set_index("crisno")
    rows = rows[(rows["icb_dates_exact"] == "True") & (rows["in_window"] == "True")]
    for name in ("date", "icb_trigger", "icb_termination"):
        rows[name] = pd.to_datetime(rows[name])
    rows["day"] = (rows["date"] - rows["icb_trigger"]).dt.days
    rows["event"] = rows["event_type"].str.contains("action|speech") & (rows["conditional"] == "False")
    rows["strike"] = (
        rows["event"] & rows["event_type"].str.contains("action") & rows["categories"].str.contains("strike")
    )
    found = []
    for number, own in rows.groupby("crisno"):
        first = own.iloc[0]
        days = np.unique(own.loc[own["event"], "day"])
        last = int((first["icb_termination"] - first["icb_trigger"]).days)
        record = CrisisRecord(str(number), tuple(int(day) for day in days if day > 0), last)
        struck = own.loc[own["strike"], "day"]
        code = codes.loc[number]
        found.append(
            Crisis(
                int(number),
                first["icb_trigger"],
                int(code["break"]),
                code["iwcmb"] != NO_IWC,
                record,
                None if struck.empty else int(struck.min()),
            )
        )
    return sorted(found, key=lambda crisis: (crisis.trigger, crisis.number))
