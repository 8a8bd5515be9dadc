"""A YAML loader that stops at a number of nodes: a small file may name the same piece over and over."""

from __future__ import annotations

import yaml


class BoundedLoader(yaml.SafeLoader):
    """Raises YAMLError beyond `most_nodes` words, lists and mappings."""

    most_nodes = 0
    _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._nodes += 1
        if self._nodes > self.most_nodes:
            raise yaml.YAMLError("it holds too much")
        return super().compose_node(parent, index)
