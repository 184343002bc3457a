"""From decisions to messages: what shares a message, its words, and the whole life of an entry of the outbox.

Not here: sending (`bot/sending`) and keeping (`bot/state`). May import the rooms of `core` below it, `deciding` included."""
