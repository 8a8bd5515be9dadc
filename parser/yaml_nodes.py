"""YAML as nodes, which know their lines: what a wrong file does not have is empty, never an error."""

from __future__ import annotations

import yaml


def member(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value of a mapping's key; None where there is none, or no mapping."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The items of a list; none where there is no list."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
