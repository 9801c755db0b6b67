"""Speed and peak memory of the reader of event data on a million rows of GDELT 2."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import line, title
from simlib.data.layouts import GDELT_2

ROWS, DISTINCT = 1_000_000, 10_000
READ = """
import resource, sys, time
import pandas
from simlib.data import read
begun = time.perf_counter()
rows = len(read(sys.argv[1]))
print(rows, time.perf_counter() - begun, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def fictional_rows() -> list[str]:
    """Return invented rows that are as long as real ones, some 400 characters."""
    dice = random.Random(0)
    places = {name: place for place, name in enumerate(GDELT_2)}
    rows = []
    for number in range(DISTINCT):
        cells = ["" if dice.random() < 0.4 else f"text {dice.randrange(1000)}" for _ in GDELT_2]
        day = f"2019{dice.randint(1, 12):02}{dice.randint(1, 28):02}"
        known = {"globaleventid": str(number), "sqldate": day, "dateadded": "20191024143000"}
        known |= {
            "actor1countrycode": dice.choice(["USA", "VEN", ""]),
            "actor2countrycode": dice.choice(["COL", "RUS"]),
        }
        known |= {
            "eventcode": dice.choice(["010", "043", "0571", "190"]),
            "goldsteinscale": f"{dice.uniform(-10, 10):.1f}",
        }
        known |= {"sourceurl": f"https://example.org/{number}/a-story-with-a-long-title"}
        for name, value in known.items():
            cells[places[name]] = value
        rows.append("\t".join(cells) + "\n")
    return rows


def main() -> None:
    title("Readers: a million rows of GDELT 2")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gdelt.export.CSV"
        block = "".join(fictional_rows())
        with file.open("w", encoding="utf-8") as stream:
            for _ in range(ROWS // DISTINCT):
                stream.write(block)
        line("size of the file", f"{file.stat().st_size / 1e6:.0f} MB")
        told = subprocess.run([sys.executable, "-c", READ, str(file)], capture_output=True, text=True, check=True)
    rows, clock, processor, memory = (float(word) for word in told.stdout.split())
    line(f"{rows:,.0f} rows into a tidy frame: clock", f"{clock:.1f} s")
    line("  processor time, imports included", f"{processor:.1f} s", "under 6 s", processor < 6)
    line("  peak memory of the process", f"{memory / 1024:.0f} MB", "under 600 MB", memory / 1024 < 600)
