"""`mlreef-bot explain CODE`, and docs/problems.md: what each problem means, with an example that really has it.

And docs/failures.md: what jobs fail of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.check.terminal import problem_lines
from bot.domain.cause_words import cause_table
from bot.domain.codes import near_codes, read_code
from bot.errors import OperatorError
from parser.catalogue import CATALOGUE
from parser.examples import EXAMPLES, HOLE, Example, example_source
from parser.model import Problem
from parser.problems import problem
from parser.read import read
from parser.source import Source

PROJECT = "pictures"
"""Name of the project that an example is read as."""

MAX_SHOWN = 3
"""Problems of the same code that are shown of one example."""

_HEAD = """\
# Problems, and what to do about them

Every problem has a code that never changes its meaning. An *error* refuses the publication; a *warning* and an *info*
do not. `mlreef-bot check PATH` tells the problems of a repository before you push it, and mends with `--fix` what can
be mended without asking you; `mlreef-bot explain CODE` prints what stands here.

Written by `mlreef-bot explain --all`; a test reads every example and compares what is said.
"""
_FAILURES_HEAD = """\
# When a job fails

Nothing is lost: what was published before stays published. Where to look, each a click away:

- **The status** `mlreef/publish` on the commit says why in a sentence, and leads to the job that failed.
- **The note** on the merge request says why first, then what to do, then the job's last lines; it links the job and its
  pipeline. What looks like a token or a password is taken out of them, and a public or internal project that keeps its
  jobs' logs for its members has none of them there.
- **The catalogue** shows every stage under *In progress*, and on the page of a module what became of the newest push;
  each stage leads to its job's log. GitLab decides who sees that.

What a job of the bot's own knows stands in its last line, behind `Not published:`. Everything else is told by what pip,
git, Docker, Python and the runner say when they give up, and by GitLab's own reason for the failure. It is called
a *likely* cause: the last lines have the last word. Where nothing is recognised, nothing is claimed. What an earlier
command of the script, an `after_script` or an upload of a failed job's files printed is no cause, and neither is
a warning or an error that a program went on after.

"""
_FAILURES_END = """
Written by `mlreef-bot explain --failures`; a test compares it with the code. The tests let pip, uv, gcc, Python, apt,
git, Docker, a registry and a runner fail in these ways, and read what they print. Only of `out-of-shared-memory`,
`out-of-gpu-memory`, `numpy-too-new`, `debian-lists-old`, `no-runner`, `no-minutes-left`, `artifacts-gone`,
`runner-broke` and `log-cut`, which take a graphics card, other packages, time or GitLab itself, are the words
recorded; so are conda's, and torch's about CUDA.
"""
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml"}


def explain(code: str) -> str:
    """One problem in plain text, its code in any case. Raises OperatorError for a code that there is not."""
    asked = read_code(code)
    if asked is None:
        near = near_codes(code)
        hint = f"is {' or '.join(near)} meant?" if near else "`mlreef-bot explain --all` prints them all"
        raise OperatorError(f"there is no problem with the code {code!r}", hint)
    return "\n".join(_plain(asked))


def page() -> str:
    """All problems as a page in Markdown."""
    lines = [_HEAD]
    for code in sorted(EXAMPLES):
        lines += ["", *_markdown(code)]
    return "\n".join(lines) + "\n"


def failures_page() -> str:
    """The likely causes of failed jobs as a page in Markdown."""
    return "\n".join([_FAILURES_HEAD.rstrip("\n"), "", *cause_table(), _FAILURES_END])


def example_problems(code: str) -> tuple[Source, tuple[Problem, ...]]:
    """The example's repository, and those of its problems that are meant."""
    example = EXAMPLES[code]
    source = example_source(example, example.text)
    if example.words is not None:
        return source, (problem(code, None, None, **example.words),)
    found = [one for one in read(source, PROJECT).problems if one.code == code]
    return source, tuple(found[:MAX_SHOWN])


def _plain(code: str) -> Iterator[str]:
    example = EXAMPLES[code]
    yield f"{code} ({CATALOGUE[code].severity.value})"
    yield ""
    yield example.why
    if example.text:
        yield ""
        yield f"For example, in {example.file}:"
        yield ""
        yield from _indented(example.text)
    yield ""
    yield "is told as:"
    yield ""
    yield from _indented(_told(code))
    if example.mended:
        yield ""
        yield "and this is good:"
        yield ""
        yield from _indented(example.mended)


def _markdown(code: str) -> Iterator[str]:
    example = EXAMPLES[code]
    yield f"## {code}"
    yield ""
    yield f"*{CATALOGUE[code].severity.value.capitalize()}.* {example.why}"
    if example.text.strip():
        yield ""
        yield f"In `{example.file}`{_around(example)}:"
        yield ""
        yield from _block(example.text, example.file)
    yield ""
    yield "is told as" if example.text.strip() else "It is told as"
    yield ""
    yield from _block(_told(code), "")
    if example.mended and example.mended.strip():
        yield ""
        yield "and this is good:" if example.text.strip() else "This is good:"
        yield ""
        yield from _block(example.mended, example.file)


def _around(example: Example) -> str:
    return (
        "" if example.frame == HOLE or not example.text.strip() else ", in a script that is otherwise whole"
    )


def _told(code: str) -> str:
    source, problems = example_problems(code)
    return "\n".join(problem_lines(problems, source, colours=False)).rstrip()


def _block(text: str, file: str) -> Iterator[str]:
    """A fenced block, its fence longer than any inside."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    language = _LANGUAGES.get(file[file.rfind(".") :], "text") if file else "text"
    yield f"{ticks}{language}"
    yield text.rstrip("\n")
    yield ticks


def _indented(text: str) -> Iterator[str]:
    for line in text.rstrip("\n").split("\n"):
        yield f"    {line}".rstrip()
