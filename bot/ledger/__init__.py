"""台账: rules and facts as rows of tables, and changes read back from an edited table.

Not here: files (`bot/rulefiles/ledger`). Pure. May import `core/deciding`, the rooms of `core` below
it, and `rule_kinds`, which say how their dates are written in a cell."""
