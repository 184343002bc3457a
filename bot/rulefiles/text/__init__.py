"""Text with places: YAML as officials type it, each slip with its sentence, and edits that leave the rest alone.

Pure: bytes and text in, values out. May import `core`."""
