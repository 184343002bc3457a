"""What lasts: the store and its indexes, the archive, backups, and the check that all of it is whole.

Not here: how bytes reach the disk (`state/disk`) and what anything means (`core`). May import `core`, `platforms` and `state/disk`."""
