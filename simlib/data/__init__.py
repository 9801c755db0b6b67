"""Event data read into one tidy frame: MID, ICB, ICBe, GDELT, ICEWS, ACLED and UCDP.

`read(path)` recognises the layout, and works offline. The frame has one row for each event and actor, or for each event
and pair of actors:

| column | meaning |
|---|---|
| `date` | first day of the event (if only the period in `precision` is known: the first day of this period) |
| `precision` | "day", "week", "month", "year", or "" if even the year is missing |
| `end` | last day, if the layout has one |
| `case` | dispute, crisis or conflict that the event belongs to, as text |
| `actor`, `target` | names or codes as the file writes them; several are joined by ";" |
| `code` | the file's own code or type of event, as text; leading zeros stay |
| `category` | category of the crosswalk (`simlib.data.category_table`), "" if there is none |
| `intensity` | as in the file: hostility (MID), Goldstein score (GDELT, ICEWS), deaths (ACLED, UCDP), violence (ICB) |
| `source` | name and version of the data |
| `known_on` | day on which the event became public, as far as the file says |
"""

from simlib.data.category_table import EVENT_CATEGORIES, crosswalk
from simlib.data.reader import EVENT_COLUMNS, chunks, read

__all__ = ["EVENT_CATEGORIES", "EVENT_COLUMNS", "chunks", "crosswalk", "read"]
