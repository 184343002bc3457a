"""Benchmarks: each measures the bot and a lower bound (floor) in the same run. No test depends on the figures."""
