"""From rules, facts and a day to findings, and from findings to who is told what now and why, or why not.

Not here: words and messages (`core/telling`). May import `core/time`, `core/rules` and `core/facts`."""
