"""The self-audit: computes a second time, by other code, what should have been told, and compares it with what was told.

It uses the engine's rules and facts, but none of its deciding code. May import `core/telling` and the rooms of `core` below it."""
