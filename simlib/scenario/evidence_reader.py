"""The reader of the section `evidence`, which says how the event log is to be read.

Names are looked up and numbers are read. Problems are noted in the document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from simlib.scenario.assumptions import Numbers, plain_number, read_quantity
from simlib.scenario.condition_reader import Reader
from simlib.scenario.document import Document, Place
from simlib.scenario.evidence import CERTAIN_REPORT, Coverage, Evidence, History, RowRule, StartShares
from simlib.scenario.model import Move
from simlib.scenario.moves import move_and_outcome, unknown_outcome
from simlib.scenario.schema.evidence_shape import EvidenceShape, LogRuleShape, SeenShape

COVERAGE_WORDS = {"always": 1.0, "never": 0.0}
"""The words that a file may write in place of the probability that the log shows a move."""


class EvidenceReader:
    """Reads the section `evidence` of one scenario file.

    Args:
        document: The file, which collects the problems.
        reader: The reader of conditions.
        numbers: The reader of assumptions and other numbers.
        moves: The moves of the scenario by id.
        shares: A function that reads the levels at which a variable may start, with their probabilities.
    """

    def __init__(
        self,
        document: Document,
        reader: Reader,
        numbers: Numbers,
        moves: Mapping[str, Move],
        shares: Callable[..., StartShares],
    ) -> None:
        self.document, self.reader, self.numbers = document, reader, numbers
        self.moves, self.shares = moves, shares

    def read(self, shape: EvidenceShape) -> Evidence:
        """Return how the event log is to be read, and note unknown names and unreadable numbers."""
        place: Place = ("evidence",)
        seen = [self._seen(name, each, (*place, "seen", name)) for name, each in shape.seen.items()]
        rules = [self._rule(each, (*place, "rows", index)) for index, each in enumerate(shape.rows)]
        confidence = [
            (word, None if ratio == "certain" else self._ratio(ratio, (*place, "confidence", word)))
            for word, ratio in shape.confidence.items()
        ]
        return Evidence(
            self._history(shape, (*place, "history")),
            tuple(each for each in seen if each),
            tuple(each for each in rules if each),
            tuple(confidence),
        )

    def _history(self, shape: EvidenceShape, place: Place) -> History | None:
        if shape.history is None:
            return None
        starts = []
        for name, written in shape.history.start.items():
            variable = self.reader.variable(name, (*place, "start", name))
            if variable is not None:
                starts.append((name, self.shares(variable, written, (*place, "start", name))))
        return History(shape.history.from_, shape.history.because, tuple(starts))

    # ---------------------------------------------------------------- coverage

    def _seen(self, name: str, written: str | SeenShape, place: Place) -> Coverage | None:
        move, outcome = move_and_outcome(name)
        if not self._known(move, outcome, place):
            return None
        if isinstance(written, str):
            if written not in COVERAGE_WORDS:
                self.document.note(place, f"unknown word {written!r}", "expected always, never, or {chance: ...}")
                return None
            return Coverage(move, outcome or None, COVERAGE_WORDS[written])
        given = [key for key in ("always", "never", "chance") if getattr(written, key) not in (None, False)]
        if len(given) != 1:
            what = f"{' and '.join(given)} together" if given else "none of always, never and chance is given"
            self.document.note(place, what, "expected exactly one of them")
            return None
        if given == ["never"] and written.within is not None:
            self.document.note((*place, "within"), "a delay beside 'never'", "expected always or a chance")
        chance = self.numbers.at((*place, "chance")) if given == ["chance"] else COVERAGE_WORDS[given[0]]
        days = self._days(written.within, (*place, "within")) if written.within is not None else 0
        return Coverage(move, outcome or None, chance, days, written.from_, written.because or "")

    def _known(self, move: str, outcome: str, place: Place) -> bool:
        self.document.note_unknown("move", move, place, self.moves)
        if move not in self.moves:
            return False
        outcomes = [each.id for each in self.moves[move].outcomes]
        if outcome and outcome not in outcomes:
            self.document.note(place, *unknown_outcome(move, outcome, outcomes))
            return False
        return True

    def _days(self, written: str, place: Place) -> int:
        delay = read_quantity(self.document, place, written, "duration")
        if delay is None:
            return 0
        if delay.value != int(delay.value) or not 1 <= delay.value <= 366:
            self.document.note(place, f"a delay of {written!r}", "expected a whole number of days, from 1 to 366")
            return 0
        return int(delay.value)

    # ---------------------------------------------------------------- rows

    def _rule(self, shape: LogRuleShape, place: Place) -> RowRule | None:
        words = (shape.row,) if isinstance(shape.row, str) else tuple(shape.row)
        kinds = [key for key in ("ignore", "level", "set_") if getattr(shape, key) is not None]
        kinds += ["is"] if shape.is_ or shape.outcomes else []
        names = [kind.strip("_") for kind in kinds]
        if len(names) > 1:
            self.document.note(place, f"{' and '.join(names)} in one rule", "expected one meaning for a row")
        if not names and shape.ratio is None:
            self.document.note(place, "a rule without a meaning", f"expected {_MEANINGS}")
        if shape.ratio is not None and {"ignore", "set"} & set(names):
            self.document.note(
                (*place, "ratio"), "a ratio in a rule with ignore or set", "give a ratio only for a firing or a level"
            )
        self._check_firings(shape, words, place)
        return RowRule(
            words,
            shape.date,
            shape.actor,
            shape.target,
            shape.confidence,
            move=shape.is_,
            outcomes=tuple(shape.outcomes or ()),
            level=None if shape.level is None else self.reader.condition(shape.level, (*place, "level")),
            setting=tuple(self._settings(shape, (*place, "set"))),
            ratio=CERTAIN_REPORT if shape.ratio is None else self._ratio(shape.ratio, (*place, "ratio")),
            ignore=shape.ignore or "",
            because=shape.because or "",
        )

    def _check_firings(self, shape: LogRuleShape, words: tuple[str, ...], place: Place) -> None:
        """Note a problem for each unknown move and each unknown outcome in a rule.

        Without a key `is`, the words of the rule name the moves to which the outcomes belong.
        """
        moves = [shape.is_] if shape.is_ else list(words) if shape.outcomes else []
        named = (*place, "is") if shape.is_ else (*place, "row")
        for move in moves:
            if self._known(move, "", named):
                for outcome in shape.outcomes or ():
                    self._known(move, outcome, (*place, "outcomes"))

    def _settings(self, shape: LogRuleShape, place: Place) -> Iterator[tuple[str, str]]:
        for name, level in (shape.set_ or {}).items():
            variable = self.reader.variable(name, (*place, name))
            if variable is not None and self.reader.level(variable, level, (*place, name)):
                yield name, level

    def _ratio(self, written: str, place: Place) -> float | None:
        ratio = plain_number(written)
        if ratio > 1:
            return ratio
        what = f"{written!r} is no likelihood ratio"
        self.document.note(place, what, "expected a number above 1 (or 'certain', in the section confidence)")
        return CERTAIN_REPORT


_MEANINGS = "ignore, is, outcomes, level, set or ratio"
