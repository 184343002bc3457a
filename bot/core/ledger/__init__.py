"""台账: rules and facts as rows of tables, and changes read back from an edited table.

Not here: files (`bot/rulefiles/ledger`). May import `core/deciding` and the rooms of `core` below it."""
