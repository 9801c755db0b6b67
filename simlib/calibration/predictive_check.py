"""A prior predictive check: how often each move occurs in the event log and in the model.

Histories as long as the log are simulated, with assumptions drawn from their priors. The histories start from the state
that `evidence` gives for the first day of the log, or else from the initial state of the scenario. Moves that are
possible only at certain dates count as always possible, and interventions are left out. Histories that reach an ending
before the scenario's date, where the log ends, are left out too, because the real crisis went on.

Two statistics are computed for each move that the log names: its count, and the variance of its weekly counts divided
by their mean. This ratio is the index of dispersion (Cox and Lewis 1966): 1 means no memory, more than 1 means
clusters. A statistic of the log is marked if it lies outside the central 90% of the histories. Even if the model is
right, about one statistic in ten is marked by chance. The log may omit some occurrences of a move, but the histories
count all of them.

Reference: Box (1980), on checking a model against its prior predictive distribution.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, pick, provenance
from simlib.control import UNWATCHED, Control
from simlib.engines.montecarlo.replay import Histories, replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.evidence.exact_filter import world_of
from simlib.evidence.log_intake import rows_record
from simlib.formatting import counted, long_date
from simlib.machine.belief import Belief
from simlib.scenario.event_log import LOG_FILE, LogRow, read_log
from simlib.scenario.model import Scenario
from simlib.scenario.row_meaning import read_rows
from simlib.typing import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "LOG_BESIDE_MODEL",
    "PREDICTIVE_DRAWS",
    "Beside",
    "MoveCheck",
    "PriorPredictive",
    "beside",
    "has_log",
    "prior_predictive",
]

PREDICTIVE_DRAWS = 200
"""Default number of draws of the assumptions from their priors."""

PREDICTIVE_RUNS = 5
"""Default number of histories simulated with each draw of the assumptions."""

FEWEST_WEEKS = 3
"""Weekly counts are compared only if the log has at least this many whole weeks."""

ALL = "all of these"
"""The label of the last line of the table, which adds up all moves that the log names."""

LOG_BESIDE_MODEL = (
    "The log beside the model: how often each move happened, and the variance of its weekly counts divided by their "
    "mean. The columns “model” give the 5, 50 and 95% points over histories as long as the log, simulated over the "
    "priors. A star marks a figure of the log outside this range."
)
"""The caption of the table of `PriorPredictive`."""

PREDICTIVE_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Beside:
    """A statistic of the log, beside its 5%, 50% and 95% quantiles over simulated histories.

    A number is nan if it is not defined.

    - observed: the statistic of the log.
    - low, median, high: the quantiles over the histories.
    """

    observed: float
    low: float
    median: float
    high: float

    def cells(self) -> tuple[str, str]:
        """Return two table cells: the statistic of the log, and its quantiles over the histories.

        A star marks a statistic outside the range of the histories. Both cells are empty if the statistic or its range
        is not defined.
        """
        if not self.verdict:
            return "", ""
        star = "" if self.verdict == "inside" else "*"
        return f"{_short(self.observed)}{star}", " / ".join(map(_short, (self.low, self.median, self.high)))

    def row(self) -> dict[str, Any]:
        """Return the statistic, its three quantiles and the verdict, by name, for a row of a table."""
        return pick(self, "observed", "low", "median", "high", "verdict")

    @property
    def verdict(self) -> str:
        """Whether the log's statistic is "inside", "below" or "above" the range of the histories.

        The verdict is "" if the statistic or the range is not defined.
        """
        if not np.isfinite([self.observed, self.low, self.high]).all():
            return ""
        return "below" if self.observed < self.low else "above" if self.observed > self.high else "inside"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


@dataclass(frozen=True, slots=True)
class MoveCheck:
    """How often a move happens and how much its weekly counts vary, in the log and the model.

    - move, label: id and label of the move. For all moves together the id is "".
    - count: how often the move happens.
    - dispersion: the variance of the weekly counts divided by their mean.
    """

    move: str
    label: str
    count: Beside
    dispersion: Beside

    def cells(self) -> list[str]:
        """Return the four table cells of this move, under the headings `PriorPredictive.HEAD`."""
        return [*self.count.cells(), *self.dispersion.cells()]


@dataclass(frozen=True)
class PriorPredictive(Answer):
    """How often each move in a log happens, in the log and in simulated histories.

    - first: first day of the log.
    - days: length of the log and of the histories, in days.
    - kept: number of histories that reach no ending before the log ends.
    - checks: a comparison for each move that the log names, then one for all these moves together.
    """

    kind: ClassVar[str] = "prior_predictive"
    HEAD: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("times,", "times,", "variance/mean,", "variance/mean,"),
        ("log", "model", "log", "model"),
    )

    scenario: ScenarioKey
    first: dt.date
    days: float
    kept: int
    checks: tuple[MoveCheck, ...]
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that this check answers."""
        window = f"from {long_date(self.first)}, {self.days:g} days"
        return f"Does the event log of “{self.scenario.title}” ({window}) fit the model?"

    def sentences(self) -> list[str]:
        """Say which statistics of the log lie outside the range of simulated histories."""
        if not self.checks:
            return ["The log names no move."]
        many, window = counted(len(self.checks) - 1, "move"), f"{self.days:g} days from {long_date(self.first)} on"
        head = f"The log names {many} in the {window}."
        figures = [(check.label, *figure) for check in self.checks for figure in _figures(check)]
        outside = [_sentence(*figure) for figure in figures if figure[-1].verdict not in ("", "inside")]
        return [
            head,
            *(outside or ["The whole log fits the model: no figure lies outside the range of nine in ten histories."]),
        ]

    def frame(self) -> pd.DataFrame:
        """Return a table with each move's count and dispersion, in the log and in simulations."""
        import pandas as pd

        rows = [
            pick(c, "move", "label")
            | {f"count_{name}": value for name, value in c.count.row().items()}
            | {f"dispersion_{name}": value for name, value in c.dispersion.row().items()}
            for c in self.checks
        ]
        return pd.DataFrame(rows)

    def data(self) -> dict[str, Any]:
        """Return the period of the log, the number of simulated histories, and every statistic."""
        return pick(self, "first", "days", "kept") | {"moves": self.frame().to_dict("records")}


