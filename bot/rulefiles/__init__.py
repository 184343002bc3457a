"""Rule files: from a folder of text to a rulebook or to every problem at its line, the rule tests, and mending slips.

Not here: what the rules mean (`core`), and chats and settings. May import `core`, `rule_kinds`, and its own rooms."""
