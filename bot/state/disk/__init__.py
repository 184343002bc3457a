"""Storage that survives a power cut: the journal, the snapshot, TinyDB over them, the lock on the folder, and their errors.

Not here: what is stored (`bot/state`). Imports no other room."""
