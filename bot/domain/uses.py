"""Which modules a project uses: the components that its CI files include, and the steps of its data pipelines."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from bot.domain.tags import GENERATED
from bot.domain.yaml_graph import Keys, items, last_document, scalar
from parser.model import Report
from parser.settings import PATH as SETTINGS
from parser.settings import is_ci_file

PIPELINE_FILE = "mlreef-pipeline.yml"
"""The file of a data pipeline."""

NEWEST = "~latest"
"""The reference of a step that names no version: the newest."""

MAX_USES = 500
"""Uses of one commit that are kept."""

MAX_INCLUDED = 20
"""Further CI files of a repository that are looked into."""

NOTHING_TO_RUN = "no-entry-point"
"""The problem of a repository without any script that could be run."""

MAX_PATH = 1024
"""Characters of a project's path, of a component's name and of a reference."""

_INCLUDE = b"include"
"""Files without this word need not be taken apart."""

_OWN_HOST = re.compile(r"\$(?:CI_SERVER_(?:FQDN|HOST)|\{CI_SERVER_(?:FQDN|HOST)\})\Z")
_PATH = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")
_TEMPLATE = re.compile(r"/?templates/(?P<slug>[^/]+?)(?:/template)?\.ya?ml\Z")
_REF = re.compile(r"[!-~]+\Z")


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A component of a module that somebody includes: the module's project, the component, and which version.

    `path` is as GitLab compares it, in small letters. `ref`: a version, `1`, `1.2`, `~latest`, a branch or a commit.
    """

    path: str
    slug: str
    ref: str


def read_uses(ci_text: bytes, hosts: Collection[str] = ()) -> tuple[Use, ...]:
    """The components of this GitLab that a CI file includes, each once. Never raises.

    `hosts` are names of this GitLab (`gitlab.example.com`, with its port if it has one) besides the variables for it.
    """
    root = last_document(ci_text) if _INCLUDE in ci_text else None
    keys = Keys()
    found: set[Use | None] = set()
    for node in _includes(root, keys):
        address = scalar(keys.find(node, "component"))
        found |= _by_file(node, keys) if address is None else {read_component(address, hosts)}
    return tuple(sorted(use for use in found if use is not None)[:MAX_USES])


def read_included(ci_text: bytes) -> tuple[str, ...]:
    """Paths of further CI files of the same repository that a CI file includes, without those with `*`."""
    root = last_document(ci_text) if _INCLUDE in ci_text else None
    keys = Keys()
    found = (
        scalar(node if isinstance(node, yaml.ScalarNode) else keys.find(node, "local"))
        for node in _includes(root, keys)
    )
    paths = (path.removeprefix("/") for path in found if path is not None and "*" not in path)
    return tuple(dict.fromkeys(path for path in paths if is_ci_file(path)))[:MAX_INCLUDED]


def read_component(address: str, hosts: Collection[str] = ()) -> Use | None:
    """`$CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0` → what it means; None for another GitLab's, and for none."""
    place, at, ref = address.partition("@")
    host, _, rest = place.partition("/")
    path, _, slug = rest.rpartition("/")
    if not at or not (_OWN_HOST.match(host) or host.lower() in {one.lower() for one in hosts}):
        return None
    return _use(path, slug, ref)


def read_pipeline_uses(pipeline_text: bytes) -> tuple[Use, ...]:
    """The modules of a data pipeline's steps (`module: group/add-noise@1.2.0`), each once. Never raises."""
    root = last_document(pipeline_text)
    keys = Keys()
    found = set()
    for step in items(keys.find(root, "steps")):
        # `- group/add-noise@1` is a step, too
        named = scalar(step if isinstance(step, yaml.ScalarNode) else keys.find(step, "module"))
        path, at, ref = (named or "").partition("@")
        meant = ref if at and ref != "latest" else NEWEST
        found.add(_use(path, path.lower().rpartition("/")[2], meant))
    return tuple(sorted(use for use in found if use is not None)[:MAX_USES])


def uses_of(
    contents: Mapping[str, bytes], ci_files: Iterable[str], hosts: Collection[str]
) -> tuple[Use, ...]:
    """What a commit uses, by those of its files that are CI files, and by its data pipeline."""
    found = set(read_pipeline_uses(contents.get(PIPELINE_FILE, b"")))
    for path in ci_files:
        found |= set(read_uses(contents.get(path, b""), hosts))
    return tuple(sorted(found)[:MAX_USES])


def is_only_user(report: Report, contents: Mapping[str, bytes], uses: Collection[Use]) -> bool:
    """Whether a commit uses modules and is none itself, so that nothing is wrong with what it has not got.

    It has no script that could be run, and nobody ever set it up: neither `.mlreef.yaml` nor the generated file is
    there.
    """
    scripts = [one for one in report.problems if one.place is not None and one.place.file.endswith(".py")]
    lacks = (
        any(one.code == NOTHING_TO_RUN for one in report.problems) and not report.candidates and not scripts
    )
    untouched = SETTINGS not in contents and GENERATED not in contents
    return lacks and untouched and (bool(uses) or PIPELINE_FILE in contents)


def _by_file(node: yaml.Node, keys: Keys) -> set[Use | None]:
    """What an include by `project`, `ref` and `file` names of a component: the same file by another way.

    Without a `ref` it is the default branch's file, and no version of anything.
    """
    path, ref = scalar(keys.find(node, "project")), scalar(keys.find(node, "ref"))
    if path is None or ref is None:
        return set()
    files = (_TEMPLATE.match(scalar(file) or "") for file in items(keys.find(node, "file")))
    return {_use(path, file["slug"], ref) for file in files if file is not None}


def _use(path: str, slug: str, ref: str) -> Use | None:
    good = all(len(text) <= MAX_PATH for text in (path, slug, ref))
    if not good or not (_PATH.match(path) and _NAME.match(slug) and _REF.match(ref)):
        return None
    return Use(path.lower(), slug, ref)


def _includes(root: yaml.Node | None, keys: Keys) -> Iterator[yaml.Node]:
    """What the file includes, and what its jobs include in pipelines that they trigger."""
    yield from items(keys.find(root, "include"))
    # jobs may share what they trigger
    triggers = {id(node): node for job in keys.every(root).values() if (node := keys.find(job, "trigger"))}
    for trigger in triggers.values():
        yield from items(keys.find(trigger, "include"))
