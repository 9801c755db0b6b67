"""Tiny fictional worlds whose answers are known in closed form; each docstring gives the formula.

Numbers written in these worlds become assumptions named by place (`cross.rate`), as the loader does for literals.
Time is in days; `t` in a formula is a report time.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from simlib.scenario.model import (
    ALWAYS,
    Actor,
    Assume,
    Assumption,
    AssumptionKind,
    Condition,
    Effect,
    Ending,
    Factor,
    Forbid,
    Force,
    Hold,
    Impact,
    ImpulseReward,
    Ladder,
    Lull,
    Move,
    Outcome,
    Pin,
    Policy,
    Question,
    RateReward,
    Repeats,
    Rung,
    Scenario,
    TerminalReward,
    Variable,
    Window,
)

AS_OF = dt.date(2031, 4, 1)

PARTS = ("variables", "assumptions", "moves", "endings", "ladders", "questions", "impacts")

Levels = str | Sequence[str]
When = Mapping[str, Levels] | Sequence[Mapping[str, Levels]] | None
Part = Mapping[str, str | int]
Then = Part | Sequence[tuple[Part, When]]
Times = Sequence[tuple[float | str, When] | tuple[float | str, When, Window]]


def shown_at_once(world: Scenario) -> Scenario:
    """Return a world with `evidence` whose log shows each firing on its day or never, not within some days."""
    seen = tuple(replace(how, within_days=0) for how in world.evidence.seen)
    return world.replace(evidence=replace(world.evidence, seen=seen))


def date(day: int) -> dt.date:
    """Return the date whose 00:00 is `day` days after the start."""
    return AS_OF + dt.timedelta(days=day)


def window(first_day: int, last_day: int) -> Window:
    """Return a window open for first_day <= t < last_day + 1 (dates are inclusive)."""
    return Window(date(first_day), date(last_day))


def condition(when: When) -> Condition:
    """Return the condition of a mapping (all) or a list of mappings (any)."""
    if when is None:
        return ALWAYS
    clauses = [when] if isinstance(when, Mapping) else when
    return Condition(
        tuple(
            tuple((name, (levels,) if isinstance(levels, str) else tuple(levels)) for name, levels in clause.items())
            for clause in clauses
        )
    )


def effects(then: Then | None) -> tuple[Effect, ...]:
    """Return effects of {variable: level or shift}, or of several of these, each with its condition."""
    parts = [(then or {}, None)] if then is None or isinstance(then, Mapping) else then
    return tuple(
        Effect(name, shift=to, when=condition(when))
        if isinstance(to, int)
        else Effect(name, level=to, when=condition(when))
        for part, when in parts
        for name, to in part.items()
    )


@dataclass
class World:
    """Collects the parts of a scenario; `scenario()` gives the frozen whole."""

    id: str
    horizon: float = 30.0
    variables: dict[str, Variable] = field(default_factory=dict)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    moves: dict[str, Move] = field(default_factory=dict)
    endings: dict[str, Ending] = field(default_factory=dict)
    ladders: dict[str, Ladder] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    impacts: dict[str, Impact] = field(default_factory=dict)

    def number(self, name: str, kind: AssumptionKind, value: float | str) -> str:
        """Record a number as a fixed assumption and return its id; a string is the id of one already there."""
        if isinstance(value, str):
            return value
        place = ("moves", *name.split(".")) if kind == "rate" else ()  # where a file would have the number
        self.assumptions[name] = Assumption(name, name, kind, value, value, value, "assumed", inline=True, place=place)
        return name

    def uncertain(self, name: str, kind: AssumptionKind, value: float, low: float, high: float) -> str:
        """Record an assumption with a prior and return its id."""
        self.assumptions[name] = Assumption(name, name, kind, value, low, high, "assumed")
        return name

    def counter(self, name: str, first: int, last: int, *, start: int | Mapping[str, float | None]) -> World:
        """Add a counter from one number to another; a share of None in `start` takes the rest."""
        numbers = tuple(str(number) for number in range(first, last + 1))
        self.variable(name, *numbers, start=str(start) if isinstance(start, int) else start)
        self.variables[name] = dataclasses.replace(self.variables[name], counter=True)
        return self

    def variable(
        self, name: str, *levels: str, start: str | Mapping[str, float | str | None], hidden: bool = False
    ) -> World:
        """Add a variable; a share of None in `start` takes the rest."""
        shares = {start: None} if isinstance(start, str) else start
        pairs = tuple(
            (level, None if share is None else self.number(f"{name}.start.{level}", "chance", share))
            for level, share in shares.items()
        )
        self.variables[name] = Variable(name, name, levels, pairs, hidden=hidden)
        return self

    def move(
        self,
        name: str,
        rate: float | str,
        then: Then | None = None,
        *,
        when: When = None,
        between: Window | None = None,
        times: Times = (),
        per: Sequence[str] = (),
        outcomes: Mapping[str, tuple[float | str | None, Then] | tuple[float | str | None, Then, Times]] | None = None,
        actor: str = "nature",
        covert: bool = False,
    ) -> World:
        """Add a move.

        `outcomes` is {id: (chance or None for the rest, then, factors on its odds)}, else one outcome `done` with
        `then`.
        """
        branches = tuple(
            Outcome(
                branch,
                branch,
                None if chance is None else self.number(f"{name}.{branch}.chance", "chance", chance),
                effects(to),
                self.factors(f"{name}.{branch}", *odds),
            )
            for branch, (chance, to, *odds) in (outcomes or {"done": (None, then or {})}).items()
        )
        self.moves[name] = Move(
            name,
            actor,
            name,
            self.number(f"{name}.rate", "rate", rate),
            when=condition(when),
            between=between,
            factors=self.factors(name, times) + tuple(Factor("", per=counter) for counter in per),
            outcomes=branches,
            covert=covert,
        )
        return self

    def factors(self, place: str, times: Times = ()) -> tuple[Factor, ...]:
        """Return factors of (number, condition, window if any)."""
        return tuple(
            Factor(self.number(f"{place}.times.{number}", "factor", by), condition(on), *rest)
            for number, (by, on, *rest) in enumerate(times, start=1)
        )

    def ending(self, name: str, when: When) -> World:
        """Add an ending; their order is precedence."""
        self.endings[name] = Ending(name, name, condition(when))
        return self

    def ladder(self, name: str, **rungs: When) -> World:
        """Add a ladder from its rungs, lowest first."""
        self.ladders[name] = Ladder(name, name, tuple(Rung(rung, condition(when)) for rung, when in rungs.items()))
        return self

    def question(self, name: str, when: When = None, *, move: str | None = None, outcome: str | None = None) -> World:
        """Add a question about a condition or about a move (outcome)."""
        asked = None if when is None else condition(when)
        self.questions[name] = Question(name, name, asked, move, outcome)
        return self

    def lull(self, name: str, days: float, *moves: str) -> World:
        """Add a question about a stretch of days without any of some moves."""
        self.questions[name] = Question(name, name, lull=Lull(moves, days))
        return self

    def count(self, name: str, at_least: int, *moves: str) -> World:
        """Add a question about so many firings of some moves together."""
        self.questions[name] = Question(name, name, count=Repeats(moves, at_least))
        return self

    def amount(self, name: str, value: float | str, spread: float = 0.0) -> str:
        """Record an amount of an impact and return its id; a string is the id of one already there."""
        self.number(name, "amount", value)
        if spread:
            self.assumptions[name] = replace(self.assumptions[name], spread=spread)
        return value if isinstance(value, str) else name

    def impact(
        self,
        name: str,
        *,
        on: Sequence[tuple[str, str | None, float | str, float]] = (),
        per_day: Sequence[tuple[When, float]] = (),
        at: Sequence[tuple[str, float, float]] = (),
    ) -> World:
        """Add an impact: (move, outcome, each, spread), (condition, amount per day) and (ending, amount, spread)."""
        self.impacts[name] = Impact(
            name,
            name,
            "people",
            tuple(
                ImpulseReward(move, self.amount(f"{name}.on.{place}", each, spread), outcome)
                for place, (move, outcome, each, spread) in enumerate(on, start=1)
            ),
            tuple(
                RateReward(self.amount(f"{name}.per_day.{place}", amount), condition(when))
                for place, (when, amount) in enumerate(per_day, start=1)
            ),
            tuple(
                TerminalReward(ending, self.amount(f"{name}.at.{place}", amount, spread))
                for place, (ending, amount, spread) in enumerate(at, start=1)
            ),
        )
        return self

    @classmethod
    def of(cls, scenario: Scenario) -> World:
        """Return a world that begins as a copy of a scenario."""
        parts = {name: dict(getattr(scenario, name)) for name in PARTS}
        return cls(scenario.id, scenario.horizon_days, **parts)

    def scenario(self) -> Scenario:
        """Return the scenario."""
        return Scenario(
            self.id,
            self.id,
            AS_OF,
            self.horizon,
            {"nature": Actor("nature", "Nature")},
            dict(self.variables),
            dict(self.assumptions),
            dict(self.moves),
            dict(self.endings),
            dict(self.ladders),
            dict(self.questions),
            dict(self.impacts),
        )


def two_states(rate: float = 0.1, back: float | None = None, *, ends: bool = False, horizon: float = 30.0) -> Scenario:
    """A ferry on the left bank crosses to the right, and perhaps back.

    P(right at t) = a/(a+b) (1 - exp(-(a+b) t)) with a = rate, b = back or 0. With `ends`, "right" is the ending
    `across`, reached with probability 1 - exp(-a t).
    """
    world = World("two-states", horizon).variable("bank", "left", "right", start="left")
    world.move("cross", rate, {"bank": "right"}, when={"bank": "left"})
    if back is not None:
        world.move("return", back, {"bank": "left"}, when={"bank": "right"})
    if ends:
        world.ending("across", {"bank": "right"})
    world.question("crossed", {"bank": "right"}).question("sailed", move="cross")
    return world.ladder("banks", near=None, far={"bank": "right"}).scenario()


def birth_death(birth: float = 0.3, death: float = 0.2, levels: int = 5, *, horizon: float = 30.0) -> Scenario:
    """Water rises and falls one mark at a time between 0 and `levels` - 1, saturating at the ends; it never ends.

    The generator is tridiagonal: `birth` above the diagonal, `death` below. Both moves always fire at their rates, so
    each count is Poisson with mean rate x t. Starts at the lowest mark.
    """
    marks = [f"mark-{chr(97 + i)}" for i in range(levels)]
    world = World("birth-death", horizon).variable("water", *marks, start=marks[0])
    world.move("rise", birth, {"water": +1}).move("fall", death, {"water": -1})
    rungs: dict[str, When] = {f"rung-{mark}": {"water": marks[i:]} if i else None for i, mark in enumerate(marks)}
    return world.ladder("height", **rungs).question("brim", {"water": marks[-1]}).scenario()


def linear_growth(
    birth: float = 0.05, death: float = 0.1, start: int = 8, *, top: int = 120, horizon: float = 30.0
) -> Scenario:
    """Every head has a child at rate `birth` and dies at rate `death`; at 0 the herd is gone (ending `gone`).

    The mean is n exp((b - d) t). With e = exp((b - d) t), P(gone by t) = (d (e - 1) / (b e - d))^n (Kendall 1948), as
    long as `top` is out of reach.
    """
    world = World("linear-growth", horizon).counter("herd", 0, top, start=start)
    world.move("birth", birth, {"herd": +1}, per=["herd"]).move("death", death, {"herd": -1}, per=["herd"])
    world.question("halved", {"herd": [str(n) for n in range(start // 2 + 1)]}).ladder(
        "size", some=None, none={"herd": "0"}
    )
    return world.ending("gone", {"herd": "0"}).scenario()


def square_law(blue: int = 12, red: int = 10, hits: tuple[float, float] = (0.05, 0.08)) -> Scenario:
    """Two forces shoot at each other: each of one side hits one of the other at rate `hits` (Lanchester's square law).

    The next loss is red's with probability hits[0] b / (hits[0] b + hits[1] r) at strengths b and r, and the side that
    has any left wins (Brown 1963).
    """
    world = World("square-law", 400.0).counter("blue", 0, blue, start=blue).counter("red", 0, red, start=red)
    world.move("blue-fires", hits[0], {"red": -1}, per=["blue"], when={"red": [str(n) for n in range(1, red + 1)]})
    world.move("red-fires", hits[1], {"blue": -1}, per=["red"], when={"blue": [str(n) for n in range(1, blue + 1)]})
    return world.ending("red-wins", {"blue": "0"}).ending("blue-wins", {"red": "0"}).scenario()


def many_lights(lights: int = 64) -> Scenario:
    """A house with many lamps, of which three have a switch. The levels combine to 2**lights states.

    P(lit at t) = 1 - exp(-a t) for the lamp in the hall, with a = 0.1. More than 2**62 states cannot be numbered.
    """
    world = World("many-lights", 20.0)
    for name in (rooms := ["hall", "attic", "cellar", *(f"room-{number}" for number in range(lights - 3))]):
        world.variable(name, "dark", "lit", start="dark")
    for name in rooms[:3]:
        rate = world.uncertain(f"{name}-rate", "rate", 0.1, 0.05, 0.2)
        world.move(f"light-{name}", rate, {name: "lit"}, when={name: "dark"})
    world.ending("lit", {"hall": "lit"}).ladder("glow", none=None, some={"hall": "lit"})
    return world.scenario().replace(reference_class="icb-open-62-days")


def competing_exits(rates: Sequence[float] = (0.02, 0.05, 0.08), *, horizon: float = 30.0) -> Scenario:
    """A traveller at a crossroads takes one of several roads: ending `exit-i`, i from 0.

    P(exit-i by t) = rate_i / S (1 - exp(-S t)) with S the sum of the rates.
    """
    names = [f"road-{i}" for i in range(len(rates))]
    world = World("competing-exits", horizon).variable("place", "crossroads", *names, start="crossroads")
    for index, (name, rate) in enumerate(zip(names, rates, strict=True)):
        world.move(f"take-{name}", rate, {"place": name}, when={"place": "crossroads"})
        world.ending(f"exit-{index}", {"place": name})
    return world.scenario()


def erlang(stages: int = 4, rate: float = 0.3, *, horizon: float = 30.0) -> Scenario:
    """A parcel passes `stages` offices in turn: the time of arrival (ending `arrived`) is Erlang(stages, rate)."""
    levels = [f"office-{chr(97 + i)}" for i in range(stages)] + ["door"]
    world = World("erlang", horizon).variable("parcel", *levels, start=levels[0])
    world.move("forward", rate, {"parcel": +1}, when={"parcel": levels[:-1]})
    return world.ending("arrived", {"parcel": "door"}).scenario()


def unreachable_rung(rate: float = 0.2, *, horizon: float = 30.0) -> Scenario:
    """A lamp can be lit but never turn green: rung `go`, ending `green` and question `ever-green` have probability 0.

    P(red at t) = 1 - exp(-rate t). The move `repaint` is never possible.
    """
    world = World("unreachable-rung", horizon).variable("lamp", "off", "red", "green", start="off")
    world.move("light", rate, {"lamp": "red"}, when={"lamp": "off"})
    world.move("repaint", 5.0, {"lamp": "off"}, when={"lamp": "green"})
    world.ladder("signal", dark=None, stop={"lamp": "red"}, go={"lamp": "green"})
    return world.ending("green", {"lamp": "green"}).question("ever-green", {"lamp": "green"}).scenario()


def absorbing_start(rate: float = 1.0, *, horizon: float = 30.0) -> Scenario:
    """The door is shut from the start: ending `shut` at t = 0 and nothing happens; `locked` is later in the file."""
    world = World("absorbing-start", horizon).variable("door", "shut", "open", start="shut")
    world.variable("lock", "locked", "loose", start="locked")
    world.move("push", rate, {"door": "open"}).ending("shut", {"door": "shut"}).ending("locked", {"lock": "locked"})
    return world.question("was-shut", {"door": "shut"}).question("pushed", move="push").scenario()


def windows(
    rate: float = 0.1, opens: int = 5, closes: int = 12, factor: float | None = None, *, horizon: float = 30.0
) -> Scenario:
    """A gate that can fall only while a window is open, or with `factor` falls that much faster then.

    The window is [opens, closes + 1). P(fallen by t) = 1 - exp(-rate w(t)), w(t) the time of it before t; with
    `factor` f it is 1 - exp(-rate (t + (f - 1) w(t))).
    """
    world, span = World("windows", horizon), window(opens, closes)
    world.variable("gate", "up", "down", start="up")
    if factor is None:
        world.move("drop", rate, {"gate": "down"}, when={"gate": "up"}, between=span)
    else:
        world.move("drop", rate, {"gate": "down"}, when={"gate": "up"}, times=[(factor, None, span)])
    return world.ending("fallen", {"gate": "down"}).scenario()


def hidden_spread(share: float = 0.3, slow: float = 0.02, fast: float = 0.2, *, horizon: float = 30.0) -> Scenario:
    """A fuse is dry with probability `share`, else damp, and nobody knows: P(burnt by t) mixes two exponentials.

    share (1 - exp(-fast t)) + (1 - share) (1 - exp(-slow t)).
    """
    world = World("hidden-spread", horizon)
    world.variable("fuse", "damp", "dry", start={"damp": None, "dry": share}, hidden=True)
    world.variable("powder", "whole", "burnt", start="whole")
    world.move("burn", slow, {"powder": "burnt"}, when={"powder": "whole"}, times=[(fast / slow, {"fuse": "dry"})])
    return world.ending("burnt", {"powder": "burnt"}).scenario()


def branches(rate: float = 0.2, chances: Sequence[float] = (0.5, 0.2), *, horizon: float = 30.0) -> Scenario:
    """A coin is tossed again and again; outcome i ends the game as `side-i`, the rest changes nothing.

    P(side-i by t) = c_i / C (1 - exp(-rate C t)) with C the sum of the chances; the expected number of tosses by t is
    (1 - exp(-rate C t)) / C.
    """
    names = [f"side-{i}" for i in range(len(chances))]
    world = World("branches", horizon).variable("coin", "spinning", *names, start="spinning")
    outcomes: dict[str, tuple[float | str | None, Mapping[str, str | int]]] = {"again": (None, {})}
    for name, chance in zip(names, chances, strict=True):
        outcomes[name] = (chance, {"coin": name})
        world.ending(name, {"coin": name})
    world.move("toss", rate, when={"coin": "spinning"}, outcomes=outcomes)
    return world.question("tossed", move="toss").question("first-side", move="toss", outcome=names[0]).scenario()


def clocks(*, hot: float | None = 0.6, uncertain: bool = False, per_day: float = 1.0) -> Scenario:
    """A hidden clock cools at .125 a day. Events come at .11, three times as often while hot. First precedes second.

    Rates are for `per_day` days to the day. `hot` is its share at the start (None: quiet for certain). With `uncertain`
    the rate of events has a prior (.05 to .24).
    """
    world = World("clocks", 60.0)
    start = "quiet" if hot is None else {"quiet": None, "hot": hot}
    world.variable("tempo", "quiet", "hot", start=start, hidden=True)
    world.variable("stage", "none", "begun", "done", start="none")
    world.move("cool", 0.125 / per_day, {"tempo": "quiet"}, when={"tempo": "hot"}, covert=True)
    rate = world.uncertain("event.rate", "rate", 0.11, 0.05, 0.24) if uncertain else 0.11 / per_day
    world.move("event", rate, times=[(3.0, {"tempo": "hot"})])
    world.move("first", 0.2 / per_day, {"stage": "begun"}, when={"stage": "none"})
    world.move("second", 0.5 / per_day, {"stage": "done"}, when={"stage": "begun"})
    return world.scenario()


def loaded_die(rate: float = 0.2, chance: float = 0.3, factor: float = 4.0, *, horizon: float = 30.0) -> Scenario:
    """A die is thrown; a six ends the game, and where the die is loaded its odds are `factor` times as high.

    The die is loaded with probability 1/2. P(six by t) = 1 - exp(-rate p t), where p / (1 - p) = chance / (1 - chance),
    times `factor` where it is loaded.
    """
    world = World("loaded-die", horizon).variable("table", "open", "over", start="open")
    world.variable("die", "fair", "loaded", start={"fair": 0.5, "loaded": None}, hidden=True)
    six = (chance, {"table": "over"}, [(factor, {"die": "loaded"})])
    world.move("throw", rate, when={"table": "open"}, outcomes={"other": (None, {}), "six": six})
    return world.ending("six", {"table": "over"}).scenario()


def branching_world(*, horizon: float = 60.0) -> Scenario:
    """Chances that depend on the state and the calendar, and effects that depend on the level; a forced strike.

    No closed form: for comparing engines with each other.
    """
    world = World("branching", horizon)
    world.variable("force", "none", "one", "two", "war", start="none").variable("talks", "none", "open", start="none")
    world.variable("mood", "calm", "angry", start={"calm": 0.7, "angry": None}, hidden=True)
    angry, low = {"mood": "angry"}, {"force": ["none", "one"]}
    world.move(
        "strike",
        0.3,
        times=[(1.5, angry)],
        outcomes={
            "miss": (None, {"mood": "calm"}, [(0.4, angry)]),
            "hit": (
                0.3,
                [({"force": +1}, low), ({"force": "war"}, angry | {"force": "two"}), ({"mood": "angry"}, None)],
                [(3.0, {"talks": "none"}, window(6, 20)), (2.0, angry)],
            ),
            "spared": (0.1, [({"talks": "open"}, low), ({"force": -1}, {"force": "two"})]),
        },
    )
    world.move("calm-down", 0.2, {"mood": "calm"}, when=angry, covert=True)
    world.move("walk-out", 0.1, {"talks": "none"}, when={"talks": "open"})
    world.ending("war", {"force": "war"}).question("hit", move="strike", outcome="hit")
    return (
        world.question("two", {"force": "two"})
        .ladder("height", calm=None, high={"force": ["two", "war"]})
        .scenario()
        .replace(
            interventions=(
                Force("strike", date(3)),
                Force("strike", date(4), "hit"),
                Assume("strike.hit.times.2", 5.0, condition({"talks": "open"}), date(10), until=date(30)),
            )
        )
    )


def tempo_world(*, horizon: float = 60.0) -> Scenario:
    """Two rivals with a hidden tempo, a shift that saturates, three endings, two ladders and four questions.

    No closed form: for comparing engines with each other.
    """
    world = World("tempo", horizon)
    world.variable("standoff", "calm", "patrols", "clashes", "war", start="patrols")
    world.variable("talks", "none", "open", "signed", start={"none": 0.7, "open": None})
    world.variable("tempo", "quiet", "hot", start={"quiet": 0.4, "hot": None}, hidden=True)
    quiet, hot = {"tempo": "quiet"}, {"tempo": "hot"}
    world.move("cool", 0.14, {"tempo": "quiet"}, when=hot, covert=True)
    world.move(
        "patrol",
        0.15,
        when={"standoff": ["calm", "patrols"]},
        times=[(3.0, hot), (0.5, {"talks": "open"})],
        outcomes={"no-incident": (None, {}), "challenged": (0.3, {"standoff": +1, "tempo": "hot"})},
        actor="north",
    )
    world.move("withdraw", 0.1, {"standoff": -1}, when=[{"talks": "open"}, quiet], actor="north")
    world.move(
        "clash",
        0.05,
        when={"standoff": ["patrols", "clashes"]},
        times=[(4.0, hot, window(10, 29))],
        outcomes={"small": (0.9, {"standoff": +1, "tempo": "hot"}), "large": (None, {"standoff": "war"})},
        actor="south",
    )
    world.move("invite", 0.06, {"talks": "open"}, when={"talks": "none"}, times=[(0.3, hot)], actor="south")
    world.move("sign", 0.04, {"talks": "signed"}, when={"talks": "open", "standoff": ["calm", "patrols"]})
    world.move("storm-off", 0.05, {"talks": "none"}, when={"talks": "open"}, between=window(5, 44))
    world.move("rumour", 0.5)
    world.ending("war", {"standoff": "war"}).ending("treaty", {"talks": "signed"})
    world.ending("quiet", {"standoff": "calm", "tempo": "quiet", "talks": "open"})
    world.ladder(
        "height",
        calm=None,
        shows={"standoff": ["patrols", "clashes", "war"]},
        arms={"standoff": ["clashes", "war"]},
        war={"standoff": "war"},
    )
    world.ladder("mood", cold=None, talking={"talks": ["open", "signed"]}, tense=[hot, {"standoff": "clashes"}])
    world.question("any-clash", {"standoff": ["clashes", "war"]}).question("large-clash", move="clash", outcome="large")
    return world.question("invited", move="invite").question("hot-at-all", hot).scenario()


def intervened_world() -> Scenario:
    """The tempo world with one intervention of every kind."""
    return tempo_world().replace(
        interventions=(
            Force("invite", date(3)),
            Force("clash", date(6), "small"),
            Pin("tempo", "hot", date(20)),
            Forbid("patrol", date(25), until=date(40)),
            Forbid("rumour", date(10), when=condition({"tempo": "hot"})),
            Policy("withdraw", 0.3, condition({"standoff": "clashes"}), date(4)),
            Hold("talks", "open", date(28), until=date(35)),
            Assume("cool.rate", 0.5, date=date(30)),
            Assume("clash.times.1", 8.0, condition({"talks": "none"}), date(12), until=date(25)),
            Assume("patrol.challenged.chance", 0.6, date=date(2), until=date(9)),
        )
    )


TWO_CLOCKS = """format: 1
id: clocks
title: Two clocks
as_of: 2031-04-01
horizon: 30 days
actors: {n: North, s: South}
variables: {stage: {levels: [calm, warned, done], start: calm}}
assumptions:
  warn_rate: {label: Warnings, value: 0.05 per day, because: assumed}
  act_rate: {label: Acts, value: 0.2 per day, because: assumed}
moves:
  warn: {actor: n, label: Warn, when: {stage: calm}, rate: warn_rate, outcomes: {yes-warned: {then: {stage: warned}}}}
  act: {actor: n, label: Act, when: {stage: warned}, rate: act_rate, outcomes: {acted: {then: {stage: done}}}}
endings: {acted: {when: {stage: done}, label: North acts}}
ladders: {l: [{rung: calm}, {rung: done, when: {stage: done}}]}
"""
"""A scenario file: a warning comes at 0.05 per day, and then an act at 0.2 per day, which ends the story."""
