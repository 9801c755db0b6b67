"""The registry of forecasts: what is written down, what cannot be changed unnoticed, and how it is scored."""

import dataclasses
import datetime as dt
import json
import shutil

import pytest

import simlib
from simlib.calibration import forecast_registry as registry
from simlib.calibration.forecast_terms import as_questions, read_terms
from simlib.calibration.registry_score import score_registry
from simlib.calibration.scores import monte_carlo_probability
from simlib.control import UNWATCHED
from simlib.errors import ScenarioError
from simlib.scenario.library import shipped_scenarios
from simlib.scenario.model import Lull
from simlib.widgets.questions.history import RegisteredForecasts

TERMS = (
    "question,void_when,climatology,because,Ann\n"
    "{0},the islands unite,10%,two of twenty seasons,30%\n"
    "{1},the islands unite,0.5,half of the seasons,\n"
)


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "world"
    shutil.copytree(shipped_scenarios()["two-islands"], folder)
    shutil.rmtree(folder / "forecasts", ignore_errors=True)
    world = simlib.load(folder)
    (folder / "forecasts").mkdir()
    (folder / "forecasts" / "terms.csv").write_text(TERMS.format(*list(world.questions)[:2]), encoding="utf-8")
    return world


def settle(world, number, verdict, on=None, **more):
    return registry.resolve(world, number, verdict, on=on or dt.date(2031, 8, 1), source="Gazette of 1 August", **more)


def ledger(world):
    return registry.read_registry(world).file


@pytest.mark.slow
def test_a_forecast_is_written_down_with_its_rule_its_range_and_its_rivals(world):
    book = registry.register(world, draws=16)
    first, second = book.forecasts
    sample = simlib.forecast(world, draws=16, times=1)
    assert first.probability == float(sample.questions[first.question].probability[-1])
    assert first.low < first.probability < first.high
    assert first.rivals == {"climatology": 0.1, "Ann": 0.3}
    assert second.rivals == {"climatology": 0.5}
    assert first.rule == world.questions[first.question].resolves
    assert first.decides == "the editors of the Gazette"
    assert first.scenario_sha256 == world.sha256
    assert first.by == world.by_date(world.horizon_days)


@pytest.mark.slow
def test_what_no_history_shows_is_not_registered_as_impossible(world):
    """With 16 draws of 625 histories, none has the event. A forecast of 0 that fails would score infinity."""
    never = {a.id: dataclasses.replace(a, value=1e-9, low=5e-10, high=2e-9) for a in world.assumptions.values()}
    rates = {name: a for name, a in never.items() if a.kind == "rate"}
    quiet = world.replace(assumptions={**world.assumptions, **rates})
    book = registry.register(quiet, draws=16, engine="montecarlo")
    assert [each.probability for each in book.forecasts] == pytest.approx([0.5 / 10_001] * 2)
    settle(quiet, 1, "yes")
    assert score_registry(quiet).rows[0].log_score["simlib"] < 10


@pytest.mark.slow
def test_a_question_that_is_counted_beside_the_exact_answers_is_registered_as_such(world):
    asked = dataclasses.replace(world.questions["ship-hit"], when=None, lull=Lull(("patrol",), 30.0))
    lull = world.replace(questions={**world.questions, "ship-hit": asked})
    exact, counted = (registry.register(lull, draws=16).forecasts[place].probability for place in (1, 0))
    sample = simlib.forecast(lull, draws=16, times=1)
    shares = [float(sample.questions[name].probability[-1]) for name in ("first-challenge", "ship-hit")]
    runs = sample.provenance["histories"]
    assert exact == shares[0]
    assert counted == pytest.approx((shares[1] * runs + 0.5) / (runs + 1), abs=1e-12)
    assert counted != shares[1]


def test_a_registered_forecast_can_be_computed_again_from_its_record(world):
    record = registry.register(world, draws=8, seed=3, engine="montecarlo").forecasts[0]
    asked = {name: record.provenance[name] for name in ("engine", "seed", "draws", "runs")}
    assert asked == {"engine": "montecarlo", "seed": 3, "draws": 8, "runs": 1250}
    assert {"versions", "values", "belief"} <= set(record.provenance)
    assert record.provenance["scenario_sha256"] == record.scenario_sha256
    again = simlib.forecast(world, times=1, **asked)
    share = float(again.questions[record.question].probability[-1])
    assert record.probability == monte_carlo_probability(share * again.replicates, again.replicates)


