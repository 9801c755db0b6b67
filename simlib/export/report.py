"""A report that a minister's staff can read: one self-contained page, as HTML or as Markdown.

The question, the answer in sentences with the words of estimative probability of ICD 203 (2015) beside the numbers,
figures, what drives it, by which path, what to watch for, the ledger of assumptions with their reasons and sources,
limits, and provenance. Text from a scenario is escaped; nothing in it is run.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from simlib.quantities import show
from simlib.results import ONGOING, Forecast, long_date, percent
from simlib.scenario.model import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simlib.analysis.drivers import Tornado
    from simlib.analysis.indicators import Indicators
    from simlib.analysis.paths import Paths

_WORDS = (
    (0.01, "remote"), (0.05, "almost no chance"), (0.20, "very unlikely"), (0.45, "unlikely"),
    (0.55, "roughly even chance"), (0.80, "likely"), (0.95, "very likely"), (1.01, "almost certain"),
)  # fmt: skip

_LIMITS = (
    "It says what follows from the assumptions above, not that they are right: each has a reason and a range.",
    "Actors follow rates; they do not optimise, bluff or anticipate unless a move says so.",
    "What the model does not name has probability zero in it, and not in the world.",
    "Chance (the same assumptions, another run of history) and doubt about the assumptions are different things.",
)


def icd203(p: float) -> str:
    """Return the estimative word of ICD 203 for a probability; below 1% "remote"."""
    return next(word for top, word in _WORDS if p < top)


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a report: a heading, paragraphs, a list, a table (head first) or a figure (PNG, with words)."""

    kind: str
    text: str = ""
    items: tuple[Any, ...] = ()
    png: bytes = b""


@dataclass(frozen=True)
class Answers:
    """What a report tells: the forecast, and what was asked beside it (None: not asked).

    `what_if`: where the scenario was changed, a sentence that says so and each change. `ledger`: the scenario whose
    assumptions are listed, where their reasons are to be told otherwise.
    """

    scenario: Scenario
    forecast: Forecast
    tornado: Tornado | None = None
    paths: Paths | None = None
    indicators: tuple[Indicators, ...] = ()
    what_if: tuple[str, ...] = ()
    ledger: Scenario | None = None


