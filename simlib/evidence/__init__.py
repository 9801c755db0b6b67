"""Evidence: what a log of events says about the state and the assumptions of a scenario.

Each row of the log reports an event and the days on which the event may have happened. The row is *open* on these days,
and *closes* at the end of the last of them. `timetable` cuts time into spans, at the days on which rows open or close
or hazards change. `exploration` finds the states that are possible given the log. `exact_filter` computes the
probabilities of these states, and `posterior` updates the assumptions.
"""
