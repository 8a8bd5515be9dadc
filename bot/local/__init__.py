"""`mlreef-bot build`: the image of a folder on this machine, as the jobs of a pipeline would build it."""
