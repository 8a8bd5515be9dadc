"""mlreef-bot: publishes machine-learning repositories as container images, inside GitLab."""

__version__ = "0.1.0"
