"""A report that a minister's staff can read: one self-contained page, as HTML or as Markdown.

The question, the answer in sentences with the words of estimative probability of ICD 203 (2015) beside the numbers,
how sure anyone can be, figures, what drives it, by which path, what to watch for, what it rests on (see `ledger`),
limits, and provenance. How it is written down is in `pages`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from simlib.control import Control, in_transition
from simlib.formatting import long_date, percent, percent_within
from simlib.report import assumptions as ledger
from simlib.report.markup import Block
from simlib.results import ONGOING, Band, Forecast
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.indicators.result import Indicators
    from simlib.analysis.paths.result import Paths
    from simlib.analysis.sensitivity.one_at_a_time import Tornado
    from simlib.analysis.uncertainty.evsi import Seeing
    from simlib.engines.ensemble import Ensemble

_WORDS = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
    (0.99, "almost certain"),
)
"""One column of the words of ICD 203, each with the probability up to which it goes; the first begins at 1%."""

_CERTAIN = 1 - 1e-9
"""As near to one as the exact engine computes."""

WATCHED = 14.0
"""Days within which something is looked for, unless half the horizon is nearer."""

SIGNS = 4
"""Most signs told of each ending and question."""

HISTORIES = 5_000
"""Histories whose paths are counted where they cannot be computed."""

Kind = Literal["endings", "questions"]

_IN_DOUBT = "each has a reason, and a range unless it is fixed."
_ALL_FIXED = "all are fixed, so that nothing here says how far off the answer may be."

_LIMITS = (
    "Actors follow rates; they do not optimise, bluff or anticipate unless a move says so.",
    "What the model does not name has probability zero in it, and not in the world.",
    "Chance (the same assumptions, another run of history) and doubt about the assumptions are different things.",
)


def icd203(p: float) -> str:
    """Return the estimative word of ICD 203 for a probability."""
    if p < 0.01:
        return "less than 1%"
    return "more than 99%" if p > _WORDS[-1][0] else next(word for top, word in _WORDS if p < top or top == 0.99)


def legend() -> str:
    """Return what the words of ICD 203 stand for, in one sentence."""
    lows = (0.01, *(top for top, _ in _WORDS))
    told = [f"{word} {100 * low:.0f}–{100 * top:.0f}%" for low, (top, word) in zip(lows, _WORDS, strict=False)]
    return f"The words are those of ICD 203: {', '.join(told)}. Less than 1% and more than 99% lie beyond its scale."


@dataclass(frozen=True)
class Answers:
    """What a report tells: the forecast, and what was asked beside it (None: not asked).

    `draws`: the draws that the forecast is the mean of. `seeing`: what seeing a move says of the first question.
    `what_if`: where the scenario was changed, a sentence that says so and each change; `baseline`: then the forecast of
    the scenario as it stands. `ledger`: the scenario whose assumptions are listed, where their reasons are to be told
    otherwise.
    """

    scenario: Scenario
    forecast: Forecast
    draws: Ensemble | None = None
    tornado: Tornado | None = None
    paths: Paths | None = None
    indicators: tuple[Indicators, ...] = ()
    seeing: Seeing | None = None
    what_if: tuple[str, ...] = ()
    ledger: Scenario | None = None
    baseline: Forecast | None = None


@in_transition
def ask(
    scenario: Scenario,
    forecast: Forecast,
    *,
    draws: Ensemble | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Answers:
    """Ask what a report tells beside the forecast, about its likeliest ending and the first question.

    `draws` are those the forecast is the mean of. The engine is that of the forecast; where it leaves calendar windows
    out, so does everything beside it. Raises what the questions raise.
    """
    from simlib.analysis.indicators.watch_list import indicators
    from simlib.analysis.sensitivity.one_at_a_time import tornado
    from simlib.analysis.uncertainty.evsi import value_of_seeing
    from simlib.analysis.whatif.variants import without_windows

    world = ledger.readable(without_windows(scenario) if forecast.provenance.get("ignore_windows") else scenario)
    ranked = sorted(scenario.endings, key=lambda name: -forecast.endings[name].probability[-1])
    question = [f"question:{name}" for name in list(scenario.questions)[:1]]
    about = [*(f"ending:{name}" for name in ranked[:1]), *question]
    doubtful = any(not assumption.fixed for assumption in scenario.assumptions.values())
    day = min(WATCHED, scenario.horizon_days / 2)
    engine: Any = forecast.engine
    steps: list[Callable[[], Any]] = [
        lambda: tornado(world, about, engine=engine, seed=seed, cancel=cancel) if doubtful else None,
        lambda: _paths(world, engine, seed, cancel) if scenario.ladders else None,
        lambda: (
            value_of_seeing(world, question[0], within_days=day, draws=128, seed=seed, cancel=cancel)
            if doubtful and question
            else None
        ),
        *(
            partial(
                indicators,
                world,
                f"ending:{name}",
                look_by=day,
                engine="montecarlo",
                draws=200 if doubtful else 0,
                runs=40 if doubtful else 8000,
                seed=seed,
                control=Control(cancel=cancel),
            )
            for name in ranked[:2]
        ),
    ]
    found = []
    for number, step in enumerate(steps):
        found.append(step())
        if progress:
            progress((number + 1) / len(steps))
    return Answers(scenario, forecast, draws, found[0], found[1], tuple(found[3:]), found[2])


def _paths(world: Scenario, engine: str, seed: int, cancel: Callable[[], bool] | None) -> Paths:
    from simlib.analysis.paths.classes import paths

    return paths(world, engine=engine, top=8, runs=HISTORIES, seed=seed, control=Control(cancel=cancel))


# -------------------------------------------------------------------- what it says


def blocks(answers: Answers) -> Iterator[Block]:
    """Yield the report, piece by piece."""
    scenario, forecast = answers.scenario, answers.forecast
    by = long_date(forecast.by_date(float(forecast.times[-1])))
    yield Block("title", scenario.title)
    yield Block(
        "text",
        f"Seen on {long_date(scenario.as_of)}. What happens by {by}, and how sure can anyone be? "
        + scenario.description,
    )
    if answers.what_if:
        yield Block("text", answers.what_if[0])
        if answers.what_if[1:]:
            yield Block("list", items=answers.what_if[1:])
    yield Block("heading", "The answer")
    yield from _answer(answers, by)
    if answers.draws is not None:
        yield Block("heading", "How sure can anyone be?")
        yield from _doubt(answers, answers.draws)
    if answers.tornado is not None:
        from simlib.plots.tornado_bars import tornado

        yield Block("heading", "What drives it")
        for measure in answers.tornado.measures:
            draw = partial(tornado, answers.tornado, measure=measure.name)
            yield _figure(forecast, draw, f"what {measure.words} hangs on")
        yield Block("list", items=tuple(answers.tornado.sentences()))
    if answers.paths is not None:
        yield Block("heading", "By which path")
        yield from _by_which_path(answers.paths, forecast)
    if answers.indicators or answers.seeing:
        yield Block("heading", "What to watch for")
        if answers.seeing is not None:
            yield Block("list", items=tuple(_signs(answers.seeing, forecast)))
        for found in answers.indicators:
            yield Block("list", items=tuple(found.sentences(SIGNS)))
    yield from _ground(answers)
    yield Block("heading", "Limits")
    fixed = all(number.fixed for number in scenario.assumptions.values())
    first = "It says what follows from the assumptions above, not that they are right"
    yield Block("list", items=(f"{first}: {_ALL_FIXED if fixed else _IN_DOUBT}", *_LIMITS))
    yield Block("heading", "Provenance")
    rows = [*_provenance(forecast.provenance), *(("watch list", found.made()) for found in answers.indicators[:1])]
    yield Block("table", items=(("what", "value"), *rows))


def _ground(answers: Answers) -> Iterator[Block]:
    """Say what the answer rests on: how questions are settled, the start, the assumptions, the sources."""
    scenario = answers.ledger or answers.scenario
    if scenario.questions:
        yield Block("heading", "How the questions are settled")
        yield ledger.settling(scenario)
    yield Block("heading", "Where it starts")
    yield ledger.start(scenario)
    yield Block("heading", "The assumptions")
    yield from ledger.assumptions(scenario)
    yield Block("heading", "Sources")
    yield ledger.sources(scenario)


def _answer(answers: Answers, by: str) -> Iterator[Block]:
    forecast = answers.forecast
    over = (
        "on average over the ranges of the assumptions"
        if forecast.stated
        else ("at the stated values of the assumptions")
    )
    ranked = sorted(forecast.endings, key=lambda name: (name == ONGOING, -forecast.endings[name].probability[-1]))
    spread = "" if answers.draws is None else "; in brackets, where nine in ten sets of assumptions put it"
    beside = "" if answers.baseline is None else "; the baseline is the scenario as it stands, computed likewise"
    yield Block("text", f"By {by}, {over}{spread}{beside}:")
    yield Block("list", items=tuple(_told(answers, "endings", name) for name in ranked))
    if forecast.questions:
        yield Block("list", items=tuple(_told(answers, "questions", name) for name in forecast.questions))
    yield Block("text", legend())
    if forecast.stated is None and not all(number.fixed for number in answers.scenario.assumptions.values()):
        yield Block(
            "text",
            "These are at the stated values only. The forecast that counts is the average over the "
            "ranges of the assumptions: make the report with draws from them, as it is without --draws 0.",
        )
    yield from _pictures(answers)


def _pictures(answers: Answers) -> Iterator[Block]:
    from simlib.plots.ending_curves import endings
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.move_counts import moves

    forecast, before, draws = answers.forecast, answers.baseline, answers.draws
    doubt = None if draws is None else {name: draws.spread(name) for name in forecast.endings}
    draw = partial(endings, forecast, baseline=before, doubt=doubt)
    yield _figure(forecast, draw, forecast.sentences()[0], room=0.3)
    if forecast.ladders:
        draw = partial(ladder_fan, forecast, baseline=before)
        yield _figure(forecast, draw, "where the ladder stands over time", room=0.3)
    yield _figure(forecast, partial(moves, forecast, baseline=before), "expected number of moves")


def _told(answers: Answers, kind: Kind, name: str) -> str:
    forecast = answers.forecast
    band = getattr(forecast, kind)[name]
    p, low, high = (float(x[-1]) for x in (band.probability, band.low, band.high))
    old = None if answers.baseline is None else getattr(answers.baseline, kind)[name]
    beside = "" if old is None else f"; baseline {_plainly(answers, old, name) or percent(float(old.probability[-1]))}"
    if said := _plainly(answers, band, name):
        return f"{forecast.label(kind, name)}: {said}{beside}."
    if p <= 0:
        played = f"in none of the histories that were played (so at most {percent(high)})"
        return f"{forecast.label(kind, name)}: {icd203(p)}, {played}{beside}."
    if answers.draws is not None:
        low, high = _range(answers.draws, kind, name)
        more = f" ({percent(low)} to {percent(high)})"
    else:
        more = f", computed to within {percent(low)} to {percent(high)}" if high - low > 0.001 else ""
    return f"{forecast.label(kind, name)}: {icd203(p)}, {percent(p)}{more}{beside}."


def _plainly(answers: Answers, band: Band, name: str) -> str:
    """Say what is beyond doubt in the model, by its structure alone; "" for all else."""
    p = float(band.probability[-1])
    if answers.forecast.engine != "exact":
        return ""
    if p <= 0:
        return "ruled out in this model"
    if p < _CERTAIN:
        return ""
    already = float(answers.forecast.times[0]) == 0 and float(band.probability[0]) >= _CERTAIN
    return "already the case" if already and name != ONGOING else "certain in this model"


def _range(draws: Ensemble, kind: Kind, name: str) -> tuple[float, float]:
    """Return what 90% of the draws lie between at the last report time."""
    low, _, _, _, high = draws.spread(name, kind)[:, -1]
    return float(low), float(high)


def _doubt(answers: Answers, draws: Ensemble) -> Iterator[Block]:
    """Say how far the answers depend on the assumptions, and how well their average is known."""
    forecast, before = answers.forecast, answers.baseline
    yield Block(
        "text",
        f"Nobody knows the assumptions exactly: each has a range. {len(draws.forecasts)} sets of them "
        "were drawn from these ranges, and the forecast was made with each. The answer is the average. Nine in "
        "ten of these forecasts lie in the range beside it: that is doubt about the assumptions, which finding "
        "out more can narrow. Under any one set of assumptions the rest is chance, which nothing narrows.",
    )
    kinds: tuple[Kind, ...] = ("endings", "questions")
    rows, widest = [], (-1.0, "")
    for kind in kinds:
        for name, band in getattr(forecast, kind).items():
            low, high = _range(draws, kind, name)
            label = forecast.label(kind, name)
            widest = max(widest, (high - low, f"“{label}”: from {percent(low)} to {percent(high)}"))
            mean = percent_within(*(float(x[-1]) for x in (band.probability, band.low, band.high)))
            stated = percent(float(getattr(draws.stated, kind)[name].probability[-1]))
            old = [] if before is None else [percent(float(getattr(before, kind)[name].probability[-1]))]
            rows.append((label, mean, *old, f"{percent(low)} to {percent(high)}", stated))
    yield Block("text", f"The assumptions matter most to {widest[1]}.")
    column = [] if before is None else ["baseline"]
    head = ("", "average [95% error of this average]", *column, "nine in ten draws", "at the stated values")
    yield Block("table", items=(head, *rows))
    for name in list(forecast.questions)[:1]:
        if draws.spread(name, "questions").any():
            yield _spread(forecast, draws, name)


def _spread(forecast: Forecast, draws: Ensemble, question: str) -> Block:
    """Draw the doubt about a question over time."""
    from simlib.analysis.uncertainty.fans import measure_fan
    from simlib.plots.nested_fan import doubt_fan

    fan = measure_fan(draws, f"question:{question}")
    fan = dataclasses.replace(fan, quantiles=draws.spread(question, "questions")[:, None, :])
    return _figure(forecast, partial(doubt_fan, fan), f"“{fan.title}” over the draws")


def _by_which_path(paths: Paths, forecast: Forecast) -> Iterator[Block]:
    from simlib.plots.path_charts import path_classes

    *told, how = paths.sentences(4)
    yield Block("text", how)
    yield _figure(forecast, partial(path_classes, paths), "the likeliest paths")
    yield Block("list", items=tuple(told))


def _signs(seeing: Seeing, forecast: Forecast) -> Iterator[str]:
    """Say which moves, seen or not seen in time, tell most about a question."""
    until, by = long_date(seeing.seen_by), long_date(seeing.by)
    if not seeing.mean:
        yield f"{seeing.measure.words} happens in none of the histories that were played: nothing is a sign of it."
        return
    if forecast.stated is not None:
        today = float(forecast.questions[seeing.measure.of].probability[-1])
        yield f"Over the priors, {seeing.measure.words} by {by} is at {percent(today)} today."
    if not seeing.open_then:
        yield f"By {until} nothing is open any more that could be watched for."
        return
    yield (
        f"Among histories in which it has not happened, and nothing has ended, by {until}, {seeing.measure.words} "
        f"by {by} is at {percent(seeing.if_open)} over the priors. Among these, what has been seen by then moves "
        "it:"
    )
    told = [o for o in seeing.observations if o.brier.value > o.brier.half]
    for o in told[:SIGNS]:
        yield (
            f"“{o.label}”: to {percent(o.if_seen)} if it is seen by then, to {percent(o.if_not)} if not; it is seen "
            f"with probability {percent(o.seen)}."
        )
    if not told:
        yield "No single move is known to tell anything about it."


def _provenance(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in provenance.items():
        if isinstance(value, Mapping):
            yield key, ", ".join(f"{name} {_short(item)}" for name, item in value.items())
        elif value not in (None, "", []):
            yield key, ", ".join(map(_short, value)) if isinstance(value, list | tuple) else _short(value)


def _short(value: Any) -> str:
    """Write a number of the record with as many digits as anybody needs."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _figure(forecast: Forecast, draw: Callable[[Axes], Any], words: str, *, room: float = 0.04) -> Block:
    from simlib.plots.captions import foot, sign
    from simlib.plots.figure import new_figure, small_png

    figure = new_figure(960, 560, words)
    sign(figure, foot(forecast))
    draw(figure.add_axes((0.06, 0.11, 0.9 - room, 0.73)))
    return Block("figure", words, png=small_png(figure))
