"""A small abstract interpreter: follows what a script does with known values, and knows what it does not know."""
