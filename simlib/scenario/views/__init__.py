"""Views and interventions, which change a scenario without changing its structure.

An intervention is a change from outside, such as a forbidden move. A view is a named set of interventions and of
changed assumptions.
"""
