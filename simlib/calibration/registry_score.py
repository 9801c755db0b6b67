"""Scores of a registry's settled forecasts, and of rival forecasts of the same questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from simlib.answer import Answer, ScenarioKey, plain_json, provenance
from simlib.calibration.forecast_registry import RegisteredForecast, Registry, Verdict, read_registry
from simlib.calibration.forecast_terms import CLIMATOLOGY
from simlib.calibration.scores import PROFILE, scores_by_name
from simlib.errors import Problem, ScenarioError
from simlib.formatting import counted, percent
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RegistryScore", "ScoredForecast", "score_registry"]

OWN_FORECASTER = "simlib"


@dataclass(frozen=True, slots=True)
class ScoredForecast:
    """A registered forecast with its verdict and its scores.

    - verdict: "yes", "no" or "void", or None if the forecast is still open.
    - brier, log_score: the score of each forecaster by name. Both mappings are empty if the forecast is open or void.
    """

    forecast: RegisteredForecast
    verdict: Verdict | None
    brier: Mapping[str, float]
    log_score: Mapping[str, float]

    @property
    def settled(self) -> bool:
        """Whether the forecast was settled with yes or no. Only such forecasts count in the scores."""
        return self.verdict in ("yes", "no")


@dataclass(frozen=True)
class RegistryScore(Answer):
    """The forecasts of a registry with their scores.

    - corrections: number of verdicts that correct an earlier verdict.
    - receipt: hash of the last record of the registry.
    """

    kind: ClassVar[str] = "score_registry"

    scenario: ScenarioKey
    rows: tuple[ScoredForecast, ...]
    corrections: int
    receipt: str
    provenance: Mapping[str, Any]

    @property
    def question(self) -> str:
        """The question that these scores answer."""
        return "How good were the registered forecasts?"

    @property
    def settled(self) -> tuple[ScoredForecast, ...]:
        """The forecasts that were settled with yes or no. Only these count in the scores."""
        return tuple(row for row in self.rows if row.settled)

    def mean(self, forecaster: str, rule: str = "brier") -> tuple[float, int]:
        """Return a forecaster's mean score, and the number of settled forecasts that it averages."""
        values = [getattr(row, rule)[forecaster] for row in self.settled if forecaster in getattr(row, rule)]
        return (float(np.mean(values)) if values else float("nan")), len(values)

    @property
    def rivals(self) -> tuple[str, ...]:
        """The names of the forecasters other than simlib, the base rate first."""
        names = {name: None for row in self.rows for name in row.forecast.rivals}
        return tuple(sorted(names, key=lambda name: name != CLIMATOLOGY))

    def sentences(self) -> list[str]:
        """Return the numbers of settled, open and void forecasts, then the scores."""
        void, total = sum(row.verdict == "void" for row in self.rows), len(self.rows)
        share = f" ({percent(void / total)})" if total else ""
        still_open = sum(row.verdict is None for row in self.rows)
        text = f"{counted(total, 'forecast')}: {len(self.settled)} settled, {still_open} open, {void} void{share}."
        return [text, *self._warnings(), *self._comparison()]

    def _warnings(self) -> list[str]:
        late = sum(row.forecast.late for row in self.rows)
        texts = [f"{counted(self.corrections, 'resolution')} had to be corrected."] if self.corrections else []
        if late:
            were = f"{counted(late, 'forecast')} {'was' if late == 1 else 'were'}"
            texts.append(f"{were} registered after the deadline. Late forecasts show the method but prove no skill.")
        return texts

    def _comparison(self) -> list[str]:
        if not self.settled:
            return ["No forecast is settled yet, so there is no score."]
        texts = []
        for rival in self.rivals:
            pairs = [row for row in self.settled if rival in row.brier]
            if pairs:
                ours, theirs = (float(np.mean([row.brier[name] for row in pairs])) for name in (OWN_FORECASTER, rival))
                texts.append(
                    f"Over {counted(len(pairs), 'forecast')} the mean Brier score is {ours:.3f}, and {theirs:.3f} for "
                    f"{called(rival)}. Lower is better."
                )
        return [*texts, "These forecasts belong to one crisis, so the differences have no interval."]

    def frame(self) -> pd.DataFrame:
        """Return a table with a row for each forecast.

        The columns hold the probability and its range, the probabilities of the rivals, the verdict and the Brier
        scores.
        """
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    **{name: getattr(row.forecast, name) for name in ("number", "question", "by", "probability")},
                    **{name: getattr(row.forecast, name) for name in ("low", "high")},
                    **{name: row.forecast.rivals.get(name, np.nan) for name in self.rivals},
                    "verdict": row.verdict or "open",
                    **{f"brier_{name}": row.brier.get(name, np.nan) for name in (OWN_FORECASTER, *self.rivals)},
                }
                for row in self.rows
            ]
        )

    def data(self) -> dict[str, Any]:
        """Return the forecasts with their scores, the mean scores, and the registry's receipt."""
        means = {
            name: {rule: self.mean(name, rule)[0] for rule in ("brier", "log_score")}
            for name in (OWN_FORECASTER, *self.rivals)
        }
        return {
            "forecasts": self.frame().to_dict("records"),
            "mean_scores": plain_json(means),
            "profile": PROFILE,
            "void": sum(row.verdict == "void" for row in self.rows),
            "corrections": self.corrections,
            "receipt": self.receipt,
        }


def score_registry(scenario: Scenario, *, receipt: str = "") -> RegistryScore:
    """Return the scores of the forecasts that a scenario has registered.

    Args:
        scenario: The scenario, with its folder.
        receipt: The hash of a record that the registry must contain. With "", no record is required.

    Raises:
        ScenarioError: If something other than simlib changed the registry, or if the registry lacks the receipt.
    """
    registry = read_registry(scenario)
    if receipt and receipt not in registry.receipts:
        what = f"the registry holds no record with the receipt {receipt}"
        raise ScenarioError(Problem("", 0, "receipt", what, "records were changed or cut off; restore them"))
    return RegistryScore(
        ScenarioKey.of(scenario),
        tuple(_scored(registry, forecast) for forecast in registry.forecasts),
        sum(each.correction for each in registry.resolutions),
        registry.receipt,
        provenance(scenario, engine=None),
    )


def _scored(registry: Registry, forecast: RegisteredForecast) -> ScoredForecast:
    verdict = registry.verdict(forecast.number)
    if verdict not in ("yes", "no"):
        return ScoredForecast(forecast, verdict, {}, {})
    names = {OWN_FORECASTER: forecast.probability, **forecast.rivals}
    return ScoredForecast(forecast, verdict, *scores_by_name(names, forecast.rivals[CLIMATOLOGY], verdict == "yes"))


def called(rival: str) -> str:
    """Return how a sentence refers to a rival forecaster: as "the base rate", or by its name."""
    return "the base rate" if rival == CLIMATOLOGY else rival
