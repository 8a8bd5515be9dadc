"""What a discussion on a line says: what is wrong, why that matters, what to do, and the mend if it is mechanical."""

from __future__ import annotations

from bot.domain.suggestions import suggestion
from bot.domain.text import prose
from parser.examples import EXAMPLES
from parser.model import Problem, Severity

_STANDING = {
    Severity.ERROR: "**This has to be mended before the module can be published.**",
    Severity.WARNING: "**Worth a look; it does not stop the publication.**",
    Severity.INFO: "**Only to be helpful; it does not stop the publication.**",
}


def thread_body(problem: Problem, line: int, content: bytes) -> str:
    """The first note of a discussion on this line (as git counts it) of a file with this content."""
    example = EXAMPLES.get(problem.code)
    sentences = [problem.message, example.why if example else "", problem.hint]
    said = [_STANDING[problem.severity], *(prose(sentence) for sentence in sentences if sentence)]
    mend = suggestion(problem, line, content)
    offered = ["This would mend it; applying it is a commit to your branch:\n\n" + mend] if mend else []
    more = f"More about it: write `/mlreef explain {problem.code}` in a comment."
    return "\n\n".join([" ".join(said), *offered, more])
