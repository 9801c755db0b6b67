"""Indicators against a world of two hidden types, where every ratio is known in closed form."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from simlib.analysis.indicators.forcing import Forcing
from simlib.analysis.indicators.result import write_bits, write_number, write_ratio, write_share
from simlib.analysis.indicators.watch_list import indicators, indicators_of_endings
from simlib.cli.output.listings import watched
from simlib.control import UNWATCHED, Control
from simlib.errors import Cancelled, ScenarioError, Unsupported
from simlib.formatting import points
from simlib.results import Band
from simlib.scenario.model import Forbid, Force, Pin
from tests import worlds

FIRM, SIGNAL_FIRM, SIGNAL_WEAK, ATTACK = 0.4, 0.12, 0.03, 0.05
DAY, HORIZON = 10.0, 40.0


def two_types():
    """Only the firm attack; both send signals, the firm more often; the parade says nothing."""
    world = worlds.World("two-types", HORIZON)
    world.variable("type", "weak", "firm", start={"firm": FIRM, "weak": None}, hidden=True)
    world.variable("peace", "kept", "broken", start="kept")
    world.move("signal", SIGNAL_WEAK, times=[(SIGNAL_FIRM / SIGNAL_WEAK, {"type": "firm"})])
    world.move("parade", 0.1).move("whisper", 0.2, covert=True)
    world.move("attack", ATTACK, {"peace": "broken"}, when={"type": "firm", "peace": "kept"})
    return world.ending("war", {"peace": "broken"}).scenario()


def truth():
    calm = np.exp(-ATTACK * DAY)  # a firm actor has not attacked by the day
    attacks = FIRM * (calm - np.exp(-ATTACK * HORIZON))
    spared = FIRM * np.exp(-ATTACK * HORIZON), 1 - FIRM
    seen_firm, seen_weak = -np.expm1(-SIGNAL_FIRM * DAY), -np.expm1(-SIGNAL_WEAK * DAY)
    seen_spared = (spared[0] * seen_firm + spared[1] * seen_weak) / sum(spared)
    before = attacks / (attacks + sum(spared))
    odds = attacks * seen_firm / (sum(spared) * seen_spared)
    return {
        "before": before,
        "ratio": seen_firm / seen_spared,
        "ratio_not": (1 - seen_firm) / (1 - seen_spared),
        "if_seen": odds / (1 + odds),
        "misses": 1 - seen_firm,
        "false": seen_spared,
    }


@pytest.fixture(scope="module")
def found():
    return indicators(two_types(), "war", look_by=DAY, engine="montecarlo", draws=0, runs=40_000, seed=1)


def inside(value, triple):
    return triple[1] <= value <= triple[2]


def test_the_signal_has_its_likelihood_ratios(found):
    signal, known = next(row for row in found.rows if row.id == "signal"), truth()
    assert inside(known["before"], found.before)
    assert inside(known["ratio"], signal.ratio_seen)
    assert inside(known["ratio_not"], signal.ratio_not_seen)
    assert inside(known["if_seen"], signal.if_seen)
    assert signal.change == pytest.approx(known["if_seen"] - known["before"], abs=0.01)
    assert inside(known["misses"], signal.misses)
    assert inside(known["false"], signal.false_alarms)
    assert signal.misses[0] == pytest.approx(known["misses"], abs=0.01)
    assert signal.false_alarms[0] == pytest.approx(known["false"], abs=0.01)


def test_the_interval_of_a_ratio_is_that_of_katz(found):
    """The logarithm of a ratio of two shares a and b has the variance (1 - a) / hits + (1 - b) / alarms."""
    signal, known = next(row for row in found.rows if row.id == "signal"), truth()
    open_still = 40_000 * (1 - FIRM * -np.expm1(-ATTACK * DAY))
    true, false = open_still * known["before"], open_still * (1 - known["before"])
    for (_, low, high), a, b in (
        (signal.ratio_seen, 1 - known["misses"], known["false"]),
        (signal.ratio_not_seen, known["misses"], 1 - known["false"]),
    ):
        deviation = np.sqrt((1 - a) / (a * true) + (1 - b) / (b * false))
        assert np.log(high / low) == pytest.approx(2 * 1.96 * deviation, rel=0.03)


def test_what_says_nothing_has_a_ratio_of_one_and_no_information(found):
    parade = next(row for row in found.rows if row.id == "parade")
    assert inside(1.0, parade.ratio_seen)
    assert parade.information < 1e-3
    assert found.rows[0].id == "signal"


def test_nobody_watches_what_is_hidden_or_covert(found):
    assert {row.id for row in found.rows}.isdisjoint({"whisper", "type=weak", "type=firm"})


def test_a_sign_is_evidence_and_forcing_it_is_no_cause():
    found = indicators(two_types(), "war", look_by=DAY, engine="montecarlo", draws=0, runs=2000).with_forcing(1)
    signal = next(row for row in found.rows if row.id == "signal")
    assert signal.change > 0.1
    assert signal.if_forced == pytest.approx((0.0, 0.0, 0.0), abs=1e-8)
    assert found.provenance["doing_engine"] == "exact"
    assert [row.if_forced is None for row in found.rows if row.kind == "move"] == [False, True]


@pytest.mark.parametrize(("engine", "seed"), [("montecarlo", 7), ("exact", 0)])
def test_forced_histories_have_the_seed_of_the_answer(engine, seed):
    world = worlds.World("fuse", HORIZON).variable("mood", "calm", "hot", start="calm")
    world.variable("peace", "kept", "broken", start="kept").move("heat", 0.02, {"mood": "hot"})
    world.move("attack", 0.01, {"peace": "broken"}, times=[(5.0, {"mood": "hot"})])
    scenario = world.question("broken", when={"peace": "broken"}).scenario()
    asked = {"runs": 200, "seed": seed} if engine == "montecarlo" else {}
    found = indicators(scenario, "broken", look_by=DAY, engine=engine, draws=0, **asked).with_forcing(runs=200)
    forced, other = (Forcing(scenario, found.measure, DAY, 200, s, UNWATCHED).effect("heat") for s in (seed, seed + 1))
    assert next(row for row in found.rows if row.id == "heat").if_forced == forced != other


def test_a_higher_threshold_misses_more_and_alarms_less():
    once, twice = (
        indicators(two_types(), "war", look_by=DAY, engine="montecarlo", draws=0, runs=5000, times_seen=n)
        for n in (1, 2)
    )
    first, second = (next(row for row in found.rows if row.id == "signal") for found in (once, twice))
    assert second.misses > first.misses
    assert second.false_alarms < first.false_alarms


@pytest.mark.slow
def test_intervals_allow_for_draws_in_common():
    world = worlds.World("doubt", HORIZON).variable("peace", "kept", "broken", start="kept")
    world.move("attack", world.uncertain("rate", "rate", 0.02, 0.001, 0.4), {"peace": "broken"})
    world.move("parade", 0.1)
    scenario = world.ending("war", {"peace": "broken"}).scenario()
    few, many = (indicators(scenario, "war", look_by=DAY, draws=n, runs=6000 // n) for n in (10, 1000))
    assert few.before[2] - few.before[1] > 2 * (many.before[2] - many.before[1])


def test_frames_sentences_and_plain_data(found):
    frame = found.frame()
    assert frame["change_if_seen"].to_numpy() == pytest.approx(frame["if_seen"] - found.before[0])
    assert frame["information_bits"].is_monotonic_decreasing
    assert {"ratio_seen", "ratio_seen_low", "ratio_seen_high"} <= set(frame.columns)
    assert "the probability is 41% (+18 points); if not, it is 11%." in found.sentences(1)[1]
    assert found.question == "Which sightings by 10 April 2031 would be signs of “war” by 10 May 2031?"
    assert found.to_dict()["indicators"][0]["id"] == "signal"


def test_bad_requests_are_named():
    with pytest.raises(ScenarioError, match="'wor': is no ending and no question; did you mean 'war'"):
        indicators(two_types(), "wor")
    for day in (50, 0):
        with pytest.raises(ScenarioError, match=f"look_by: {day} lies outside the forecast; expected a day up to"):
            indicators(two_types(), "war", look_by=day)
    for name in ("ending:ongoing", "level:peace=kept", "moves:signal"):
        with pytest.raises(Unsupported, match=f"which happens once, can have signs, not '{name}'"):
            indicators(two_types(), name)
    with pytest.raises(Cancelled):
        indicators(two_types(), "war", control=Control(cancel=lambda: True))


def test_the_endings_are_counted_in_the_same_histories_as_one_alone():
    world = two_types()
    every = indicators_of_endings(world, look_by=DAY, draws=0, runs=2000)
    assert [found.measure.of for found in every] == list(world.endings)
    assert every[0].rows == indicators(world, "war", look_by=DAY, engine="montecarlo", draws=0, runs=2000).rows
    with pytest.raises(ScenarioError, match="look_by: 40 days; expected a day before the target, 40 days after"):
        indicators_of_endings(world, look_by=HORIZON)


def test_dates_are_written_for_people(found):
    assert found.sentences()[0].startswith("If nothing has ended by 10 April 2031, the probability of “war” by 10 May ")
    assert found.sentences()[-1] == "Computed at the stated values (40,000 histories, seed 1)."
    assert not [line for line in found.sentences() if re.search(r"\d{4}-\d\d-\d\d", line)]


def test_an_answer_says_whether_it_is_over_the_priors():
    told = indicators(two_types(), "war", look_by=DAY, draws=10, runs=40, seed=3).sentences()[-1]
    assert told == "Computed over the priors (10 draws, 400 histories, seed 3)."


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1e-9, "in none of the histories that"),
        (0.3, "in every one of the histories that are"),
        (50.0, "Every history has ended by 10 "),
    ],
)
def test_what_cannot_be_told_is_said_in_words(rate, words):
    world = worlds.World("sure", HORIZON).variable("peace", "kept", "broken", start="kept").move("parade", 0.1)
    world.move("attack", rate, {"peace": "broken"}, when={"peace": "kept"})
    found = indicators(
        world.ending("war", {"peace": "broken"}).scenario(),
        "war",
        look_by=min(DAY, 1 / rate + 9),
        engine="montecarlo",
        draws=0,
        runs=500,
    )
    told = " ".join(found.sentences())
    assert words in told
    assert "nan" not in told
    assert "inf" not in told


def rare_war(*, horizon=5.0):
    """War comes seldom and of itself; a gun is fired now and then, a storm passes once a year: neither tells of it."""
    world = worlds.World("rare", horizon).variable("peace", "kept", "broken", start="kept")
    world.variable("sky", "clear", "dark", start="clear")
    world.move("attack", 0.002, {"peace": "broken"}, when={"peace": "kept"})
    world.move("storm", 0.5, {"sky": "dark"}, when={"sky": "clear"})
    world.move("lull", 0.5, {"sky": "clear"}, when={"sky": "dark"})
    return world.move("gun", 0.003).ending("war", {"peace": "broken"}).scenario()


def test_a_ratio_never_contradicts_the_change():
    """With few hits: an estimated ratio is above 1 exactly where the change if seen is; without hits not known."""
    for seed in range(8):
        for row in indicators(rare_war(), "war", look_by=2.5, engine="montecarlo", draws=0, runs=2000, seed=seed).rows:
            ratio, low, high = row.ratio_seen
            if np.isfinite(ratio):
                assert (ratio > 1) == (row.change > 0)
                assert low <= ratio <= high
            else:
                assert row.if_seen[0] in (0.0, 1.0)
                assert low == 0.0 or high == np.inf


def test_only_what_is_known_to_tell_is_told_as_a_sign():
    found = indicators(rare_war(), "war", look_by=2.5, engine="montecarlo", draws=0, runs=2000)
    gun = next(row for row in found.rows if row.id == "gun")
    assert gun.if_seen[0] == 0.0  # seen seldom, never before a war: nothing can be said
    assert not gun.known
    assert "gun" not in " ".join(found.sentences())
    assert "No move or level is known to be a sign of the event: all changes are within" in found.sentences()[1]
    assert list(watched(found)) == []
    assert found.frame()["known"].sum() == 0


def test_signs_come_before_what_may_tell_nothing(found):
    known = [row.known for row in found.rows]
    assert known == sorted(known, reverse=True)
    assert found.signs == found.rows[: sum(known)]
    assert "may tell nothing: all changes are within the 95% errors." in found.sentences()[-2]


def test_signs_that_chance_alone_would_name_are_counted(found):
    chance = "If none of the {} moves and levels were a sign, chance alone would still list {} as signs."
    assert chance.format(len(found.rows), "fewer than one") in " ".join(found.sentences())
    many = dataclasses.replace(found, rows=(found.rows * 40)[:40])
    assert chance.format(40, "about 2") in " ".join(many.sentences())
    assert chance.format(20, "about one") in " ".join(dataclasses.replace(found, rows=many.rows[:20]).sentences())
    exact = dataclasses.replace(found, provenance=dict(found.provenance) | {"engine": "exact"})
    assert "chance alone" not in " ".join(exact.sentences())


def test_a_sign_that_excludes_the_ending_is_told_by_its_bound():
    """Peace is signed or broken: whoever has seen the calm never attacks."""
    world = worlds.World("calm", HORIZON).variable("mood", "tense", "calm", start="tense")
    world.variable("peace", "kept", "broken", start="kept")
    world.move("soothe", 0.1, {"mood": "calm"}, when={"mood": "tense"})
    world.move("attack", 0.03, {"peace": "broken"}, when={"peace": "kept", "mood": "tense"})
    found = indicators(
        world.ending("war", {"peace": "broken"}).scenario(), "war", look_by=DAY, engine="montecarlo", draws=0, runs=4000
    )
    soothe = next(row for row in found.rows if row.id == "soothe")
    assert np.isnan(soothe.ratio_seen[0])
    assert soothe.ratio_seen[1] == 0.0
    told = next(line for line in found.sentences() if line.startswith("If “soothe” is seen by 10 April 2031, "))
    assert "the probability is under 0." in told
    assert write_ratio(soothe).startswith("below 0.")
    assert "0%," not in told


def test_a_level_is_reached_as_often_as_it_is_entered():
    """A two-way switch: reaching the dark a second time takes two storms and the lull between them."""
    once, twice = (
        {
            row.id: row
            for row in indicators(
                rare_war(), "war", look_by=2.5, engine="montecarlo", draws=0, runs=4000, times_seen=n
            ).rows
        }
        for n in (1, 2)
    )
    assert once["sky=dark"].seen[0] == once["storm"].seen[0]
    assert twice["sky=dark"].seen[0] == twice["storm"].seen[0] < once["sky=dark"].seen[0] / 2
    assert "sky=clear" not in once  # where everything begins
    assert twice["sky=clear"].seen[0] == once["lull"].seen[0]


def test_a_threshold_is_told_of_moves_and_of_levels():
    world = two_types()
    found = indicators(world, "war", look_by=DAY, engine="montecarlo", draws=0, runs=4000, times_seen=2)
    assert any("“signal” is seen at least 2 times by" in line for line in found.sentences())


def test_bits_stand_in_the_table(found):
    (told,) = watched(found)
    assert re.search(r"likelihood +expected +lead", told)
    assert f" {found.signs[0].information:.2g} " in told
    assert write_bits(dataclasses.replace(found.signs[0], information=3e-7)) == "below 0.0001"
    assert "parade" not in told


def test_the_change_if_seen_is_the_same_in_table_sentence_and_data(found):
    (told,), first = watched(found), found.signs[0]
    change = points(first.if_seen[0] - found.before[0])
    assert change == points(found.to_dict()["indicators"][0]["change_if_seen"])
    assert f"% ({change}); if not, it is " in found.sentences()[1]
    assert re.search(rf"^  signal +{re.escape(change)} ", told, re.MULTILINE)
    assert "before looking, at the stated values" in told
    assert re.search(r"forced, at[^\n]+\n[^\n]+stated values", told)


def test_none_of_so_many_is_told_by_its_bound():
    none, every = (Band.wilson(np.array([k]), np.array([1000.0])) for k in (0, 1000))
    shares = [(float(b.probability[0]), float(b.low[0]), float(b.high[0])) for b in (none, every)]
    assert [write_share(share) for share in shares] == ["under 0.4%", "over 99.6%"]
    assert write_share((0.0, 0.0, 0.0)) == "0%"
    assert write_share((1.0, 1 - 1e-6, 1 + 1e-6)) == "100%"
    assert write_share((np.nan, 0.0, 1.0)) == "-"
    tries = (
        indicators(rare_war(), "war", look_by=2.5, engine="montecarlo", draws=0, runs=40, seed=seed)
        for seed in range(20)
    )
    found = next(found for found in tries if found.before[0] == 0)
    assert re.search(r"the probability of “war” by \S+ \S+ \S+ is under \d", found.sentences()[0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (18.2, "18"),
        (253.0, "250"),
        (12345.0, "12,000"),
        (0.00184, "0.0018"),
        (9.96, "10"),
        (0.996, "1.0"),
        (3e-5, "0.000030"),
        (0.0, "0"),
        (2.0, "2.0"),
    ],
)
def test_likelihood_ratios_are_plain_numbers(value, text):
    assert write_number(value) == text


def test_one_is_counted_in_the_singular():
    world = worlds.World("doubt", HORIZON).variable("peace", "kept", "broken", start="kept")
    world.move("attack", world.uncertain("rate", "rate", 0.02, 0.001, 0.4), {"peace": "broken"})
    scenario = world.ending("war", {"peace": "broken"}).scenario()
    assert indicators(scenario, "war", draws=1, runs=1).made() == "over the priors (1 draw, 1 history, seed 0)"


# ---------------------------------------------------------------- by the exact engine


def test_the_exact_engine_has_the_closed_form():
    found, known = indicators(two_types(), "war", look_by=DAY, engine="exact"), truth()
    signal, parade = (next(row for row in found.rows if row.id == name) for name in ("signal", "parade"))
    assert found.before[0] == pytest.approx(known["before"], rel=1e-9)
    assert signal.ratio_seen[0] == pytest.approx(known["ratio"], rel=1e-9)
    assert signal.ratio_not_seen[0] == pytest.approx(known["ratio_not"], rel=1e-9)
    assert signal.if_seen[0] == pytest.approx(known["if_seen"], rel=1e-9)
    assert (signal.misses[0], signal.false_alarms[0]) == pytest.approx((known["misses"], known["false"]), rel=1e-9)
    assert (signal.known, parade.known) == (True, False)
    assert {row.id for row in found.rows}.isdisjoint({"whisper", "type=weak", "type=firm", "attack"})
    told = found.sentences()
    assert told[0].startswith("If nothing has ended by ")
    assert re.search(r"It is (seen|reached) in \S+% of the histories\.$", told[1])
    assert told[-2:] == [
        "1 further move or level tells nothing: none changes the probability.",
        "Computed exactly, at the stated values.",
    ]


def planned():
    """The tempo world with moves forced before and on the very day, one forbidden after it, and a level set before."""
    world = worlds.tempo_world()
    return world.replace(
        interventions=(
            Pin("talks", "open", worlds.date(3)),
            Force("invite", worlds.date(2)),
            Force("patrol", worlds.date(int(DAY))),
            Forbid("withdraw", worlds.date(int(DAY) + 4)),
        )
    )


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("world", [worlds.tempo_world(), planned(), rare_war(horizon=25.0)], ids=lambda w: w.id)
def test_both_engines_see_the_same_signs(world):
    ending = next(iter(world.endings))
    exact = {row.id: row for row in indicators(world, ending, look_by=DAY, engine="exact").rows}
    counted = indicators(world, ending, look_by=DAY, engine="montecarlo", draws=0, runs=40_000, seed=1).rows
    assert counted
    for row in counted:
        for name in ("seen", "if_seen", "if_not_seen"):
            value, low, high = getattr(row, name)
            assert abs(getattr(exact[row.id], name)[0] - value) <= 1.8 * (high - low) / 2 + 1e-9, (row.id, name)


def test_the_exact_engine_refuses_to_count():
    with pytest.raises(Unsupported, match="counts only the first sighting of a sign; for more use Monte Carlo"):
        indicators(two_types(), "war", look_by=DAY, engine="exact", times_seen=2)
