"""Whatever a repository says, nothing that the bot writes to GitLab calls, does, links or loads anything.

The renderers are found, not listed by hand: whoever adds one has it tested, or is told that it cannot be.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import bot
from bot.domain.text import STATUS_CHARS
from tests.domain.gitlab_rules import LINE_ENDS, assert_harmless, draw, quick_actions, references
from tests.domain.hostile import ANY_TEXT, ATTACKS, Maker

ROOT = Path(next(iter(bot.__path__)))
MAKES_MARKDOWN = frozenset({"span", "prose", "link", "row", "fenced", "log_block"})
SOUNDS_LIKE = ("_note", "_body", "_reply", "_description", "_comment")

OURS = frozenset(
    {
        "merge request: !1",
        "merge request: !2",
        "merge request: !3",
        "merge request: !40",
        "merge request: !5000",
    }
)
"""References on purpose: the bot's own merge requests, by number."""


@functools.cache
def _modules() -> frozenset[str]:
    found = set()
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "bot.domain.text"
            for name in node.names
        }
        texts = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _gives_text(node)]
        if imported & MAKES_MARKDOWN or any(name.endswith(SOUNDS_LIKE) for name in texts):
            found.add(".".join(("bot", *path.relative_to(ROOT).with_suffix("").parts)))
    return frozenset(found)


PARTS = frozenset({"bot.domain.tables"})
"""What several renderers are made of, and takes Markdown that they made: tested in them."""


def _gives_text(function: ast.FunctionDef) -> bool:
    return (
        not function.name.startswith("_")
        and function.returns is not None
        and ast.unparse(function.returns) == "str"
    )


def _renderers() -> Iterator[Any]:
    for name in sorted(_modules() - PARTS):
        module = importlib.import_module(name)
        for function in vars(module).values():
            if (
                not inspect.isfunction(function)
                or function.__module__ != name
                or function.__name__.startswith("_")
            ):
                continue
            if get_type_hints(function)["return"] in (str, list[str]):
                yield pytest.param(function, id=f"{name}.{function.__name__}")


def _said(function: Callable[..., str | list[str]], seed: int, texts: list[str]) -> str:
    said = function(**Maker(seed, texts).arguments(function))
    return said if isinstance(said, str) else "\n".join(said)


RENDERERS = list(_renderers())


@pytest.mark.parametrize("function", RENDERERS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.lists(ANY_TEXT, min_size=1, max_size=6))
@example(1, list(ATTACKS))
@example(2, list(ATTACKS))
@example(3, list(ATTACKS))
def test_nothing_that_is_written_does_anything(
    function: Callable[..., str], seed: int, texts: list[str]
) -> None:
    said = _said(function, seed, texts)
    if "status" in function.__name__ or "title" in function.__name__:
        assert len(said) <= STATUS_CHARS
        assert not LINE_ENDS.search(said)
        return
    page = assert_harmless(said, known=OURS)
    # what is equal stays equal, for tables may be about that
    harmless = [f"word{texts.index(text)}" if text.strip() else text for text in texts]
    assert page.blocks == draw(_said(function, seed, harmless)).blocks


def test_every_module_that_makes_markdown_is_tested() -> None:
    found = _modules()
    assert "bot.domain.reports" in found
    assert found - PARTS == {str(one.id).rpartition(".")[0] for one in RENDERERS}


@pytest.mark.parametrize(
    "line", ["/close", "> /close", "- /close", "a\r/close", "\u200b/close", "1. > /merge", "a\u2028/x"]
)
def test_the_rules_see_a_command(line: str) -> None:
    assert quick_actions(f"Hello\n{line}\n")


@pytest.mark.parametrize(
    "text",
    ["@all", "#1", "g/p#1", "!1", "$1", "&1", "~x", '~"a b"', "%x", "^alert#1", "[issue:1]", "GL-1", "AB-1", "deadbee",
     "1234567...7654321", "*iteration:1", "[[Home]]", "g/p>", "https://gitlab.example.com/g/p/-/issues/1", ":100:"],
)  # fmt: skip
def test_the_rules_see_a_reference(text: str) -> None:
    page = draw(f"See {text} there.")
    assert references(page) or page.links
    assert not references(draw(f"See `{text}` there."))
