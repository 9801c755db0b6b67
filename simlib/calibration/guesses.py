"""The guesses that a user makes before seeing a forecast, and their scores.

Each guess is a line of JSON in the user's own file. Once the answer to its question is known, the guess is scored
beside the forecast that was shown after it. For a scenario of a past crisis, the answer comes from `record.toml` in the
scenario's folder. For any other scenario it comes from the scenario's registry of forecasts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simlib.calibration.forecast_registry import read_registry
from simlib.calibration.historical_record import RECORD_FILE as RECORD
from simlib.calibration.historical_record import read_record
from simlib.calibration.scores import brier
from simlib.errors import Problem, ScenarioError, SimlibError
from simlib.files import state_folder, write_atomically
from simlib.formatting import counted
from simlib.scenario.loader import load

GUESSES_FILE = "guesses.jsonl"
"""The name of the file of guesses, in the folder where programs keep the user's data."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The probability that a person gave to a question, and the forecast that was then shown.

    - scenario: id of the scenario.
    - scenario_sha256: hash of the scenario's text when the guess was made.
    - path: folder of the scenario.
    - as_of: date of the scenario.
    - by: deadline of the question.
    - probability: the probability that the person gave.
    - forecast: the probability that simlib's forecast gave to the question.
    """

    question: str
    label: str
    scenario: str
    scenario_sha256: str
    path: str
    as_of: dt.date
    by: dt.date
    probability: float
    forecast: float
    made_at: str


@dataclass(frozen=True, slots=True)
class ScoredGuess:
    """A guess, the answer to its question, and the Brier scores of the guess and the forecast.

    The answer and the scores are None if the answer is not known yet.
    """

    guess: Guess
    happened: bool | None
    brier: float | None
    forecast_brier: float | None


@dataclass(frozen=True, slots=True)
class GuessScores:
    """All guesses in the order in which they were made, with their scores.

    If there are several guesses about one question and deadline, only the first counts.
    """

    rows: tuple[ScoredGuess, ...]

    @property
    def counts(self) -> tuple[bool, ...]:
        """Whether each guess counts, as the first guess about its question and deadline."""
        keys = [(row.guess.scenario, row.guess.question, row.guess.by) for row in self.rows]
        return tuple(keys.index(key) == place for place, key in enumerate(keys))

    @property
    def settled(self) -> tuple[ScoredGuess, ...]:
        """The guesses that count and whose answer is known."""
        return tuple(
            row for row, counts in zip(self.rows, self.counts, strict=True) if counts and row.happened is not None
        )

    def sentences(self) -> list[str]:
        """Say how many guesses can be scored, and give the mean scores of guesses and forecasts."""
        known = self.settled
        sentence = f"You made {counted(len(self.rows), 'guess', 'guesses')}; {len(known)} can be scored."
        if not known:
            return [sentence]
        yours, ours = (float(np.mean([getattr(row, name) for row in known])) for name in ("brier", "forecast_brier"))
        return [
            sentence,
            f"Your mean Brier score is {yours:.3f}, that of the forecast {ours:.3f}. Lower is better.",
            "Only the first guess at a question counts, because after it you had seen the forecast.",
        ]


def guesses_file() -> Path:
    """Return the file in which the user's guesses are kept."""
    return state_folder() / GUESSES_FILE


def keep_guess(guess: Guess, file: Path | None = None) -> Path:
    """Add a guess to a file (default: the user's own), and return the file.

    Raises:
        ScenarioError: For a probability outside 0 to 1.
    """
    if not 0 <= guess.probability <= 1:
        raise ScenarioError(Problem("", 0, "guess", f"{guess.probability:g} is no probability", "expected 0% to 100%"))
    target = file or guesses_file()
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, before + json.dumps(dataclasses.asdict(guess), default=str, ensure_ascii=False) + "\n")
    return target


def read_guesses(file: Path | None = None) -> tuple[Guess, ...]:
    """Return the guesses in a file (default: the user's own), or () if the file does not exist.

    Raises:
        ScenarioError: For a line that is not a guess.
    """
    source = file or guesses_file()
    if not source.exists():
        return ()
    return tuple(
        _guess(line, str(source), number)
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1)
    )


def _guess(line: str, file: str, number: int) -> Guess:
    try:
        data = json.loads(line)
        dates = {name: dt.date.fromisoformat(data[name]) for name in ("as_of", "by")}
        return Guess(**data | dates)
    except (ValueError, TypeError, KeyError):
        raise ScenarioError(Problem(file, number, "", "is not a guess", "expected a line that simlib wrote")) from None


def score_guesses(guesses: tuple[Guess, ...]) -> GuessScores:
    """Return the guesses, with scores for those whose answer is known."""
    rows = []
    for guess in guesses:
        happened = answer_to(guess)
        if happened is None:
            rows.append(ScoredGuess(guess, None, None, None))
        else:
            yours, ours = brier([guess.probability, guess.forecast], [happened, happened]).tolist()
            rows.append(ScoredGuess(guess, happened, yours, ours))
    return GuessScores(tuple(rows))


def answer_to(guess: Guess) -> bool | None:
    """Return whether the event of a guess happened by its deadline, or None if not known."""
    try:
        scenario = load(guess.path)
        if (Path(scenario.path) / RECORD).is_file():
            record = read_record(scenario)
            came = record.answers[guess.question].happened
            if came is not None and came <= guess.by:
                return True
            return False if record.complete_to >= guess.by else None
        registry = read_registry(scenario)
    except (SimlibError, KeyError):
        return None
    for one in registry.forecasts:
        verdict = registry.verdict(one.number)
        if (one.question, one.by) == (guess.question, guess.by) and verdict in ("yes", "no"):
            return verdict == "yes"
    return None