def _figures(check: MoveCheck) -> tuple[tuple[str, Beside], ...]:
    return ("the number of times", check.count), ("the ratio of variance to mean of weekly counts", check.dispersion)


def _sentence(label: str, what: str, figure: Beside) -> str:
    low, median, high, seen = map(_short, (figure.low, figure.median, figure.high, figure.observed))
    model = f"{figure.verdict} the range of the model ({low} to {high}, median {median})"
    return f"“{label}”: {what} is {seen} in the log, {model}."


def prior_predictive(
    scenario: Scenario,
    *,
    draws: int = PREDICTIVE_DRAWS,
    runs: int = PREDICTIVE_RUNS,
    seed: int = 0,
    control: Control = UNWATCHED,
) -> PriorPredictive:
    """Compare how often each move happens in the log and in histories simulated from the priors.

    Args:
        scenario: The scenario, with a log in its folder. Without a log no move is compared.
        draws: Number of draws of the assumptions from their priors.
        runs: Number of histories simulated with each draw.
        seed: Seed of the draws and of the histories.
        control: Progress callback and cancellation.

    Raises:
        ScenarioError: For a log that cannot be read.
        Cancelled: When `control` cancels the work.
    """
    belief, (first, rows) = Belief.prior(scenario, draws, seed=seed), _rows(scenario)
    checks: tuple[MoveCheck, ...] = ()
    histories, days = 0, -scenario.day(first)
    if rows and days:
        names = list(dict.fromkeys(move for move, _ in rows))
        columns = [list(scenario.moves).index(name) for name in names]
        played = _played(scenario, days, belief, runs, seed, control)[:, columns]
        seen = np.zeros(played.shape[1:])
        for move, row in rows:
            seen[names.index(move), _week(scenario.day(row.date) + 0.5, days)] += row.times
        parts = [(name, scenario.moves[name].label, seen[k], played[:, k]) for k, name in enumerate(names)]
        checks = tuple(_check(*part) for part in (*parts, ("", ALL, seen.sum(axis=0), played.sum(axis=1))))
        histories = len(played)
    log = rows_record(read_log(scenario.path) if has_log(scenario) else ())
    source = provenance(scenario, engine="montecarlo", seed=seed, draws=draws, runs=runs, **log)
    return PriorPredictive(ScenarioKey.of(scenario), first, days, histories, checks, source)


