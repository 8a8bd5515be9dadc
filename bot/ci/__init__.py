"""What the jobs of a generated pipeline run: verify, build, promote; and the probe that smoke runs."""
