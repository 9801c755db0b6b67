"""Evidence: what a log of events says about the state and the assumptions of a scenario.

`timetable` cuts time where rows open and close, `walk` finds the states that the log leaves open, `exact_filter` weighs
them, and `posterior` learns from them.
"""
