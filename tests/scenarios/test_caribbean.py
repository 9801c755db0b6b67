"""The shipped Caribbean world: complete, neutral, small enough to solve, and ignorant of what came later."""

import csv
import datetime as dt
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import simlib
from simlib.calibration.forecast_terms import as_questions, read_terms
from simlib.calibration.reference_classes import base_rates
from simlib.engines.exact.forecast import Solver
from simlib.engines.exact.reachable import enumerate_states
from simlib.engines.montecarlo.simulator import simulate
from simlib.machine.priors import theta
from simlib.machine.tables import Tables
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.loader import load, load_views
from simlib.scenario.views.command_text import parse_intervention
from simlib.scenario.views.variation import apply_view

FOLDER = shipped_scenarios()["caribbean-2025"]
LAST_DAY = dt.date(2025, 11, 2)
WINDOW = (dt.date(2025, 9, 2), LAST_DAY)
TEXTS = sorted(path for path in FOLDER.rglob("*") if path.suffix in {".yaml", ".md", ".csv"})

STRANDS = {
    "strikes on vessels": ("vessel-strike-caribbean", "vessel-strike-pacific", "suspend-strikes"),
    "raids considered, no decision": ("order-strike", "strike-on-land", "strike-warning", "prepare-visibly"),
    "public denial": ("denial",),
    "narco-state campaign": ("narco-state-case",),
    "UN and international pressure": ("un-censure", "council-meets", "partners-speak"),
    "Colombia": ("step-against-bogota", "bogota-answers", "ease-with-bogota"),
    "appeals to the patrons": ("appeal-to-moscow", "appeal-to-beijing", "appeal-to-tehran"),
    "Russian support": ("fly-in-transport", "deliver-air-defence", "russian-visit", "moscow-steps-back"),
    "Chinese radars": ("provide-radars",),
    "Iranian shipment": ("ship-out", "deliver-shipment"),
    "Venezuelan mobilisation and air defence": ("mobilise", "go-on-war-footing", "fire-back"),
    "talks and a negotiated exit": ("offer-talks", "reach-out", "open-formal-talks", "leave-by-deal", "settle"),
    "accidents at sea": ("close-encounter",),
    "tempo": ("cools", "goes-quiet"),
    "the carrier": ("carrier-arrives",),
}


@pytest.fixture(scope="module")
def scenario():
    return load(FOLDER)


@pytest.fixture(scope="module")
def forecast(scenario):
    return Solver(scenario, times=[0, 28, 30, 90]).solve(theta(scenario))


