"""A GitLab and an OCI registry small enough to read, for the demo and the tests."""
