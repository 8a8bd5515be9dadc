"""Of every problem code: why it matters, a repository that has it, and one that has it no more.

A code of the catalogue without an entry here fails the tests, as does an example that does not give its code.
"""

from parser.examples.annotations import ANNOTATIONS
from parser.examples.command_lines import COMMAND_LINES
from parser.examples.conda import CONDA
from parser.examples.files import FILES
from parser.examples.frames import HOLE, Example, example_source
from parser.examples.module import MODULE
from parser.examples.requirements import REQUIREMENTS
from parser.examples.resolving import RESOLVING
from parser.examples.wheels import WHEELS

EXAMPLES: dict[str, Example] = {
    **FILES,
    **ANNOTATIONS,
    **COMMAND_LINES,
    **REQUIREMENTS,
    **MODULE,
    **RESOLVING,
    **WHEELS,
    **CONDA,
}

__all__ = ["EXAMPLES", "HOLE", "Example", "example_source"]