@pytest.fixture(scope="module")
def log():
    with (FOLDER / "events.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_is_dated_and_as_large_as_it_should_be(scenario):
    assert (scenario.as_of, scenario.horizon_days) == (dt.date(2025, 11, 3), 90)
    named = [a for a in scenario.assumptions.values() if not a.inline]
    assert 9 <= len(scenario.variables) <= 11
    assert 35 <= len(scenario.moves) <= 60
    assert 40 <= len(named) <= 95
    assert len(scenario.endings) == 7
    assert 3 <= len(scenario.questions) <= 7
    assert list(scenario.ladders) == ["caribbean", "mid"]
    assert len(scenario.ladders["mid"].rungs) == 5


def test_every_strand_of_the_report_is_there(scenario):
    missing = {strand: [move for move in moves if move not in scenario.moves] for strand, moves in STRANDS.items()}
    assert not {strand: moves for strand, moves in missing.items() if moves}
    for patron in ("russia", "china", "iran"):
        assert scenario.variables[patron].hidden
        assert scenario.variables[patron].spread
    assert scenario.variables["tempo"].hidden
    assert scenario.moves["cools"].covert
    assert scenario.variables["iran"].levels == ("holds-back", "arranged", "under-way", "delivered")


def test_every_number_has_a_range_and_a_reason(scenario):
    for assumption in scenario.assumptions.values():
        assert assumption.low < assumption.value < assumption.high, assumption.id
        assert len(assumption.because) > 20, assumption.id
        assert assumption.sources or "assumed" in assumption.because.lower(), assumption.id
    for variable in scenario.variables.values():
        assert not variable.spread or variable.because, variable.id


def test_every_source_is_used_and_names_its_day(scenario):
    used = {source for a in scenario.assumptions.values() for source in a.sources}
    used |= {source for item in (*scenario.variables.values(), *scenario.moves.values()) for source in item.sources}
    used |= {source for item in scenario.correlations for source in item.sources}
    assert set(scenario.sources) == used
    for source in scenario.sources.values():
        assert source.date or source.note
        assert source.date is None or source.date <= LAST_DAY


def test_states_and_rates_keep_it_exactly_solvable(scenario, forecast):
    tables = Tables(scenario)
    space = enumerate_states(tables)
    rates = tables.rates(theta(scenario))
    total = sum(rates[np.asarray(tables.local_index(move, space.levels))] for move in range(len(scenario.moves)))
    assert 10_000 <= len(space) == forecast.states <= 60_000
    assert space.edges < 1_500_000
    assert total.max() < 8


def test_every_event_of_the_log_is_before_the_forecast_and_knows_its_actors(scenario, log):
    actors = set(scenario.actors) | {"other", ""}
    assert len(log) == 96
    for row in log:
        known = dt.date.fromisoformat(row["known_on"] or row["date"])
        assert dt.date.fromisoformat(row["date"]) <= known <= LAST_DAY
        assert row["actor"] in actors
        assert row["target"] in actors
        assert int(row["times"]) >= 1
    strikes = [row for row in log if row["move"].startswith("vessel-strike-")]
    assert len(strikes) == sum(int(row["times"]) for row in strikes) == 13  # days with strikes
    assert sum(int(row["count"]) for row in strikes) == 15  # strikes
    assert sum(int(row["killed"]) for row in strikes) == 64


def test_observed_rates_are_those_of_the_log(scenario, log):
    seen = Counter()
    for row in log:
        if WINDOW[0] <= dt.date.fromisoformat(row["date"]) <= WINDOW[1]:
            seen[row["move"]] += int(row["times"])
    checked = 0
    for assumption in scenario.assumptions.values():
        moves = [move.id for move in scenario if move.rate == assumption.id]
        if assumption.observed is None or moves == ["break-off-contact"]:  # contacts were open for 56 days
            continue
        assert assumption.uses_log_until == LAST_DAY
        assert assumption.observed * 62 * len(moves) == pytest.approx(sum(seen[move] for move in moves)), assumption.id
        checked += 1
    assert checked >= 12


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_nothing_later_than_the_second_of_november_2025_is_mentioned(path: Path):
    text = path.read_text(encoding="utf-8")
    dates = [dt.date.fromisoformat(found) for found in re.findall(r"\b20\d\d-\d\d-\d\d\b", text)]
    allowed = {dt.date(2025, 11, 3), dt.date(2026, 1, 31)}  # the day of the forecast and its horizon
    allowed |= {dt.date(2025, 11, 9)}  # the earliest end of a passage that began before
    assert not [day for day in dates if day > LAST_DAY and day not in allowed]
    prose = re.sub(r"https?://\S+", "", text)
    late = re.findall(r"\b(?:[3-9]|[12]\d|30) November(?: 2025)?\b|\bDecember 20(?:2[5-9])\b|\b202[6-9]\b", prose)
    assert not [words for words in late if words not in {"3 November", "3 November 2025", "9 November", "2026"}], late
    assert prose.count("2026") == prose.count("31 January 2026") + prose.count("2026-01-31")


def test_three_views_load_and_apply_with_a_reason_for_each_change(scenario):
    views = load_views(FOLDER)
    assert set(views) == {"bargaining", "compellence", "patrons-abstain"}
    for view in views.values():
        assert view.author
        assert view.because
        assert len(view.changes) >= 5
        assert all(change.because for change in view.changes)
        assert apply_view(scenario, view).view == view.id


@pytest.mark.slow
def test_views_disagree_in_the_direction_they_argue_for(scenario, forecast):
    def by_ninety_days(view: str, question: str) -> float:
        world = simulate(load(FOLDER, view=view), runs=4_000, times=[90])
        return float(world.questions[question].probability[-1])

    stated = {name: float(band.probability[-1]) for name, band in forecast.questions.items()}
    assert by_ninety_days("compellence", "force-on-land") > 1.5 * stated["force-on-land"]
    assert by_ninety_days("bargaining", "force-on-land") < 0.7 * stated["force-on-land"]
    assert by_ninety_days("patrons-abstain", "iranian-delivery") < 0.6 * stated["iranian-delivery"]


def test_no_named_question_is_certain_and_each_says_who_decides(scenario, forecast):
    for name, question in scenario.questions.items():
        assert question.resolves
        assert question.decides
        assert 0.01 < forecast.questions[name].probability[-1] < 0.9


def test_it_says_what_was_judged_where_the_log_gives_a_judgement(forecast):
    strikes = forecast.moves["vessel-strike-caribbean"] + forecast.moves["vessel-strike-pacific"]
    assert 0.9 < strikes[1] / 4 < 3.7
    by_a_month = {name: float(band.probability[2]) for name, band in forecast.questions.items()}
    assert 0.10 < by_a_month["force-on-land"] < 0.25
    assert 0.02 < by_a_month["maduro-out"] < 0.17  # judged at .04 to .17; counts of coups speak for less
    assert 0.02 < by_a_month["iranian-delivery"] < 0.15
    assert 0.01 < forecast.endings["ground-war"].probability[2] < 0.07


def test_it_is_compared_with_base_rates_and_says_why_it_differs(scenario):
    compared = base_rates(scenario, runs=60).applied
    assert len(compared) == 11
    assert [c for c in compared if c.verdict == "inside"]
    for comparison in compared:
        if comparison.verdict in {"above", "below"} and comparison.rate.measure != "after-force":  # noisy
            assert len(comparison.note) > 40, comparison.rate.id


def effects(scenario, move: str, variable: str) -> set[str | None]:
    return {e.level for outcome in scenario.moves[move].outcomes for e in outcome.effects if e.variable == variable}


def test_an_appeal_wins_a_commitment_and_never_a_delivery(scenario):
    for city, patron, level in (
        ("moscow", "russia", "committed"),
        ("beijing", "china", "willing"),
        ("tehran", "iran", "arranged"),
    ):
        assert effects(scenario, f"appeal-to-{city}", patron) == {level}


def test_a_ground_operation_opens_with_an_order_or_follows_strikes_on_land(scenario, forecast):
    opening = {move.id for move in scenario if "ground-war" in effects(scenario, move.id, "force")}
    assert opening == {"strike-on-land", "begin-ground-operation"}
    guard = dict(scenario.moves["begin-ground-operation"].when.clauses[0])
    assert set(guard["force"]) == {"land-strike", "air-campaign"}
    assert "formal-talks" not in guard["talks"]
    assert forecast.endings["ground-war"].probability[-1] < 0.25 * forecast.questions["force-on-land"].probability[-1]


@pytest.mark.slow
def test_what_the_patrons_deliver_moves_the_headline(scenario, forecast):
    committed = [
        ("pin", "russia=committed@2025-11-03"),
        ("pin", "china=willing@2025-11-03"),
        ("pin", "iran=arranged@2025-11-03"),
    ]
    delivered = [
        ("repeat", "fly-in-transport@2025-11-03..2026-01-31 every 7 days"),
        ("force", "deliver-air-defence@2025-11-03"),
    ]
    changes = [change for kind, text in committed + delivered for change in parse_intervention(kind, text, scenario)]
    supported = Solver(scenario.replace(interventions=tuple(changes)), times=[0, 90]).solve(theta(scenario))
    headline = scenario.headline.removeprefix("question:")
    assert forecast.questions[headline].probability[-1] - supported.questions[headline].probability[-1] > 0.02


def test_statements_of_experts_change_nothing_but_the_tempo_and_a_council_meeting_may(scenario):
    assert effects(scenario, "un-censure", "force") == set()
    assert any(e.variable == "force" for outcome in scenario.moves["council-meets"].outcomes for e in outcome.effects)


def test_preparations_can_be_seen_and_a_pause_may_be_the_lull_before_a_blow(scenario):
    seen = scenario.moves["prepare-visibly"]
    assert not seen.covert
    (factor,) = (factor for factor in seen.factors if factor.by == "preparations-if-ordered")
    assert scenario.assumptions[factor.by].value > 5
    assert effects(scenario, "suspend-strikes", "decision") == set()
    assert dict(scenario.moves["strike-on-land"].when.clauses[0]) == {"decision": ("ordered",)}


def test_each_sea_has_its_rate_and_several_strikes_may_fall_on_a_day(scenario):
    caribbean, pacific = (scenario.moves[f"vessel-strike-{sea}"] for sea in ("caribbean", "pacific"))
    assert caribbean.rate != pacific.rate
    assert all("several" in {outcome.id for outcome in move.outcomes} for move in (caribbean, pacific))


def test_others_than_caracas_can_open_a_channel_and_offers_go_on_while_one_is_open(scenario):
    openers = {move.actor for move in scenario if "back-channel" in effects(scenario, move.id, "talks")}
    assert openers == {"us", "venezuela"}
    assert set(dict(scenario.moves["offer-talks"].when.clauses[0])["talks"]) == {"none", "back-channel"}


def test_the_statements_of_the_report_are_in_the_log(log):
    words = [(row["move"], row["actor"]) for row in log if row["source_name"] == "L'Unione Sarda"]
    assert sorted(words) == [("narco-state-case", "us"), ("strike-warning", "us")]


def test_the_toll_of_a_day_with_strikes_is_that_of_the_log(scenario, log):
    days = [row for row in log if row["move"].startswith("vessel-strike-")]
    single = [int(row["killed"]) for row in days if row["count"] == "1"]
    toll = scenario.assumptions["killed-single"]
    assert toll.value == pytest.approx(np.mean(single), abs=0.1)
    assert toll.spread == pytest.approx(np.std(single, ddof=1), abs=0.1)
    assert scenario.assumptions["several"].value == pytest.approx(1 / len(days), abs=0.01)


def test_every_question_has_terms_to_be_registered_by(scenario):
    assert set(read_terms(scenario)) == set(scenario.questions)
    posted = as_questions(scenario)
    assert posted.count("**Base rate.**") == len(scenario.questions)
    assert "**Base rate.** 1.4%: One change of who holds power" in posted


@pytest.mark.slow
def test_the_log_of_the_caribbean_teaches_nothing_up_to_its_own_date():
    """Every number that the log could teach was set from it, or is touched too little by what else happened."""
    lessons = simlib.learn(simlib.load("caribbean-2025"))
    assert not any(each.taught for each in lessons.learnt)
    assert "The log teaches nothing about the assumptions: each keeps its prior, or nearly so." in lessons.sentences()
