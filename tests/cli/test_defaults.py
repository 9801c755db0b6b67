"""A command and its function have the same defaults, so that both give the same answer."""

from __future__ import annotations

import argparse
import inspect

import pytest

import simlib
import simlib.sweep
from simlib.cli import main
from simlib.cli.options.parser import build
from tests.cli.world import write_bridge

FUNCTIONS = {
    "check": simlib.lint,
    "explain": simlib.explain,
    "run": simlib.forecast,
    "compare": simlib.compare,
    "drivers": simlib.drivers,
    "uncertainty": simlib.uncertainty,
    "paths": simlib.paths,
    "indicators": simlib.indicators,
    "discover": simlib.discover,
    "pool": simlib.pool,
    "diff": simlib.diff,
    "report": simlib.write_report,
    "sweep": simlib.sweep.run,
    "update": simlib.update,
    "learn": simlib.learn,
    "register": simlib.register,
    "resolve": simlib.resolve,
    "score": simlib.score_registry,
    "backtest": simlib.backtest,
}
NO_FUNCTION = {"export", "data", "rates", "lab"}
"""Commands that no function of the face answers."""

TWINS = {"measure": "measures", "question": "questions"}
"""{name of an option: name of the argument that means the same, if the names differ}."""

EXCEPTIONS = {
    ("run", "engine"): "without --engine it is exact or a message, so that a long Monte Carlo run is never a surprise",
    ("run", "times"): "the printed tables are about daily",
    ("update", "draws"): "the command also forecasts at each draw, which with 1,000 draws takes minutes",
    ("drivers", "top"): "without --top, drivers and sobol keep their own defaults, which differ",
}


def parsers() -> dict[str, argparse.ArgumentParser]:
    (commands,) = (each for each in build()._actions if isinstance(each, argparse._SubParsersAction))
    return dict(commands.choices)


def twins() -> list[tuple[str, str, object, object]]:
    """Return each option with a twin argument: command, option, and the default of each of the two."""
    found = []
    for command, function in FUNCTIONS.items():
        parameters = inspect.signature(function).parameters
        for action in parsers()[command]._actions:
            dest = action.dest
            turned = dest.startswith("no_") and dest.removeprefix("no_") in parameters
            name = dest.removeprefix("no_") if turned else dest if dest in parameters else TWINS.get(dest, "")
            if name in parameters and parameters[name].default is not inspect.Parameter.empty:
                default = not action.default if turned else action.default
                found.append((command, dest, default, parameters[name].default))
    return found


def nothing(default: object) -> bool:
    return default is None or default in ("", (), [])


@pytest.mark.parametrize(("command", "option", "default", "argument"), twins())
def test_an_option_has_the_default_of_its_argument(command, option, default, argument):
    same = default == argument or (nothing(default) and nothing(argument))
    assert same is ((command, option) not in EXCEPTIONS), f"{default!r} and {argument!r}"


def test_every_command_is_compared():
    assert set(parsers()) == {*FUNCTIONS, *NO_FUNCTION}
    compared = {(command, option) for command, option, *_ in twins()}
    assert set(EXCEPTIONS) <= compared
    assert {("update", "no_learn"), ("diff", "no_forecast"), ("discover", "draws"), ("sweep", "engine")} <= compared


@pytest.mark.parametrize(
    "command", [name for name, one in parsers().items() if "--engine" in one._option_string_actions]
)
def test_every_command_takes_the_engine_auto(command):
    assert "auto" in parsers()[command]._option_string_actions["--engine"].choices


@pytest.mark.parametrize(
    ("function", "module", "options"),
    [
        (simlib.drivers, "simlib.analysis.sensitivity.one_at_a_time", []),
        (simlib.sobol, "simlib.analysis.sensitivity.sobol_indices", ["--sobol"]),
    ],
)
def test_drivers_asks_each_function_for_its_own_number_of_assumptions(function, module, options, tmp_path, monkeypatch):
    asked = {}

    def spy(*_, **options):
        asked.update(options)
        raise simlib.SimlibError("enough")

    monkeypatch.setattr(f"{module}.{function.__name__}", spy)
    bridge = str(write_bridge(tmp_path))
    assert main(["drivers", bridge, *options]) == 1
    assert "top" not in asked
    assert main(["drivers", bridge, *options, "--top", "3"]) == 1
    assert asked["top"] == 3
