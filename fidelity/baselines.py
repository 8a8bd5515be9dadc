"""The baselines: what people write first, and the one other tool that reads argparse without running the script."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cli_command_parser.conversion.argparse_ast import ArgCollection, AstArgumentParser, ParserArg, Script

Parameters = list[dict[str, Any]]


_CALL = re.compile(
    r"\.add_argument\(\s*((?:[\"'][^\"']+[\"']\s*,?\s*)+)((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*)\)"
)
_TEXT = re.compile(r"[\"']([^\"']*)[\"']")


def _by_expression(text: str) -> Parameters:
    found = []
    for call in _CALL.finditer(text):
        names, rest = _TEXT.findall(call[1]), call[2]
        keywords: dict[str, Any] = {}
        for name in ("type", "default", "required", "choices", "nargs", "action", "help"):
            value = re.search(rf"\b{name}\s*=\s*([\"'][^\"']*[\"']|[\[(][^\])]*[\])]|[^,\s]+)", rest)
            if value is None:
                continue
            try:
                keywords[name] = ast.literal_eval(value[1])
            except (ValueError, SyntaxError):
                keywords[name] = value[1]
        found.append(_parameter(names, keywords))
    return found


def _by_walk(text: str) -> Parameters:
    found = []
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        names = [
            one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        if node.func.attr != "add_argument" or not names:
            continue
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                continue
            try:
                keywords[keyword.arg] = ast.literal_eval(keyword.value)
            except (ValueError, TypeError, SyntaxError, MemoryError):
                keywords[keyword.arg] = ast.unparse(keyword.value)
        found.append(_parameter(names, keywords))
    return found


def _parameter(names: Sequence[str], keywords: dict[str, Any]) -> dict[str, Any]:
    """What argparse would most likely make of it."""
    flags = [name for name in names if name.startswith("-")]
    long = [flag for flag in flags if flag.startswith("--")]
    dest = keywords.get("dest") or (long or flags or list(names))[0].lstrip("-")
    action = keywords.get("action", "store")
    boolean = action in ("store_true", "store_false")
    default = keywords.get("default", action == "store_false" if boolean else None)
    choices = keywords.get("choices")
    return {
        "flags": flags,
        "dest": str(dest).replace("-", "_") if flags else str(dest),
        "type": "bool" if boolean else str(keywords.get("type", "str")).rpartition(".")[2],
        "default": list(default) if isinstance(default, tuple | set) else default,
        "required": bool(keywords.get("required", not flags and keywords.get("nargs") not in ("?", "*"))),
        "choices": list(choices) if isinstance(choices, list | tuple | set | dict) else choices,
        "nargs": keywords.get("nargs"),
        "action": action,
        "help": keywords.get("help"),
        "group": None,
        "subcommand": [],
    }


def _by_command_parser(text: str) -> Parameters:
    """cli-command-parser, which turns argparse scripts into its own commands and reads them for that."""
    return [one for parser in Script(text).parsers for one in _collected(parser, ())]


def _collected(parser: ArgCollection, subcommand: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for argument in parser.args:
        yield _converted(argument, None) | {"subcommand": list(subcommand)}
    for group in parser.groups:
        for one in _collected(group, subcommand):
            title = group.init_func_args[0] if group.init_func_args else group.init_func_kwargs.get("title")
            yield one | {"group": one["group"] or _literal(title)}
    if isinstance(parser, AstArgumentParser):
        for child in parser.sub_parsers:
            yield from _collected(child, (*subcommand, str(_literal((*child.init_func_args, "'?'")[0]))))


def _converted(argument: ParserArg, group: str | None) -> dict[str, Any]:
    names = [str(_literal(one)) for one in argument.init_func_args]
    keywords = {name: _literal(text) for name, text in argument.init_func_kwargs.items()}
    return _parameter(names or ["?"], keywords) | {"group": group}


def _literal(text: Any) -> Any:
    """The value of a literal, or else its source."""
    try:
        return ast.literal_eval(text) if isinstance(text, str) else text
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return text


BASELINES: Mapping[str, Callable[[str], Parameters]] = {
    "naive walk of the syntax tree": _by_walk,
    "regular expression": _by_expression,
    "cli-command-parser": _by_command_parser,
}
