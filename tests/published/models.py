"""Models whose answers others have published, written as scenarios. One day here is one unit of time there."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from typing import Any

from simlib.scenario.loader import load_text
from simlib.scenario.model import Scenario

SAID = "published"


def number(value: float) -> dict[str, Any]:
    return {"value": value, "because": SAID}


def move(
    when: Mapping[str, Any], rate: float, then: Mapping[str, Any], times: Iterable[Any] = (), per: str = ""
) -> dict[str, Any]:
    """Return a move; `times` are (factor, condition), `per` a counter."""
    factors = [{"by": number(by), "when": holds} for by, holds in times] + ([{"per": per}] if per else [])
    what = {"actor": "nature", "label": "step", "rate": number(rate) | {"value": f"{rate!r} per day"}}
    return what | {"when": when, "then": then} | ({"times": factors} if factors else {})


def world(variables: Mapping[str, Any], start: Mapping[str, str], moves: Any, **more: Any) -> Scenario:
    """Return a scenario; every YAML reader reads JSON."""
    data = {
        "format": 1,
        "id": "published",
        "title": "A published model",
        "as_of": "2031-01-01",
        "horizon": f"{more.pop('horizon')} days",
        "actors": {"nature": "Nature"},
        "variables": {name: {"levels": levels, "start": start[name]} for name, levels in variables.items()},
        "moves": moves,
        "endings": more.pop("endings", {}),
        "questions": {
            name: {"label": name, "when": when, "resolves": SAID} for name, when in more.pop("questions", {}).items()
        },
    }
    return load_text(json.dumps(data | more), "published.yaml")


def levels(prefix: str, last: int) -> list[str]:
    return [f"{prefix}{n}" for n in range(last + 1)]


def queue(horizon: float, *, stops: bool = False) -> Scenario:
    """M/M/1/3 with arrivals at 1.5 and service at 3; `stops`: the first time it is full ends it."""
    moves = {
        "arrive": move({"x": "q2 or below"}, 1.5, {"x": "+1"}),
        "serve": move({"x": "q1 or above"}, 3.0, {"x": "-1"}),
    }
    full = {"full": {"when": {"x": "q3"}, "label": "full", "because": SAID}} if stops else {}
    return world(
        {"x": levels("q", 3)}, {"x": "q0"}, moves, horizon=horizon, endings=full, questions={"full": {"x": "q3"}}
    )


def heart_transplant(start: int) -> Scenario:
    """The illness-death model that the manual of the R package msm fits to heart transplants (Jackson 2011)."""
    rates = {
        (1, 2): 0.12788,
        (1, 4): 0.04249,
        (2, 1): 0.22511,
        (2, 3): 0.34260,
        (2, 4): 0.04026,
        (3, 2): 0.13062,
        (3, 4): 0.30646,
    }
    moves = {f"m{a}{b}": move({"x": f"s{a}"}, rate, {"x": f"s{b}"}) for (a, b), rate in rates.items()}
    states = levels("s", 4)[1:]
    return world({"x": states}, {"x": f"s{start}"}, moves, horizon=10)


def cluster(n: int, horizon: float) -> Scenario:
    """The workstation cluster with n machines a side (Haverkort, Hermanns and Katoen 2000)."""
    machines = levels("w", n)
    units = {"left": 0.002, "right": 0.002, "line": 0.0002, "toleft": 0.00025, "toright": 0.00025}
    mends = {"left": 2.0, "right": 2.0, "line": 0.125, "toleft": 0.25, "toright": 0.25}
    variables: dict[str, list[str]] = {"repairer": ["idle", "busy"]}
    moves = {}
    for unit, rate in units.items():
        many = unit in ("left", "right")
        variables[unit] = machines if many else ["broken", "works"]
        variables[f"{unit}-repair"] = ["none", "begun"]
        whole = variables[unit][-1]
        several = [(float(k), {unit: f"w{k}"}) for k in range(2, n + 1)] if many else []
        moves[f"fail-{unit}"] = move({unit: f"not {variables[unit][0]}"}, rate, {unit: "-1"}, several)
        waits = {f"{unit}-repair": "none", unit: f"not {whole}", "repairer": "idle"}
        moves[f"begin-{unit}"] = move(waits, 10.0, {f"{unit}-repair": "begun", "repairer": "busy"})
        moves[f"mend-{unit}"] = move(
            {f"{unit}-repair": "begun"}, mends[unit], {f"{unit}-repair": "none", "repairer": "idle", unit: "+1"}
        )
    start = {
        name: names[0] if name in ("repairer",) or name.endswith("-repair") else names[-1]
        for name, names in variables.items()
    }
    return world(variables, start, moves, horizon=horizon, questions={"too-few": _below(n, 3 * n // 4)})


def _below(n: int, least: int) -> list[dict[str, list[str]]]:
    """No part of the cluster has `least` machines that are connected: the choices, multiplied out."""
    few = [f"w{k}" for k in range(least)]
    left = [{"left": few}, {"toleft": ["broken"]}]
    right = [{"right": few}, {"toright": ["broken"]}]
    pairs = [{"left": [f"w{a}"], "right": [f"w{b}"]} for a in range(n + 1) for b in range(n + 1) if a + b < least]
    both = [*pairs, {"toleft": ["broken"]}, {"toright": ["broken"]}, {"line": ["broken"]}]
    clauses = []
    for parts in itertools.product(left, right, both):
        clause: dict[str, list[str]] = {}
        for name, allowed in itertools.chain.from_iterable(part.items() for part in parts):
            clause[name] = [level for level in clause.get(name, allowed) if level in allowed]
        if all(clause.values()) and clause not in clauses:
            clauses.append(clause)
    return [one for one in clauses if not any(other != one and _covers(other, one) for other in clauses)]


def _covers(wide: Mapping[str, list[str]], narrow: Mapping[str, list[str]]) -> bool:
    return all(name in narrow and set(narrow[name]) <= set(allowed) for name, allowed in wide.items())


def tandem(c: int, horizon: float) -> Scenario:
    """A two-phase server before an exponential one, c customers each (Hermanns, Meyer-Kayser and Siegle 1999)."""
    room, waiting = {"sm": f"not {c}"}, {"sc": "not 0"}
    moves = {
        "arrive": move({"sc": f"not {c}"}, 4.0 * c, {"sc": "+1"}),
        "straight": move(waiting | room | {"ph": "one"}, 0.9 * 2, {"sc": "-1", "sm": "+1"}),
        "phase": move(waiting | {"ph": "one"}, 0.1 * 2, {"ph": "two"}),
        "second": move(waiting | room | {"ph": "two"}, 2.0, {"ph": "one", "sc": "-1", "sm": "+1"}),
        "leave": move({"sm": "not 0"}, 4.0, {"sm": "-1"}),
    }
    variables = {"sc": {"from": 0, "to": c}, "ph": ["one", "two"], "sm": {"from": 0, "to": c}}
    return world(variables, {"sc": "0", "ph": "one", "sm": "0"}, moves, horizon=horizon)


def erlang_loss(servers: int, load: float, horizon: float) -> Scenario:
    moves = {"arrive": move({}, load, {"busy": "+1"}), "leave": move({}, 1.0, {"busy": "-1"}, per="busy")}
    return world({"busy": {"from": 0, "to": servers}}, {"busy": "0"}, moves, horizon=horizon)


def immigration_death(horizon: float) -> Scenario:
    """Immigration at 1, death at 0.1 each, up to 60; its law at any time is Poisson's (DSMTS 002-01)."""
    moves = {"in": move({}, 1.0, {"x": "+1"}), "out": move({}, 0.1, {"x": "-1"}, per="x")}
    return world({"x": {"from": 0, "to": 60}}, {"x": "0"}, moves, horizon=horizon)
