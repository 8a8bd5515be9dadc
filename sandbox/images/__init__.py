"""Images without an engine: one made of this machine's own Python, one unpacked, and one run in namespaces."""
