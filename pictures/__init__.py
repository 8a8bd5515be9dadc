"""What the bot writes, as people see it: its own words, through a Markdown renderer, in a browser (`make pictures`)."""
