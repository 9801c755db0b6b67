"""Every number that the prose of a notebook tells stands in the answer beside it.

The answer beside a text is the output of the code cells before it, with the table of the stored answer that is shown
there. A number in the prose may have fewer digits than the answer, and no others. Dates, code, links, tables and
numbered lists hold no answers.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

import simlib
from simlib.formatting import percent
from simlib.quantities import show
from simlib.widgets.explorer.sliders import sliders_of

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
STORED = NOTEBOOKS / ".stored"
EVERY = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))

MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
SPELT = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"]
SPELT += ["fourteen", "fifteen", "sixteen"]
NO_ANSWERS = [
    r"```.*?```",
    r"`[^`]*`",
    r"!?\[[^\]]*\]\([^)]*\)",
    r"^\|.*$",
    r"^#.*$",
    rf"\b\d{{1,2}} (?:{MONTHS})(?: \d{{4}})?",
    r"\b(?:19|20)\d\d\b",
    r"^\d+\. ",
]


@dataclass(frozen=True)
class Number:
    """A number as written: its value, the digits after its point, and its unit ("%", "points" or none)."""

    value: float
    digits: int
    unit: str
    text: str

    def is_told_by(self, other: Number) -> bool:
        """Say whether the other number is this one, to the digits that are written here."""
        return self.unit == other.unit and abs(self.value - other.value) <= 0.5 * 10**-self.digits + 1e-9


def numbers(text: str) -> list[Number]:
    """Return the numbers of a text, those of points also where they are spelt."""
    for value, word in enumerate(SPELT, start=2):
        text = re.sub(rf"\b{word} points\b", f"{value} points", text, flags=re.IGNORECASE)
    text = re.sub(r"(\d) ?± ?(\d[\d.]*)%", r"\1% ± \2 points", text)
    text = re.sub(r"\b(\d+) in (100|1,000|10,000)\b", _in_percent, text)
    found = []
    for match in re.finditer(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)( ?%| points?)?(?![\w]*\d)", text):
        digits = match[1].rstrip(",").replace(",", "")
        unit = (match[2] or "").strip().replace("point", "points").replace("pointss", "points")
        found.append(Number(float(digits), len(digits.partition(".")[2]), unit, match[0].strip()))
    return found


def _in_percent(match: re.Match[str]) -> str:
    return f"{100 * int(match[1]) / int(match[2].replace(',', '')):g}%"


def answers(cells: list) -> list[Number]:
    """Return the numbers of the outputs of code cells, and of the tables behind them."""
    texts = [text for cell in cells for text in outputs(cell)]
    found = numbers("\n".join(texts + [table for text in texts for table in tables(text)]))
    shares = [each for each in found if not each.unit and each.digits >= 2 and each.value <= 1]
    return found + [Number(100 * each.value, each.digits - 2, unit, "") for each in shares for unit in ("%", "points")]


def outputs(cell) -> list[str]:
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    streams = [output["text"] for output in cell.get("outputs", []) if output.output_type == "stream"]
    return streams + [each["text/plain"] for each in data if "text/plain" in each]


def tables(text: str) -> list[str]:
    """Return the rows of the stored answer whose sentences an output shows."""
    for file in STORED.glob("answer-*.json"):
        stored = json.loads(file.read_text(encoding="utf-8"))
        if "\n".join(stored["sentences"]) == text:
            return ["\n".join(" ; ".join(row) for row in stored["rows"])]
    return []


def prose(text: str) -> str:
    for pattern in NO_ANSWERS:
        text = re.sub(pattern, " ", text, flags=re.DOTALL | re.MULTILINE if "`" in pattern else re.MULTILINE)
    return text


# Numbers that no answer beside them tells: definitions, and what the library computes again here.


def stored(name: str) -> list[list[str]]:
    """Return the rows of the stored answers with such a name."""
    files = [json.loads(file.read_text(encoding="utf-8")) for file in STORED.glob(f"answer-{name}.json")]
    return [row for answer in files for row in answer["rows"]]


def share(text: str) -> float:
    return float(text.removesuffix("%"))


def said(*probabilities: float) -> str:
    return " ".join(percent(each) for each in probabilities)


def rungs_at_the_end() -> str:
    """The shares of single rungs on the last day, from those of each rung and all above it."""
    rows = stored("chance-within-doubt-*")
    above = [100.0, *(share(row[2]) for row in rows[:-1]), 0.0]
    return " ".join(f"{first - second:.0f}%" for first, second in itertools.pairwise(above))


def corners() -> str:
    """What the carrier adds in the left and in the right column of the grid, as it stands and under the plan."""
    rows = stored("sweep-*")
    values = {(row[0], row[1]): [share(cell) for cell in row[2:4]] for row in rows}
    order, weight = ([row[place] for row in rows] for place in (0, 1))
    bottom, top = weight[0], weight[-1]
    gains = [[b - a for a, b in zip(values[x, bottom], values[x, top], strict=True)] for x in (order[0], order[-1])]
    return " ".join(f"{round(gain)} points {round(gain)}" for column in gains for gain in column)


def taken_away() -> str:
    """The least and the largest part of the probability that the plan takes away."""
    parts = [100 * float(row[4].split()[0]) / -share(row[2]) for row in stored("sweep-*")]
    return f"{min(parts):.0f}% {max(parts):.0f}%"


@functools.cache
def paths_to_war() -> str:
    """The shares of the paths to a ground war, and of all that pass strikes on land and an air campaign."""
    frame = simlib.paths(simlib.load("caribbean-2025"), given="ending:ground-war").frame()
    both = frame["path"].str.contains("strikes on land") & frame["path"].str.contains("air campaign")
    return said(*frame["probability"], frame[both]["probability"].sum())


def stated() -> str:
    forecast = simlib.solve(simlib.load("caribbean-2025"), times=1)
    return said(*(float(band.probability[-1]) for band in forecast.questions.values()))


def mornings(world: str, events: str | None, measure: str, *days: str) -> str:
    """The forecast on some mornings, and the one that is never updated."""
    scenario = simlib.load(world)
    file = None if events is None else str(Path(scenario.path) / events)
    dates = [dt.date.fromisoformat(day) for day in days]
    line = simlib.forecast_series(scenario, file, dates=dates, measures=measure).line(measure)
    return said(line.static, *(point.updated for point in line.points))


def hot(*days: str) -> str:
    """The share of a hot tempo that the log implies on some mornings."""
    scenario, found = simlib.load("two-islands"), []
    for day in days:
        frame = simlib.update(
            scenario, str(Path(scenario.path) / "later.csv"), as_of=dt.date.fromisoformat(day), learn=False
        ).frame()
        found += frame[(frame["variable"] == "tempo") & (frame["level"] == "hot")]["implied"].tolist()
    return said(*found)


@functools.cache
def cuba() -> simlib.Answer:
    return simlib.backtest(simlib.load("cuba-1962"))


def cuban(question: str) -> str:
    """The lowest and the highest forecast of a question to its deadline, and of its base rate."""
    found = []
    for name in ("updated", "climatology"):
        days = [
            each.forecast.probability[name]
            for each in cuba().days
            if each.forecast.question == question and each.forecast.to_deadline
        ]
        found += [min(days), max(days), days[-1]]
    return said(*found)


def score_of_past_worlds() -> str:
    (line,) = re.findall(
        r"^\| updated is better by .*$", (NOTEBOOKS.parent / "docs" / "history.md").read_text("utf-8"), re.MULTILINE
    )
    return line.replace("+", "")


def before_the_date(measure: str) -> str:
    """The forecasts of the Caribbean world on the mornings around the news of 6 October 2025."""
    scenario, found = simlib.load("caribbean-2025"), []
    for day in (6, 7):
        then = simlib.update(scenario, as_of=dt.date(2025, 10, day), learn=False).scenario
        forecast = simlib.solve(then, times=1)
        found.append(float(forecast.questions[measure.removeprefix("question:")].probability[-1]))
    return said(*found)


def difference_if_mobilised() -> str:
    (row,) = [row for row in stored("worth-seeing-*") if row[0].startswith("Mobilise")]
    return f"{share(row[2]) - share(row[3]):.0f} points {row[2]} {row[3]}"


def values_of(assumption: str, world: str = "caribbean-2025") -> str:
    number = simlib.load(world).assumptions[assumption]
    return show(number.value, number.kind, number.unit)


def sliders() -> str:
    """The assumptions of the Caribbean world that have a slider, and all of them."""
    world = simlib.load("caribbean-2025")
    return f"{len(sliders_of(world))} {len(world.assumptions)}"


def row_of(date: str) -> str:
    """What one row of a log changes, by the state and by the assumptions together."""
    (row,) = [row for row in stored("what-each-row-did-*") if row[0] == date]
    return f"{abs(float(row[2]) + float(row[3])):.2f}"


def definition() -> str:
    """Mark a phrase whose numbers are no answers: a definition, an example or a setting."""
    return ""


SHIP = ("two-islands", "later.csv", "question:ship-hit")
TREATY = ("two-islands", "later.csv", "ending:settlement")

TOLD_ELSEWHERE = {
    "00_start_here": {
        "17 times as often while they are hot": lambda: values_of("hot_shots", "two-islands"),
        "What is left to 100%": definition,
    },
    "01_explorer": {
        "94 of the 100 assumptions are sliders": sliders,
        "from the 5th to the 95th percentile": definition,
        '("3 per week", "every 5 days", "30% within 90 days")': definition,
    },
    "02_write_a_scenario": {"the 5th and 95th percentile": definition},
    "03_a_class": {"*Can 0.8 patrols per week be a probability of 80%?*": definition},
    "05_what_drives_it": {"is not known within ten points": definition},
    "06_how_sure": {
        "With 256 draws the lower end": definition,
        "with 58% on the last": rungs_at_the_end,
        "which come from 256 draws": definition,
    },
    "07_by_which_path": {
        "44% have no ending": lambda: stored("by-which-path-*")[0][2],
        "37% go straight": paths_to_war,
        "39% go through an air campaign only": paths_to_war,
        "Only 9% go through both": paths_to_war,
        "they are even more common: 97% and 94%": lambda: " ".join(row[2] for row in stored("on-the-way-to-*")),
    },
    "08_what_to_watch_for": {
        "makes a difference of three points (31% if it is seen, 28% if not)": difference_if_mobilised
    },
    "09_under_which_assumptions": {
        "a little under its stated 7.5%": lambda: values_of("order"),
        "where ×3 is stated": lambda: values_of("land-hot"),
        "near its left wall) it is 33%": stated,
        "at this value the probability is 27%": stated,
        "from the 5th to the 95th percentile": definition,
    },
    "10_sweeps": {
        "adds 10 points in the left column and 27 in the right one": corners,
        "adds 5 points on the left and 18 on the right": corners,
        "takes away 32% to 44% of the probability": taken_away,
        "with 500 simulated histories each": definition,
    },
    "11_update_with_events": {
        "goes from 21% to 30% overnight. The log": lambda: mornings(*SHIP, "2031-04-17", "2031-04-18"),
        "94%, up from 18% the day before": lambda: hot("2031-04-17", "2031-04-18"),
        "the forecast is 100%; the dashed line still says 30%": lambda: mornings(*SHIP, "2031-04-24"),
        "lift the forecast from 11% to 18%": lambda: mornings(*TREATY, "2031-05-13", "2031-05-14"),
        "takes it from 13% to 4.8%": lambda: mornings(*TREATY, "2031-05-28", "2031-05-29"),
        "was 2.0%, and the one never updated 20%": lambda: mornings(*TREATY, "2031-06-26"),
        "goes from 21% to 33% overnight": lambda: before_the_date("question:force-on-land"),
        "from 56% to 35%": lambda: before_the_date("question:strikes-suspended"),
    },
    "12_learn_from_the_log": {
        "There are 102 assumptions here": lambda: str(len(stored("learn-from-the-log-caribbean-*"))),
        "The other 53 stay": lambda: str(len(stored("learn-from-the-log-caribbean-*")) - 22 - 27),
        "took away 1.21": lambda: row_of("2031-05-28"),
        "gave 1.67": lambda: row_of("2031-06-12"),
        "falls below 80%": definition,
    },
    "14_was_it_any_good": {
        "it is at 69%": lambda: cuban("withdrawal"),
        "it gave 23% to 36%, the base rate 13% to 17%": lambda: cuban("strike"),
        "it gave 9.8% to 12%, the base rate 13% to 17%": lambda: cuban("aircraft-lost"),
        "by 0.085 (0.057 to 0.137 in single crises)": score_of_past_worlds,
        "(ICBe 1.1)": definition,
        "with 95% intervals over crises": definition,
    },
}
"""Phrases by notebook, with what computes their numbers. A phrase that is no longer there fails."""


def strangers(cells: list, elsewhere: dict) -> list[str]:
    """Return the numbers of the prose that no answer tells, and the phrases of `elsewhere` that are gone."""
    found, beside, left = [], [], dict(elsewhere)
    for place, cell in enumerate(cells):
        if cell.cell_type == "code":
            goes_on = place > 0 and cells[place - 1].cell_type == "code"
            beside = [*(beside if goes_on else []), cell] if outputs(cell) else beside
            continue
        text = " ".join(prose(cell.source).split())
        for phrase, compute in elsewhere.items():
            if phrase in text:
                left.pop(phrase, None)
                known = numbers(compute()) if compute is not definition else numbers(phrase)
                found += missing(phrase, known)
                text = text.replace(phrase, " ")
        found += missing(text, answers(beside))
    return found + [f"the prose no longer says {phrase!r}" for phrase in left]


def missing(text: str, known: list[Number]) -> list[str]:
    wanted = [number for number in numbers(text) if not any(number.is_told_by(each) for each in known)]
    at = {number: text.find(number.text) for number in wanted}
    return [f"{each.text} in “…{text[max(at[each] - 50, 0) : at[each] + 30]}…”" for each in wanted]


@pytest.mark.slow
@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_the_numbers_of_the_prose_stand_in_the_answers(path):
    cells = nbformat.read(path, as_version=4).cells
    assert strangers(cells, TOLD_ELSEWHERE.get(path.stem, {})) == []


def notebook(answer: str, text: str) -> list:
    v4 = nbformat.v4
    output = v4.new_output("display_data", {"text/plain": answer})
    return [v4.new_code_cell("ask()", outputs=[output]), v4.new_markdown_cell(text)]


@pytest.mark.parametrize(
    ("answer", "text", "wrong"),
    [
        (
            "It falls from 33.4% to 26% (-7.1 points).",
            "By 31 January 2026 it falls by seven points, from 33% to 26%.",
            0,
        ),
        ("It falls from 34.4% to 26% (-7.1 points).", "It falls by seven points, from 33% to 26%.", 1),
        ("It falls from 33.4% to 26% (-8.1 points).", "It falls by seven points, from 33% to 26%.", 1),
        ("Brier score 0.379, share 0.55 (0.46 to 0.64).", "The score is 0.38, and 55% (46% to 64%) is one group's.", 0),
        ("Brier score 0.379.", "The score is 0.37.", 1),
        ("About 3 in 100 simulated histories.", "About 3 in 100 histories, or 3%.", 0),
        ("26% of all.", "27 points `30%` [40%](a.md)\n\n| 50% |\n\n# 60%", 1),
    ],
)
def test_a_number_that_no_answer_tells_is_found(answer, text, wrong):
    assert len(strangers(notebook(answer, text), {})) == wrong


def test_a_phrase_that_is_gone_is_found():
    assert len(strangers(notebook("26%", "It is 26%."), {"about 90%": definition})) == 1
