"""What GitLab makes of a suggestion is what `mlreef-bot check --fix` writes, or there is no suggestion."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import cmarkgfm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.explain import example_problems
from bot.check.fixes import ensure_mended
from bot.domain.diff import git_line
from bot.domain.suggestions import suggestion
from parser.edits import apply
from parser.examples import EXAMPLES
from parser.model import Edit, Place, Problem, Severity
from parser.source import load_source, read_text
from sandbox.gitlab.suggestions import lines_of_file, read_suggestions, replacement

BLOCK = re.compile(r'<code class="language-suggestion:-\d+\+\d+">(.*?)</code>', re.DOTALL)


def problem(*edits: Edit, file: str = "a.py", line: int = 1) -> Problem:
    return Problem("code", Severity.ERROR, "It is wrong.", "Mend it.", Place(file, line), (), edits)


def edit(line: int, column: int, end_line: int, end_column: int, text: str, file: str = "a.py") -> Edit:
    return Edit(Place(file, line, column, end_line, end_column), text)


def applied(block: str, line: int, content: bytes) -> bytes:
    """The file after GitLab applied the suggestion, its text taken from the rendered note."""
    body = f"Words.\n\n{block}\n\nMore words."
    ((above, below, text),) = read_suggestions(body)
    shown = BLOCK.search(cmarkgfm.markdown_to_html(body))
    assert shown is not None
    assert unescape(shown[1]).removesuffix("\n") == text
    lines = lines_of_file(content)
    before = b"".join(lines[line - 1 - above : line + below])
    return b"".join([*lines[: line - 1 - above], replacement(text, before), *lines[line + below :]])


@pytest.mark.parametrize(
    ("content", "line", "change", "result"),
    [
        (b"a\nb\nc\n", 2, edit(2, 0, 2, 1, "B"), b"a\nB\nc\n"),
        (b"a\nb\nc", 3, edit(3, 0, 3, 1, "C"), b"a\nb\nC"),
        (b"a\r\nb\r\nc\r\n", 2, edit(2, 0, 2, 1, "B"), b"a\r\nB\r\nc\r\n"),
        (b"\ta\n\tb\n", 2, edit(2, 1, 2, 2, "B\t"), b"\ta\n\tB\t\n"),
        (b"a\nb\nc\n", 3, edit(1, 0, 1, 0, "import x\n"), b"import x\na\nb\nc\n"),
        (b"a\nb\n", 1, edit(3, 0, 3, 0, "c\n"), b"a\nb\nc\n"),
        (b"a\nb", 2, edit(2, 1, 2, 1, "\n\nc\n"), b"a\nb\n\nc\n"),
        (b"a\nb\nc\n", 2, edit(2, 0, 3, 0, ""), b"a\nc\n"),
        (b"a\nb\nc\n", 2, edit(2, 0, 2, 1, ""), b"a\n\nc\n"),
        (b"x = '```'\n````\n", 1, edit(1, 0, 1, 1, "y"), b"y = '```'\n````\n"),
        ("\ufeffa\nä\n".encode(), 2, edit(2, 0, 2, 1, "ö"), "\ufeffa\nö\n".encode()),
        (b"".join(b"%d\n" % n for n in range(1, 301)), 150, edit(250, 0, 250, 3, "x"), None),
    ],
    ids=(
        "a line",
        "the last line without an end",
        "line ends of Windows",
        "tabs",
        "an insertion above",
        "an insertion at the end",
        "an insertion behind a last line without an end",
        "a line less",
        "an empty line",
        "backticks",
        "a byte-order mark elsewhere",
        "a hundred lines below",
    ),
)
def test_gitlab_applies_exactly_the_mend(
    content: bytes, line: int, change: Edit, result: bytes | None
) -> None:
    block = suggestion(problem(change, line=line), line, content)
    assert block != ""
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    mended = mark + apply(read_text(content), [change]).encode()
    assert applied(block, line, content) == (result or mended) == mended


@pytest.mark.parametrize(
    ("content", "line", "changes"),
    [
        (b"a\nb\n", 1, []),
        (b"a\nb\n", 1, [edit(1, 0, 1, 1, "A"), edit(1, 0, 1, 1, "A", file="b.py")]),
        (b"a\r\nb\r\n", 1, [edit(1, 0, 2, 1, "A\r\nB")]),
        (b"".join(b"%d\n" % n for n in range(1, 301)), 100, [edit(201, 0, 201, 3, "x")]),
        (b"# coding: latin-1\n\xe4\n", 2, [edit(2, 0, 2, 1, "a")]),
        ("\ufeffa\n".encode(), 1, [edit(1, 0, 1, 1, "b")]),
        ("a\u00a0b\n".encode(), 1, [edit(1, 0, 1, 1, "x")]),
        ("a\u202eb\n".encode(), 1, [edit(1, 0, 1, 1, "x")]),
        (b"a\x0cb\n", 1, [edit(1, 0, 1, 1, "x")]),
        (b"\n\n\n\n\n\nx\n\n\n\n\n", 7, [edit(7, 0, 7, 1, "")]),
        (b"a\n", 1, [edit(7, 0, 7, 1, "")]),
        (b"a\n", 4, [edit(1, 0, 1, 1, "b")]),
        (b"a\n", 1, [edit(1, 0, 1, 1, "x" * 20_001)]),
    ],
    ids=(
        "nothing to mend",
        "two files",
        "two lines of Windows",
        "too far away",
        "another encoding",
        "a byte-order mark",
        "a rare blank",
        "a hidden character",
        "a form feed",
        "blank lines all around",
        "a mend of another text",
        "a line that is not there",
        "a very long one",
    ),
)
def test_there_is_none_where_gitlab_would_write_something_else(
    content: bytes, line: int, changes: list[Edit]
) -> None:
    assert suggestion(problem(*changes, line=line), line, content) == ""


def test_what_is_offered_never_holds_a_line_that_is_a_command() -> None:
    # the command itself is on a line that the mend leaves alone, but that the block would have to repeat
    content = b"a = 1\n/close\nb = 2\n"
    far = problem(edit(1, 0, 1, 1, "x"), edit(3, 0, 3, 1, "y"))
    assert suggestion(far, 1, content) == ""
    assert suggestion(problem(edit(1, 0, 1, 1, "x")), 1, content) != ""


TEXTS = st.lists(
    st.sampled_from(["a", "`", "```", "~~~", " ", "\t", "ü", "/", "x", "\n", "\n", "\r\n", "#", "<b>", "-"]),
    max_size=14,
).map("".join)


@given(text=TEXTS, new=TEXTS, data=st.data())
def test_any_suggestion_comes_to_what_the_edits_come_to(text: str, new: str, data: st.DataObject) -> None:
    ends = re.split(r"\r\n|\r|\n", text)
    places = [(line, column) for line, part in enumerate(ends, 1) for column in range(len(part) + 1)]
    begin, end = sorted([data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))])
    wrong = problem(edit(*begin, *end, new), line=data.draw(st.integers(1, len(ends))))
    content = text.encode()
    assert wrong.place is not None
    line = git_line(wrong.place.line, content)
    block = suggestion(wrong, line, content)
    if block:
        assert applied(block, line, content) == apply(text, wrong.edits).encode()


MENDABLE = sorted(code for code in EXAMPLES if any(one.edits for one in example_problems(code)[1]))


@pytest.mark.parametrize("code", MENDABLE)
def test_a_mend_of_the_catalogue_is_offered_and_is_what_fix_writes(code: str, tmp_path: Path) -> None:
    source, problems = example_problems(code)
    one = next(problem for problem in problems if problem.edits)
    assert one.place is not None
    content = source.contents[one.place.file]
    line = git_line(one.place.line, content)
    block = suggestion(one, line, content)
    assert block != ""
    for path, data in source.contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    loaded = load_source(tmp_path)
    done = ensure_mended(tmp_path, loaded, [replace(one, also=())])
    assert done.files == (one.place.file,)
    assert (tmp_path / one.place.file).read_bytes() == applied(block, line, content)
