"""Interventions and named variants on the command line, in a fictional valley."""

from __future__ import annotations

import json
import re

import pytest

from simlib.cli import main
from tests.cli.world import write_bridge


@pytest.fixture
def bridge(tmp_path):
    return str(write_bridge(tmp_path))


def compared(capsys, *argv: str) -> dict:
    assert main(["compare", *argv, "--runs", "0", "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)["comparison"]["variants"]


def test_changes_without_a_name_are_one_variant_and_each_view_is_another(bridge, capsys):
    found = compared(capsys, bridge, "--forbid", "close", "--with-view", "hopeful", "--set", "pressure=5")
    changes = {name: len(variant["changes"]) for name, variant in found.items()}
    assert changes == {"hopeful": 1, "forbid close, pressure=5": 2}


def test_changes_too_long_for_a_name_are_called_changed(bridge, capsys):
    rule = "meet=every 2 days@2031-04-05..2031-05-01 while blockade=full, talks=none"
    assert list(compared(capsys, bridge, "--policy", rule)) == ["changed"]


def test_no_variant_may_be_called_the_baseline(bridge, capsys):
    assert main(["compare", bridge, "--as", "baseline", "--forbid", "close"]) == 2
    assert "--as baseline: the baseline is the scenario as it stands; expected another name" in capsys.readouterr().err


def test_as_names_what_follows_it(bridge, capsys):
    found = compared(
        capsys,
        bridge,
        "--as",
        "late",
        "--delay",
        "close@2031-04-20",
        "--as",
        "vow",
        "--with-view",
        "hopeful",
        "--policy",
        "meet=every 2 days@2031-04-05..2031-05-01 while blockade=full, talks=none",
        "--as",
        "market days",
        "--repeat",
        "close@2031-04-05..2031-05-05 every 1 week",
    )
    told = {name: variant["changes"] for name, variant in found.items()}
    assert told["late"] == ["“Close a lane” forbidden until 20 April 2031"]
    assert told["market days"] == ["“Close a lane” forced on 5 April 2031 and 4 more times, the last on 3 May 2031"]
    value, policy = told["vow"]
    assert value == "Meeting: 1 per month → 2 per month"
    for part in ("“Offer talks”", "about every 2 days", "from 5 April 2031 until 1 May 2031", "is full and", "is none"):
        assert part in policy


def test_the_same_change_on_the_command_line_and_in_a_view_are_the_same_bits(bridge, capsys, tmp_path):
    view = tmp_path / "bridge" / "views" / "vow.yaml"
    view.write_text(
        "format: 1\nid: vow\ntitle: A vow\ninterventions:\n"
        "  - {policy: meet, rate: every 2 days, when: {blockade: full}, until: 2031-05-01}\n"
        "  - {repeat: close, every: 10 days}\n  - {delay: clear, until: 2031-04-20}\n"
    )
    found = compared(
        capsys,
        bridge,
        "--with-view",
        "vow",
        "--as",
        "typed",
        "--policy",
        "meet=every 2 days..2031-05-01 while blockade=full",
        "--repeat",
        "close every 10 days",
        "--delay",
        "clear@2031-04-20",
    )
    assert found["vow"]["measures"] == found["typed"]["measures"]
    assert found["vow"]["measures"]["ending:agreement"]["change"][-1] > 0


def test_the_baseline_may_be_a_view(bridge, capsys):
    plain = compared(capsys, bridge, "--with-view", "hopeful")["hopeful"]["measures"]["ending:agreement"]
    seen = compared(capsys, bridge, "--view", "hopeful", "--forbid", "clear")["forbid clear"]
    assert seen["measures"]["ending:agreement"]["before"] == plain["after"]
    assert len(seen["changes"]) == 1


def test_a_policy_is_followed_by_both_engines(bridge, capsys):
    argv = [bridge, "--policy", "meet=every 2 days while blockade=full", "--json", "-"]
    answers = []
    for more in ([], ["--engine", "montecarlo", "--runs", "4000"]):
        assert main(["run", *argv, *more]) == 0
        answers.append(json.loads(capsys.readouterr().out)["endings"]["agreement"])
    exact, sampled = answers
    assert sampled["low"][-1] - 0.01 <= exact["probability"][-1] <= sampled["high"][-1] + 0.01


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "compare: nothing to compare the scenario with; expected --with-view, --set"),
        (["--as", "a"], "--as a: no change follows it; expected --with-view"),
        (["--as", "a", "--forbid", "close", "--as", "a", "--forbid", "meet"], "two variants are called 'a'"),
        (["--as", "a", "--forbid", "clos"], "--as a: clos: unknown move 'clos'; did you mean 'close'"),
        (["--forbid", "close while mod=hot"], "close while mod=hot: mod: unknown variable 'mod'; did you mean 'mood'"),
        (["--with-view", "hopefull"], "has no view 'hopefull'; did you mean 'hopeful'"),
        (["--view", "hopeful", "--with-view", "hopeful"], "already has the view 'hopeful'"),
        (["--policy", "meet=2"], "meet=2: '2' is a number without a unit; expected a rate"),
        (["--repeat", "close every 1 month"], "close every 1 month: a move repeated every 30.4375 days; expected a"),
        (["--delay", "close@soon"], "close@soon: 'soon' is not a date; expected a date such as 2031-04-01"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(argv, words, bridge, capsys):
    assert main(["compare", bridge, *argv]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert all(line.startswith("simlib: ") or bridge in line for line in err.splitlines())


def test_changes_are_kept_as_a_view(bridge, capsys):
    changes = ["--set", "pressure=5", "--policy", "meet=1 per day while blockade=full", "--delay", "close@2031-04-09"]
    assert main(["run", bridge, "--view", "hopeful", *changes, "--save-view", "vow", "--json", "-"]) == 0
    told = capsys.readouterr()
    assert told.err.strip().endswith("vow.yaml")
    assert main(["run", bridge, "--view", "vow", "--json", "-"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["endings"] == json.loads(told.out)["endings"]
    for name, words in (("vow", "there is a view 'vow' already"), ("../x", "is no name"), ("not", "contains the word")):
        assert main(["run", bridge, "--save-view", name]) == 2
        assert words in capsys.readouterr().err


def test_variants_stand_beside_each_other_in_one_table(bridge, capsys):
    assert main(["compare", bridge, "--runs", "0", "--forbid", "close", "--with-view", "hopeful"]) == 0
    out = capsys.readouterr().out
    assert (
        out.count("By 30 May 2031: the baseline, and each variant by itself (change from the baseline in points)") == 1
    )
    assert re.search(r"^ +baseline +hopeful +forbid close$", out, re.MULTILINE)
    assert re.search(r"^  Agreed +\S+%( +\S+% \([+-]\S+\)){2}$", out, re.MULTILINE)


def test_pairs_are_played_for_each_draw_and_flips_have_a_table(bridge, capsys):
    assert main(["compare", bridge, "--forbid", "close", "--draws", "10", "--runs", "7", "--engine", "montecarlo"]) == 0
    out = capsys.readouterr().out
    assert "Monte Carlo, over the priors (10 draws of 7 pairs of histories, seed 0)" in out
    assert "Histories that end differently by 30 May 2031" in out
    assert re.search(r"^  forbid close +\S+%( +\S+% to \S+%){2}$", out, re.MULTILINE)
    assert "with other pairs" in out


@pytest.mark.slow
def test_variants_pile_up_in_the_order_given(bridge, capsys, tmp_path):
    piled = ["--as", "no closing", "--forbid", "close", "--as", "hope", "--with-view", "hopeful"]
    both = ["--as", "both", "--forbid", "close", "--with-view", "hopeful"]
    found, alone = compared(capsys, bridge, *piled, "--cumulative"), compared(capsys, bridge, *both)
    assert found["hope"]["measures"] == alone["both"]["measures"]
    assert len(found["hope"]["changes"]) == 2
    apart = compared(capsys, bridge, *piled)
    assert found["no closing"]["measures"] == apart["no closing"]["measures"]
    assert found["hope"]["measures"] != apart["hope"]["measures"]
    argv = ["compare", bridge, "--runs", "0", *piled, "--cumulative", "--out", str(tmp_path / "out")]
    assert main(argv) == 0
    assert re.search(r"^ +baseline +\+ no closing +\+ hope$", capsys.readouterr().out, re.MULTILINE)
    drawn = {path.stem for path in (tmp_path / "out").glob("*.png")}
    assert {"waterfall-question-full-blockade", "waterfall-ending-agreement"} <= drawn


# Views pooled


def pooled(capsys, *argv: str) -> dict:
    assert main(["pool", *argv, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)["pool"]


def test_the_baseline_and_every_view_are_pooled_alike(bridge, capsys):
    assert pooled(capsys, bridge)["weights"] == {"baseline": 0.5, "hopeful": 0.5}


def test_views_are_pooled_with_their_weights(bridge, capsys):
    found = pooled(capsys, bridge, "--views", "hopeful, baseline", "--weights", "3,1")
    assert found["weights"] == {"hopeful": 0.75, "baseline": 0.25}
    ending = found["endings"]["agreement"]
    assert ending["linear"][-1] == pytest.approx(
        0.75 * ending["views"]["hopeful"][-1] + 0.25 * ending["views"]["baseline"][-1]
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--views", "hopeful"], "--views: 'hopeful' alone; expected at least two views"),
        (["--views", "hopeful,hopeful"], "'hopeful' is named twice; expected each view once"),
        (["--views", "hopeful,sad"], "has no view 'sad'; expected one of: hopeful"),
        (["--weights", "1"], "--weights: 1 weights for 2 views; expected one for each of baseline, hopeful"),
        (["--weights", "1,much"], "--weights: 'much' is no number; expected a number of at least 0"),
        (["--weights", "1,-1"], "weights: hopeful: -1; expected a number of at least 0"),
        (["--set", "pressur=2"], "pressur: there is no such assumption; did you mean 'pressure'"),
    ],
)
def test_what_cannot_be_pooled_is_refused(argv, words, bridge, capsys):
    assert main(["pool", bridge, *argv]) == 2
    assert words in capsys.readouterr().err
