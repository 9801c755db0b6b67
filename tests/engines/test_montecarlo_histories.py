"""Histories by replay: the same events as the run, in full, and told in words."""

import numpy as np
import pytest

from simlib.control import Control
from simlib.engines.montecarlo import replay as module
from simlib.engines.montecarlo.replay import histories, replayed
from simlib.engines.montecarlo.simulator import Simulator
from simlib.machine.tables import Tables
from simlib.scenario.model import Force, Pin
from tests import worlds

INTERVENTIONS = (Force("invite", worlds.date(3)), Pin("standoff", "clashes", worlds.date(8)))


def scenario():
    return worlds.tempo_world().replace(interventions=INTERVENTIONS)


def test_a_replay_is_the_run():
    simulator = Simulator(scenario())
    counts, told = simulator.run(runs=700, seed=5), histories(scenario(), 700, seed=5)
    np.testing.assert_array_equal(told.ending, counts.ending)
    np.testing.assert_array_equal(told.ending_time, counts.ending_time)
    np.testing.assert_array_equal(np.diff(told.start) - 1, counts.events)
    last = told.levels[told.start[1:] - 1]
    bits = np.concatenate([(last[:, [v]] == np.arange(size)).sum(axis=0) for v, size in enumerate((4, 3, 2))])
    np.testing.assert_array_equal(bits, counts.levels[-1])
    fired = np.bincount(told.move[told.move >= 0], minlength=counts.moves.shape[1])
    np.testing.assert_array_equal(fired, counts.moves[-1])


def test_the_state_after_each_event_follows_from_the_one_before():
    told, tables = histories(scenario(), 60), Tables(scenario())
    pinned = 0
    for row in np.flatnonzero(np.diff(told.time, prepend=0) >= 0):
        if row in told.start[:-1]:
            continue
        before = told.levels[row - 1 : row]
        if told.outcome[row] < 0:
            assert INTERVENTIONS[told.intervention[row]] == INTERVENTIONS[1]
            assert told.levels[row, 0] == 2
            pinned += 1
        else:
            np.testing.assert_array_equal(told.levels[row], tables.after(told.outcome[row], before)[0])
    assert pinned > 5


def test_any_replicates_in_any_order():
    simulator = Simulator(scenario())
    all_of_them, some = replayed(simulator, range(300)), replayed(simulator, [250, 3, 4, 5, 0, 299])
    assert some.replicates.tolist() == [250, 3, 4, 5, 0, 299]
    for replicate in some.replicates:
        np.testing.assert_array_equal(some.time[some.rows(replicate)], all_of_them.time[all_of_them.rows(replicate)])


def test_threads_change_nothing():
    one, many = (
        histories(scenario(), 1000, control=Control(threads=1)),
        histories(scenario(), 1000, control=Control(threads=4)),
    )
    np.testing.assert_array_equal(one.time, many.time)
    np.testing.assert_array_equal(one.levels, many.levels)


def test_a_long_history_finds_room(monkeypatch):
    """More events than there was room for at first."""
    asked = []
    real = module.empty_track
    monkeypatch.setattr(module, "empty_track", lambda *args: asked.append(args[2]) or real(*args))
    told = histories(worlds.birth_death(30.0, 30.0), 2)
    assert len(asked) > 1
    assert len(told.time) > 3000
    assert np.all(np.diff(told.time[told.rows(1)]) >= 0)


def test_the_frame_has_one_tidy_row_for_each_event():
    frame = histories(scenario(), 20, seed=2).frame()
    assert list(frame.columns) == [
        "replicate",
        "day",
        "date",
        "actor",
        "move",
        "label",
        "outcome",
        "intervention",
        "standoff",
        "talks",
        "tempo",
    ]
    starts = frame.groupby("replicate").head(1)
    assert (starts["day"] == 0).all()
    assert starts["move"].isna().all()
    forced = frame[(frame["intervention"] == str(INTERVENTIONS[0]))]
    assert (forced["move"] == "invite").all()
    assert (forced["date"] == worlds.date(3)).all()
    assert frame["standoff"].cat.ordered


def test_a_story_in_dated_sentences():
    told = histories(worlds.erlang(2, 0.3), 3)
    ended = [replicate for replicate in range(3) if told.ending[replicate] >= 0]
    story = told.story(ended[0])
    assert story[0] == "1 April 2031: the story begins; parcel: office a."
    assert story[1].endswith("Nature: forward; parcel goes from office a to office b.")
    assert story[-1].endswith("2031: the story ends: arrived.")
    assert len(story) == 4


def test_a_story_without_an_ending_stops_at_the_horizon():
    story = histories(worlds.two_states(1e-9), 1).story(0)
    assert story == ["1 April 2031: the story begins; bank: left.", "30 April 2031: the horizon, with no ending yet."]


def test_a_story_says_what_was_forced_unseen_and_hidden():
    text = "\n".join(line for replicate in range(40) for line in histories(scenario(), 40).story(replicate))
    assert "south: invite [forced]; talks goes from none to open." in text
    assert "Nature: cool [unseen]; tempo goes from hot to quiet." in text
    assert "by intervention, standoff goes from patrols to clashes." in text
    assert "tempo: hot (hidden)" in text
    assert "north: patrol (challenged);" in text
    assert "Nature: rumour; nothing changes." in text


def test_more_words_than_one_hold_the_state():
    """Thirty variables of three levels: 90 bits, two words."""
    world = worlds.World("wide", 20.0)
    for index in range(30):
        world.variable(f"v{index}", "a", "b", "c", start="b" if index % 2 else "a")
        world.move(f"m{index}", 0.1 + index / 100, {f"v{index}": +1, f"v{(index + 1) % 30}": "a"})
    world.ending("both", [{"v1": "c", "v29": "c", "v7": "c"}])
    world.ladder("l", low=None, high=[{"v28": "c"}, {"v0": "c", "v29": "b"}])
    wide = world.scenario()
    told, counts, tables = histories(wide, 300), Simulator(wide).run(runs=300), Tables(wide)
    last = told.levels[told.start[1:] - 1]
    np.testing.assert_array_equal(tables.ending(last), counts.ending)
    np.testing.assert_array_equal(np.bincount(tables.rungs(last)[0], minlength=2), counts.rungs[-1])
    assert counts.rungs[-1].min() > 0
    assert np.sum(counts.ending == 0) > 0


def test_a_replicate_that_was_not_asked_for():
    with pytest.raises(KeyError, match="replicate 7 is not among the 3 histories"):
        histories(worlds.two_states(), 3).story(7)


def test_no_replicates_or_impossible_ones_are_refused():
    with pytest.raises(ValueError, match="runs is 0; expected"):
        histories(worlds.two_states(), 0)
    with pytest.raises(ValueError, match="first is -1; expected a whole number from 0"):
        histories(worlds.two_states(), [-1])
