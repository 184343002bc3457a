"""Sources: where events and wake-ups come from. One file is one source."""
