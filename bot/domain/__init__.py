"""Decisions and values; nothing here performs I/O."""
