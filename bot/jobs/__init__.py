"""Jobs, from a stored delivery to their end: named, started, done one at a time for each branch, and looked after."""
