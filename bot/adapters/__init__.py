"""The world outside: one module for each thing that is talked to."""
