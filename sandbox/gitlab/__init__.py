"""A GitLab small enough to read and true enough to trust: see `Sandbox`."""

from sandbox.gitlab.moods import Asked, Moods
from sandbox.gitlab.sandbox import Sandbox
from sandbox.gitlab.trouble import Trouble
from sandbox.gitlab.values import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Project, User

__all__ = [
    "DEVELOPER",
    "GUEST",
    "MAINTAINER",
    "OWNER",
    "REPORTER",
    "Asked",
    "Moods",
    "Project",
    "Sandbox",
    "Trouble",
    "User",
]
