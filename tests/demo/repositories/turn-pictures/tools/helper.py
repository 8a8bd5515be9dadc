"""The work itself."""

from packaging.version import Version

OLDEST = Version("1.0")


def turned(text, angle):
    return text[::-1] if angle == 180 else text
