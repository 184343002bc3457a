"""HTTP: the pages people and probes open, and the server that runs in the bot's own loop.

Not here: what they show, which `service` and `authoring` work out. May import these and `core`."""
