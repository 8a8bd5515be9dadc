"""What the bot says in GitLab: put into words apart from where it is done, and said in short, plain sentences."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

ROOT = Path(next(iter(bot.__path__)))
WORDS = (
    "reports",
    "published_words",
    "failure_words",
    "cause_words",
    "review_note",
    "thread_words",
    "replies",
    "withdrawal",
    "wizard_words",
    "wizard",
    "settings_edit",
    "interface",
    "interface_fields",
    "requirement_changes",
    "prediction",
    "run_words",
    "hand_edits",
    "tables",
)
"""Modules of bot/domain whose sentences reach GitLab."""

TO_OPERATORS = frozenset({"app.py", "ending.py", "publication.py", "reconcile.py", "uses_known.py"})
"""Modules that say something in the log or on a terminal, with what to do."""

MAX_WORDS = 25
"""A longer sentence is two."""

JARGON = re.compile(
    r"\b(?:AST|API|HTTP|JSON|SHA|blobs?|endpoints?|hooks?|idempotent|manifests?|parse[drs]?|payload|semver|sticky|"
    r"webhooks?)\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[A-Z`*].*\s\S+\s.*[.:!?*]\s*\Z", re.DOTALL)


def texts(path: Path) -> Iterator[str]:
    """Every text of a module but its docstrings; what is put into one is `X`."""
    tree = ast.parse(path.read_text("utf-8"))
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(value) for value in node.values}
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def sentences(path: Path) -> list[str]:
    return [one for text in texts(path) for one in re.split(r"(?<=[.:!?])\s+", text) if " " in one]


@pytest.mark.parametrize("name", WORDS)
def test_sentences_are_short_and_plain(name: str) -> None:
    said = sentences(ROOT / "domain" / f"{name}.py")
    assert said
    assert [one for one in said if len(one.split()) > MAX_WORDS] == []
    assert [one for one in said if JARGON.search(re.sub(r"`[^`]*`", "", one))] == []
    assert [one for one in said if re.search(r"\w!(?:\s|$)", one)] == []
    assert [one for one in said if any(unicodedata.category(char) == "So" for char in one)] == []


def test_what_is_done_in_gitlab_is_not_where_it_is_put_into_words() -> None:
    doing = [
        path
        for path in (*ROOT.glob("*.py"), *(ROOT / "commands").glob("*.py"))
        if path.name not in TO_OPERATORS and "world: World" in path.read_text("utf-8")
    ]
    assert {"review.py", "sticky.py", "answering.py", "opening.py"} <= {path.name for path in doing}
    assert [(path.name, text) for path in doing for text in texts(path) if SENTENCE.match(text)] == []
