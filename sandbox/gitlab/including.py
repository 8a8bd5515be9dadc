"""`include`: the files of a CI configuration become one, by what the pipeline's user may read, as GitLab does it.

Components, files of other projects and local ones; remote files and templates are not built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.gitlab.inputs import interpolated
from sandbox.gitlab.rules import Invalid, expand, first_rule, merge
from sandbox.gitlab.values import Pipeline, Project, User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

MAX_INCLUDES = 150
"""Files of one pipeline, as GitLab has it unless its administrator says otherwise."""

MAX_DEPTH = 20
"""Files within files; real configurations have two or three."""

SHORTHAND = re.compile(r"\d+(\.\d+)?")
SEMVER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
LATEST = "~latest"

INCLUDING = re.compile(rb"^(include|spec)\s*:", re.MULTILINE)
"""Without these words a file is the whole configuration."""


class Reference(list[Any]):
    """GitLab's `!reference [job, keyword]`, which is resolved only when all files are one."""


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _load_reference(loader: yaml.SafeLoader, node: yaml.Node) -> Reference:
    return Reference(
        loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else ()
    )


_Loader.add_constructor("!reference", _load_reference)
_Dumper.add_representer(Reference, lambda dumper, data: dumper.represent_sequence("!reference", data))


@dataclass(frozen=True)
class Context:
    """Whose files are local ones: a project at a commit; and what a component knows of itself."""

    project: Project
    sha: str
    component: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Including:
    """One configuration being put together, for one user."""

    core: Core
    user: User
    variables: Mapping[str, str]
    _count: int = 0

    def whole(self, content: bytes, context: Context) -> bytes:
        """The configuration without includes; the file itself where it has none. Raises Invalid."""
        if not INCLUDING.search(content):
            return content
        merged = self._expanded(_text(content), {}, context, 0)
        return yaml.dump(merged, Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()

    def _expanded(self, text: str, given: Mapping[str, Any], context: Context, depth: int) -> dict[str, Any]:
        document = _load(interpolated(text, given, context.component))
        merged: dict[str, Any] = {}
        for item in _items(document.pop("include", None)):
            if "rules" in item:
                rule = first_rule(item["rules"], self.variables)
                if rule is None or rule.get("when") == "never":
                    continue
            for file in self._files(item, context):
                self._count += 1
                if self._count > MAX_INCLUDES or depth >= MAX_DEPTH:
                    raise Invalid(f"Maximum of {MAX_INCLUDES} nested includes are allowed!")
                inputs = item.get("inputs") or {}
                try:
                    found = self._expanded(file.text, inputs, file.context, depth + 1)
                except _Told:
                    raise
                except Invalid as failure:
                    raise _Told(f"`{file.location}`: {failure}") from None
                merged = merge(merged, found)
        return merge(merged, document)

    def _files(self, item: Mapping[str, Any], context: Context) -> list[_File]:
        expanded = {
            key: expand(value, self.variables) if isinstance(value, str) else value
            for key, value in item.items()
        }
        if "component" in expanded:
            return [self._component(expanded["component"])]
        if "project" in expanded:
            names = expanded.get("file")
            listed = names if isinstance(names, list) else [names]
            ref = expanded.get("ref")
            return [
                self._of_project(str(expanded["project"]), ref, expand(str(name), self.variables))
                for name in listed
            ]
        if "local" in expanded:
            return [self._local(expanded["local"], context)]
        raise Invalid(f"`{dict(item)}` does not have a valid subkey for include")

    def _local(self, path: Any, context: Context) -> _File:
        content = self.core.git(context.project).file(context.sha, str(path).lstrip("/"))
        if content is None:
            raise _Told(f"Local file `{path}` does not exist!")
        return _File(str(path), _text(content), context)

    def _of_project(self, path: str, ref: Any, name: str) -> _File:
        project = self.core.state.project_by(path)
        if project is None or not self.core.may_read_code(self.user, project):
            raise _Told(
                f"Project `{path}` not found or access denied! "
                "Make sure any includes in the pipeline configuration are correctly defined."
            )
        git = self.core.git(project)
        sha = git.resolve(str(ref or project.default_branch))
        if sha is None:
            raise _Told(f"Project `{path}` reference `{ref}` does not exist!")
        content = git.file(sha, name.lstrip("/"))
        if content is None:
            raise _Told(f"Project `{path}` file `{name}` does not exist!")
        return _File(name, _text(content), Context(project, sha))

    def _component(self, address: Any) -> _File:
        prefix = f"Component '{address}' -"
        root = f"{self.variables.get('CI_SERVER_FQDN', '')}/"
        if not isinstance(address, str) or not address.startswith(root) or "@" not in address:
            raise _Told(f"{prefix} the component path is not supported")
        full, _, version = address.removeprefix(root).partition("@")
        path, _, name = full.rpartition("/")
        project = self.core.state.project_by(path) if path and not path.isdigit() else None
        sha = self._version(project, version) if project is not None else None
        if project is not None and sha is not None:
            if not self.core.may_read_code(self.user, project):
                raise _Told(f"{prefix} project does not exist or you don't have sufficient permissions")
            git = self.core.git(project)
            content = git.file(sha, f"templates/{name}.yml")
            if content is None:
                content = git.file(sha, f"templates/{name}/template.yml")
            if content is not None:
                known = {"name": name, "sha": sha, "version": version, "reference": version}
                return _File(address, _text(content), Context(project, sha, known))
        if project is not None and version == LATEST and not project.in_catalog:
            raise _Told(
                f"{prefix} The ~latest version reference is not supported for non-catalog resources. "
                "Use a tag, branch, or commit SHA instead."
            )
        raise _Told(f"{prefix} content not found")

    def _version(self, project: Project, version: str) -> str | None:
        """The commit of a version: of the catalog's newest that fits, else of a tag, branch or commit of that name."""
        git = self.core.git(project)
        if project.in_catalog and (version == LATEST or SHORTHAND.fullmatch(version)):
            wanted = () if version == LATEST else tuple(map(int, version.split(".")))
            found = newest(git.refs("refs/tags/"), wanted)
            if found is not None or version == LATEST:
                return found
        return None if version == LATEST else git.tag(version) or git.branch(version) or git.resolve(version)


def newest(tags: Mapping[str, str], wanted: tuple[int, ...]) -> str | None:
    """The commit of the highest version among tags that begins with these numbers."""
    fitting = []
    for tag, sha in tags.items():
        read = SEMVER.fullmatch(tag)
        numbers = tuple(map(int, read.groups())) if read else ()
        if read and numbers[: len(wanted)] == wanted:
            fitting.append((numbers, sha))
    return max(fitting)[1] if fitting else None


@dataclass(frozen=True)
class _File:
    location: str
    text: str
    context: Context


class _Told(Invalid):
    """What GitLab tells without naming the file that includes."""


def whole_config(core: Core, pipeline: Pipeline, content: bytes, variables: Mapping[str, str]) -> bytes:
    """A pipeline's configuration with all that it includes. Raises Invalid."""
    project, user = core.state.projects[pipeline.project_id], core.state.user(pipeline.user_id)
    return Including(core, user, variables).whole(content, Context(project, pipeline.sha))


def _items(section: Any) -> list[Mapping[str, Any]]:
    listed = section if isinstance(section, list) else [] if section is None else [section]
    return [item if isinstance(item, dict) else {"local": item} for item in listed]


def _load(text: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - built on SafeLoader
    except (yaml.YAMLError, RecursionError) as failure:
        raise Invalid(f"Invalid configuration format: {str(failure).splitlines()[0]}") from failure
    if not isinstance(document, dict):
        raise Invalid("Invalid configuration format")
    return {str(key): value for key, value in document.items()}


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise Invalid(f"Invalid configuration format: {failure}") from failure
