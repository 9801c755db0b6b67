"""Write the numbers into the READMEs of the shipped scenarios.

    python docs/readme_numbers.py            writes them
    python docs/readme_numbers.py --check    says which READMEs are out of date

A README marks each place with a comment. The script writes the numbers between this comment and the comment "end":

    <!-- size -->            variables, moves, numbers, endings, questions, states
    <!-- forecast -->        a table of the probabilities of endings and questions over the priors, with ranges
    <!-- implied M at D -->  measure M by day D, at the stated values and over the priors
    <!-- past crises -->     the figures of the reference class beside this scenario
    <!-- log -->             the event log beside the model
    <!-- backtest every N --> the scores of `simlib backtest`, with a forecast every N days
    <!-- hash -->            the hash of the files from which these numbers were computed

M is a measure (`ending:ID`, `question:ID`, `moves:ID`), or `happens:MOVE` for the probability that a move happens at
all. Several measures joined by + are added up.

Forecasts over the priors take 64 draws. On two cores the script takes about a minute.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from simlib.calibration.dated_scores import Backtest, backtest
from simlib.calibration.day_by_day import FORECASTERS, SHORT_NAMES
from simlib.calibration.predictive_check import prior_predictive
from simlib.calibration.reference_classes import base_rates
from simlib.engines.ensemble import Ensemble, over_priors
from simlib.formatting import percent
from simlib.results import ONGOING, Forecast
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load
from simlib.scenario.model import Question

DRAWS, SEED = 64, 0
PAGE = Path(__file__).with_name("history.md")
"""The page with a table of all scenarios of the past, at the mark `backtests`."""

MARK = re.compile(r"(<!-- (?!end)(.+?) -->)(.*?)(<!-- end -->)", re.DOTALL)
BACKTEST = re.compile(r"backtest every (\d+)")
IMPLIED = re.compile(r"implied (\S+) at (\d+)")


class Numbers:
    """The numbers of one scenario for its README. Each number is computed once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.scenario = folder, load(folder)
        text = (folder / "README.md").read_text(encoding="utf-8")
        self.days = sorted({float(day) for _, day in IMPLIED.findall(text)} | {self.scenario.horizon_days})
        self.asked = {name for what, _ in IMPLIED.findall(text) for name in re.findall(r"happens:([\w-]+)", what)}

    @cached_property
    def ensemble(self) -> Ensemble:
        """The forecasts of all draws, at every day that the README names."""
        happens = {f"happens:{move}": Question(f"happens:{move}", move, move=move) for move in sorted(self.asked)}
        world = self.scenario.replace(questions={**self.scenario.questions, **happens})
        return over_priors(world, engine="auto", draws=DRAWS, seed=SEED, times=self.days)

    @cached_property
    def forecast(self) -> Forecast:
        """The mean of the forecasts of all draws."""
        return self.ensemble.mixture()

    def text(self) -> str:
        """Return the README with numbers that are computed now."""
        old = (self.folder / "README.md").read_text(encoding="utf-8")
        return MARK.sub(lambda found: found[1] + self.filled(found[2]) + found[4], old)

    def filled(self, what: str) -> str:
        """Return the text for one mark. Raises ValueError for an unknown one."""
        if implied := IMPLIED.fullmatch(what):
            return self.implied(implied[1].split("+"), float(implied[2]))
        if tested := BACKTEST.fullmatch(what):
            return table(self.backtest(int(tested[1])))
        kinds: dict[str, Callable[[], str]] = {
            "size": self.size,
            "forecast": lambda: table(self.rows()),
            "past crises": lambda: table(self.past_crises()),
            "log": lambda: table(self.log()),
            "hash": lambda: f"`{hash_of(self.folder)}`",
        }
        if what not in kinds:
            raise ValueError(f"{self.folder / 'README.md'}: unknown mark {what!r}; expected one of {', '.join(kinds)}")
        return kinds[what]()

    def size(self) -> str:
        """Return how many variables, moves and other parts the scenario has, and how many states."""
        scenario = self.scenario
        kinds = ("variables", "moves", "endings", "questions", "ladders")
        counts = [f"{len(getattr(scenario, kind))} {kind}" for kind in kinds]
        named = sum(not assumption.inline for assumption in scenario.assumptions.values())
        counts.insert(2, f"{len(scenario.assumptions)} numbers ({named} of them named)")
        return f"{', '.join(counts)}; {self.forecast.states:,} reachable states"

    def implied(self, names: Sequence[str], day: float) -> str:
        """Return the sum of the given measures by a day, at the stated values and over the priors."""
        at = self.days.index(day)
        stated, mixed = (sum(value(one, name)[at] for name in names) for one in (self.ensemble.stated, self.forecast))
        write = "{:.2g}".format if names[0].startswith("moves:") else percent
        return f"{write(stated)}, {write(mixed)}"

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Yield the endings and the questions side by side, over the priors by the horizon."""
        yield ("ending", "probability", "", "question", "probability")
        yield ("---",) * 5
        last = {name: float(band.probability[-1]) for name, band in self.forecast.endings.items()}
        endings = sorted(last, key=lambda name: (name != ONGOING, -last[name]))
        left = [(self.forecast.label("endings", name), self.ranged("endings", name)) for name in endings]
        questions = self.scenario.questions
        right = [(question.label, self.ranged("questions", name)) for name, question in questions.items()]
        for pair in itertools.zip_longest(left, right, fillvalue=("", "")):
            yield (*pair[0], "", *pair[1])

    def ranged(self, kind: str, name: str) -> str:
        """Return the probability of an ending or question as text, with its range over the draws."""
        low, *_, high = self.ensemble.spread(name, kind)[:, -1]  # type: ignore[arg-type]
        p = float(getattr(self.forecast, kind)[name].probability[-1])
        return f"{percent(p)} ({100 * low:.0f}–{100 * high:.0f})"

    def past_crises(self) -> Iterator[tuple[str, ...]]:
        """Yield table rows with the figures of past crises beside those of this scenario."""
        yield ("figure", "past crises", "here")
        yield ("---",) * 3
        for check in base_rates(self.scenario, seed=SEED).applied:
            write = percent if check.rate.share else "{:.2f}".format
            low, high = check.rate.low, check.rate.high
            past = "0%" if check.rate.figure == 0 else write(check.rate.figure)
            ends = "" if low is None or high is None else f" ({'0' if low == 0 else write(low)} to {write(high)})"
            here = "not compared" if check.implied is None else f"{write(check.implied)}, {check.verdict}"
            yield (check.rate.what, past + ends, here)

    def log(self) -> Iterator[tuple[str, ...]]:
        """Yield a table row for each move in the log: how often it happened, beside the model."""
        answer = prior_predictive(self.scenario, seed=SEED)
        yield ("", *(" ".join(words) for words in zip(*answer.HEAD, strict=True)))
        yield ("---",) * 5
        for check in answer.checks:
            yield (f"`{check.move}`" if check.move else check.label, *check.cells())

    def backtest(self, every: int) -> Iterator[tuple[str, ...]]:
        """Yield the mean Brier scores of each question, and the gain of updating over each rival."""
        result = backtest_of(self.folder, every)
        yield ("mean Brier score", "happened", "forecasts", *SHORT_NAMES.values())
        yield ("---",) * 7
        for name, label in (*result.labels.items(), (None, "all questions")):
            some = result.of(name)
            if not some:
                continue
            came = "" if name is None else str(result.record[name].happened or "no")
            scores = [f"{result.mean(forecaster, some):.3f}" for forecaster in FORECASTERS]
            yield (label, came, str(len(some)), *scores)
        yield ("updated is better by", "", "", "", *(f"{-result.difference(rival):+.3f}" for rival in FORECASTERS[1:]))


@cache
def backtest_of(folder: Path, every: int) -> Backtest:
    """Return the backtest of a scenario, with a forecast every `every` days."""
    return backtest(load(folder), every=every, seed=SEED)


def past_worlds() -> dict[Path, int]:
    """Return the folder of each scenario of the past, and the days between its forecasts."""
    texts = {folder: (folder / "README.md").read_text(encoding="utf-8") for folder in shipped_scenarios().values()}
    return {folder: int(found[1]) for folder, text in texts.items() if (found := BACKTEST.search(text))}


def backtests() -> Iterator[tuple[str, ...]]:
    """Yield the mean Brier scores of each scenario of the past, and the mean differences."""
    yield ("past world", "forecasts", *SHORT_NAMES.values())
    yield ("---",) * 6
    means = []
    for folder, every in past_worlds().items():
        result = backtest_of(folder, every)
        means.append([result.mean(forecaster) for forecaster in FORECASTERS])
        yield (f"`{folder.name}`", str(len(result.days)), *(f"{mean:.3f}" for mean in means[-1]))
    ours, *theirs = np.array(means).T
    gaps = [rival - ours for rival in theirs]
    yield (
        "updated is better by",
        "",
        "",
        *(f"{gap.mean():+.3f} ({gap.min():+.3f} to {gap.max():+.3f})" for gap in gaps),
    )


def page_of_backtests() -> str:
    """Return the page on scores with a table that is computed now."""
    return MARK.sub(
        lambda found: found[1] + (table(backtests()) if found[2] == "backtests" else found[3]) + found[4],
        PAGE.read_text(encoding="utf-8"),
    )


def hash_of(folder: Path) -> str:
    """Return a short hash of the files of a scenario on which the numbers depend."""
    files = [folder / name for name in ("scenario.yaml", "events.csv", "base_rate_roles.csv")]
    if (folder / "record.toml").is_file():
        files += [folder / name for name in ("later.csv", "record.toml", "forecasts/terms.csv")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()[:12]


def value(forecast: Forecast, name: str) -> Sequence[float]:
    """Return the values of a measure in a forecast, one for each day."""
    kind, _, of = name.partition(":")
    if kind == "moves":
        return forecast.moves[of]
    bands = forecast.endings if kind == "ending" else forecast.questions
    return bands[name if kind == "happens" else of].probability


def table(rows: Iterator[tuple[str, ...]]) -> str:
    """Return the rows as a Markdown table."""
    return "\n\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in rows) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the READMEs, or with --check say which are out of date. Returns the exit code."""
    stale = 0
    texts = {folder / "README.md": Numbers(folder).text for folder in shipped_scenarios().values()}
    for file, of_today in {**texts, PAGE: page_of_backtests}.items():
        text = of_today()
        if file.read_text(encoding="utf-8") != text:
            stale += 1
            if "--check" not in arguments:
                file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{'not current' if '--check' in arguments else 'written'}: {file}\n")
    return stale if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
