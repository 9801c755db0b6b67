"""Reports: whole, self-contained, escaped, and with the words of ICD 203."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import numpy as np
import pytest

from simlib.cli import main
from simlib.control import Control
from simlib.engines.ensemble import over_priors
from simlib.engines.exact.forecast import solve
from simlib.engines.montecarlo.simulator import simulate
from simlib.errors import Cancelled, ScenarioError, TooManyStates, Unsupported
from simlib.formatting import percent
from simlib.machine.belief import Belief
from simlib.report.likelihood import icd203, legend
from simlib.report.markup import to_html, to_markdown
from simlib.report.material import Material, gather
from simlib.report.page import blocks
from simlib.report.sample import grouped_prior
from simlib.report.writer import write_report
from simlib.scenario.loader import load
from simlib.scenario.model import Forbid, Lull, Question, Window
from simlib.scenario.views.variation import with_interventions
from tests import worlds
from tests.cli.world import write_bridge
from tests.worlds import World

BRIEF = [
    "A ship of North Island is hit by 29 June 2031",
    "Other questions",
    "How it may end",
    "Three assumptions that would change the headline",
    "Views side by side: A ship of North Island is hit",
    "What to watch until 14 April 2031",
    "Limits",
    "Annex",
]
HEADINGS = [
    "All answers",
    "How sure can anyone be?",
    "What drives it",
    "By which path",
    "What to watch for",
    "How the scenario compares with the past",
    "How the questions are settled",
    "Where it starts",
    "The assumptions",
    "Sources",
    "Limits",
    "Methods and provenance",
]


@pytest.mark.parametrize(
    ("p", "word"),
    [
        (0.01, "almost no chance"),
        (0.03, "almost no chance"),
        (0.1, "very unlikely"),
        (0.3, "unlikely"),
        (0.5, "roughly even chance"),
        (0.7, "likely"),
        (0.9, "very likely"),
        (0.99, "almost certain"),
    ],
)
def test_words_of_probability(p, word):
    assert icd203(p) == word
    assert f"{word} " in legend()


@pytest.mark.parametrize(("p", "word"), [(0.0, "less than 1%"), (0.0099, "less than 1%"), (0.9901, "more than 99%")])
def test_what_icd_203_has_no_word_for_has_none(p, word):
    assert icd203(p) == word
    assert "Less than 1% and more than 99% lie beyond its scale." in legend()


@pytest.mark.slow
def test_a_whole_report_as_html(tmp_path, capsys):
    target = tmp_path / "report.html"
    assert main(["report", "two-islands", "--draws", "10", "--out", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    page = target.read_text()
    assert re.findall("<h2>(.*?)</h2>", page) == BRIEF
    assert re.findall('<h2 id="annex-[0-9]+">(.*?)</h2>', page) == HEADINGS
    assert re.findall('<a href="#annex-[0-9]+">(.*?)</a>', page) == HEADINGS
    assert page.count('src="data:image/png;base64,') >= 5
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!data:|#annex-)', page)
    assert "Four patrols sailed in the two weeks" in page
    assert re.search(r"<td>Sail a patrol through the strait</td><td>4</td><td>\d+ / \d+ / \d+</td>", page)


def test_what_a_scenario_says_is_never_markup():
    scenario = worlds.two_states(0.05, ends=True).replace(title="<script>alert(1)</script> *bold*")
    pieces = list(blocks(Material(scenario, solve(scenario, times=5))))
    assert "<script>" not in to_html(pieces)
    assert "&lt;script&gt;" in to_html(pieces)
    assert "\n# \\<script\\>alert(1)\\</script\\> \\*bold\\*\n" in to_markdown(pieces)


def test_numbers_carry_words():
    scenario = worlds.two_states(0.05, ends=True)
    text = to_markdown(blocks(Material(scenario, solve(scenario, times=5))))
    assert "- across: likely, 78%." in text
    assert "at the stated values of the assumptions" in text


def test_an_ending_that_one_history_reached_has_an_average_without_an_error():
    scenario = World.of(worlds.two_states(0.05, ends=True)).impact("loss", on=[("cross", None, 3.0, 0.0)]).scenario()
    loss = simulate(scenario, runs=1, times=1).impacts["loss"]
    assert np.isnan(loss.given_error["across"][-1])
    text = to_markdown(blocks(Material(scenario, simulate(scenario, runs=1, times=1))))
    head = "The average amount in histories with each ending by 30 April 2031, with its 95% error if it is not exact."
    assert head in text
    assert "| across | 3 |" in text


def test_an_unknown_ending_of_the_file_is_refused(capsys):
    assert main(["report", "two-islands", "--out", "report.docx"]) == 2
    assert "report.docx has no known suffix; expected .html or .md" in capsys.readouterr().err


def page(tmp_path, capsys, *argv):
    """Return a report of the teaching world as Markdown, its figures left out."""
    target = tmp_path / "report.md"
    assert main(["report", *argv, "--out", str(target)]) == 0
    capsys.readouterr()
    return re.sub(r"\(data:[^)]*\)", "()", target.read_text())


@pytest.mark.slow
def test_a_changed_world_is_told_as_a_what_if(tmp_path, capsys):
    changes = ["--draws", "0", "--set", "patrol_rate=2 per day", "--forbid", "patrol@2031-04-10", "--ignore-windows"]
    text = page(tmp_path, capsys, "two-islands", *changes)
    head = text[: text.index("## A ship of North Island is hit by")]
    assert "This is a what-if, not the scenario as it stands. Changed:" in head
    assert re.search(r"- [^\n]*: \S+ per \w+ → 2 per day", head)
    assert "forbidden from 10 April 2031" in head
    assert "- calendar windows are left out" in head
    was = r"set for this report; the file states \S+ per \w+ for this reason: Four patrols sailed in the two weeks"
    assert re.search(was, text)


@pytest.mark.slow
def test_a_view_is_named_and_its_reasons_stay(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--view", "hawks", "--draws", "0")
    assert "This is a what-if through the view “hawks”. Changed from the scenario as it stands:" in text
    assert "set for this report" not in text


@pytest.mark.slow
def test_a_report_says_over_what_it_is(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--draws", "0")
    assert "what-if" not in text
    assert "How sure can anyone be?" not in text
    answer = text[text.index("## All answers") : text.index("## What drives it")]
    assert answer.index("No ending yet") < answer.index("make the report without --draws 0")
    assert "the assumptions above" in text
    assert "| watch list | over the priors (200 draws, 8,000 histories, seed 0) |" in text


def test_everything_beside_the_answer_leaves_the_windows_out_too():
    scenario = worlds.World("season", 30.0).variable("bank", "left", "right", start="left")
    scenario.move("cross", scenario.uncertain("rate", "rate", 0.05, 0.01, 0.2), {"bank": "right"})
    world = scenario.ending("across", {"bank": "right"}).ladder("banks", near=None, far={"bank": "right"}).scenario()
    shut = Window(world.as_of + dt.timedelta(days=400), world.as_of + dt.timedelta(days=500))
    world = world.replace(moves={"cross": dataclasses.replace(world.moves["cross"], between=shut)})
    material = gather(world, solve(world, times=1, ignore_windows=True))
    open_always = solve(world, times=1, ignore_windows=True).endings["across"].probability[-1]
    assert material.tornado.stated[0] == pytest.approx(open_always)
    assert material.indicators[0].before[0] > 0.1
    assert sum(one.probability for one in material.paths.classes) == pytest.approx(1.0, abs=1e-6)


def valley(*, fixed=False):
    """A ladder, a question, and two ways out of a valley, of which one is in doubt."""
    world = worlds.World("valley", 30.0).variable("place", "valley", "pass", "plain", start="valley")
    climbing = 0.05 if fixed else world.uncertain("climbing", "rate", 0.05, 0.01, 0.2)
    world.move("climb", climbing, {"place": "pass"}, when={"place": "valley"})
    world.move("descend", 0.3, {"place": "plain"}, when={"place": "pass"})
    world.ladder("heights", low=None, high={"place": "pass"}, beyond={"place": "plain"})
    return world.ending("out", {"place": "plain"}).question("on-the-pass", {"place": "pass"}).scenario()


def told(scenario, **options):
    """Return a report over ten draws, as Markdown."""
    draws = over_priors(scenario, draws=16, times=4, **options)
    return to_markdown(blocks(gather(scenario, draws.mixture(), draws=draws))), draws


@pytest.mark.slow
def test_a_report_says_how_sure_anyone_can_be():
    text, draws = told(valley())
    low, _, _, _, high = draws.spread("on-the-pass", "questions")[:, -1]
    mean = percent(float(draws.mixture().questions["on-the-pass"].probability[-1]))
    stated = percent(float(draws.stated.questions["on-the-pass"].probability[-1]))
    span = f"{percent(float(low))} to {percent(float(high))}"
    assert re.search(rf"- on-the-pass: [a-z ]+, {mean} \({span}\)\.", text)
    assert re.search(rf"\| on-the-pass \| {mean} [^|]*\| {span} \| {stated} \|", text)
    assert "16 sets of them were drawn from these ranges" in text
    assert "The assumptions matter most for “" in text


@pytest.mark.slow
def test_a_report_is_about_the_first_question_and_a_self_evident_driver_does_not_lead():
    """The rate of climbing is the only way onto the pass, and only one of two steps to the way out."""
    text, _ = told(valley())
    drives = text[text.index("## What drives it") : text.index("## By which path")]
    assert "what drives “on-the-pass”" not in drives
    assert "Left out as self-evident: “climbing”, used by the only move that leads to “on-the-pass”." in drives
    assert "what drives “out”" in drives
    assert "Three assumptions" not in text
    watched = text[text.index("## What to watch for") :]
    assert re.search(
        "If the answer is still open after .*, the probability of “on-the-pass” by 30 April 2031 is", watched
    )


@pytest.mark.slow
def test_the_words_of_probability_are_explained_once():
    text, _ = told(valley())
    assert text.count("The words are those of ICD 203: almost no chance 1–5%, very unlikely 5–20%") == 1
    assert "remote" not in text


@pytest.mark.slow
def test_a_world_too_large_for_the_exact_engine_has_a_report(tmp_path, capsys, monkeypatch):
    def refuse(*_, **__):
        raise TooManyStates(14, 5, complete=False)

    monkeypatch.setattr("simlib.engines.exact.solver.enumerate_states", refuse)
    target = tmp_path / "report.md"
    assert main(["report", str(write_bridge(tmp_path)), "--draws", "10", "--out", str(target)]) == 0
    assert "note: the exact engine would need at least 14 reachable states" in capsys.readouterr().err
    text = re.sub(r"\(data:[^)]*\)", "()", target.read_text())
    without_log = [heading for heading in HEADINGS if heading != "How the scenario compares with the past"]
    assert re.findall("^## (.*)$", text, re.MULTILINE)[-len(without_log) :] == without_log
    assert "counted in 5,000 histories" in text
    assert "the probability of “Every lane is closed” by 30 May 2031 is" in text


def test_what_is_not_in_doubt_has_no_doubt_by_either_engine():
    """Two draws of a fixed world differ by the dice alone, and that is no doubt about the assumptions."""
    draws = over_priors(valley(fixed=True), engine="montecarlo", draws=40, runs=100, times=2, seed=3)
    assert draws.values("out")[:, -1].std() > 0.02
    low, _, _, _, high = draws.spread("out")[:, -1]
    assert high - low < 0.035
    unsure = over_priors(valley(), engine="montecarlo", draws=64, runs=100, times=2)
    exact = over_priors(valley(), draws=64, times=2)
    assert unsure.spread("out")[:, -1] == pytest.approx(exact.spread("out")[:, -1], abs=0.06)


@pytest.mark.slow
def test_a_report_sets_the_scenario_beside_past_crises_of_its_class():
    scenario = load("two-islands").replace(reference_class="mid-force", path="")
    material = gather(scenario, solve(scenario, times=2))
    text = to_markdown(blocks(material))
    assert "| militarised disputes since 1946 with use of force that reach war | 2.4%" in text
    assert "The log beside the model" not in text


def test_a_report_says_where_no_ending_is_known_to_be_the_likeliest():
    def told(*rates: float) -> list[str]:
        scenario = worlds.competing_exits(rates)
        return [block.text for block in blocks(Material(scenario, simulate(scenario, runs=400, times=1)))]

    note = "No ending is clearly the likeliest: 2 lie within each other's error."
    assert note in told(0.05, 0.051)
    assert not any("clearly the likeliest" in text for text in told(0.05, 0.01))


@pytest.mark.slow
def test_the_watch_list_refers_to_histories_that_are_still_open():
    """What seeing and not seeing make of it lies on both sides of what it is then; today's number is the page's."""
    draws = over_priors(valley(), draws=16, times=4)
    material = gather(valley(), draws.mixture(), draws=draws)
    assert material.seeing.if_open < material.seeing.mean
    for seen in material.seeing.observations:
        sides = sorted([seen.if_seen, seen.if_not])
        assert not sides[0] > material.seeing.if_open + 1e-9
        assert not sides[1] < material.seeing.if_open - 1e-9
    text = to_markdown(blocks(material))
    today = percent(float(draws.mixture().questions["on-the-pass"].probability[-1]))
    watched = text[text.index("## What to watch for") :]
    assert f"the probability of “on-the-pass” by 30 April 2031 is {today} today" in watched
    assert f"“on-the-pass” by 30 April 2031 is {percent(material.seeing.if_open)}, averaged over the priors" in watched


@pytest.mark.slow
def test_a_what_if_stands_beside_its_baseline(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--view", "hawks", "--draws", "10")
    world = load("two-islands")
    mean = over_priors(world, draws=grouped_prior(world, 10, 0)).mixture()
    before = percent(float(mean.endings["open-war"].probability[-1]))
    assert re.search(rf"- Open war: [^\n]*; baseline {re.escape(before)}\.", text)
    assert "| baseline |" in text
    assert re.search(rf"\| Open war \| [^|]+ \| {re.escape(before)} \|", text)
    assert "baseline" not in page(tmp_path, capsys, "two-islands", "--draws", "0")


def test_what_the_model_decides_is_said_plainly():
    world = worlds.World("sure", 30.0).variable("bank", "left", "middle", "right", start="left")
    world.move("cross", 0.05, {"bank": "middle"}, when={"bank": "left"})
    world.ending("never", {"bank": "right"}).question("now", {"bank": "left"}).question("later", {"bank": "middle"})
    scenario = world.scenario()
    text = to_markdown(blocks(Material(scenario, solve(scenario, times=5))))
    assert "- never: ruled out in this model." in text
    assert "- now: already the case." in text
    assert "- later: likely, 78%." in text
    assert "that they are right: all are fixed" in text
    sampled = to_markdown(blocks(Material(scenario, simulate(scenario, runs=400, times=5))))
    assert "- never: less than 1%, in none of the simulated histories (so its probability is at most 1.0%)." in sampled


@pytest.mark.slow
def test_what_cannot_happen_has_no_spread_and_no_signs():
    world = valley()
    shut = with_interventions(world, [Forbid("climb")])
    text, _ = told(shut)
    assert "- on-the-pass: ruled out in this model." in text
    assert re.search(r"\| on-the-pass \| 0% \| 0% to 0% \| 0% \|", text)
    assert "over the draws](" not in text
    assert "happens in none of the simulated histories, so no sign of it is known" in text


@pytest.mark.slow
def test_a_report_tells_what_it_rests_on(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--draws", "0")
    assert "- A ship of North Island is hit: the Gazette of the Isles reports a ship of North Island hit" in text
    assert "decided by the editors of the Gazette." in text
    starts = text[text.index("## Where it starts") : text.index("## The assumptions")]
    assert re.search(r"\| Standoff in the strait \| patrols \| Patrols have .* \| \\\[1\\\] \|", starts)
    assert "| hot with 70%, otherwise quiet | Assumed: the latest challenge" in starts
    assert "| How many times as often ‘Break contact after a clash’ while ‘Tempo of events’ is hot |" in text
    assert "Factor 1 of" not in text
    assert "hot”: +0.4. Both are high" in text


@pytest.mark.slow
def test_numbers_of_the_record_are_rounded(tmp_path, capsys):
    text = page(tmp_path, capsys, "two-islands", "--draws", "10")
    record = text[text.index("## Methods and provenance") :]
    assert not re.search(r"\| (seconds|truncation\\_bound) \| [\d.]{6,}", record)


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["endings", "ladders", "questions"])
def test_a_world_without_endings_ladders_or_questions_has_a_report(left_out, tmp_path):
    target = write_report(valley().replace(**{left_out: {}}), tmp_path / "report.md", draws=16)
    text = re.sub(r"\(data:[^)]*\)", "()", target.read_text())
    assert "\n# valley" in text
    headings = re.findall("^## (.*)$", text, re.MULTILINE)
    assert ("By which path" in headings) == (left_out != "ladders")
    assert ("How the questions are settled" in headings) == (left_out != "questions")


def test_a_world_with_nothing_to_ask_about_has_a_report(tmp_path):
    bare = valley().replace(endings={}, ladders={}, questions={})
    text = write_report(bare, tmp_path / "report.md", draws=0).read_text()
    assert "- No ending yet: certain in this model." in text
    assert "## What drives it" not in text
    assert "## What to watch for" not in text


@pytest.mark.slow
def test_a_report_is_written_from_python(tmp_path):
    world, shares = valley(), []
    what_if = with_interventions(world, [Forbid("descend")])
    target = write_report(what_if, tmp_path / "it.html", baseline=world, draws=16, control=Control(shares.append))
    page = target.read_text()
    assert page.startswith("<!doctype html>")
    assert "This is a what-if, not the scenario as it stands. Changed:" in page
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    unchanged = write_report(world, tmp_path / "it.md", baseline=world, draws=0).read_text()
    assert "what-if" not in unchanged


def test_what_cannot_be_reported_is_refused_before_it_is_computed(tmp_path):
    with pytest.raises(ScenarioError, match=r"it.pdf has no known suffix; expected .html or .md"):
        write_report(valley(), tmp_path / "it.pdf")
    with pytest.raises(Unsupported, match="is about other assumptions"):
        write_report(valley(), tmp_path / "it.md", draws=Belief.prior(load("two-islands"), 8))
    with pytest.raises(Cancelled):
        write_report(valley(), tmp_path / "it.md", control=Control(cancel=lambda: True))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_report_on_a_lull_keeps_the_exact_answers_beside_it(tmp_path):
    world = valley()
    pause = Question("pause", "A pause", lull=Lull((next(iter(world.moves)),), 5.0))
    text = write_report(world.replace(questions={"pause": pause}), tmp_path / "report.md", draws=0).read_text()
    ending = next(iter(world.endings.values())).label
    assert re.search(rf"^- {ending}: [^,]*, [\d.]+%\.$", text, re.MULTILINE), "exact: without an error"
    assert re.search(r"^- A pause: .*computed to within", text, re.MULTILINE)
