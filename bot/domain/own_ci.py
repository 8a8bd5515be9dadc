"""A project's own CI file: whether it runs mlreef.yml, and the job that would."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

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

_PLAIN_STAGE = re.compile(r"[A-Za-z][\w -]{0,60}\Z", re.ASCII)


def triggers_ours(gitlab_ci_yml: bytes) -> bool:
    """Whether a project's own CI runs mlreef.yml as a child pipeline and waits for it. Never raises."""
    jobs = {
        key: job for key, job in _pairs(_last_document(gitlab_ci_yml)) if isinstance(job, yaml.MappingNode)
    }
    return any(_triggers(jobs, name, 0) for name in jobs if not name.startswith("."))


def trigger_example(gitlab_ci_yml: bytes) -> str:
    """The job to add to a project's own CI so that `triggers_ours`, in the last of the stages it has. Never raises."""
    root = dict(_pairs(_last_document(gitlab_ci_yml)))
    stages = [name for node in _items(root.get("stages")) if (name := _scalar(node)) is not None]
    stage = stages[-1] if stages and _PLAIN_STAGE.match(stages[-1]) else _USUAL_STAGE
    return _TRIGGER_EXAMPLE.replace("<stage>", stage)


def _triggers(jobs: Mapping[str, yaml.Node], name: str, depth: int) -> bool:
    job = dict(_pairs(jobs.get(name)))
    trigger = job.get("trigger")
    if trigger is not None:
        parts = dict(_pairs(trigger))
        includes = [word for node in _items(parts.get("include")) for word in _local(node)]
        waits = _scalar(parts.get("strategy")) in {"depend", "mirror"}
        return waits and any(word.removeprefix("/") == PATH for word in includes)
    return depth < MAX_DEPTH and any(
        _triggers(jobs, parent, depth + 1)
        for node in _items(job.get("extends"))
        if (parent := _scalar(node)) is not None
    )


def _local(node: yaml.Node) -> list[str]:
    word = _scalar(node) if isinstance(node, yaml.ScalarNode) else _scalar(dict(_pairs(node)).get("local"))
    return [word] if word is not None else []


def _last_document(content: bytes) -> yaml.Node | None:
    """The node graph of the file's configuration, which stands behind a `spec:` header if there is one.

    None for a file that is too big, or no YAML.

    Nodes, not values: aliases stay shared, so a file that multiplies itself costs nothing, and GitLab's own
    tags (`!reference`) need no meaning.
    """
    if len(content) > MAX_FILE_BYTES:
        return None
    root = None
    try:
        for document in yaml.compose_all(content.decode("utf-8-sig"), Loader=yaml.SafeLoader):
            root = document
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None
    return root


def _pairs(node: yaml.Node | None, depth: int = 0) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode) or depth > MAX_DEPTH:
        return
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value == "<<":
            merged = value.value[:1] if isinstance(value, yaml.SequenceNode) else [value]
            for each in merged:
                yield from _pairs(each, depth + 1)
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield key.value, value


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [] if node is None else [node]


def _scalar(node: yaml.Node | None) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) else None