def has_log(scenario: Scenario) -> bool:
    """Return whether there is an event log in the folder of a scenario."""
    return bool(scenario.path) and (Path(scenario.path) / LOG_FILE).is_file()


def _rows(scenario: Scenario) -> tuple[dt.date, list[tuple[str, LogRow]]]:
    """Return the first day of the log, and (move, row) for each row that reports a move.

    The first day is `evidence.history.since`. Without `evidence.history`, it is the date of the first row. Rows from
    before the first day are left out, and so are rows that became known on the scenario's date or later.
    """
    if not has_log(scenario):
        return scenario.as_of, []
    known = [row for row in read_log(scenario.path) if max(row.date, row.public_on) < scenario.as_of]
    history = scenario.evidence.history if scenario.evidence else None
    first = history.since if history else min((row.date for row in known), default=scenario.as_of)
    readings = read_rows(scenario, [row for row in known if row.date >= first])
    return first, [(reading.firings[0][0], reading.row) for reading in readings if reading.firings]


def _played(scenario: Scenario, days: float, belief: Belief, runs: int, seed: int, control: Control) -> Floats:
    """Count each move in each week of simulated histories, shape (histories, moves, weeks).

    Histories that ended before the scenario's date are left out. Weeks are counted back from the scenario's date. The
    first entry on the axis of weeks is for the days before the first whole week.
    """
    past = world_of(scenario).replace(questions={}, ladders={}, horizon_days=days)
    simulator, parts = Simulator(past, times=1, ignore_windows=True), []
    weights_of_the_log = simulator.stated[len(scenario.assumptions) :]
    for number, draw in enumerate(belief.theta):
        which, theta = range(number * runs, (number + 1) * runs), np.append(draw, weights_of_the_log)
        played = replayed(simulator, which, simulator.values(theta, simulator.stated), seed=seed)
        parts.append(_by_week(played, len(past.moves)))
        control.check()
        control.report((number + 1) / belief.draws)
    return np.concatenate(parts)


def _by_week(played: Histories, moves: int) -> Floats:
    fired = played.move >= 0
    history = np.repeat(np.arange(len(played)), np.diff(played.start))[fired]
    week = _week(played.time[fired] - played.horizon, played.horizon)
    counts = np.zeros((len(played), moves, int(played.horizon // 7) + 1))
    np.add.at(counts, (history, played.move[fired], week), 1)
    return counts[played.ending < 0]


def _week(time: Any, days: float) -> Any:
    """Return the index of the week that contains a time, in a log of `days` days.

    `time` is in days after the scenario's date, so it is negative. Index 0 is for the days before the first whole week.
    """
    return np.maximum(np.floor(time / 7).astype(int) + int(days // 7) + 1, 0)


def _check(move: str, label: str, seen: Floats, played: Floats) -> MoveCheck:
    count = beside(seen.sum(), played.sum(axis=1), "inverted_cdf")
    return MoveCheck(move, label, count, beside(_dispersion(seen[None])[0], _dispersion(played), "linear"))


def _dispersion(counts: Floats) -> Floats:
    """Return the variance of each row's weekly counts (rows, weeks) divided by their mean.

    The first column is left out, because it is not a whole week. The result is nan for fewer than `FEWEST_WEEKS` weeks,
    and for counts that are all 0.
    """
    weeks = counts[:, 1:]
    if weeks.shape[1] < FEWEST_WEEKS:
        return np.full(len(weeks), np.nan)
    mean = weeks.mean(axis=1)
    return np.divide(weeks.var(axis=1, ddof=1), mean, out=np.full(len(weeks), np.nan), where=mean > 0)


def beside(observed: float, played: Floats, method: Any) -> Beside:
    """Return a statistic of the log, beside its 5%, 50% and 95% quantiles over the histories.

    `played` is the statistic in each history, or nan if not defined there. `method` is passed to `numpy.quantile`.
    """
    known = played[np.isfinite(played)]
    points = np.quantile(known, PREDICTIVE_QUANTILES, method=method) if len(known) else np.full(3, np.nan)
    return Beside(float(observed), *map(float, points))
