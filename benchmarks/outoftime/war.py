"""War among militarised disputes with use of force: a sanity check without dynamics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from simlib.typing import Floats

FORCE, WAR, FEWEST = 4, 5, 100
WINDOW = 30
HALF_LIVES = (5.0, 10.0, 20.0, 40.0)


def read_disputes(folder: Path) -> pd.DataFrame:
    """Return the years of each dispute with use of force, and whether it reached war, in order."""
    table = pd.read_csv(folder / "MIDA 5.0.csv")
    table = table[table["hostlev"] >= FORCE]
    found = pd.DataFrame({"start": table["styear"], "end": table["endyear"], "war": table["hostlev"] == WAR})
    return found.sort_values("start", kind="stable").reset_index(drop=True)


def forecasts(disputes: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each dispute that starts after 100 others have ended.

    A row has three forecasts, which are shares of war among the earlier disputes, and whether there was war. The share
    weighted by age uses the half-life that did best on the earlier rows.
    """
    rows, lost = [], np.zeros(len(HALF_LIVES))
    for year, starting in disputes.groupby("start"):
        past = disputes[disputes["end"] < year]
        if len(past) < FEWEST:
            continue
        age = year - past["end"].to_numpy(dtype=float)
        war = past["war"].to_numpy(dtype=float)
        options = np.array([_share(war, 0.5 ** (age / half)) for half in HALF_LIVES])
        mine = options[int(np.argmin(lost))]
        window = _share(war, (age <= WINDOW).astype(float))
        shares = {"all": _share(war, np.ones(len(war))), "last 30 years": window, "weighted by age": mine}
        rows += [shares | {"war": came} for came in starting["war"]]
        came_share = starting["war"].to_numpy(dtype=float)[:, None]
        lost -= (came_share * np.log(options) + (1 - came_share) * np.log1p(-options)).sum(axis=0)
    return pd.DataFrame(rows)


def _share(war: Floats, weight: Floats) -> float:
    return float((war @ weight + 0.5) / (weight.sum() + 1))
