"""台账: rules and facts as rows of tables, and an edited table back into changes.

Not here: files (`bot/rulefiles/ledger`). May import the rooms of `core` below `deciding`, and `findings` for how items stand."""
