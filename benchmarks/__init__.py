"""What the bot costs, measured beside a floor in the same run; no test depends on these figures."""
