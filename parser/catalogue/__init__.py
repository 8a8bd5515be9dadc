"""Every kind of problem: a stable code, how much it matters, what it says and what to do about it."""

from parser.catalogue.annotations import ANNOTATIONS
from parser.catalogue.command_lines import COMMAND_LINES
from parser.catalogue.conda import CONDA
from parser.catalogue.files import FILES
from parser.catalogue.known import Known
from parser.catalogue.module import MODULE
from parser.catalogue.requirements import REQUIREMENTS
from parser.catalogue.resolving import RESOLVING
from parser.catalogue.wheels import WHEELS

CATALOGUE: dict[str, Known] = {
    **FILES,
    **ANNOTATIONS,
    **COMMAND_LINES,
    **REQUIREMENTS,
    **MODULE,
    **RESOLVING,
    **WHEELS,
    **CONDA,
}

__all__ = ["CATALOGUE", "Known"]
