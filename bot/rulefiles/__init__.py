"""Rule files: reads a folder into a rulebook or into problems with line numbers, runs rule tests, and corrects typing errors.

Not here: what the rules mean (`core`), and chats and settings. May import `core`, `rule_kinds`, and its own rooms."""
