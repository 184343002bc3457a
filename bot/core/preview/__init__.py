"""What will be told: the same engine played ahead, two such previews compared, and one day rehearsed for a rule test.

Not here: the pages and commands that show it. May import the rooms of `core` below it, `telling` included."""
