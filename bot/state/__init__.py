"""Everything kept on disk: the store and its indexes, the archive, backups, and the check that all of it is intact.

Not here: how bytes reach the disk (`state/disk`) and what the data means (`core`). May import `core`, `platforms` and `state/disk`."""
