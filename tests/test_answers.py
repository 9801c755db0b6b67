"""Every question's answer can be traced, told, saved and loaded; the keys of the JSON are a contract."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import math
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import simlib
from simlib.analysis.samples import Sample
from simlib.answer import Answer
from simlib.machine.measures import headline
from simlib.plots.pictures import PICTURES

DOCS = Path(__file__).parents[1] / "docs" / "json.md"
SHARED = {"format", "answer", "question", "scenario", "title", "as_of", "provenance"}
PROVENANCE = {
    *("scenario_sha256", "view", "interventions", "values", "version", "versions", "machine", "made_at"),
    *("engine", "seed", "draws", "runs", "horizon_days", "belief"),
}
RENAMED: dict[Any, str] = {
    "by": "by_day",
    "look_by": "look_by_day",
    "events": "log_sha256",
    "before": "before_sha256",
    "after": "scenario_sha256",
    ("base_rates", "runs"): "histories",
}
"""{argument, or a question and its argument: the key of the provenance that holds it}, if the names differ."""

IN_THE_DATA = {
    **{engine: {"times"} for engine in ("solve", "simulate", "forecast")},
    "pool": {"times", "weights"},
    "discover": {"measure", "threshold"},
    "evppi": {"measure"},
    "evppi_from": {"measure"},
    "evsi": {"measure", "observations"},
    "indicators": {"measure", "times_seen"},
    "paths": {"given", "ladder"},
    "waypoints": {"given", "ladder"},
    "rung_times": {"given", "ladder"},
    "typical_histories": {"given", "ladder"},
    "uncertainty": {"measures"},
    "sobol": {"measures"},
}
"""{question: its arguments that the answer itself holds under the same name}."""

NOT_RECORDED = {
    ("solve", "cap"): "above the cap there is no answer",
    ("score_registry", "receipt"): "without this record there is no answer",
    ("evppi_from", "answer"): "its provenance is that of this answer",
}


@pytest.fixture(scope="module")
def world():
    return simlib.load("two-islands")


WAR = "ending:open-war"
QUESTIONS = {
    "solve": simlib.solve,
    "simulate": lambda world: simlib.simulate(world, runs=200),
    "forecast": lambda world: simlib.forecast(world, draws=10),
    "compare": lambda world: simlib.compare(world, simlib.Forbid("patrol"), runs=100),
    "drivers": lambda world: simlib.drivers(world, WAR),
    "elasticities": lambda world: simlib.elasticities(world, WAR),
    "sobol": lambda world: simlib.sobol(world, WAR, draws=64),
    "uncertainty": lambda world: simlib.uncertainty(world, WAR, draws=128),
    "evppi": lambda world: simlib.evppi(world, WAR, draws=128),
    "evsi": lambda world: simlib.evsi(world, WAR, look_by=14, draws=64),
    "paths": lambda world: simlib.paths(world, given=WAR),
    "indicators": lambda world: simlib.indicators(world, WAR, look_by=14, draws=20, runs=20),
    "discover": lambda world: simlib.discover(world, WAR, draws=64, runs=20),
    "pool": lambda world: simlib.pool({"one": world, "hawks": simlib.load("two-islands", view="hawks")}),
    "diff": lambda world: simlib.diff(world, simlib.load("two-islands", view="hawks")),
    "lint": lambda world: simlib.lint(world, control=simlib.Control()),
    "learn": lambda world: simlib.learn(world, draws=64),
    "update": lambda world: simlib.update(world, draws=64),
    "forecast_series": lambda world: simlib.forecast_series(world, measures=WAR, dates=2, draws=16),
    "rows_per_week": lambda world: simlib.rows_per_week(world, draws=16),
    "evppi_from": lambda world: simlib.evppi_from(simlib.uncertainty(world, WAR, draws=128)),
    "fan": lambda world: simlib.fan(world, ladder="standard", draws=10),
    "waypoints": simlib.waypoints,
    "rung_times": lambda world: simlib.rung_times(world, draws=4, runs=50),
    "typical_histories": lambda world: simlib.typical_histories(world, runs=200),
    "row_effects": lambda world: simlib.row_effects(world, measure=WAR, draws=16),
    "score_registry": simlib.score_registry,
    "backtest": lambda world: simlib.backtest(world, every=21, draws=4),
    "base_rates": lambda world: simlib.base_rates(world, draws=8),
    "prior_predictive": lambda world: simlib.prior_predictive(world, draws=8),
}


@pytest.fixture(scope="module")
def answers(world):
    return {name: ask(world) for name, ask in QUESTIONS.items()}


def kinds(base=Answer):
    """Yield the classes of simlib that are answers and can be built."""
    for each in base.__subclasses__():
        yield from kinds(each)
        if each.__module__.startswith("simlib.") and not inspect.isabstract(each):
            yield each


def test_every_kind_of_answer_is_asked(answers):
    for module in pkgutil.walk_packages(simlib.__path__, "simlib."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert {type(answer) for answer in answers.values()} == set(kinds())
    names = {each.__name__ for each in kinds()}
    face = {name: getattr(simlib, name) for name in simlib.__all__}
    returns = {name: inspect.signature(f).return_annotation for name, f in face.items() if inspect.isfunction(f)}
    assert {name for name, kind in returns.items() if kind in names} <= set(QUESTIONS)
    assert names <= set(returns.values())
    assert {each.kind for each in kinds()} <= set(returns)


ARGUMENTS = {
    name: set(inspect.signature(getattr(simlib, name)).parameters) - {"scenario", "control"}
    for name in QUESTIONS
    if name in simlib.__all__
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_that_can_change_a_number_is_recorded(name, answers):
    data = answers[name].to_dict()
    own = IN_THE_DATA.get(name, set())
    assert own <= ARGUMENTS[name] & set(data)
    asked = {each for each in ARGUMENTS[name] if (name, each) not in NOT_RECORDED} - own
    keys = {each: RENAMED.get((name, each), RENAMED.get(each, each)) for each in asked}
    assert {each for each, key in keys.items() if key not in data["provenance"]} == set()


def test_arguments_are_recorded_as_they_were_given(world):
    def recorded(answer, *names):
        return [answer.provenance[name] for name in names]

    precision = simlib.analysis.uncertainty.propagation.Precision(quantiles=(0.2, 0.8))
    spread = simlib.uncertainty(world, WAR, draws=128, precision=precision)
    assert spread.provenance["precision"] == dataclasses.asdict(precision)
    assert recorded(simlib.drivers(world, WAR, top=2, by=30), "measures", "top", "by_day") == [[WAR], 2, 30]
    groups = {"some": ["patrol_rate"]}
    assert recorded(simlib.sobol(world, WAR, draws=8, top=groups), "top") == [{"some": ("patrol_rate",)}]
    assert recorded(simlib.solve(world, tolerance=1e-6, ranges=True), "tolerance", "ranges") == [1e-6, True]
    assert recorded(simlib.paths(world, by=30), "top", "by_day") == [20, 30]
    assert recorded(simlib.fan(world, WAR, draws=2), "measure", "ladder") == [WAR, None]
    assert recorded(simlib.indicators(world, WAR, look_by=9, draws=0), "look_by_day") == [9]
    assert recorded(simlib.compare(world, simlib.Forbid("patrol"), measures=[WAR], runs=0), "measures") == [[WAR]]
    assert recorded(simlib.lint(world, strands=False), "strands") == [False]
    assert recorded(simlib.diff(world, world, forecast=False), "forecast", "engine") == [False, None]


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_length_of_a_forecast_ends_at_its_target(name, answers):
    """`horizon_days` has one meaning: up to the target day if there is one, else up to the last day of the scenario."""
    data = answers[name].to_dict()
    source = data["provenance"]
    assert source.get("by_day") == data.get("by_day", data.get("horizon_days"))
    assert source["horizon_days"] == source.get("by_day", 90)


TARGETED = [name for name in ARGUMENTS if "by" in ARGUMENTS[name] and name != "evsi"]


@pytest.mark.parametrize("name", TARGETED)
def test_the_target_is_recorded_where_it_is_given(name, world):
    needed = {"measure": WAR, "variants": simlib.Forbid("patrol")}
    options = {"draws": 128 if name == "evppi" else 8, "runs": 16, "top": 2}
    question, arguments = getattr(simlib, name), ARGUMENTS[name]
    if name == "uncertainty":
        options["draws"] = 128
    given = {key: value for key, value in (needed | options).items() if key in arguments}
    source = question({"one": world, "two": world} if name == "pool" else world, by=30, **given).provenance
    assert (source["by_day"], source["horizon_days"]) == (30, 30)


def test_only_answers_over_draws_have_a_belief(answers):
    """At the stated values it is None, over draws of the priors "prior", and else a name."""
    learnt = {"update", "learn", "row_effects", "rows_per_week"}
    for name, answer in answers.items():
        source = answer.provenance
        over = f"log to {source['as_of']}" if name in learnt else "prior" if source["draws"] else None
        assert source["belief"] == over, name
        assert "belief_source" not in source, name


def test_a_prior_with_a_seed_of_its_own_is_recorded_with_this_seed(world):
    own = simlib.Belief.prior(world, 16, seed=5)
    assert simlib.forecast(world, draws=own, times=1).provenance["belief_source"] == {"seed": 5}
    assert "belief_source" not in simlib.forecast(world, draws=own, times=1, seed=5).provenance


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_can_be_traced(name, answers, world):
    answer = answers[name]
    assert isinstance(answer, Answer)
    data = answer.to_dict()
    assert set(data) >= SHARED
    assert set(data["provenance"]) >= PROVENANCE
    assert (data["scenario"], data["title"], data["as_of"]) == (world.id, world.title, world.as_of.isoformat())
    subject = world if name == "update" else answer.scenario  # an update holds the scenario after the log
    assert data["provenance"]["scenario_sha256"] == subject.sha256
    assert data["provenance"]["version"] == simlib.__version__
    assert data["question"].rstrip().endswith(("?", "."))
    json.dumps(data, allow_nan=False)


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_tells_itself_in_sentences_and_as_a_table(name, answers):
    answer = answers[name]
    assert all(isinstance(line, str) and line for line in answer.sentences())
    assert isinstance(answer.frame(), pd.DataFrame)


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_can_be_saved_and_loaded(name, answers, tmp_path):
    answer = answers[name]
    again = simlib.load_answer(answer.save(tmp_path / "answer.json.gz"))
    assert type(again) is type(answer)
    assert again.to_dict() == answer.to_dict()
    assert again.sentences() == answer.sentences()
    pd.testing.assert_frame_equal(again.frame(), answer.frame())


def test_a_file_that_holds_no_answer_is_refused(tmp_path):
    for text in ("{}", "not json", '{"state": {"!": "Path", "x": 1}}', '{"state": 3}'):
        (tmp_path / "file.json").write_text(text)
        with pytest.raises(simlib.SimlibError, match=r"file\.json"):
            simlib.load_answer(tmp_path / "file.json")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("horizon_days", "30", "Forecast.horizon_days is '30'; expected float"),
        ("engine", [3], r"Forecast.engine is \[3\]; expected str"),
        ("endings", [1, 2], r"Forecast.endings is \[1, 2\]; expected .*Mapping"),
        ("endings", {"!map": [["war", 0.5]]}, "Forecast.endings is {'war': 0.5}; expected .*Mapping"),
        ("interventions", {"!tuple": [3]}, r"Forecast.interventions is \(3,\); expected"),
        ("times", {"!tuple": [3]}, r"Forecast.times is \(3,\); expected .*ndarray"),
        ("scenario", {"!": "Nobody"}, "'Nobody' is no part of an answer"),
        ("nothing", 3, "unexpected keyword argument 'nothing'"),
    ],
)
def test_a_part_of_another_type_is_refused_by_name(field, value, words, world, tmp_path):
    file = simlib.solve(world, times=2).save(tmp_path / "forecast.json")
    data = json.loads(file.read_text(encoding="utf-8"))
    data["state"][field] = value
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(simlib.SimlibError, match=rf"forecast\.json: cannot be read as an answer: .*{words}"):
        simlib.load_answer(file)


def named_keys(text: str) -> dict[tuple[str, ...], bool]:
    """Return the keys in the tables of a text: {path: whether the page says that the key may be missing}."""
    named: dict[tuple[str, ...], bool] = {}
    heads: list[tuple[str, ...]] = []
    for first, *_, meaning in (line[1:-1].split("|") for line in re.findall(r"^\| `.*", text, re.MULTILINE)):
        keys, optional = re.findall(r"`([^`]+)`", first.replace("[]", "")), meaning.startswith(" Only")
        paths = [tuple(key.removeprefix(".").split(".")) for key in keys]
        if keys[0].startswith("."):
            paths, optional = [head + path for head in heads for path in paths], optional or named[heads[0]]
        else:
            heads = paths
        named |= dict.fromkeys(paths, optional)
    return named


def leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every value in the JSON data of an answer. An answer inside an answer is one value."""
    if isinstance(data, dict) and not (path and "answer" in data and "format" in data):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
        for item in data:
            yield from leaves(item, path)
    else:
        yield path


def fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(pattern) == len(path) and all(
        re.fullmatch(re.escape(part).replace("NAME", ".*"), key) for part, key in zip(pattern, path, strict=True)
    )


def test_the_page_of_the_contract_names_every_key(answers):
    general, sections = DOCS.read_text(encoding="utf-8").split("\n## Keys of each kind of answer\n")
    shared, traced = (named_keys(part) for part in general.split("\n## Provenance\n"))
    pages = {
        kind: named_keys(text) for kind, _, text in (each.partition("\n") for each in sections.split("\n### ")[1:])
    }
    found: dict[str, set[tuple[str, ...]]] = {}
    for answer in answers.values():
        data = answer.to_dict()
        assert {key for key in data["provenance"] if (key,) not in traced} == set(), answer.kind
        own = {key: value for key, value in data.items() if (key,) not in shared}
        found.setdefault(answer.kind, set()).update(leaves(own))
    assert set(found) == set(pages)
    for kind, paths in found.items():
        page = pages[kind]
        assert {path for path in paths if not any(fits(pattern, path) for pattern in page)} == set(), kind
        seen = {p for p in page for path in paths if fits(p, path[: len(p)])}
        assert {p for p, optional in page.items() if not optional} - seen == set(), kind


WITHOUT_PICTURE = {
    "Findings": "warnings are sentences",
    "PriorPredictive": "the statistics of the log have different units",
    "RungTimes": "each pair of rungs has its own range of days",
    "Waypoints": "the shares are a list, which the table shows in full",
}


