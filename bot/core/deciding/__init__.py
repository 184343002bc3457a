"""Derives findings from rules, facts and a day, and decides who is told what now and why, or why not.

Not here: wording and messages (`core/telling`). May import `core/time`, `core/rules` and `core/facts`."""