def test_a_record_of_an_earlier_version_still_holds(world):
    """Such a record has no provenance, and new records follow it."""
    registry.register(world, draws=8, questions=list(world.questions)[:1])
    record = json.loads(ledger(world).read_text(encoding="utf-8"))
    del record["provenance"], record["hash"]
    old = {**record, "hash": registry._hash(record)}
    ledger(world).write_text(json.dumps(old) + "\n", encoding="utf-8")
    book = registry.register(world, draws=8)
    assert [bool(each.provenance) for each in book.forecasts] == [False, True]
    assert book.receipts[0] == old["hash"]
    again = simlib.load_answer(score_registry(world).save(ledger(world).with_name("score.json")))
    assert again.rows[1].forecast.provenance == book.forecasts[1].provenance


def test_the_forecast_of_an_update_is_registered_with_its_belief(world):
    update = simlib.update(world, "later.csv", as_of=dt.date(2031, 4, 3), learn=False, draws=16)
    with pytest.raises(ScenarioError, match="a number of draws leaves out what its log taught; give the belief"):
        simlib.register(update.scenario, draws=16)
    assert not ledger(world).exists()
    record = simlib.register(update.scenario, draws=update.belief).forecasts[0]
    expected = simlib.forecast(update.scenario, draws=update.belief, times=1).questions[record.question]
    assert record.probability == float(expected.probability[-1])
    assert record.provenance["belief_source"]["log_sha256"] == update.provenance["log_sha256"]


def test_registering_again_adds_nothing_and_a_changed_world_adds_its_own(world):
    one = registry.register(world, draws=16)
    assert registry.register(world, draws=16).receipts == one.receipts
    changed = simlib.load(world.path).replace(title="Another title")
    both = registry.register(changed, draws=16)
    assert both.receipts[: len(one.receipts)] == one.receipts
    assert len(both.forecasts) == 4


def test_a_changed_number_is_noticed_with_its_line(world):
    registry.register(world, draws=16)
    file = ledger(world)
    lines = file.read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[1])
    record["probability"] = 0.99
    file.write_text("\n".join([lines[0], json.dumps(record)]), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"registry\.jsonl:2: this record was changed"):
        registry.read_registry(world)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [(1,), (1, 0), (0, 0, 1)])
def test_a_record_taken_out_moved_or_put_in_is_noticed(world, keep):
    registry.register(world, draws=16)
    file = ledger(world)
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[k] for k in keep), encoding="utf-8")
    with pytest.raises(ScenarioError, match="does not follow"):
        registry.read_registry(world)


def test_the_last_record_cut_off_changes_the_receipt(world):
    whole = registry.register(world, draws=16)
    file = ledger(world)
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    assert registry.read_registry(world).receipt != whole.receipt


def test_a_line_that_is_no_record_is_refused(world):
    registry.register(world, draws=16)
    with ledger(world).open("a", encoding="utf-8") as stream:
        stream.write("nonsense\n")
    with pytest.raises(ScenarioError, match=r":3: this is not a record"):
        registry.read_registry(world)


def test_scores_count_what_is_settled_and_show_what_is_void(world):
    registry.register(world, draws=16)
    settle(world, 1, "yes", dt.date(2031, 4, 20))
    settle(world, 2, "void")
    score = score_registry(world)
    assert score.sentences()[0] == "2 forecasts: 1 settled, 0 open, 1 void (50%)."
    ours = 0.99 * score.rows[0].forecast.probability + 0.01 * 0.1
    assert score.rows[0].brier["simlib"] == pytest.approx((1 - ours) ** 2)
    assert score.rows[0].brier["Ann"] == pytest.approx((1 - (0.99 * 0.3 + 0.001)) ** 2)
    assert score.rows[1].brier == {}
    assert score.mean("climatology") == (pytest.approx(0.81), 1)
    assert any("no interval" in text for text in score.sentences())
    again = simlib.load_answer(score.save(ledger(world).with_name("score.json")))
    assert again.to_dict() == score.to_dict()


def test_an_open_registry_has_no_score(world):
    registry.register(world, draws=16)
    assert score_registry(world).sentences()[-1] == "No forecast is settled yet, so there is no score."


def test_a_correction_stays_beside_the_error(world):
    registry.register(world, draws=16)
    settle(world, 1, "yes")
    with pytest.raises(ScenarioError, match="settled already"):
        settle(world, 1, "no")
    book = settle(world, 1, "no", correction=True)
    assert book.verdict(1) == "no"
    assert [each.verdict for each in book.resolutions] == ["yes", "no"]
    assert "1 resolution had to be corrected." in score_registry(world).sentences()


