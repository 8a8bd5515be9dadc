"""GitLab CI files with named holes, one per build engine, and the Dockerfile of a module."""
