"""The ledger as a workbook, and an edited workbook as edits of rule files.

Not here: what the tables hold (`core/ledger`). May import `core` and the rest of `rulefiles`."""