def test_a_forecast_registered_after_its_deadline_proves_nothing(world):
    past = world.replace(as_of=dt.date(2021, 1, 1))
    assert all(each.late for each in registry.register(past, draws=16).forecasts)
    assert (
        "2 forecasts were registered after the deadline. Late forecasts show the method but prove no skill."
        in score_registry(past).sentences()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda world: settle(world, 7, "yes"), "there is no forecast 7"),
        (lambda world: settle(world, 1, "no", dt.date(2031, 4, 2)), "runs to the end of"),
        (lambda world: settle(world, 1, "yes", dt.date(2031, 3, 2)), "begins on"),
        (lambda world: registry.resolve(world, 1, "yes", on=dt.date(2031, 4, 9), source=" "), "needs a source"),
        (lambda world: registry.register(world, questions=["peace"]), "has no terms"),
        (
            lambda world: registry.register(world.replace(view="hawks")),
            "with a view or interventions cannot be registered",
        ),
        (lambda world: registry.register(world.replace(path="")), "from a pipe"),
    ],
)
def test_what_cannot_be_registered_or_settled_is_refused(world, act, words):
    registry.register(world, draws=16)
    with pytest.raises(ScenarioError, match=words):
        act(world)


def test_all_problems_of_the_terms_are_told_at_once(world):
    file = ledger(world).with_name("terms.csv")
    known = next(iter(world.questions))
    file.write_text(
        f"question,void_when,climatology,because,Ann\npeace,x,10%,y,\n{known},,1.2,y,often\n{known},x,10%,y,\n",
        encoding="utf-8",
    )
    with pytest.raises(ScenarioError) as caught:
        read_terms(world)
    told = str(caught.value)
    assert ":2: question: the scenario has no question 'peace'" in told
    assert ":3: void_when: is empty" in told
    assert ":3: climatology: '1.2' is no probability" in told
    assert ":3: Ann: 'often' is no probability" in told
    file.write_text("question,because\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="the column void_when, climatology is missing"):
        read_terms(world)


def test_the_questions_can_be_posted_without_a_probability(world):
    text = as_questions(world)
    assert text.count("**Void** if the islands unite") == 2
    assert "**Base rate.** 10%: two of twenty seasons" in text
    assert "2031-04-01" in text


def test_the_page_shows_the_void_share_first_and_every_receipt(world, tmp_path):
    from simlib.report.registry_page import write_registry_page

    book = registry.register(world, draws=16)
    settle(world, 2, "void")
    page = write_registry_page(score_registry(world), tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.index("1 void (50%)") < page.index("<table>")
    assert all(receipt in page for receipt in book.receipts)
    assert "Calibration" not in page


@pytest.mark.slow
def test_the_command_line_registers_resolves_and_scores(world, capsys, tmp_path):
    from simlib.cli import main

    def cli(*words):
        code = main([*map(str, words)])
        return code, *capsys.readouterr()

    code, out, _ = cli("register", world.path, "--draws", 16, "--question", next(iter(world.questions)))
    assert code == 0
    assert out.startswith("1 forecast registered in ")
    receipt = out.split("Receipt: ")[1].split()[0]
    code, out, _ = cli("register", world.path, "--draws", 16)
    assert out.splitlines()[1].startswith("2. ")
    code, out, _ = cli("resolve", world.path, 1, "yes", "--on", "2031-04-20", "--source", "Gazette")
    assert (code, out.splitlines()[0]) == (0, "Forecast 1 is settled: yes, on 20 April 2031.")
    code, out, _ = cli("score", world.path, "--receipt", receipt, "--page", tmp_path / "page.html", "--json", "-")
    assert code == 0
    assert json.loads(out)["score"]["mean_scores"]["simlib"]["brier"] > 0
    assert (tmp_path / "page.html").exists()
    code, _, err = cli("score", world.path, "--receipt", "f" * 64)
    assert code == 2
    assert "changed or cut off" in err
    code, out, _ = cli("register", world.path, "--questions-to", tmp_path / "questions.md")
    assert (code, (tmp_path / "questions.md").read_text(encoding="utf-8")) == (0, as_questions(world))


@pytest.mark.slow
def test_a_panel_shows_the_registry_and_is_made_anew_with_each_record(world):
    registry.register(world, draws=16)
    panel = RegisteredForecasts(world)
    before, answer = panel.key({}), panel.answer({}, UNWATCHED)
    assert [row[2] for row in answer.rows] == ["open"] * len(registry.read_registry(world).forecasts)
    settle(world, 1, "yes")
    assert panel.key({}) != before
    assert panel.answer({}, UNWATCHED).rows[0][2] == "yes"
