"""A small fictional world as a file, for the command line."""

from __future__ import annotations

from pathlib import Path

BRIDGE = """\
format: 1
id: bridge
title: A blockade of the valley bridge
as_of: 2031-04-01
horizon: 60 days
actors: {farmers: The farmers, council: The valley council}
variables:
  blockade: {label: The blockade, levels: [lifted, partial, full], start: partial}
  talks: {label: Talks, levels: [none, open, signed], start: none}
  mood: {label: The mood, levels: [calm, hot], hidden: true, because: assumed, start: {calm: 0.4, hot: rest}}
assumptions:
  closing: {label: Closing a lane, value: every 20 days, low: every 50 days, high: every 8 days, because: two so far}
  meeting: {label: Meeting, value: 1 per month, low: 0.3 per month, high: 3 per month, because: assumed}
  signing: {label: Signing, value: every 14 days, low: every 30 days, high: every 7 days, because: assumed}
  clearing:
    {label: Clearing, value: 5% within 30 days, low: 1% within 30 days, high: 20% within 30 days, because: assumed}
  pressure: {label: Pressure of a full blockade, value: 3, low: 1.5, high: 6, because: assumed}
  yes: {label: An offer is accepted, value: 60%, low: 30%, high: 80%, because: assumed}
moves:
  close: {actor: farmers, label: Close a lane, when: {blockade: partial}, rate: closing, then: {blockade: full}}
  meet:
    actor: council
    label: Offer talks
    when: {talks: none}
    rate: meeting
    times: [{by: pressure, when: {blockade: full}}]
    outcomes: {refused: {}, accepted: {chance: yes, then: {talks: open}}}
  sign: {actor: council, label: Sign, when: {talks: open}, rate: signing, then: {talks: signed}}
  clear: {actor: council, label: Clear it, when: {blockade: full, mood: hot}, rate: clearing, then: {blockade: lifted}}
endings:
  agreement: {when: {talks: signed}, label: Agreed}
  cleared-away: {when: {blockade: lifted}, label: Cleared by force}
ladders: {lanes: {label: Lanes, rungs: [{rung: some closed}, {rung: all closed, when: {blockade: full}}]}}
questions:
  full-blockade: {label: Every lane is closed, when: {blockade: full}, resolves: the radio says so}
  refusal: {label: An offer is refused, move: meet, outcome: refused, resolves: the radio says so}
"""

VIEW = """\
format: 1
id: hopeful
title: Both want a deal
author: A teacher
because: harvest is near
assumptions:
  meeting: {value: 2 per month, because: harvest is near}
"""


def write_bridge(folder: Path) -> Path:
    """Write the world with one view into a new folder and return it."""
    home = folder / "bridge"
    (home / "views").mkdir(parents=True)
    (home / "scenario.yaml").write_text(BRIDGE)
    (home / "views" / "hopeful.yaml").write_text(VIEW)
    return home