def test_every_kind_of_answer_draws_itself(answers):
    from matplotlib.axes import Axes

    for name, answer in answers.items():
        if type(answer).__name__ not in WITHOUT_PICTURE:
            assert isinstance(answer.plot(), Axes), name
    assert set(PICTURES) | set(WITHOUT_PICTURE) == {each.__name__ for each in kinds()}
    assert not set(PICTURES) & set(WITHOUT_PICTURE)


def test_a_log_that_changed_no_assumption_draws_an_empty_picture(world):
    assert (
        simlib.update(world, learn=False, draws=16).plot().get_title(loc="left").startswith("The assumptions were not")
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda world: simlib.evppi(world, draws=128).measure,
        lambda world: simlib.evsi(world, draws=64, runs=16).measure,
        lambda world: simlib.discover(world, draws=64, runs=8).measure,
    ],
    ids=["evppi", "evsi", "discover"],
)
def test_a_question_without_a_measure_is_about_the_headline(ask, world):
    assert ask(world) == headline(world)


BY_VALUES = [name for name in simlib.__all__ if "values" in getattr(getattr(simlib, name), "__annotations__", ())]


@pytest.mark.parametrize("name", BY_VALUES)
def test_the_provenance_records_the_changed_values(name, world):
    def recorded(scenario, **options):
        answer = getattr(simlib, name)(scenario, **options)
        return (answer if isinstance(answer, Answer) else Sample.of(answer)).provenance["values"]

    rate = world.assumptions["patrol_rate"].value
    assert recorded(world, values={"patrol_rate": 0.1763668}) == {"patrol_rate": 0.1763668}
    assert recorded(world) == recorded(world, values={"patrol_rate": rate}) is None
    changed = simlib.vary(simlib.vary(world, {"patrol_rate": 0.2}), {"patrol_rate": 0.3})
    assert recorded(changed) == {"patrol_rate": 0.3}
    assert recorded(changed, values={"patrol_rate": rate}) is None
    assert changed.sha256 == simlib.vary(world, {"patrol_rate": 0.3}).sha256


