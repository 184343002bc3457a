"""Time as an office lives it: the zone, working days, office hours, recurring periods, and the ground of the small grammar.

Not here: what is due when (`rules`) and what time it is now (`bot/sources/clock.py`). May import nothing of the bot."""
