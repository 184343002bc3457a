"""From a due entry to a chat: which robot speaks, over which way, and what is written down before and after.

Not here: words and the life of an entry (`core/telling`), dialects (`platforms`). May import `core`, `platforms`,
`state` and `rulefiles/text`."""
