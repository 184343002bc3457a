"""The thinking: values in, values out. No disk, no network, no clock, no logger, and no import from outside `bot.core`.

The rooms from the ground up; each may import those before it: `time`, `rules`, `facts`, `deciding`, `telling`, then `preview`
and `audit` side by side."""
