"""Dates and times of the office: its time zone, workdays, office hours, recurring periods, and the base of the word grammar.

Not here: what is due when (`core/rules`) and what time it is now (`bot/sources/clock.py`). Imports no other room."""
