"""How each kind of intervention (a change from outside) is typed on a command line.

LEVELS is one level, several levels with `|` between them, or a phrase such as `X or above`.
"""

from __future__ import annotations

from dataclasses import dataclass

_OUTCOME = r"(?::(?P<outcome>[^:@.]+?))?"
_ON = r"\s*@\s*(?P<date>[^@]+)"
_SPAN = r"(?:@(?P<date>[^@.]+?))?(?:\.\.(?P<until>[^@.]+?))?"
_WHILE = r"(?:\s+while\s+(?P<when>.+))?"
_SETTING = r"(?P<name>[^=@]+?)=(?P<value>(?:(?!\.\.)[^@])+?)"
_LEVEL = r"(?P<name>[^=@]+?)=(?P<value>[^=@]+?)"


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which one kind of intervention is typed on a command line.

    - `text`: the form as people see it.
    - `pattern`: the regular expression that matches the typed text.
    - `purpose`: the effect of the intervention in words.
    """

    text: str
    pattern: str
    purpose: str


INTERVENTION_FORMS = {
    "force": Form(
        "MOVE[:OUTCOME]@DATE",
        r"(?P<name>[^:@]+)(?::(?P<outcome>[^:@]+))?" + _ON,
        "make a move happen on a date, if its condition holds then",
    ),
    "repeat": Form(
        "MOVE[:OUTCOME][@DATE][..UNTIL] every LENGTH",
        rf"(?P<name>[^:@.]+?){_OUTCOME}{_SPAN}\s+every\s+(?P<every>.+)",
        "make a move happen on a date and again at equal intervals, until another date",
    ),
    "forbid": Form(
        "MOVE[@DATE][..UNTIL] [while VARIABLE=LEVELS]",
        rf"(?P<name>[^:@.]+?){_SPAN}{_WHILE}",
        "make a move impossible from one date (default: the start) until another, or while a condition holds",
    ),
    "delay": Form("MOVE@DATE", r"(?P<name>[^:@]+)" + _ON, "make a move impossible before a date"),
    "policy": Form(
        "MOVE=RATE[@DATE][..UNTIL] [while VARIABLE=LEVELS]",
        _SETTING + _SPAN + _WHILE,
        "make a move happen at a new rate, from one date until another or while a condition holds",
    ),
    "pin": Form(
        "VARIABLE=LEVEL@DATE", r"(?P<name>[^=@]+)=(?P<value>[^=@]+)" + _ON, "set a variable to a level once, on a date"
    ),
    "hold": Form(
        "VARIABLE=LEVEL[@DATE][..UNTIL]",
        _LEVEL + _SPAN,
        "keep a variable at a level, from one date (default: the start) until another",
    ),
    "assume": Form(
        "ASSUMPTION=VALUE[@DATE][..UNTIL] [while VARIABLE=LEVELS]",
        _SETTING + _SPAN + _WHILE,
        "give an assumption another value, from one date until another or while a condition holds",
    ),
}
