"""What happened: events, and the facts they fold into; cases and the values of an indicator among them.

Not here: what follows from it (`core/deciding`). May import `core/time` and `core/rules`."""