def ask(
    scenario: Scenario,
    forecast: Forecast,
    *,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Answers:
    """Ask what a report tells beside the forecast, about its likeliest ending; raises what the questions raise.

    Where the forecast leaves calendar windows out, so does everything beside it.
    """
    from simlib.analysis.drivers import tornado
    from simlib.analysis.indicators import indicators
    from simlib.analysis.paths import path_classes
    from simlib.analysis.variants import without_windows

    world = without_windows(scenario) if forecast.provenance.get("ignore_windows") else scenario
    ranked = sorted(scenario.endings, key=lambda name: -forecast.endings[name].probability[-1])
    first = [f"ending:{name}" for name in ranked[:1]]
    doubtful = any(not assumption.fixed for assumption in scenario.assumptions.values())
    day = min(14.0, scenario.horizon_days / 2)
    steps: list[Callable[[], Any]] = [
        lambda: tornado(world, first, cancel=cancel) if doubtful else None,
        lambda: path_classes(world, top=8, cancel=cancel) if scenario.ladders else None,
        *(
            partial(indicators, world, name, day=day, draws=200 if doubtful else 0, runs=8000, seed=seed, cancel=cancel)
            for name in ranked[:2]
        ),
    ]
    found = []
    for number, step in enumerate(steps):
        found.append(step())
        if progress:
            progress((number + 1) / len(steps))
    return Answers(scenario, forecast, found[0], found[1], tuple(found[2:]))


# -------------------------------------------------------------------- what it says


def blocks(answers: Answers) -> Iterator[Block]:
    """Yield the report, piece by piece."""
    scenario, forecast = answers.scenario, answers.forecast
    by = long_date(forecast.by_date(float(forecast.times[-1])))
    yield Block("title", scenario.title)
    yield Block("text", f"Seen on {long_date(scenario.as_of)}. What happens by {by}, and how sure can anyone be? "
                + scenario.description)  # fmt: skip
    if answers.what_if:
        yield Block("text", answers.what_if[0])
        if answers.what_if[1:]:
            yield Block("list", items=answers.what_if[1:])
    yield Block("heading", "The answer")
    yield from _answer(forecast, by, fixed=all(number.fixed for number in scenario.assumptions.values()))
    if answers.tornado is not None:
        from simlib.plots.tornado import tornado

        yield Block("heading", "What drives it")
        yield _figure(partial(tornado, answers.tornado), "what the likeliest ending hangs on")
        yield Block("list", items=tuple(answers.tornado.sentences()[:8]))
    if answers.paths is not None:
        from simlib.plots.paths import path_classes

        yield Block("heading", "By which path")
        yield Block("text", "At the stated values of the assumptions.")
        yield _figure(partial(path_classes, answers.paths), "the likeliest paths")
        yield Block("list", items=tuple(answers.paths.sentences(4)))
    if answers.indicators:
        yield Block("heading", "What to watch for")
        for found in answers.indicators:
            yield Block("list", items=tuple(found.sentences(4)))
    yield Block("heading", "The assumptions")
    yield _ledger(answers.ledger or scenario)
    yield Block("heading", "Sources")
    yield Block("list", items=tuple(_source(source) for source in scenario.sources.values()) or ("None are named.",))
    yield Block("heading", "Limits")
    yield Block("list", items=_LIMITS)
    yield Block("heading", "Provenance")
    rows = [*_provenance(forecast.provenance), *(("watch list", found.made()) for found in answers.indicators[:1])]
    yield Block("table", items=(("what", "value"), *rows))


def _answer(forecast: Forecast, by: str, *, fixed: bool) -> Iterator[Block]:
    over = "over the priors of the assumptions" if forecast.stated else "at the stated values of the assumptions"
    ranked = sorted(forecast.endings, key=lambda name: (name == ONGOING, -forecast.endings[name].probability[-1]))
    yield Block("text", f"By {by}, {over}:")
    yield Block("list", items=tuple(_told(forecast, "endings", name) for name in ranked))
    if forecast.questions:
        yield Block("list", items=tuple(_told(forecast, "questions", name) for name in forecast.questions))
    if forecast.stated is None and not fixed:
        yield Block("text", "These are at the stated values only. The forecast that counts is the mixture over the "
                    "ranges of the assumptions: ask for the report with --draws 200.")  # fmt: skip
    from simlib.plots.endings import endings
    from simlib.plots.ladders import ladder_fan
    from simlib.plots.moves import moves

    yield _figure(partial(endings, forecast), forecast.sentence(), room=0.3)
    if forecast.ladders:
        yield _figure(partial(ladder_fan, forecast), "where the ladder stands over time", room=0.3)
    yield _figure(partial(moves, forecast), "expected number of moves")


def _told(forecast: Forecast, kind: str, name: str) -> str:
    band = getattr(forecast, kind)[name]
    p, low, high = (float(x[-1]) for x in (band.probability, band.low, band.high))
    interval = f", computed to within {percent(low)} to {percent(high)}" if high - low > 0.001 else ""
    stated = ""
    if forecast.stated is not None:
        stated = f"; {percent(float(getattr(forecast.stated, kind)[name].probability[-1]))} at the stated values"
    return f"{forecast.label(kind, name)}: {icd203(p)}, {percent(p)}{interval}{stated}."


def _ledger(scenario: Scenario) -> Block:
    head = ("assumption", "value", "90% range", "because", "sources")
    rows = [head]
    for a in scenario.assumptions.values():
        value, low, high = (show(x, a.kind, a.unit) for x in (a.value, a.low, a.high))
        sources = ", ".join(scenario.sources[s].title for s in a.sources if s in scenario.sources)
        rows.append((a.label, value, "fixed" if a.fixed else f"{low} to {high}", a.because, sources))
    return Block("table", items=tuple(rows))


def _source(source: Any) -> str:
    date = f", {long_date(source.date)}" if source.date else ""
    return f"{source.title}{date}{f' ({source.url})' if source.url else ''}"


def _provenance(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in provenance.items():
        if isinstance(value, Mapping):
            yield key, ", ".join(f"{name} {item}" for name, item in value.items())
        elif value not in (None, "", []):
            yield key, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _figure(draw: Callable[[Axes], Any], words: str, *, room: float = 0.04) -> Block:
    from simlib.plots.figure import new_figure, small_png

    figure = new_figure(960, 560, words)
    draw(figure.add_axes((0.06, 0.11, 0.9 - room, 0.73)))
    return Block("figure", words, png=small_png(figure))


# -------------------------------------------------------------------- how it is written

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #ccc}"
    "img{max-width:100%;height:auto}table{border-collapse:collapse;font-size:.85rem;width:100%}"
    "td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#f2f2f2}@media print{h2{break-after:avoid}img,tr{break-inside:avoid}}"
)


def to_html(pieces: Iterable[Block]) -> str:
    """Return one self-contained page: no script, no link to anything it needs."""
    body, title = [], "Report"
    for block in pieces:
        text = html.escape(block.text)
        if block.kind == "title":
            title = text
            body.append(f"<h1>{text}</h1>")
        elif block.kind == "heading":
            body.append(f"<h2>{text}</h2>")
        elif block.kind == "text":
            body.append(f"<p>{text}</p>")
        elif block.kind == "list":
            body.append("<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in block.items) + "</ul>")
        elif block.kind == "table":
            body.append(_html_table(block.items))
        else:
            data = base64.b64encode(block.png).decode()
            body.append(f'<p><img alt="{text}" src="data:image/png;base64,{data}"></p>')
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = f"<head>{head}<style>{_STYLE}</style></head><body>{''.join(body)}</body>"
    return f'<!doctype html><html lang="en">{page}</html>\n'


def _html_table(rows: tuple[Any, ...]) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table><thead>{row(rows[0], 'th')}</thead><tbody>{''.join(row(r, 'td') for r in rows[1:])}</tbody></table>"


def to_markdown(pieces: Iterable[Block]) -> str:
    """Return the same as Markdown; figures are inlined as data, so that one file is the whole report."""
    parts = []
    for block in pieces:
        text = _marked(block.text)
        if block.kind in ("title", "heading"):
            parts.append(f"{'#' if block.kind == 'title' else '##'} {text}")
        elif block.kind == "text":
            parts.append(text)
        elif block.kind == "list":
            parts.append("\n".join(f"- {_marked(item)}" for item in block.items))
        elif block.kind == "table":
            lines = ["| " + " | ".join(_marked(cell) for cell in row) + " |" for row in block.items]
            parts.append("\n".join([lines[0], "|" + "---|" * len(block.items[0]), *lines[1:]]))
        else:
            parts.append(f"![{text}](data:image/png;base64,{base64.b64encode(block.png).decode()})")
    return "\n\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """Escape what Markdown would read as markup."""
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")
