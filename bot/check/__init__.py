"""`mlreef-bot check` and `explain`: problems as people and other programs read them, and their mends."""
