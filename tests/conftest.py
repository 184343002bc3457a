"""Fixtures every test may use. Empty until two folders need the same one."""
