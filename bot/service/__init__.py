"""The running thing: the journey, its wiring, live edits, the inbox, what is done every hour and every night, and its health.

Not here: commands (`cli`) and pages (`web`). May import everything below it."""
