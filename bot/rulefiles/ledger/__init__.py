"""Writes and reads the ledger as a workbook, and turns an edited workbook into edits of rule files.

Not here: what the tables hold (`bot/ledger`). May import `core` and the rest of `rulefiles`."""
