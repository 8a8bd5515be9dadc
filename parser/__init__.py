"""Reads a repository's module (parameters, requirements, metadata) from its text, without running any of it."""
