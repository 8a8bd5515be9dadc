"""The image builder: lock, wheels, base and sources → layers, configuration and manifest, without an engine."""
