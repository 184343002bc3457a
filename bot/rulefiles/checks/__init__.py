"""Whether what was read fits together: names, ids, dates, and what makes little sense.

Pure: forms in, problems out. May import `core`, `rule_kinds` and `rulefiles/text`."""
