"""`simlib rates`: the frequency of an event in past crises, from a file of event data."""

from __future__ import annotations

from simlib.cli.options.request import Request
from simlib.cli.output.answers import Result, tell
from simlib.cli.output.progress import Task
from simlib.cli.output.text_table import Row, table


def execute(arguments: Request) -> int:
    """Print the rates of an event in past crises, and an assumption to copy into a scenario."""
    from simlib.calibration.crisis_cases import crisis_records, read_selection
    from simlib.calibration.event_rates import historical_rates
    from simlib.calibration.tempo_fit import fit_tempo
    from simlib.data import read

    with Task("reading the file"):
        frame = read(str(arguments.path))
    rates = historical_rates(frame, arguments.event, arguments.crisis_class)
    rows = [
        Row(
            f"days {row['from_day']:g} to {row['to_day']:g}"
            if row["to_day"] < 1e9
            else f"from day {row['from_day']:g}",
            [f"{row['events']}", *(f"{row[name]:.2g}" for name in ("per_day", "low", "high"))],
        )
        for row in rates.hazard.to_dict("records")
    ]
    head = [["events", "per day", "5%", "95%"]]
    results: dict[str, Result] = {"rates": rates}
    if arguments.clock:
        event, crisis_class = read_selection(arguments.event), rates.crisis_class
        records = crisis_records(frame, event, read_selection(crisis_class) if crisis_class else {})
        with Task("fitting the clock"):
            results["clock"] = fit_tempo(records, source=rates.data)
    return tell(arguments, results, tables=[table("Hazard of the first event since the onset", head, rows)])
