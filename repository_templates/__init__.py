"""Repositories to begin with: what `mlreef-bot init --template NAME` writes, each as it is in the folder of its name.

Nothing in here is imported by the bot: its code is for others to change. Each publishes as it is.
"""
