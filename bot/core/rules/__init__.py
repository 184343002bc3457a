"""What may be written: the forms and words of rule files, the rulebook they add up to, and what a rule makes of itself.

Not here: reading files (`bot/rulefiles`) and what happened (`core/facts`). May import `core/time`."""
