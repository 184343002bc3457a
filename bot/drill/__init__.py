"""The drill: a stand-in for the chat platforms, so that everything runs without a single account.

Not here: the service that is drilled. May import `platforms` and `core/telling`; only `cli` knows it."""
