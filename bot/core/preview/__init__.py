"""What will be told: previews made by the service's own engine, the difference of two previews, rehearsals for rule tests.

Not here: the pages and commands that show them. May import `core/telling` and the rooms of `core` below it."""
