"""What nobody does and nobody sees, such as a tempo that cools, is not shown among the acts of the actors."""

from __future__ import annotations

import pytest

import simlib
from simlib.analysis.paths.waypoint_shares import waypoints
from simlib.cli import main
from simlib.plots.figure import new_figure
from simlib.plots.forecast_figure import Dashboard
from simlib.plots.move_counts import MovesPanel

COOLS = "The hot spell ends"


@pytest.fixture(scope="module")
def world():
    return simlib.load("two-islands")


@pytest.fixture(scope="module")
def forecast(world):
    return simlib.solve(world)


def shown(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_acts_are_ranked_and_leave_out_what_nobody_does_and_nobody_sees(world, forecast):
    unseen = {move.id for move in world if move.unseen}
    assert unseen == {"cool-down", "guarantee-south"}
    assert set(forecast.acts) == forecast.moves.keys() - unseen
    counts = [float(forecast.moves[name][-1]) for name in forecast.acts]
    assert counts == sorted(counts, reverse=True)


def test_pictures_of_moves_show_them_only_when_asked(forecast):
    assert COOLS not in shown(Dashboard(forecast, 720).figure)
    axes = new_figure(600, 400).add_axes((0.1, 0.1, 0.8, 0.8))
    MovesPanel(axes, forecast, ["cool-down"])
    assert COOLS in shown(axes.get_figure())


def test_tables_of_moves_list_them_when_all_are_asked_for(capsys):
    few, every = (main(["run", "two-islands", "--top", top]) or capsys.readouterr().out for top in ("50", "0"))
    assert COOLS not in few
    assert "2 other moves" in few
    assert COOLS in every


def test_they_are_no_waypoints(world):
    found = waypoints(world, "ending:open-war", engine="exact")
    assert COOLS not in {row.label for row in found.rows}
    assert any(row.kind == "move" for row in found.rows)
