"""A project's own CI file: whether it runs mlreef.yml, and the job that would."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from bot.domain.pipeline import MAX_DEPTH, MAX_FILE_BYTES, PATH

_TRIGGER_EXAMPLE = """\
publish:
  stage: <stage>
  trigger:
    include:
      - local: mlreef.yml
    strategy: depend
    forward: {yaml_variables: false}
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
"""The lines that make a project's own CI run mlreef.yml as a child pipeline; the stage must be one of its own."""

_USUAL_STAGE = "test"
"""GitLab's own default stage of a job, there when a file names no stages."""

MAX_NODES = 20_000
"""Words, lists and mappings of a file that is read; composing them takes a second or two."""

MAX_ITEMS = 100
"""Items of a list that are looked at; GitLab takes three files to be included in a trigger."""

_PLAIN_STAGE = re.compile(r"[A-Za-z][\w -]{0,60}\Z", re.ASCII)


def triggers_ours(gitlab_ci_yml: bytes) -> bool:
    """Whether a project's own CI runs mlreef.yml as a child pipeline and waits for it. Never raises."""
    jobs = _Jobs(_last_document(gitlab_ci_yml))
    return any(jobs.triggers(name) for name in jobs.names if not name.startswith("."))


def trigger_example(gitlab_ci_yml: bytes) -> str:
    """The job to add to a project's own CI so that `triggers_ours`, in the last of the stages it has. Never raises."""
    stages = _Keys().find(_last_document(gitlab_ci_yml), "stages")
    names = [name for node in _items(stages) if (name := _scalar(node)) is not None]
    stage = names[-1] if names and _PLAIN_STAGE.match(names[-1]) else _USUAL_STAGE
    return _TRIGGER_EXAMPLE.replace("<stage>", stage)


class _Jobs:
    """The jobs of a configuration. Each of its parts is looked at once, however often it is named: files multiply."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._keys = _Keys()
        self._jobs = self._keys.every(root)
        self._known: dict[str, bool] = {}
        self._runs: dict[int, bool] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._jobs)

    def triggers(self, name: str, depth: int = 0) -> bool:
        """Whether a job, or one that it extends, runs mlreef.yml and waits for it."""
        if name not in self._known:
            self._known[name] = (
                False  # until it is known, and for good where jobs extend each other in a ring
            )
            self._known[name] = depth < MAX_DEPTH and self._triggers(self._jobs.get(name), depth)
        return self._known[name]

    def _triggers(self, job: yaml.Node | None, depth: int) -> bool:
        trigger = self._keys.find(job, "trigger")
        if trigger is None:
            parents = map(_scalar, _items(self._keys.find(job, "extends")))
            return any(self.triggers(parent, depth + 1) for parent in parents if parent is not None)
        if id(trigger) not in self._runs:
            self._runs[id(trigger)] = self._runs_ours(trigger)
        return self._runs[id(trigger)]

    def _runs_ours(self, trigger: yaml.Node) -> bool:
        includes = map(self._local, _items(self._keys.find(trigger, "include")))
        waits = _scalar(self._keys.find(trigger, "strategy")) in {"depend", "mirror"}
        return waits and any(word is not None and word.removeprefix("/") == PATH for word in includes)

    def _local(self, node: yaml.Node) -> str | None:
        return _scalar(node if isinstance(node, yaml.ScalarNode) else self._keys.find(node, "local"))


class _Keys:
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


class _Loader(yaml.SafeLoader):
    """Stops at MAX_NODES."""

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise yaml.YAMLError("it holds too much")
        return super().compose_node(parent, index)


def _last_document(content: bytes) -> yaml.Node | None:
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


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value[:MAX_ITEMS])
    return [] if node is None else [node]


def _scalar(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None
