"""A CI file as a graph of YAML nodes: aliases stay shared, so a file that multiplies itself costs nothing."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from bot.domain.bounded_yaml import BoundedLoader
from bot.domain.pipeline import MAX_DEPTH, MAX_FILE_BYTES

MAX_NODES = 20_000
"""Words, lists and mappings of a file that is read; composing them takes a second or two."""

MAX_ITEMS = 100
"""Items of a list that are looked at; GitLab takes three files to be included in a trigger."""


class Keys:
    """What mappings hold, with what they take over from others (`<<`); of two keys the last counts."""

    def __init__(self) -> None:
        self._own: dict[int, dict[str, yaml.Node]] = {}

    def find(self, node: yaml.Node | None, wanted: str) -> yaml.Node | None:
        """What stands under a key."""
        return next((own[wanted] for own in self._taken(node) if wanted in own), None)

    def every(self, node: yaml.Node | None) -> dict[str, yaml.Node]:
        """All keys with their values."""
        return {key: value for own in reversed(list(self._taken(node))) for key, value in own.items()}

    def _taken(self, node: yaml.Node | None) -> Iterator[dict[str, yaml.Node]]:
        for _ in range(MAX_DEPTH + 1):
            if not isinstance(node, yaml.MappingNode):
                return
            if id(node) not in self._own:
                pairs = ((key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode))
                self._own[id(node)] = {key.value: value for key, value in pairs}
            own = self._own[id(node)]
            yield own
            merged = own.get("<<")
            node = next(iter(merged.value), None) if isinstance(merged, yaml.SequenceNode) else merged


class _Loader(BoundedLoader):
    most_nodes = MAX_NODES


def last_document(content: bytes) -> yaml.Node | None:
    """The node graph of the file's configuration, which stands behind a `spec:` header if there is one.

    None for a file that is too big, or holds too much, or is no YAML.

    Nodes, not values: aliases stay shared, so a file that multiplies itself costs nothing, and GitLab's own
    tags (`!reference`) need no meaning.
    """
    if len(content) > MAX_FILE_BYTES:
        return None
    root = None
    try:
        for document in yaml.compose_all(content.decode("utf-8-sig"), Loader=_Loader):
            root = document
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None
    return root


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The items of a list; one thing by itself is a list of it."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value[:MAX_ITEMS])
    return [] if node is None else [node]


def scalar(node: yaml.Node | None) -> str | None:
    """The text of a plain value."""
    return node.value if isinstance(node, yaml.ScalarNode) else None
