"""The only place where parts are chosen and joined.

A module for each process and kind of command, so that none loads what only another one uses.
"""
