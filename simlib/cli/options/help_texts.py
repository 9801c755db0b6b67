"""Longer texts of `--help`."""

from __future__ import annotations

ABOUT = """\
Crises written down as data: who can do what, how often, and what it changes.
simlib computes what may follow, with a probability and a date."""

EXAMPLES = """\
examples:
  simlib check my-scenario/                  is the file right? all problems at once
  simlib explain two-islands                 every move, assumption and ending in a sentence
  simlib run two-islands                     endings, questions and moves by date
  simlib run two-islands --draws 200         the forecast averaged over the ranges of the assumptions
  simlib compare two-islands --forbid patrol what changes if a move is forbidden
  simlib drivers two-islands                 which assumptions matter most
  simlib pool two-islands                    its views as one forecast, and how far they disagree
  simlib paths two-islands --given ending:open-war  the paths that lead to an ending
  simlib export two-islands --to prism       the same model for PRISM and Storm
  simlib lab                                 the notebooks

PATH is a scenario folder, a scenario file, the name of a scenario that comes with simlib, or
`-` for standard input. `simlib COMMAND --help` says more. Exit code: 0 done, 2 input refused,
1 failed."""

RUN_ABOUT = """\
Forecast a scenario: the probability of each ending, question and rung by date, and the expected number
of moves.

The exact engine computes the forecast unless --engine says otherwise. If a scenario has too many states for it,
the command says how many and computes nothing, because a simulation may take long. --engine auto then simulates.
By default the forecast is at the stated values of the assumptions,
which are medians. --draws N adds the mean over N draws from their priors. This mean is the forecast to publish."""

RUN_EXAMPLES = """\
quantities:
  rates       "2 per week", "every 12 days", "30% within 90 days"
  chances     "30%" or 0.3            factors     3 or 0.5
  lengths     "30 days", "6 weeks" (a number alone means days)
  dates       2031-05-01, at 00:00 UTC
  LEVELS      a level, "X or above", "X or below", "not X", or "a|b"; a comma between conditions means "and"

examples:
  simlib run two-islands --set "patrol_rate=2 per week" --set hot_factor=5
  simlib run two-islands --view hawks --horizon "6 weeks"
  simlib run two-islands --engine montecarlo --runs 100000 --seed 7 --threads 2
  simlib run two-islands --forbid patrol@2031-05-01 --forbid land-troops@2031-05-01..2031-06-01
  simlib run two-islands --force patrol:challenged@2031-04-10 --pin standoff=calm@2031-04-20
  simlib run two-islands --hold standoff=calm@2031-04-10..2031-04-24 --assume "offer_rate=2 per month@2031-04-24"
  simlib run two-islands --draws 200 --out out/
  simlib run two-islands --json - | jq .endings"""


COMPARE_EXAMPLES = """\
A policy has a rate: while its condition holds, the move happens after a random time, not at once. LEVELS is a level,
`X or above`, `X or below`, `not X`, or levels with | between them. A comma between conditions means "and".

examples:
  simlib compare two-islands --forbid patrol
  simlib compare two-islands --with-view hawks --with-view mediators
  simlib compare two-islands --as "a truce" --delay patrol@2031-05-01 --set "offer_rate=2 per month" \\
                             --as "show of force" --repeat "patrol@2031-04-07..2031-05-05 every 7 days"
  simlib compare two-islands --cumulative --as quiet --forbid patrol --as "and a mediator" --with-view mediators
  simlib compare two-islands --policy "patrol=every 2 days..2031-06-01 while standoff=patrols or below" --out out/"""

POOL_ABOUT = """\
Pool several views of a scenario: the linear pool (the mean of their probabilities) and the logarithmic pool (their
normalised geometric mean, at each date). The answer also measures how far apart the views are, by the lowest and
the highest probability, the standard deviation between the views, and the Jensen-Shannon divergence in bits."""

POOL_EXAMPLES = """\
examples:
  simlib pool two-islands
  simlib pool two-islands --views baseline,hawks,mediators --weights 2,1,1 --draws 100 --out out/"""

SWEEP_ABOUT = """\
Compute the forecast at many points (draws, a grid, views) and write it to a folder of Parquet files. If the sweep is
stopped, the same command goes on where it stopped: nothing is lost or counted twice. The points are shuffled, so that
the finished part is a fair sample. In rows of the kind `impact` the column `probability` has the expected amount.

A plan is a named set of interventions. With plans, every point of the design is computed without one (as the plan
`baseline`) and under each plan, with the same values and the same seed. A point is one `case`, and the column
`plan` tells its forecasts apart. A plan file is a view file with `interventions`, and without changed assumptions or a
horizon."""

SWEEP_EXAMPLES = """\
examples:
  simlib sweep two-islands --out swept --sobol 1024
  simlib sweep two-islands --out grid --grid "patrol_rate=1 per week,2 per week" --grid hot_factor=2,3,5
  simlib sweep two-islands --out views --views baseline,hawks --engine exact
  simlib sweep two-islands --out plans --views baseline,hawks --seeds 4 --as "no patrols" --forbid patrol \\
                           --as truce --delay patrol@2031-05-01 --pin standoff=calm@2031-05-01
  simlib sweep caribbean-2025 --out plans --sobol 256 --plan notebooks/plans/off-ramp.yaml \\
                              --plan notebooks/plans/pressure.yaml
In Python, simlib.sweep.read(DIR) gives one table. simlib.sweep.compare_plans(table) puts each plan beside the same
case without a plan."""
