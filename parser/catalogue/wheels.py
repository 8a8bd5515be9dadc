"""Wheels that cannot become part of an image: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR = Severity.ERROR

_ANOTHER = (
    "Require another version of {package}, or tell those who publish it."
    " If the wheel is your own, build it again with an ordinary tool, such as `python -m build`, and upload it anew."
)

WHEELS: dict[str, Known] = {
    "wheel-broken": Known(_ERROR, "{wheel} is damaged: {why}.", _ANOTHER),
    "wheel-unsafe": Known(_ERROR, "{wheel} is not unpacked: {why}.", _ANOTHER),
    "wheel-record": Known(_ERROR, "{wheel} is not what its RECORD says: {why}.", _ANOTHER),
    "wheel-metadata": Known(_ERROR, "{wheel} is not what its name says: {why}.", _ANOTHER),
    "wheel-limits": Known(_ERROR, "{wheel} is too big to be unpacked: {why}.", _ANOTHER),
    "wheels-clash": Known(
        _ERROR,
        "{one} and {other} both bring {path}, each another one.",
        "Require one of the two: whichever were installed last would break the other.",
    ),
}
