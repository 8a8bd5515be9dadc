"""Packages of conda that cannot become part of an image: what is told, how much it matters, what to do."""

from __future__ import annotations

from parser.catalogue.known import Known
from parser.model import Severity

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

CONDA: dict[str, Known] = {
    "conda-environment": Known(_ERROR, "This environment cannot be had: {why}.", "{mend}"),
    "conda-unresolved": Known(
        _ERROR,
        "No set of packages is what this environment asks for: {why}.",
        "Loosen the version that is in the way, or add the channel that has it.",
    ),
    "conda-package": Known(
        _ERROR,
        "{file} is not unpacked: {why}.",
        "Require another version or build of {package}, or take it from another channel.",
    ),
    "conda-script": Known(
        _WARNING,
        "{package} has a script that conda runs after installing; nothing is run when this image is made.",
        "Try the image; if {package} does not work there, take it from pip, or choose the engine `docker`.",
    ),
}
