"""Evidence: what a log of events says about the state and the assumptions of a scenario.

A row of the log is *open* on the days on which its event may have happened, and *closes* at the end of the last of
them. `timetable` cuts time into spans where rows open and close. `walk` finds the states that are possible given the
log. `exact_filter` computes their probabilities, and `posterior` updates the assumptions.
"""
