"""The two pages in front of a report: what leads, how sure, what has changed, and limits."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re

import pytest

from simlib import load, update
from simlib.analysis.sensitivity.direct_rates import self_evident
from simlib.analysis.uncertainty.propagation import uncertainty_of
from simlib.control import UNWATCHED
from simlib.engines.ensemble import over_priors
from simlib.errors import ScenarioError
from simlib.formatting import percent
from simlib.machine.measures import find
from simlib.report.brief import clipped
from simlib.report.confidence import confidence_in
from simlib.report.limits import own_limits
from simlib.report.markup import Block, ValueBar, to_html, to_markdown
from simlib.report.material import Material
from simlib.report.page import blocks
from simlib.report.sample import ReportOptions, grouped_prior, sampled
from simlib.report.writer import report_on, write_report
from tests import worlds


@pytest.fixture(scope="module")
def islands():
    """The material of a report on the teaching world."""
    return report_on(load("two-islands"), draws=128)


@pytest.fixture(scope="module")
def front(islands):
    """Its two pages, as Markdown without figures."""
    text = to_markdown(blocks(islands))
    return re.sub(r"\(data:[^)]*\)", "()", text[: text.index("## All answers")])


@pytest.mark.slow
def test_the_headline_has_its_range_its_error_and_a_word(islands, front):
    low, high = islands.range_of("question", "ship-hit")
    p = float(islands.forecast.questions["ship-hit"].probability[-1])
    assert f"**{percent(p)}** 5–95% range: {percent(low)} to {percent(high)}" in front
    assert "**Likelihood: unlikely.** Average of 128 sets of assumptions." in front
    assert re.search(r"for the average, [\d.]+ points? for the low end, [\d.]+ points? for the high end", front)


@pytest.mark.slow
def test_the_ends_of_a_range_have_the_error_of_several_sequences():
    world = load("two-islands")
    sample = over_priors(world, draws=grouped_prior(world, 64, 0), times=1)
    spread = uncertainty_of(sample).spread()
    again = [
        over_priors(world, draws=grouped_prior(world, 64, seed), times=1).spread("ship-hit", "questions")
        for seed in range(1, 7)
    ]
    ends = [points[0, -1] for points in again]
    assert spread.quantiles[0.05].value == pytest.approx(float(sample.spread("ship-hit", "questions")[0, -1]), abs=0.01)
    assert 0.5 < spread.quantiles[0.05].half / (2 * (max(ends) - min(ends)) / 2.53) < 4


def test_confidence_is_apart_from_likelihood_and_follows_its_rule(islands):
    found = confidence_in(islands)
    assert found.level == "moderate"
    assert any("points wide" in words for words in found.against)
    narrow = dataclasses.replace(islands, views=None, tornado=None, past_crises=None)
    assert confidence_in(narrow).level == "moderate", "a wide range, and nothing settled"
    bare = dataclasses.replace(narrow, spread=None)
    assert "no range over the assumptions was computed" in confidence_in(bare).against


def test_three_assumptions_with_what_to_find_out(islands, front):
    assert [bar.assumption.id for bar in islands.strongest(3)] == ["first_shot_rate", "hot_shots", "hit_chance"]
    assert "Watch for “Fire on a patrol”." in front
    assert "Find a source: so far this is a judgement." in front
    assert "1 source, 150 days old." in front
    assert re.search(r"Knowing it would remove \d+ ± \d+% of the spread", front)


def test_views_stand_beside_the_report(islands, front):
    assert f"| This report | {percent(float(islands.forecast.questions['ship-hit'].probability[-1]))} |" in front
    assert "| The hawks of both islands |" in front
    assert "| Pooled, each view with the same weight |" in front


def test_the_limits_of_the_world_come_from_its_readme(front, tmp_path):
    assert "- The scenario has no third island" in front
    world = load("two-islands")
    (tmp_path / "README.md").write_text("# A\n\n## Limits\n\nOnly *one* [sea](x.md).\n\n## More\n\nno\n")
    assert own_limits(world.replace(path=str(tmp_path))) == "Only one sea."
    assert own_limits(world.replace(path="")) == ""


@pytest.mark.slow
def test_a_report_has_the_same_bytes_for_the_same_seed(tmp_path):
    world = worlds.two_states(0.05, ends=True)
    first, second = (write_report(world, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


@pytest.mark.slow
def test_a_report_on_an_update_is_dated_and_says_what_changed(islands, tmp_path):
    """The log of April: the forecast then and now, what was learnt, and the rows that are new."""
    world = load("two-islands")
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps({"forecast": islands.forecast.to_dict()}, default=str))
    later = world.path + "/later.csv"
    answer = update(world, later, as_of=dt.date(2031, 5, 1), draws=128, learn=False)
    material = report_on(answer, since=earlier)
    text = re.sub(r"\(data:[^)]*\)", "()", to_markdown(blocks(material)))
    then = percent(float(islands.forecast.questions["ship-hit"].probability[-1]))
    now = percent(float(material.forecast.questions["ship-hit"].probability[-1]))
    assert "as of 1 May 2031" in text
    assert re.search(rf"\| A ship of North Island is hit \| {then} \| {now} \| ", text)
    assert "- 23 April 2031: A shell hits a cutter; two sailors are hurt." in text
    assert "**The log already reports it.** 23 April 2031: A shell hits a cutter" in text
    assert "Views side by side" not in text, "the views do not know the log"


@pytest.mark.slow
def test_a_changed_assumption_is_told_since_an_earlier_forecast(islands, tmp_path):
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps(islands.forecast.to_dict(), default=str))
    world = load("two-islands")
    number = world.assumptions["hit_chance"]
    world = world.replace(assumptions={**world.assumptions, "hit_chance": dataclasses.replace(number, value=0.5)})
    text = to_markdown(blocks(report_on(world, since=earlier, draws=0)))
    assert "- Shots at a patrol hit a ship: 50%, was 40%." in text


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "cannot be read"), ("{}", "holds no forecast"), ('{"answer": "forecast", "scenario": "x"}', "is about 'x'")],
)
def test_an_earlier_forecast_that_will_not_do_is_refused(tmp_path, text, why):
    (tmp_path / "it.json").write_text(text)
    with pytest.raises(ScenarioError, match=why):
        write_report(load("two-islands"), tmp_path / "it.md", since=tmp_path / "it.json")
    assert not (tmp_path / "it.md").exists()


def test_the_rate_of_the_only_move_to_an_event_is_self_evident():
    world = load("two-islands")
    named = {
        name: set(self_evident(world, find(world, name)[0])) for name in ("open-war", "first-challenge", "ship-hit")
    }
    assert named == {
        "open-war": {"landing_rate"},
        "first-challenge": {"patrol_rate", "challenge_chance"},
        "ship-hit": {"first_shot_rate", "hit_chance"} & named["ship-hit"],
    }


@pytest.mark.slow
def test_a_large_world_counts_what_it_does_not_lead_with(monkeypatch):
    """The headline is solved at each draw, the other questions are counted at the same draws."""
    world = load("two-islands")
    options = ReportOptions("exact", 64, 100, 0, False)
    whole, _ = sampled(world, options, UNWATCHED)
    monkeypatch.setattr("simlib.report.sample.REPORT_EXACT_WORK", 0)
    part, draws = sampled(world, options, UNWATCHED)
    assert part.by_histories == ("first-challenge",)
    same = whole.questions["ship-hit"].probability[-1], whole.endings["open-war"].probability[-1]
    assert (part.questions["ship-hit"].probability[-1], part.endings["open-war"].probability[-1]) == pytest.approx(
        same, abs=1e-9
    )
    counted, exact = (forecast.questions["first-challenge"] for forecast in (part, whole))
    assert counted.low[-1] < exact.probability[-1] < counted.high[-1]
    text = to_markdown(blocks(Material(world, part, draws)))
    assert "Answered by Monte Carlo (6,400 replicates" in text


def test_texts_are_cut_after_a_sentence_or_a_word():
    assert clipped("One two three. Four five.", 20, sentence=True) == "One two three."
    assert clipped("One, two three", 6) == "One …"
    assert clipped(" short\ntext ", 20) == "short text"


def test_a_bar_is_drawn_in_html_and_read_in_markdown():
    table = Block("table", items=(("a", "b"), ("x", ValueBar(0.2, "20%"))))
    assert 'aria-label="20%"><i style="left:0.0%;width:20.0%"></i><b style="left:20.0%"></b>' in to_html([table])
    assert "| x | 20% |" in to_markdown([table])
