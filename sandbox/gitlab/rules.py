"""The language of a CI file's rules: conditions with ==, !=, =~, !~, &&, || and parentheses, and variables in text.

And how one part of such a file is put over another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Invalid(Exception):
    """The YAML is no CI configuration; the text is what GitLab would say."""


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced; `$$` stands for a dollar."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "$" if name is None else variables.get(name, "")

    return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", value, text)


def first_rule(rules: Any, variables: Mapping[str, str]) -> dict[str, Any] | None:
    """The first rule whose condition holds, None where none does."""
    for rule in rules or []:
        if isinstance(rule, dict) and ("if" not in rule or condition(str(rule["if"]), variables)):
            return rule
    return None


TOKENS = re.compile(
    r"\s*(?:(?P<op>==|!=|=~|!~|&&|\|\||\(|\))"
    r"|\$\{?(?P<variable>\w+)\}?"
    r"|\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|/(?P<pattern>(?:\\.|[^/\\])*)/(?P<flags>[a-z]*)"
    r"|(?P<null>null))"
)


@dataclass(frozen=True)
class _Token:
    kind: str
    value: Any


def _tokens(text: str, variables: Mapping[str, str]) -> Iterator[_Token]:
    position = 0
    text = text.strip()
    while position < len(text):
        match = TOKENS.match(text, position)
        if match is None:
            raise Invalid(f"rules:if invalid expression syntax: {text}")
        position = match.end()
        if match["op"]:
            yield _Token("op", match["op"])
        elif match["variable"]:
            yield _Token("value", variables.get(match["variable"]))
        elif match["pattern"] is not None:
            yield _Token("value", re.compile(match["pattern"], re.IGNORECASE if "i" in match["flags"] else 0))
        elif match["null"]:
            yield _Token("value", None)
        else:
            yield _Token("value", match["double"] if match["double"] is not None else match["single"])
    yield _Token("end", None)


def condition(text: str, variables: Mapping[str, str]) -> bool:
    """Whether an `if` of a rule holds; && binds closer than ||."""
    tokens = list(_tokens(text, variables))
    position = 0

    def take(kind: str, value: Any = None) -> bool:
        nonlocal position
        found = tokens[position].kind == kind and (value is None or tokens[position].value == value)
        position += found
        return found

    def operand() -> Any:
        nonlocal position
        if take("op", "("):
            inner = either()
            if not take("op", ")"):
                raise Invalid(f"rules:if invalid expression syntax: {text}")
            return inner
        if tokens[position].kind != "value":
            raise Invalid(f"rules:if invalid expression syntax: {text}")
        position += 1
        return tokens[position - 1].value

    def comparison() -> Any:
        left = operand()
        for operator in ("==", "!=", "=~", "!~"):
            if take("op", operator):
                right = operand()
                same = _matches(left, right) if "~" in operator else left == right
                return same if operator in ("==", "=~") else not same
        return left

    def both() -> Any:
        result = comparison()
        while take("op", "&&"):
            right = comparison()
            result = right if _true(result) else result
        return result

    def either() -> Any:
        result = both()
        while take("op", "||"):
            right = both()
            result = result if _true(result) else right
        return result

    result = either()
    if tokens[position].kind != "end":
        raise Invalid(f"rules:if invalid expression syntax: {text}")
    return _true(result)


def _true(value: Any) -> bool:
    return bool(value)


def _matches(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    pattern = right if isinstance(right, re.Pattern) else re.compile(str(right).strip("/"))
    return pattern.search(str(left)) is not None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and mappings inside them likewise; of anything else `over` has the last word. So `extends` does it."""
    result = dict(base)
    for key, value in over.items():
        before = result.get(key)
        result[key] = merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result
