"""Sources: where events and wake-ups come from. One file is one source.

Not here: what an event means (`core`) and what is done about it (`service`). May import `core/time` and `core/facts`."""