def test_a_view_and_the_draws_of_a_prior_keep_the_provenance_of_the_stated_values(world):
    hawks = simlib.load("two-islands", view="hawks")
    source = simlib.compare(hawks, simlib.Forbid("patrol"), runs=100).provenance
    assert source["view"] == "hawks"
    assert source["values"] == {name: hawks.assumptions[name].value for name in hawks.file_values} != {}
    assert simlib.forecast(world, draws=4, runs=5, engine="montecarlo").provenance["values"] is None


def test_the_provenance_records_every_digit_of_an_intervention(world):
    acts = simlib.Policy("patrol", 0.1763668), simlib.Assume("patrol_rate", 2.0), simlib.Assume("patrol_rate", 1 / 7)
    assert simlib.solve(simlib.vary(world, *acts), times=1).provenance["interventions"] == [
        "policy patrol at 0.1763668 per day",
        "assume patrol_rate=2",
        "assume patrol_rate=0.14285714285714285",
    ]


def test_runs_are_the_replicates_of_each_draw(answers, world):
    answer = simlib.forecast(world, engine="montecarlo", draws=10, runs=100)
    source = answer.provenance
    assert (source["draws"], source["runs"], source["replicates"], answer.replicates) == (10, 100, 1000, 1000)
    assert (answer.stated.provenance["runs"], answer.stated.replicates) == (1000, 1000)
    totals = ("replicates", "pairs", "histories")
    several = {"forecast": source} | {n: a.provenance for n, a in answers.items() if a.provenance["runs"]}
    counted = {name: [each[key] for key in totals if key in each] for name, each in several.items()}
    assert {"indicators", "compare", "rung_times"} <= {name for name, number in counted.items() if number}
    for name, number in counted.items():
        assert number in ([], [several[name]["runs"] * max(several[name]["draws"], 1)]), name


def test_the_same_question_gives_the_same_bits(world):
    one, two = (simlib.compare(world, simlib.Forbid("patrol"), runs=100).to_dict() for _ in range(2))
    for data in (one, two):
        data["provenance"].pop("made_at")
    assert one == two
    assert not math.isnan(sum(value for value in one.values() if isinstance(value, float)))
