"""The drill: a stand-in for the chat platforms, so that everything runs without a single account. Only `app` knows it."""
