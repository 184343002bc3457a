"""What helps whoever writes rules: previews of an edit, first drafts of rule tests, and changes no test would notice.

Not here: reading rule files (`rulefiles`). May import everything below `web`."""
