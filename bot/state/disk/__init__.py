"""Bytes that survive a power cut: the journal, the snapshot, TinyDB over them, the lock on the folder, and their errors.

Not here: what is kept in it (`bot/state`). May import nothing of the bot."""
