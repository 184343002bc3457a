"""What happened: events, the facts made of them, cases, and the values of an indicator.

Not here: what follows from it (`core/deciding`). May import `core/time` and `core/rules`."""
