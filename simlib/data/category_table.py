"""The crosswalk: a table that maps the codes of event data to categories such as "threaten".

Sources: CAMEO codebook 1.1b3 (Schrodt 2012), PLOVER (Open Event Data Alliance 2018), MID 5.0 codebook (Palmer et al.
2022), ICBe (Douglass et al. 2022), ACLED and UCDP GED codebooks. The column `note` says where two schemes disagree. A
CAMEO code that is not in the table takes the category of its longest prefix in the table: 0571 takes the category of
057.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

EVENT_CATEGORIES = (
    *("statement", "offer", "negotiate", "treaty", "cooperate", "aid", "de-escalate"),
    *("threaten", "mobilise", "sanction", "coerce", "blockade", "strike", "protest", "internal"),
)


@functools.cache
def crosswalk() -> pd.DataFrame:
    """Return the table that maps codes of event data to categories such as "threaten".

    Its columns are all text: scheme (such as "cameo"), code, category and note.
    """
    import pandas as pd

    return pd.read_csv(Path(__file__).with_name("crosswalk.csv"), dtype=str, keep_default_na=False)


@functools.cache
def _scheme(name: str) -> dict[str, str]:
    table = crosswalk()
    rows = table[table["scheme"] == name]
    return dict(zip(rows["code"], rows["category"], strict=True))


def category_of(scheme: str, code: str) -> str:
    """Return the category of a code in a scheme such as "cameo", or "" if the code has none.

    If a CAMEO code is not in the table of categories, the longest prefix of the code that is in the table counts.
    """
    table = _scheme(scheme)
    lengths = range(len(code), 0, -1) if scheme == "cameo" else (len(code),)
    return next((table[code[:length]] for length in lengths if code[:length] in table), "")


def categories(scheme: str, codes: pd.Series) -> pd.Series:
    """Return the category of each code in a scheme such as "cameo", or "" if a code has none."""
    text = codes.astype(str)
    return text.map({code: category_of(scheme, code) for code in text.unique()}).astype(str)
