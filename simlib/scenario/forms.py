"""How interventions are typed on a command line; `LEVELS` is a level set as in files, or levels with `|` between."""

FORCE = "MOVE[:OUTCOME]@DATE"
REPEAT = "MOVE[:OUTCOME][@DATE][..UNTIL] every LENGTH"
DELAY = "MOVE@DATE"
FORBID = "MOVE[@DATE][..UNTIL] [while VARIABLE=LEVELS]"
POLICY = "MOVE=RATE[@DATE][..UNTIL] [while VARIABLE=LEVELS]"
PIN = "VARIABLE=LEVEL@DATE"
