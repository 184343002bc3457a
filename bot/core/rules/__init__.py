"""What may be written: the forms and words of rule files, the rulebook made of them, items, and the contract of a rule kind.

Not here: reading files (`bot/rulefiles`) and what happened (`core/facts`). May import `core/time`."""
