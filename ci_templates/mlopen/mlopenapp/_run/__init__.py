"""The command that runs a control file, and what becomes of its results; not for control files themselves."""
