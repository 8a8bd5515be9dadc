"""The command line of a script that does not use argparse: read where that is possible, told in any case."""

from __future__ import annotations

import ast
from dataclasses import replace

from parser.argparse_reader import CommandLine
from parser.frameworks.names import imports_of
from parser.frameworks.recognise import Use, other_framework, used_framework
from parser.interpreter.modules import Modules
from parser.model import Problem
from parser.problems import problem
from parser.script import Script
from parser.source import Source

_WHY_NONE = ("flag-refused", "argument-not-followed", "argument-unusable", "file-unfollowed")
"""What may be the reason when a readable framework gave no parameter at all."""

MAX_LOOKED_INTO = 20
"""Modules that are looked into for the framework of a script that only calls them."""


def read_other_command_line(source: Source, script: Script, argparse_says: CommandLine) -> CommandLine:
    """What the script reads its command line with; `found` only when its parameters could be read.

    `argparse_says` is what was read of it as an argparse script; it is given back when nothing else is seen.
    """
    where = _where(source, script)
    if where is None:
        return argparse_says
    used_in, use = where
    read = _read(source, script, use.framework.name)
    if read is not None:
        if read.found:
            words = {"file": script.path, "framework": use.framework.name}
            noted = problem("framework-read", used_in.place(use.node), None, **words)
            return replace(read, problems=(noted, *read.problems))
        if any(one.code == "several-commands" for one in read.problems):
            return read
    told = tuple(one for one in read.problems if one.code in _WHY_NONE) if read is not None else ()
    if told:
        return replace(read or argparse_says, problems=(*told, _unread(used_in, use)), found=False)
    foreign = other_framework(used_in)
    return replace(argparse_says, problems=(foreign,), found=False) if foreign else argparse_says


def _unread(script: Script, use: Use) -> Problem:
    words = {"file": script.path, "framework": use.framework.name, "mend": use.framework.mend}
    return problem("other-framework", script.place(use.node), None, **words)


def _read(source: Source, script: Script, framework: str) -> CommandLine | None:
    """What the framework's reader makes of the script; None when there is no such reader."""
    # Imported when they are needed: most scripts use argparse, and starting quickly matters.
    if framework == "click":
        from parser.frameworks.click_reader import read_click

        return read_click(source, script)
    if framework == "absl":
        from parser.frameworks.absl_reader import read_absl

        return read_absl(source, script)
    return None


def _where(source: Source, script: Script) -> tuple[Script, Use] | None:
    """The file in which the framework is seen: the script itself, or a module whose names it calls."""
    use = used_framework(script)
    if use is not None:
        return script, use
    modules = Modules(source, script.path, frozenset(), frozenset())
    called = {
        node.func.id
        for node in script.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    called |= {
        node.func.value.id
        for node in script.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    }
    paths: list[str] = []
    for node in script.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
            if names & called:
                found = (modules.find(dotted, script.path, level) for dotted, level in imports_of([node]))
                paths += [path for path in found if path]
    for path in list(dict.fromkeys(paths))[:MAX_LOOKED_INTO]:
        inner = modules.script(path) if path != script.path else None
        use = used_framework(inner) if inner is not None else None
        if inner is not None and use is not None:
            return inner, use
    return None
