"""How to recognise the layouts of event data, and how to convert each to one tidy frame.

Each special case here comes from a real file, as the comments explain. `simlib.data` lists the columns of the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simlib.data.category_table import categories

if TYPE_CHECKING:
    import pandas as pd

Tidy = Callable[["pd.DataFrame"], "dict[str, pd.Series | str]"]


@dataclass(frozen=True)
class FileKind:
    """One layout of files of event data.

    - `name`: the name of the layout in messages.
    - `tidy`: a function from a chunk of text columns, with names in lower case, to the columns of the tidy frame.
    - `columns`: names of columns by which a file with a header is recognised.
    - `absent`: names of columns that such a file must not have.
    - `delimiter`: the character between two fields.
    - `widths`: numbers of fields in a row, by which a file without a header is recognised.
    - `names`: names of all fields of a file without a header.
    - `needs`: the fields that are read from a file without a header.
    """

    name: str
    tidy: Tidy
    columns: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    delimiter: str = ","
    widths: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


# -------------------------------------------------------------------- dates


def parts_to_dates(year: pd.Series, month: pd.Series, day: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the dates and precisions of events, from their years, months and days as text.

    - dates: timestamps. Without a month, a date is the first day of the year. Without a day, it is the first day of the
      month.
    - precisions: "day", "month" or "year". Without a year, the date is missing and the precision is "".

    Blank, negative and impossible numbers count as missing. ICB writes 66, 77 and 88 for vague days, and MID writes -9.
    """
    import numpy as np
    import pandas as pd

    y, m, d = (pd.to_numeric(part, errors="coerce") for part in (year, month, day))
    y, m, d = y.where(y > 0), m.where(m.between(1, 12)), d.where(d.between(1, 31))
    texts = [part.fillna(1).astype(int).astype(str) for part in (y.fillna(1900), m, d)]
    whole = pd.to_datetime(texts[0] + "-" + texts[1] + "-" + texts[2], format="%Y-%m-%d", errors="coerce")
    first = pd.to_datetime(texts[0] + "-" + texts[1] + "-1", format="%Y-%m-%d", errors="coerce")
    exact = y.notna() & m.notna() & d.notna() & whole.notna()
    date = whole.where(exact, first).where(y.notna())
    choices = np.select([exact, y.notna() & m.notna(), y.notna()], ["day", "month", "year"], "")
    return date, pd.Series(choices, index=year.index)


def text_dates(text: pd.Series, form: str = "ISO8601") -> pd.Series:
    """Return dates from texts in the given format, or a missing date for a text that is no date."""
    import pandas as pd

    return pd.to_datetime(text.str.strip(), format=form, errors="coerce").dt.normalize()


# -------------------------------------------------------------------- Correlates of War: MID


