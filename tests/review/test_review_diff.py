"""Which lines of a merge request's diff can be spoken of, and what numbers they have: against git's own diffs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.diff import git_line, read_diff
from bot.domain.gitlab import DiffFile


def git(folder: Path, *arguments: str) -> str:
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, check=False, env=environ)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.decode("utf-8", "replace")


def difference(folder: Path, old: str, new: str) -> str:
    """The hunks between two texts, as git writes them and GitLab passes them on."""
    (folder / "old").write_text(old, newline="")
    (folder / "new").write_text(new, newline="")
    whole = git(folder, "diff", "--no-index", "--no-color", "--no-ext-diff", "old", "new")
    return whole[whole.index("@@") :] if "@@" in whole else ""


def shown(diff: str) -> dict[int, int | None]:
    return dict(read_diff([DiffFile("a.py", "a.py", diff)])["a.py"].lines)


def test_an_added_line_has_a_new_number_only_and_an_unchanged_one_has_both(tmp_path: Path) -> None:
    diff = difference(tmp_path, "one\ntwo\nthree\n", "one\nTWO\n2b\nthree\n")
    assert shown(diff) == {1: 1, 2: None, 3: None, 4: 3}


def test_lines_far_from_any_change_are_not_shown(tmp_path: Path) -> None:
    old = "".join(f"{number}\n" for number in range(1, 41))
    diff = difference(tmp_path, old, old.replace("20\n", "twenty\n", 1))
    assert shown(diff) == {17: 17, 18: 18, 19: 19, 20: None, 21: 21, 22: 22, 23: 23}


def test_a_line_of_the_file_that_looks_like_a_hunks_head_is_a_line(tmp_path: Path) -> None:
    diff = difference(tmp_path, "a\n@@ -1 +1 @@\n-- x\nb\n", "a\n@@ -1 +1 @@\n++ x\nb\n")
    assert shown(diff) == {1: 1, 2: 2, 3: None, 4: 4}


def test_heads_of_files_before_the_hunks_are_passed_over(tmp_path: Path) -> None:
    diff = "--- a/a.py\n+++ b/a.py\n" + difference(tmp_path, "a\n", "b\n")
    assert shown(diff) == {1: None}


@pytest.mark.parametrize(
    "diff", ["", "Binary files differ\n", "@@ nonsense @@\n+x\n", "@@ -1 +1,9 @@ cut off\n"]
)
def test_what_is_no_hunk_shows_no_line(diff: str) -> None:
    assert shown(diff) == {}


def test_removed_files_are_not_there_and_renamed_ones_know_both_paths() -> None:
    files = read_diff(
        [
            DiffFile("gone.py", "gone.py", "@@ -1 +0,0 @@\n-x\n", deleted_file=True),
            DiffFile("old.py", "new.py", "@@ -1 +1 @@\n-x\n+y\n"),
        ]
    )
    assert list(files) == ["new.py"]
    assert (files["new.py"].old_path, files["new.py"].new_path) == ("old.py", "new.py")


LINES = st.lists(
    st.sampled_from(["a", "b", "", "-- x", "++ y", "@@ -1 +1 @@", "c\r", "\\ No newline"]), max_size=12
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=LINES, new=LINES, ends=st.booleans())
def test_each_shown_line_is_the_line_that_it_was(
    tmp_path: Path, old: list[str], new: list[str], ends: bool
) -> None:
    before, after = "\n".join(old) + "\n" * ends, "\n".join(new)
    files = before.split("\n"), after.split("\n")
    found = shown(difference(tmp_path, before, after))
    for line, was in found.items():
        assert was is None or files[0][was - 1] == files[1][line - 1]
    # whatever is in the new file and not shown as new was there before
    kept = [text for number, text in enumerate(files[1], 1) if found.get(number, 0) is not None]
    assert all(text in files[0] for text in kept if text)


@pytest.mark.parametrize(
    ("content", "line", "is_gits"),
    [
        (b"a\nb\nc\n", 3, 3),
        (b"a\r\nb\r\nc\r\n", 3, 3),
        (b"a\rb\rc\n", 3, 1),
        (b"a\rb\nc\n", 3, 2),
        (b"\xff\r\xfe", 2, 2),
        (None, 7, 7),
    ],
)
def test_a_carriage_return_alone_ends_a_line_for_python_and_not_for_git(
    content: bytes | None, line: int, is_gits: int
) -> None:
    assert git_line(line, content) == is_gits
