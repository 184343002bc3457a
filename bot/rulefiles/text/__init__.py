"""YAML text with the place of every value: reads it, explains typing errors, and edits it without changing the rest.

Pure: bytes and text in, values out. May import `core`."""
