"""Checks whether the forms fit together: names, ids and dates, and content that makes little sense.

Pure: forms in, problems out. May import `core`, `rule_kinds` and `rulefiles/text`."""
