"""`simlib update`: how a log of events changes the state, the assumptions and the forecast."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from simlib.analysis.row_attribution import RowEffects, effects_of
from simlib.cli.commands.learn import save_lessons
from simlib.cli.options.request import Request
from simlib.cli.output import figures
from simlib.cli.output.answers import Result, tell
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table
from simlib.errors import DOES_NOT_FIT
from simlib.evidence.posterior import TRUSTED
from simlib.formatting import long_date, percent
from simlib.machine.measures import headline, of_forecast
from simlib.scenario.loader import load

if TYPE_CHECKING:
    from simlib.analysis.dated_forecasts import ForecastSeries
    from simlib.engines.ensemble import Ensemble
    from simlib.evidence.belief_update import Update
    from simlib.evidence.log_intake import Intake
    from simlib.results import Forecast
    from simlib.scenario.model import Scenario

SERIES_DAYS = {"daily": 1, "weekly": 7, "monthly": 30}
"""Days from one forecast of a series to the next, by the value of `--series`."""


def execute(arguments: Request) -> int:
    """Update the scenario by a log, then forecast from the state at the end of the log."""
    from simlib.engines.ensemble import forecast, over_priors
    from simlib.evidence.belief_update import updated
    from simlib.evidence.log_intake import take_in

    scenario = load(arguments.path)
    with Task("reading the log") as task:
        taken = take_in(
            scenario,
            arguments.events,
            arguments.as_of,
            learn=not arguments.no_learn,
            draws=arguments.draws,
            seed=arguments.seed,
            skip_impossible=arguments.skip_impossible,
            control=task.control,
        )
        answer = updated(taken)
    if arguments.save_view is not None:
        save_lessons(arguments, scenario, answer.learnt, f"the log up to {long_date(answer.as_of)}")
    with Task("forecasting") as task:
        before = forecast(scenario, times=1)
        sample = over_priors(answer.scenario, engine="auto", draws=answer.belief, times=1, control=task.control)
    results: dict[str, Result] = {"update": answer, "forecast": sample.mixture()}
    tables, pictures = [_forecasts(answer, taken, before, sample)], []
    if arguments.rows:
        effects = _effects(arguments, taken)
        tables += [*_did(effects), _rows(answer)]
        if isinstance(effects, RowEffects):
            results["rows"] = effects
            pictures.append(figures.row_effects(effects))
    if arguments.series:
        results["series"] = series = _series(arguments, scenario)
        pictures.append(figures.series(series))
    sentences = [line for result in results.values() for line in result.sentences()]
    lines = [_lead(answer, before, sample), *sentences]
    return tell(arguments, results, partial(chain, *pictures), tables=tables, lines=lines)


def _lead(answer: Update, before: Forecast, sample: Ensemble) -> str:
    scenario = answer.before
    lead = headline(scenario)
    known = [each.on for each in answer.answered if lead.kind == "question" and each.id == lead.of]
    was, stated, now = (
        percent(float(of_forecast(each, lead)[0][-1])) for each in (before, sample.stated, sample.mixture())
    )
    said = f"the forecast of {long_date(scenario.as_of)} said {was}"
    if known and known[0]:
        return f"{lead.words}: yes, since {long_date(known[0])}; {said}."
    by = sample.stated.by_words
    return f"{lead.words} by {by}: {now} after the log. At the stated values it is {stated}, and {said}."


def _effects(arguments: Request, taken: Intake) -> RowEffects | str:
    measure = arguments.measure[0] if arguments.measure else None
    with Task("computing the effect of each row") as task:
        try:
            return effects_of(taken, measure, control=task.control)
        except DOES_NOT_FIT as error:
            return f"The effects of the rows are not shown: {error}."


def _did(effects: RowEffects | str) -> list[str]:
    if isinstance(effects, str):
        return [effects]
    rows = [
        Row(f"{row.date} {row.words}", [*map(_signed, (row.time, row.state, row.assumptions)), percent(row.after)])
        for row in effects.rows
    ]
    if not rows:
        return []
    rows.append(
        Row(f"{effects.as_of} time after the last row", [_signed(effects.rest), "", "", percent(effects.at_end)])
    )
    head = [["time", "news about", "lesson about", "forecast"], ["before it", "the state", "assumptions", "after it"]]
    about = f"{effects.measure.words} by {long_date(effects.by)}"
    title = f"Effect of each row on {about}, in log-odds (+0.69 doubles the odds)"
    return [table(title, head, rows)]


def _signed(change: float) -> str:
    return f"{change if abs(change) >= 0.005 else 0.0:+.2f}"


def _series(arguments: Request, scenario: Scenario) -> ForecastSeries:
    from simlib.analysis.dated_forecasts import forecast_series

    with Task("forecasting on each date") as task:
        return forecast_series(
            scenario,
            arguments.events,
            dates=SERIES_DAYS[arguments.series or "weekly"],
            measures=arguments.measure or None,
            learn=not arguments.no_learn,
            draws=arguments.draws,
            seed=arguments.seed,
            skip_impossible=arguments.skip_impossible,
            control=task.control,
        )


def _forecasts(answer: Update, taken: Intake, before: Forecast, sample: Ensemble) -> str:
    scenario = answer.before
    alone, shape = taken.drawn.reweighting.at(np.zeros(len(sample.weights)), -np.inf)
    middle = [[f"{taken.as_of.day} {taken.as_of:%b %Y}"] * 2, ["state only", "state only"], ["stated", "priors"]]
    rows, known = [], {each.id: each.on for each in answer.answered}
    for kind, things in (("endings", scenario.endings), ("questions", scenario.questions)):
        for name, thing in things.items():
            spread = sample.spread(name, kind)[:, -1]  # type: ignore[arg-type]  # one of two words
            values = sample.values(name, kind)[:, -1]  # type: ignore[arg-type]  # as above
            cells = [percent(float(getattr(each, kind)[name].probability[-1])) for each in (before, sample.stated)]
            cells.append(percent(float(alone @ values)) if shape < TRUSTED else "")
            cells += [percent(float(sample.weights @ values))] * taken.learn
            settled = known.get(name) if kind == "questions" else None
            range_ = f"{percent(float(spread[0]))} to {percent(float(spread[-1]))}"
            if settled:
                cells, range_ = [cells[0], *[f"yes, {settled.day} {settled:%b}"] * (len(cells) - 1)], ""
            rows.append(Row(thing.label, [*cells, range_]))
    first = [f"{scenario.as_of.day} {scenario.as_of:%b %Y}", "before", "stated"]
    last = [[middle[0][0], "learnt", "belief"]] * taken.learn + [[middle[0][0], "5 to 95%", ""]]
    head = [[first[line], *middle[line], *(column[line] for column in last)] for line in range(3)]
    title = f"Probability by {sample.stated.by_words}. The column “before” is the forecast without the log."
    return table(title, head, rows)


def _rows(answer: Update) -> str:
    return "\n".join(["Rows of the log, and whether they were taken in:", *_fates(answer)])


def _fates(answer: Update) -> Iterator[str]:
    fates = {
        "taken in": answer.taken,
        "left out": answer.left_out,
        "no meaning here": answer.unmapped,
        "impossible": answer.impossible,
        f"not known by {long_date(answer.as_of)}": answer.unknown,
        "before the history": answer.outside,
        "after the end": answer.after_the_end,
    }
    listed = [(reading, fate) for fate, readings in fates.items() for reading in readings]
    for reading, fate in sorted(listed, key=lambda pair: (pair[0].row.date, pair[0].row.line)):
        reason = f" ({reading.ignored})" if reading.ignored else ""
        yield f"  {reading.row.date} {reading.row.word}: {fate}{reason}"