def _mid_times(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    date, precision = parts_to_dates(raw["styear"], raw["stmon"], raw["stday"])
    end, _ = parts_to_dates(raw["endyear"], raw["endmon"], raw["endday"])
    return {"date": date, "precision": precision, "end": end}


def _mid(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    # Version 4.01 writes DispNum3; missing values are -9.
    case = raw["dispnum"] if "dispnum" in raw else raw["dispnum3"]
    action = raw["action"] if "action" in raw else raw["hiact"]
    version = raw["version"].iloc[0] if len(raw) else "5"
    return _mid_times(raw) | {
        "case": case,
        "actor": raw.get("stabb", ""),
        "code": action.where(action != "-9", ""),
        "category": categories("mid", action),
        "intensity": raw["hostlev"],
        "source": f"COW MID {float(version):g}",
    }


# -------------------------------------------------------------------- International Crisis Behavior


def _icb_times(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    date, precision = parts_to_dates(raw["yrtrig"], raw["motrig"], raw["datrig"])
    end, _ = parts_to_dates(raw["yrterm"], raw["moterm"], raw["daterm"])
    return {"date": date, "precision": precision, "end": end, "case": raw["crisno"]}


def _icb1(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    return _icb_times(raw) | {"code": raw["break"], "intensity": raw["viol"], "source": "ICB 1"}


def _icb2(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    return _icb_times(raw) | {"actor": raw["actor"], "code": raw["triggr"], "intensity": raw["viol"], "source": "ICB 2"}


def _icbe(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    # The narrative also reports background events before the trigger or after the end. They are not part of the crisis.
    case = raw["crisno"].where(raw["in_window"] == "True", "") if "in_window" in raw else raw["crisno"]
    # A cell may hold several categories, joined by ";". The first one counts.
    first = raw["categories"].str.partition(";")[0]
    return {
        "date": text_dates(raw["date"]),
        "precision": "day",
        "case": case,
        "actor": raw["actor"],
        "target": raw["target"],
        "code": raw["categories"],
        "category": categories("icbe", first),
        "source": "ICBe 1.1",
    }


# -------------------------------------------------------------------- machine-coded news

_ACTOR = ("code", "name", "countrycode", "knowngroupcode", "ethniccode", "religion1code", "religion2code")
_TYPES = ("type1code", "type2code", "type3code")
_HEADER_BEGINNING = ("globaleventid", "sqldate", "monthyear", "year", "fractiondate")
_MIDDLE = (
    *("isrootevent", "eventcode", "eventbasecode", "eventrootcode", "quadclass", "goldsteinscale"),
    *("nummentions", "numsources", "numarticles", "avgtone"),
)
_PLACES = ("actor1geo", "actor2geo", "actiongeo")


def _gdelt_names(place: Sequence[str], tail: Sequence[str]) -> tuple[str, ...]:
    actors = [f"actor{n}{field}" for n in (1, 2) for field in (*_ACTOR, *_TYPES)]
    places = [f"{where}_{field}" for where in _PLACES for field in place]
    return (*_HEADER_BEGINNING, *actors, *_MIDDLE, *places, *tail)


GDELT_1 = _gdelt_names(
    ("type", "fullname", "countrycode", "adm1code", "lat", "long", "featureid"), ("dateadded", "sourceurl")
)
GDELT_2 = _gdelt_names(
    ("type", "fullname", "countrycode", "adm1code", "adm2code", "lat", "long", "featureid"), ("dateadded", "sourceurl")
)


_GDELT_NEEDS = (
    *("sqldate", "actor1code", "actor1countrycode", "actor2code", "actor2countrycode"),
    *("eventcode", "goldsteinscale", "dateadded"),
)


def _gdelt(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    # SQLDATE is the date of the event according to the news story, which may say "a year ago". DATEADDED is the date
    # when it became known.
    added = raw["dateadded"]
    return {
        "date": text_dates(raw["sqldate"], "%Y%m%d"),
        "precision": "day",
        "actor": raw["actor1countrycode"].where(raw["actor1countrycode"] != "", raw["actor1code"]),
        "target": raw["actor2countrycode"].where(raw["actor2countrycode"] != "", raw["actor2code"]),
        "code": raw["eventcode"],
        "category": categories("cameo", raw["eventcode"]),
        "intensity": raw["goldsteinscale"],
        "source": "GDELT 2" if "actiongeo_adm2code" in raw else "GDELT 1",
        "known_on": text_dates(added.str[:8], "%Y%m%d"),
    }


def _icews(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    date = text_dates(raw["event date"])
    return {
        "date": date,
        "precision": "day",
        "actor": raw["source country"],
        "target": raw["target country"],
        "code": raw["cameo code"],
        "category": categories("cameo", raw["cameo code"]),
        "intensity": raw["intensity"],
        "source": "ICEWS",
    }


# -------------------------------------------------------------------- hand-coded violence


def _acled(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    code = raw["event_type"] + "/" + raw["sub_event_type"]
    by_type, by_both = categories("acled", raw["event_type"]), categories("acled", code)
    date = text_dates(raw["event_date"])
    date = date.where(date.notna(), text_dates(raw["event_date"], "%d %B %Y"))
    return {
        "date": date,
        "precision": raw["time_precision"].map({"1": "day", "2": "week", "3": "month"}).fillna(""),
        "actor": raw["actor1"],
        "target": raw["actor2"],
        "code": code,
        "category": by_both.where(by_both != "", by_type),
        "intensity": raw["fatalities"],
        "source": "ACLED",
    }


def _ucdp(raw: pd.DataFrame) -> dict[str, pd.Series | str]:
    kind = raw["type_of_violence"].str.removesuffix(".0")
    return {
        "date": text_dates(raw["date_start"].str[:10]),
        "precision": raw["date_prec"].str.removesuffix(".0").map(_UCDP_PRECISION).fillna(""),
        "end": text_dates(raw["date_end"].str[:10]),
        "case": raw["conflict_new_id"].str.removesuffix(".0"),
        "actor": raw["side_a"],
        "target": raw["side_b"],
        "code": kind,
        "category": categories("ucdp", kind),
        "intensity": raw["best"],
        "source": "UCDP GED",
    }


_UCDP_PRECISION: Mapping[str, str] = {"1": "day", "2": "week", "3": "month", "4": "month", "5": "year"}


def _of(*names: str) -> frozenset[str]:
    return frozenset(names)


LAYOUTS = (
    FileKind("COW MID incident participants", _mid, _of("incidnum", "ccode", "insidea", "action")),
    FileKind("COW MID incidents", _mid, _of("incidnum", "tbi", "action", "dispnum"), absent=_of("ccode")),
    FileKind("COW MID 4 incidents", _mid, _of("incidnum3", "dispnum3", "action", "hostlev"), absent=_of("ccode")),
    FileKind("COW MID 4 incident participants", _mid, _of("incidnum3", "dispnum3", "ccode", "action", "hostlev")),
    FileKind("COW MID dispute participants", _mid, _of("dispnum", "stabb", "orig", "hiact"), absent=_of("incidnum")),
    FileKind("COW MID disputes", _mid, _of("dispnum", "hiact", "recip", "numa", "hostlev"), absent=_of("incidnum")),
    FileKind("ICB system level", _icb1, _of("icb1", "crisno", "break", "viol", "yrtrig", "yrterm")),
    FileKind("ICB actor level", _icb2, _of("icb2", "crisno", "actor", "triggr", "yrtrig", "yrterm")),
    FileKind("ICBe dated events", _icbe, _of("crisno", "sent", "date", "categories", "actor", "target")),
    FileKind(
        "ICEWS", _icews, _of("event id", "event date", "cameo code", "source country", "intensity"), delimiter="\t"
    ),
    FileKind("ACLED", _acled, _of("event_date", "event_type", "sub_event_type", "actor1", "actor2", "fatalities")),
    FileKind(
        "UCDP GED", _ucdp, _of("relid", "type_of_violence", "date_prec", "date_start", "side_a", "side_b", "best")
    ),
    FileKind(
        "GDELT 2", _gdelt, delimiter="\t", widths=(61,), names=GDELT_2, needs=(*_GDELT_NEEDS, "actiongeo_adm2code")
    ),
    # The address of the source is absent from older files.
    FileKind("GDELT 1", _gdelt, delimiter="\t", widths=(57, 58), names=GDELT_1, needs=_GDELT_NEEDS),
)
