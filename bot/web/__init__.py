"""HTTP: the pages people and probes open, and the server that runs in the bot's own loop."""
