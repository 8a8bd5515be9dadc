"""The demo: the whole way on real parts, live on a terminal (`python -m sandbox.demo --help`)."""
