"""A project's own CI file: whether it runs mlreef.yml, and the job that would."""

from __future__ import annotations

import re

import yaml

from bot.domain.pipeline import MAX_DEPTH, PATH
from bot.domain.yaml_graph import Keys, items, last_document, scalar

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

_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9][\w./-]{0,200}\Z", re.ASCII)
_PLAIN_STAGE = re.compile(r"[A-Za-z][\w -]{0,60}\Z", re.ASCII)


def triggers_ours(gitlab_ci_yml: bytes) -> bool:
    """Whether a project's own CI runs mlreef.yml as a child pipeline and waits for it. Never raises."""
    jobs = _Jobs(last_document(gitlab_ci_yml))
    return any(jobs.triggers(name) for name in jobs.names if not name.startswith("."))


def trigger_example(gitlab_ci_yml: bytes, branch: str = "") -> str:
    """The job to add to a project's own CI so that `triggers_ours`, in the last of the stages it has. Never raises.

    `branch`: another one than the default branch, for which it is to run as well.
    """
    stages = Keys().find(last_document(gitlab_ci_yml), "stages")
    names = [name for node in items(stages) if (name := scalar(node)) is not None]
    stage = names[-1] if names and _PLAIN_STAGE.match(names[-1]) else _USUAL_STAGE
    rule = f'    - if: $CI_COMMIT_BRANCH == "{branch}"\n' if _PLAIN_BRANCH.match(branch) else ""
    return _TRIGGER_EXAMPLE.replace("<stage>", stage) + rule


class _Jobs:
    """The jobs of a configuration. Each of its parts is looked at once, however often it is named: files multiply."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._keys = Keys()
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
            parents = map(scalar, items(self._keys.find(job, "extends")))
            return any(self.triggers(parent, depth + 1) for parent in parents if parent is not None)
        if id(trigger) not in self._runs:
            self._runs[id(trigger)] = self._runs_ours(trigger)
        return self._runs[id(trigger)]

    def _runs_ours(self, trigger: yaml.Node) -> bool:
        includes = map(self._local, items(self._keys.find(trigger, "include")))
        waits = scalar(self._keys.find(trigger, "strategy")) in {"depend", "mirror"}
        return waits and any(word is not None and word.removeprefix("/") == PATH for word in includes)

    def _local(self, node: yaml.Node) -> str | None:
        return scalar(node if isinstance(node, yaml.ScalarNode) else self._keys.find(node, "local"))
