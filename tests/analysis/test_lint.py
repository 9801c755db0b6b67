"""Every rule of lint: a tiny world that breaks it, with the words read, and one that does not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from simlib.analysis.lint.rules import elicited, lint
from simlib.control import Control
from simlib.errors import Cancelled
from simlib.machine.priors import describe
from simlib.scenario.model import Forbid, Force, Lull, Pin, Question, Scenario
from tests.worlds import World, branches, date, erlang, two_states, unreachable_rung, window


def found(scenario: Scenario, where: str, **options: float) -> list[str]:
    """Return the findings at one place, as people read them."""
    return [str(finding) for finding in lint(scenario, **options) if finding.where == where]


def about(scenario: Scenario, words: str) -> list[str]:
    return [str(finding) for finding in lint(scenario) if words in str(finding)]


def with_assumption(scenario: Scenario, name: str, **changes: object) -> Scenario:
    changed = replace(scenario.assumptions[name], **changes)
    return scenario.replace(assumptions={**scenario.assumptions, name: changed})


def lamp(*, horizon: float = 30.0) -> World:
    """A lamp that is lit and put out again, in sight of everybody."""
    world = World("lamp", horizon).variable("lamp", "dark", "lit", start="dark")
    world.move("light", 0.2, {"lamp": "lit"}, when={"lamp": "dark"})
    return world.move("put-out", 0.3, {"lamp": "dark"}, when={"lamp": "lit"})


def test_a_world_in_order_gives_no_finding():
    world = lamp().question("ever-lit", {"lamp": "lit"}).ladder("light", low=None, high={"lamp": "lit"})
    assert list(lint(world.scenario())) == []


# ---------------------------------------------------------------- what can be reached


def test_a_level_that_can_never_be_reached():
    assert found(unreachable_rung(), "variables.lamp.levels") == [
        (
            "warning: variables.lamp.levels: 'green' can never be reached; "
            "expected a start or an outcome that leads there; else remove the level"
        )
    ]
    assert found(two_states(), "variables.bank.levels") == []


def test_a_level_behind_a_window_that_never_opens_can_never_be_reached():
    def world(opens: int) -> Scenario:
        base = World("gate", 30.0).variable("gate", "up", "down", start="up")
        return base.move("drop", 0.1, {"gate": "down"}, when={"gate": "up"}, between=window(opens, 50)).scenario()

    assert about(world(40), "'down' can never be reached")
    assert not about(world(29), "'down' can never be reached")


def test_a_move_that_is_never_possible():
    assert found(unreachable_rung(), "moves.repaint.when") == [
        (
            "warning: moves.repaint.when: 'repaint' is never possible: no history meets its condition; "
            "expected a condition that can come true before an ending"
        )
    ]
    assert found(unreachable_rung(), "moves.light.when") == []


def test_a_move_that_is_possible_only_after_an_ending_is_never_possible():
    world = lamp().ending("bright", {"lamp": "lit"}).scenario()
    assert found(world, "moves.put-out.when")
    assert not found(lamp().scenario(), "moves.put-out.when")


def test_an_outcome_that_never_happens():
    world = World("coin").variable("coin", "up", "heads", "tails", start="up")
    world.move(
        "toss",
        1.0,
        outcomes={"heads": (1.0, {"coin": "heads"}), "tails": (0.0, {"coin": "tails"}), "edge": (None, {"coin": "up"})},
    )
    assert "'tails' never happens: its chance is 0" in found(world.scenario(), "moves.toss.outcomes.tails")[0]
    assert (
        "'edge' never happens: the other chances leave nothing for it"
        in found(world.scenario(), "moves.toss.outcomes.edge")[0]
    )
    assert about(world.scenario(), "'tails' can never be reached")
    assert not about(branches(), "never happens")


def test_effects_that_never_change_anything():
    world = lamp().move("polish", 0.1, {"lamp": "lit"}, when={"lamp": "lit"}).scenario()
    assert (
        "note: moves.polish.outcomes.done: 'done' has effects, but they change nothing in any state"
        in found(world, "moves.polish.outcomes.done")[0]
    )
    assert not about(lamp().move("rumour", 0.1).scenario(), "never change anything"), "no effect was promised"


def test_an_ending_that_can_never_be_reached():
    assert found(unreachable_rung(), "endings.green") == [
        "warning: endings.green: 'green' can never be reached; expected a history that reaches it"
    ]
    assert not about(erlang(), "endings.")


def test_an_ending_that_another_always_takes_first():
    world = lamp().ending("bright", {"lamp": "lit"}).ending("visible", {"lamp": "lit"}).scenario()
    assert (
        "'visible' can never be reached, because 'bright' always holds too and comes earlier in the file"
        in found(world, "endings.visible")[0]
    )
    assert found(world, "endings.bright") == []


def test_an_ending_that_holds_from_the_start():
    world = lamp().ending("night", {"lamp": "dark"}).scenario()
    assert found(world, "endings.night")[0].startswith("error: endings.night: 'night' holds from the start")
    spread = World("lamp").variable("lamp", "dark", "lit", start={"dark": 0.5, "lit": None})
    spread.move("light", 0.2, {"lamp": "lit"}).ending("day", {"lamp": "lit"})
    assert found(spread.scenario(), "endings.day") == []


def test_a_rung_no_history_stands_on():
    assert (
        "note: ladders.signal.go: no history ever reaches the rung 'go'"
        in found(unreachable_rung(), "ladders.signal.go")[0]
    )
    hidden_below = lamp().ladder("light", low=None, lit={"lamp": "lit"}, any={"lamp": ["dark", "lit"]}).scenario()
    assert found(hidden_below, "ladders.light.lit")
    assert not found(hidden_below, "ladders.light.any")


def test_states_with_no_way_out_are_counted_and_named():
    world = World("ferry").variable("bank", "left", "right", start="left").variable("tide", "low", "high", start="low")
    world.move("cross", 0.1, {"bank": "right"}, when={"bank": "left"})
    world.move("rise", 0.2, {"tide": "high"}, when={"bank": "left"}).move("wait", 1.0)
    assert found(world.scenario(), "moves") == [
        (
            "warning: moves: of 4 reachable states, 2 have no way out and are not endings, "
            "such as bank at right, tide at low; "
            "expected for each such state a move that leads out of it, or an ending that holds in it"
        )
    ]
    assert "1 has no way out and is not an ending" in about(two_states(), "no way out")[0]
    assert not about(two_states(ends=True), "no way out")
    assert not about(two_states(back=0.1), "no way out")


def test_a_question_that_can_never_happen_is_an_error():
    assert found(unreachable_rung(), "questions.ever-green") == [
        (
            "error: questions.ever-green: 'ever-green' can never happen: its probability is 0, whatever the rates; "
            "expected a question that could go either way"
        )
    ]
    assert not about(two_states(ends=True), "by structure")


def test_a_question_about_a_move_that_the_calendar_never_lets_happen_is_an_error():
    def world(opens: int) -> Scenario:
        return lamp().move("flash", 0.1, between=window(opens, 60)).question("flashed", move="flash").scenario()

    assert "can never happen" in found(world(30), "questions.flashed")[0]
    assert not found(world(29), "questions.flashed")


def test_a_question_about_an_outcome_without_a_chance_is_an_error():
    world = lamp().move("flip", 0.1, outcomes={"works": (None, {"lamp": "lit"}), "breaks": (0.0, {})})
    world.question("broke", move="flip", outcome="breaks").question("worked", move="flip", outcome="works")
    assert "can never happen" in found(world.scenario(), "questions.broke")[0]
    assert not found(world.scenario(), "questions.worked")


def test_a_count_that_no_history_reaches_is_an_error():
    """A lamp that breaks when it is put out is lit at most once."""
    world = World("lamp", 30.0).variable("lamp", "dark", "lit", "broken", start="dark")
    world.move("light", 0.2, {"lamp": "lit"}, when={"lamp": "dark"})
    world.move("put-out", 0.3, {"lamp": "broken"}, when={"lamp": "lit"})
    world.count("once", 1, "light").count("twice", 2, "light")
    assert "can never happen" in found(world.scenario(), "questions.twice")[0]
    assert not found(world.scenario(), "questions.once")


def test_a_count_for_which_there_is_no_time():
    world = lamp().count("often", 12, "light").count("endless", 900, "light", "put-out").scenario()
    (told,) = found(world, "questions.endless.count")
    assert "asks for at least 900 firings, but the highest rates give about 15 by the horizon" in told
    assert not found(world, "questions.often.count")


def test_a_question_that_has_happened_at_the_start_is_an_error():
    world = lamp().question("dark-once", {"lamp": "dark"}).scenario()
    assert (
        "error: questions.dark-once: 'dark-once' has happened at the start: its probability is 1"
        in found(world, "questions.dark-once")[0]
    )


def test_a_level_with_no_share_of_the_start_can_never_be_reached():
    world = World("fuse").variable("fuse", "damp", "dry", "wet", start={"damp": None, "dry": 0.0}, hidden=True)
    world.move("rain", 0.1, {"fuse": "wet"}).move("drain", 0.1, {"fuse": "damp"})
    assert found(world.scenario(), "variables.fuse.levels")[0].startswith(
        "warning: variables.fuse.levels: 'dry' can never be reached"
    )


def test_interventions_are_no_part_of_the_world_that_is_read():
    """A pin cannot make a level reachable, and forbidding a move does not make it any slower."""
    busy = with_assumption(unreachable_rung(), "light.rate", value=30.0)
    assert about(busy, "'light' would happen 30 per day")
    changed = busy.replace(interventions=(Pin("lamp", "green", date(3)), Forbid("light")))
    assert lint(changed).findings == lint(busy).findings


# ---------------------------------------------------------------- numbers


def test_an_assumption_that_nobody_uses():
    world = lamp()
    world.uncertain("oil_price", "factor", 2.0, 1.0, 4.0)
    assert "'oil_price' is used nowhere; expected a move, a factor" in about(world.scenario(), "oil_price")[0]
    assert not about(lamp().scenario(), "used nowhere")


def test_a_move_that_happens_too_often_is_told_with_its_state():
    world = World("lamp").variable("lamp", "dark", "lit", start="dark").variable("wind", "still", "gale", start="still")
    world.move("gust", 0.1, {"wind": +1}).move("lull", 0.1, {"wind": -1})
    world.move("flicker", 5.0, {"lamp": +1}, times=[(6.0, {"wind": "gale"})])
    assert found(world.scenario(), "moves.flicker.rate") == [
        (
            "warning: moves.flicker.rate: 'flicker' would happen 30 per day with wind at gale; "
            "expected at most 24 per day; check the units and the factors"
        )
    ]
    assert not found(world.scenario(), "moves.flicker.rate", events_per_day=31.0)


def test_a_move_is_busy_only_in_states_and_windows_that_come_about():
    def world(opens: int) -> Scenario:
        return lamp().move("flicker", 5.0, times=[(6.0, None, window(opens, 60))]).scenario()

    assert about(world(20), "would happen 30 per day")
    assert not about(world(40), "would happen")
    never = unreachable_rung()
    assert not about(with_assumption(never, "repaint.rate", value=99.0), "would happen")


def test_a_window_that_opens_after_the_horizon():
    world = lamp().move("flash", 0.1, between=window(30, 40), times=[(2.0, None, window(35, 36))]).scenario()
    assert found(world, "moves.flash.between") == [
        (
            "warning: moves.flash.between: the window opens on 2031-05-01, after the horizon (2031-04-30); "
            "expected a window that opens within the forecast, or a longer horizon"
        )
    ]
    assert "the window opens on 2031-05-06" in found(world, "moves.flash.times.1.between")[0]
    in_time = lamp().move("flash", 0.1, between=window(29, 40)).scenario()
    assert not about(in_time, "the window opens")


@pytest.mark.parametrize(
    ("covert", "hidden", "told"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_covert_move_that_changes_what_everybody_sees(covert, hidden, told):
    world = World("fuse").variable("fuse", "damp", "dry", start="damp", hidden=hidden)
    world.move("dry-out", 0.1, {"fuse": "dry"}, covert=covert).move("rain", 0.1, {"fuse": "damp"})
    expected = "'dry-out' is covert but changes 'fuse', which everybody sees; expected a public move, or hidden: true"
    assert bool(about(world.scenario(), expected)) == told


@pytest.mark.parametrize(
    ("kind", "low", "high", "words"),
    [
        ("rate", 0.164, 0.9, "its upper half is 7.6 times as wide as the other on the log scale"),
        ("rate", 0.01, 0.24, "its lower half is 16.4 times as wide as the other on the log scale"),
        ("rate", 0.1, 0.4, ""),
        ("rate", 0.2, 0.2, ""),
    ],
)
def test_a_lopsided_prior(kind, low, high, words):
    scenario = with_assumption(lamp().scenario(), "light.rate", kind=kind, low=low, high=high)
    told = about(scenario, "lopsided")
    assert words in told[0] if words else not told, told


def test_a_lopsided_chance_is_judged_on_the_logit_scale():
    world = branches(chances=(0.5,))
    even = with_assumption(world, "toss.side-0.chance", low=0.02, high=0.98)
    uneven = with_assumption(world, "toss.side-0.chance", low=0.4, high=0.99)
    assert not about(even, "lopsided")
    assert "on the logit scale; expected at most 4 times" in about(uneven, "lopsided")[0]


@pytest.mark.parametrize("reason", ["", "no reason given"])
def test_a_spread_start_without_a_reason(reason):
    world = World("fuse").variable("fuse", "damp", "dry", start={"damp": None, "dry": 0.3}, hidden=True)
    world.move("dry-out", 0.1, {"fuse": "dry"}, covert=True).move("rain", 0.1, {"fuse": "damp"}, covert=True)
    given = world.scenario()
    silent = with_assumption(given, "fuse.start.dry", because=reason)
    assert found(silent, "variables.fuse.start") == [
        (
            "warning: variables.fuse.start: the start of 'fuse' is spread over several levels without a reason; "
            'expected a reason (because:) on the variable or on its shares ("assumed" is a reason)'
        )
    ]
    assert not found(given, "variables.fuse.start")
    told = replace(silent.variables["fuse"], because="assumed")
    assert not found(silent.replace(variables={"fuse": told}), "variables.fuse.start")


# ---------------------------------------------------------------- a base rate and its tempo


def patrols(
    *,
    share: float = 1.0,
    cooling: float = 1e-6,
    per_week: float = 2.0,
    because: str = "four in two weeks",
    covert: bool = False,
    **changes: object,
) -> Scenario:
    """Patrols sail three times as often while hot; the world starts hot with probability `share`."""
    start = "hot" if share == 1 else {"hot": share, "quiet": None}
    world = World("strait").variable("tempo", "quiet", "hot", start=start, hidden=True)
    world.variable("sea", "empty", "patrolled", start="empty")
    world.move("patrol", per_week / 7, {"sea": "patrolled"}, times=[(3.0, {"tempo": "hot"})], covert=covert)
    world.move("cool", cooling, {"tempo": "quiet"}, covert=True).move("leave", 0.1, {"sea": "empty"})
    changes = {"because": because, "unit": "per week"} | changes
    return with_assumption(world.scenario(), "patrol.rate", **changes)


def test_a_base_rate_read_off_a_hot_record_claims_more_than_it_says():
    told = found(patrols(), "moves.patrol.rate")
    assert "a base rate of 2 per week implies 6 per week at the start" in told[0]
    assert "if 2 per week was observed, write it as `observed` and 0.667 per week as `value`" in told[0]


@pytest.mark.parametrize(
    "fair",
    [{"because": "Assumed: nobody counted"}, {"covert": True}, {"share": 0.1}, {"within_days": 30.0}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_base_rate_that_need_not_contain_its_tempo(fair):
    assert not found(patrols(**fair), "moves.patrol.rate")


@pytest.mark.parametrize(("share", "reported"), [(0.249, False), (0.25, True)])
def test_a_multiplier_is_reported_from_one_and_a_half_on(share, reported):
    assert bool(found(patrols(share=share), "moves.patrol.rate")) == reported


def test_an_observed_rate_that_the_base_rate_does_not_come_to():
    told = found(patrols(observed=2 / 7), "moves.patrol.rate")
    assert "implies 6 per week at the start and 6 per week over the first 3 weeks" in told[0]
    assert "2 per week was observed; expected a base rate of about 0.667 per week" in told[0]
    assert not found(patrols(observed=2 / 7, per_week=0.7), "moves.patrol.rate")


def test_an_observed_rate_may_fit_the_start_or_the_first_weeks():
    """The record lies before the start: with a tempo that cools, both are fair readings of it."""
    cooling = 0.2
    first_weeks = 1 + 2 * (1 - math.exp(-21 * cooling)) / (21 * cooling)
    for multiplier in (3.0, first_weeks):
        assert not found(patrols(cooling=cooling, observed=multiplier * 2 / 7), "moves.patrol.rate")
    told = found(patrols(cooling=cooling, observed=0.5 * first_weeks * 2 / 7), "moves.patrol.rate")
    assert f"are expected to multiply it by 3 and {first_weeks:.2g}; " in told[0]


def test_the_multiplier_at_the_start_is_that_of_the_states_in_which_the_move_is_possible():
    """Half the start is hot, but where the sea is closed no patrol sails: where it does, it is hot for certain."""
    world = World("strait").variable("sea", "closed", "hot", start={"closed": 0.5, "hot": None}, hidden=True)
    world.move("patrol", 2 / 7, {"sea": 0}, when={"sea": "hot"}, times=[(3.0, {"sea": "hot"})])
    scenario = with_assumption(world.scenario(), "patrol.rate", because="four in two weeks", unit="per week")
    assert "implies 6 per week at the start" in found(scenario, "moves.patrol.rate")[0]


def test_a_rate_observed_below_its_claim_while_tempo_slows_it():
    slowed = patrols(share=0.0001, observed=6 / 7)
    assert "expected a base rate of about 6 per week" in found(slowed, "moves.patrol.rate")[0]


def test_a_move_that_is_not_possible_at_the_start_is_judged_over_the_first_weeks():
    scenario = patrols(observed=2 / 7)
    later = replace(scenario.moves["patrol"], between=window(5, 29))
    told = found(scenario.replace(moves={**scenario.moves, "patrol": later}), "moves.patrol.rate")
    assert "implies 6 per week over the first 3 weeks: " in told[0]


# ---------------------------------------------------------------- strands that move no answer


def banner(*, others: bool = False) -> World:
    """A lamp that a crew lights, and a herald whose banner nobody reads."""
    world = World("banner").variable("lamp", "dark", "lit", start="dark").question("ever-lit", {"lamp": "lit"})
    world.variable("banner", "down", "up", start="down").question("raised", {"banner": "up"})
    world.move("light", 0.02, {"lamp": "lit"}, when={"lamp": "dark"}, actor="crew")
    world.move("raise", 0.05, {"banner": "up"}, when={"banner": "down"}, actor="herald")
    if others:
        world.move("storm", 0.05, {"banner": "up"}, when={"banner": "down"}, actor="crew")
    return world


def test_an_actor_whose_moves_move_no_answer():
    silent = banner().scenario()
    silent = silent.replace(questions={"ever-lit": silent.questions["ever-lit"]})
    assert found(silent, "actors.herald") == [
        (
            "warning: actors.herald: up to 2031-04-30, all moves of 'herald' together change each ending and each "
            "question by less than one point (largest change: “ever-lit”, less than 0.0001 points); expected moves "
            "that affect an answer, unless nothing should depend on them"
        )
    ]
    assert not found(silent, "actors.crew")


def test_what_moves_an_impact_is_not_reported():
    """Who only costs something bears on that, and so does the cost of each time: by a percent of it or more."""

    def costly(each: float) -> list[str]:
        world = banner().impact("cost", on=[("raise", None, "each", 0.0), ("light", None, 1.0, 0.0)])
        world.uncertain("each", "amount", each, each / 2, each * 2)
        silent = world.scenario()
        silent = silent.replace(questions={"ever-lit": silent.questions["ever-lit"]})
        return found(silent, "actors.herald") + found(silent, "assumptions")

    assert not costly(1.0)
    herald, numbers = costly(0.001)
    assert "all moves of 'herald' together change each ending and each question by less than one point" in herald
    assert ": each (less than" in numbers


def test_an_actor_whose_moves_answer_only_a_question_about_itself_gets_a_note():
    words = (
        "note: actors.herald: up to 2031-04-30, all moves of 'herald' together change each ending and each question "
        "that others can answer by less than one point "
    )
    assert about(banner().scenario(), words)
    asked = banner().question("raised-by-herald", move="raise").scenario()
    assert about(asked, words)
    assert not found(banner(others=True).scenario(), "actors.herald")
    leading = banner().scenario().replace(headline="question:raised")
    assert not found(leading, "actors.herald")
    assert about(leading, "note: actors.crew")


def test_an_actor_whose_moves_bear_on_an_answer_is_not_reported():
    """P(lit by 30) without the herald is 1 - e^(-30 r). With a factor while his banner is up it is more."""

    def heralded(factor: float) -> list[str]:
        world = banner()
        world.move(
            "light", 0.02, {"lamp": "lit"}, when={"lamp": "dark"}, actor="crew", times=[(factor, {"banner": "up"})]
        )
        return about(world.scenario(), "all moves of 'herald'")

    assert "“ever-lit”, 0.47 points" in heralded(1.03)[0]
    assert not heralded(1.1)
    assert not about(banner(others=True).scenario(), "all moves of 'crew'")


def test_moves_that_happen_to_end_the_story_are_a_bearing():
    assert not about(banner().ending("up", {"banner": "up"}).scenario(), "all moves of")


def test_an_assumption_that_moves_no_answer_over_its_range_is_noted():
    """P(lit by 10) = 1 - e^(-10 r): from low to high it moves by e^(-10 low) - e^(-10 high)."""

    def noted(value: float, low: float, high: float) -> list[str]:
        world = World("lamp", 10.0).variable("lamp", "dark", "lit", start="dark").question("ever-lit", {"lamp": "lit"})
        world.move("light", world.uncertain("pace", "rate", value, low, high), {"lamp": "lit"}, when={"lamp": "dark"})
        return found(world.scenario(), "assumptions")

    assert noted(0.001, 0.0008, 0.00125) == [
        (
            "note: assumptions: none of these assumptions, over its range, changes an ending or question by one point "
            "or more up to 2031-04-10 (points in brackets): pace (0.44); no need to know them better; if one should "
            "matter, connect it to an ending or a question"
        )
    ]
    assert not noted(0.01, 0.005, 0.02)
    # Near the line the ends are solved: by slope .0099, in truth e^-.00607 - e^-.01649 = .0103.
    assert not noted(0.001, 0.001 * math.exp(-0.5), 0.001 * math.exp(0.5))


def test_a_question_that_only_histories_answer_counts_too():
    """The herald silences the bell: without him no ten days pass without it, and no other answer knows."""

    def with_bell(when: dict[str, str]) -> Scenario:
        world = banner().move("toll", 2.0, when=when, actor="crew").scenario()
        quiet = Question("quiet", "quiet", lull=Lull(("toll",), 10.0))
        return world.replace(questions={**world.questions, "quiet": quiet})

    assert not about(with_bell({"banner": "down"}), "all moves of 'herald'")
    assert about(with_bell({"lamp": "dark"}), "all moves of 'herald'")


def test_in_a_large_world_strands_are_not_examined(monkeypatch):
    monkeypatch.setattr("simlib.analysis.lint.strands.MOST_STATES", 3)
    assert about(
        banner().scenario(),
        "note: states: not checked: actors and assumptions without effect; the scenario has 4 states",
    )
    assert not found(banner().scenario(), "actors.herald")


# ---------------------------------------------------------------- what cannot be checked


def test_what_could_not_be_checked_is_said():
    told = lint(patrols(observed=2 / 7), cap=2).findings
    assert [finding.where for finding in told] == ["moves.patrol.rate", "states"]
    assert "over the first 3 weeks" not in str(told[0])
    assert str(told[1]).startswith("note: states: not checked: whether levels, moves, outcomes")
    assert "more than its cap of 2" in str(told[1])


def test_errors_come_first():
    severities = [finding.severity for finding in lint(unreachable_rung())]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert len(set(severities)) == 3


def test_strands_can_be_left_out():
    assert about(banner().scenario(), "all moves of")
    assert not [finding for finding in lint(banner().scenario(), strands=False) if "all moves of" in str(finding)]


def test_lint_says_how_far_it_is():
    shares: list[float] = []
    lint(banner().scenario(), control=Control(shares.append))
    assert shares == sorted(shares)
    assert len(shares) > 1
    assert shares[-1] == 1.0


def test_lint_can_be_cancelled():
    with pytest.raises(Cancelled, match="cancelled"):
        lint(erlang(stages=6), control=Control(cancel=lambda: True))


# ---------------------------------------------------------------- tables beside the findings


def test_elicited_rates_stand_beside_what_the_model_implies():
    """The ferry crosses at 30% within 10 days, but only once the fog lifts: a two-stage waiting time."""
    rate, lift = -math.log(0.7) / 10, 0.25
    world = World("ferry", 20.0).variable("bank", "left", "right", start="left")
    world.variable("fog", "thick", "gone", start="thick")
    world.move("lift", lift, {"fog": "gone"}, when={"fog": "thick"})
    world.move("cross", rate, {"bank": "right"}, when={"bank": "left", "fog": "gone"})
    table = elicited(with_assumption(world.scenario(), "cross.rate", within_days=10.0))
    assert list(table.columns) == ["assumption", "label", "move", "within_days", "stated", "implied"]
    assert len(table) == 1
    row = table.iloc[0]
    both = 1 - (lift * math.exp(-rate * 10) - rate * math.exp(-lift * 10)) / (lift - rate)
    assert row.stated == pytest.approx(0.30)
    assert row.implied == pytest.approx(both, abs=1e-9)


def test_each_window_of_an_elicited_rate_is_its_own_even_beyond_the_horizon():
    world = lamp(horizon=5.0).scenario()
    world = with_assumption(with_assumption(world, "light.rate", within_days=3.0), "put-out.rate", within_days=12.0)
    table = elicited(world.replace(interventions=(Force("light", date(1)),))).set_index("move")
    assert table.implied["light"] == pytest.approx(table.stated["light"]), "possible throughout, and not forced"
    assert 0.5 < table.implied["put-out"] < table.stated["put-out"]


def test_no_elicited_rate_gives_an_empty_table():
    assert elicited(lamp().scenario()).empty


def test_points_of_a_prior():
    world = lamp()
    world.uncertain("wick", "rate", 0.2, 0.1, 0.4)
    known = {name: describe(assumption) for name, assumption in world.scenario().assumptions.items()}
    assert known["wick"]["p05"] == pytest.approx(0.1)
    assert known["wick"]["p95"] == pytest.approx(0.4)
    assert known["wick"]["p01"] == pytest.approx(0.2 * 2 ** (-2.3263 / 1.6449), rel=1e-3)
    assert known["wick"]["mean"] == pytest.approx(0.2 * math.exp((math.log(2) / 1.6449) ** 2 / 2), rel=1e-3)
    assert known["light.rate"]["mean"] == pytest.approx(0.2), "a fixed number is its own mean"


# ---------------------------------------------------------------- shifts


def patron(*, on: dict[str, str] | None = None, to: str | int = +1) -> Scenario:
    """A patron who hesitates, commits and supplies; an appeal moves it on, and a delivery makes it supply."""
    world = World("patron").variable("patron", "hesitant", "committed", "supplying", start="hesitant")
    world.move("appeal", 0.1, [({"patron": to}, on)])
    world.move("deliver", 0.1, {"patron": "supplying"}, when={"patron": "committed"})
    return world.move("withdraw", 0.1, {"patron": -1}).scenario()


def test_a_shift_larger_than_its_counter():
    world = lamp().counter("oil", 0, 5, start=5)
    world.move("burn", 0.1, {"oil": -6}).move("spill", 0.1, {"oil": -5}).move("fill", 0.1, {"oil": +9})
    assert (
        "'oil' has 6 levels: shift -6 always ends at '0'"
        in found(world.scenario(), "moves.burn.outcomes.done.then.oil")[0]
    )
    assert "+9 always ends at '5'" in about(world.scenario(), "+9")[0]
    assert not about(world.scenario(), "so -5")


def test_a_shift_that_goes_where_another_move_leads():
    assert found(patron(), "moves.appeal.outcomes.done.then.patron") == [
        (
            "warning: moves.appeal.outcomes.done.then.patron: "
            "shift +1 of 'appeal' goes from 'committed' to 'supplying', "
            "the level to which 'deliver' always leads; expected a condition (set: ..., when: ...) that leaves out "
            "'committed', or a level by name"
        )
    ]
    assert found(patron(on={"patron": "hesitant"}), "moves.appeal.outcomes.done.then.patron") == []
    assert found(patron(to="committed"), "moves.appeal.outcomes.done.then.patron") == []


def test_a_shift_on_a_ladder_of_its_own_is_no_finding():
    assert about(erlang(), "leads") == []
