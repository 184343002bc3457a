"""督办 (duban): reads rule files, watches deadlines and indicators, reminds the right unit's chat once."""

__version__ = "0.1.0"
