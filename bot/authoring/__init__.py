"""What helps whoever writes rules: previews of an edit, drafts of rule tests, and changes of a rule that no test would notice.

Not here: reading rule files (`rulefiles`). May import everything below `web`."""
