"""GraphQL, for what REST has not, or not at once.

The texts of many files of one commit, the newest commits of many projects, the emoji on notes of commits, what
somebody may see of projects and may have of jobs.
"""

from __future__ import annotations

import re
from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.http import Call, Routes, answer
from sandbox.gitlab.values import DEVELOPER, MAINTAINER, REPORTER, Note, Project

routes = Routes()

MAX_NODES = 100
FIELDS = (
    "id",
    "path",
    "name",
    "oid",
    "size",
    "rawSize",
    "rawBlob",
    "rawTextBlob",
    "mode",
    "lfsOid",
    "__typename",
)
QUERY = re.compile(
    r"\s*(?:query\s*\w*\s*(?:\((?P<declared>[^)]*)\))?\s*)?\{\s*"
    r"project\s*\(\s*fullPath\s*:\s*(?P<path>[^)\s]+)\s*\)\s*\{\s*"
    r"repository\s*\{\s*"
    r"blobs\s*\((?P<arguments>[^)]*)\)\s*\{\s*"
    r"(?P<info>pageInfo\s*\{[^}]*\}\s*)?"
    r"nodes\s*\{(?P<fields>[^{}]*)\}\s*"
    r"(?P<after>pageInfo\s*\{[^}]*\}\s*)?"
    r"\}\s*\}\s*\}\s*\}\s*",
    re.DOTALL,
)
HEADS_QUERY = re.compile(
    r"\s*query\s+\w+\s*\(\$ids:\s*\[ID!\]!\)\s*\{\s*projects\(ids:\s*\$ids,\s*first:\s*(?P<first>\d+)\)\s*"
    r"\{\s*nodes\s*\{\s*id\s+repository\s*\{\s*tree\s*\{\s*lastCommit\s*\{\s*sha\s*\}\s*\}\s*\}\s*\}\s*\}\s*\}\s*"
)
REACT_QUERY = re.compile(
    r"\s*mutation\s+\w+\s*\(\$note:\s*AwardableID!,\s*\$name:\s*String!\)\s*\{\s*"
    r"awardEmojiAdd\(input:\s*\{\s*awardableId:\s*\$note,\s*name:\s*\$name\s*\}\)\s*\{\s*errors\s*\}\s*\}\s*"
)
REACTIONS_QUERY = re.compile(
    r"\s*query\s+\w+\s*\(\$note:\s*NoteID!\)\s*\{\s*note\(id:\s*\$note\)\s*\{\s*"
    r"awardEmoji\s*\{\s*nodes\s*\{\s*name\s+user\s*\{\s*id\s*\}\s*\}\s*\}\s*\}\s*\}\s*"
)
SEEN = (
    r"\s*\{\s*id\s+fullPath\s+webUrl\s+visibility\s+topics\s+containerRegistryEnabled\s+"
    r"userPermissions\s*\{\s*downloadCode\s+pushCode\s+adminProject\s*\}\s*\}\s*"
)
MANY_SEEN_QUERY = re.compile(
    r"\s*query\s+\w+\s*\(\$ids:\s*\[ID!\]!\)\s*\{\s*"
    r"projects\(ids:\s*\$ids,\s*first:\s*(?P<first>\d+)\)\s*\{\s*nodes" + SEEN + r"\}\s*\}\s*"
)
ONE_SEEN_QUERY = re.compile(
    r"\s*query\s+\w+\s*\(\$path:\s*ID!\)\s*\{\s*project\(fullPath:\s*\$path\)" + SEEN + r"\}\s*"
)
OPEN_JOB = (
    r"\s*\w+:\s*job\(id:\s*\"gid://gitlab/Ci::Build/{number}\"\)\s*\{{\s*id\s+"
    r"userPermissions\s*\{{\s*readJobArtifacts\s*\}}\s*"
    r"artifacts\s*\{{\s*nodes\s*\{{\s*fileType\s*\}}\s*\}}\s*\}}\s*"
)
OPEN_QUERY = re.compile(
    r"\s*query\s+\w+\s*\(\$path:\s*ID!\)\s*\{\s*project\(fullPath:\s*\$path\)\s*\{(?P<jobs>(?:"
    + OPEN_JOB.format(number=r"\d+")
    + r")+)\}\s*\}\s*"
)
NAMED_JOB = re.compile(r"(\w+):\s*job\(id:\s*\"gid://gitlab/Ci::Build/(\d+)\"\)")
ARGUMENT = re.compile(r"(\w+)\s*:\s*(\[[^\]]*\]|\"(?:\\.|[^\"\\])*\"|\$\w+|\d+)")
TEXT = re.compile(r"\"((?:\\.|[^\"\\])*)\"")


def _value(written: str, variables: dict[str, Any]) -> Any:
    if written.startswith("$"):
        return variables.get(written[1:])
    if written.startswith("["):
        return [_unescaped(found) for found in TEXT.findall(written)]
    if written.startswith('"'):
        return _unescaped(written[1:-1])
    return int(written)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


@routes.on("POST", "/api/graphql")
def graphql(call: Call) -> Response:
    query, variables = str(call.data.get("query") or ""), call.data.get("variables") or {}
    heads = HEADS_QUERY.fullmatch(query)
    if heads is not None:
        return _heads(call, list(variables.get("ids") or ()), int(heads["first"]))
    many = MANY_SEEN_QUERY.fullmatch(query)
    if many is not None:
        return _many_seen(call, list(variables.get("ids") or ()), int(many["first"]))
    if ONE_SEEN_QUERY.fullmatch(query):
        path = str(variables.get("path") or "").lower()
        one = call.core.state.projects.get(call.core.state.project_ids.get(path, 0))
        return answer({"data": {"project": _seen(call, one)}})
    opened = OPEN_QUERY.fullmatch(query)
    if opened is not None:
        return _open_jobs(call, str(variables.get("path") or ""), NAMED_JOB.findall(opened["jobs"]))
    if REACT_QUERY.fullmatch(query):
        return _react(call, str(variables.get("note")), str(variables.get("name")))
    if REACTIONS_QUERY.fullmatch(query):
        return _reactions(call, str(variables.get("note")))
    match = QUERY.fullmatch(query)
    if match is None:
        call.core.complain(f"a GraphQL query of another shape than the one that is built: {query}")
        return answer(
            {"errors": [{"message": "The sandbox answers only project.repository.blobs(paths, ref)."}]}
        )
    fields = match["fields"].split()
    unknown = [field for field in fields if field not in FIELDS]
    if unknown:
        return answer(
            {"errors": [{"message": f"Field '{unknown[0]}' doesn't exist on type 'RepositoryBlob'"}]}
        )
    arguments = {name: _value(written, variables) for name, written in ARGUMENT.findall(match["arguments"])}
    project = call.core.state.project_by(str(_value(match["path"], variables)))
    if project is None or not call.core.may_read_code(call.user, project):
        return answer({"data": {"project": None}})
    git = call.core.git(project)
    sha = git.resolve(str(arguments.get("ref") or project.default_branch))
    paths = arguments.get("paths") or []
    first = min(MAX_NODES, int(arguments.get("first") or MAX_NODES))
    start = int(arguments.get("after") or 0)
    found = []
    for path in paths[start : start + first] if sha is not None else []:
        entry = git.entry(str(sha), str(path))
        content = git.blob(entry.oid) if entry is not None and entry.kind == "blob" else None
        if entry is not None and content is not None:
            found.append(
                {field: _field(field, entry.path, entry.oid, entry.mode, content) for field in fields}
            )
    blobs: dict[str, Any] = {"nodes": found}
    if match["info"] or match["after"]:
        more = start + first < len(paths)
        blobs["pageInfo"] = {"hasNextPage": more, "endCursor": str(start + first) if more else None}
    return answer({"data": {"project": {"repository": {"blobs": blobs}}}})


def _heads(call: Call, ids: list[Any], first: int) -> Response:
    """The newest commits that changed each root folder: git leaves out merges that changed nothing, and so GitLab."""
    nodes = []
    for name in ids[: min(first, MAX_NODES)]:
        project = call.core.state.project_by(str(name).removeprefix("gid://gitlab/Project/"))
        if project is None or not call.core.may_read_code(call.user, project):
            continue
        git = call.core.git(project)
        head = git.branch(project.default_branch)
        newest = git.last_commit_of(head, ".") if head is not None else None
        tree = {"lastCommit": {"sha": newest}} if newest is not None else None
        nodes.append({"id": f"gid://gitlab/Project/{project.id}", "repository": {"tree": tree}})
    return answer({"data": {"projects": {"nodes": nodes}}})


def _many_seen(call: Call, ids: list[Any], first: int) -> Response:
    found = [call.core.state.project_by(str(name).removeprefix("gid://gitlab/Project/")) for name in ids]
    shown = [seen for project in found[:MAX_NODES] if (seen := _seen(call, project)) is not None]
    return answer({"data": {"projects": {"nodes": shown[:first]}}})


def _seen(call: Call, project: Project | None) -> dict[str, Any] | None:
    """A project as its caller may see it, with what they may do there."""
    core, user = call.core, call.user
    if project is None or not core.may_see(user, project):
        return None
    rights = core.state.rights(user, project)
    for_members = project.registry_access == "private" and rights < REPORTER
    return {
        "id": f"gid://gitlab/Project/{project.id}",
        "fullPath": project.full_path,
        "webUrl": core.web_url(project),
        "visibility": project.visibility,
        "topics": list(project.topics),
        # GitLab's word for "may use this part of the project", which a private project's Guest may, and yet not pull
        "containerRegistryEnabled": project.registry_access != "disabled" and not for_members,
        "userPermissions": {
            "downloadCode": core.may_read_code(user, project),
            "pushCode": rights >= DEVELOPER and not project.archived,
            "adminProject": rights >= MAINTAINER,
        },
    }


def _open_jobs(call: Call, path: str, named: list[tuple[str, str]]) -> Response:
    core, user = call.core, call.user
    project = core.state.projects.get(core.state.project_ids.get(path.lower(), 0))
    if project is None or not core.may_see(user, project):
        return answer({"data": {"project": None}})
    told: dict[str, Any] = {}
    for alias, number in named:
        job = core.state.jobs.get(int(number))
        if job is None or job.project_id != project.id or job.kind != "build":
            told[alias] = None
            continue
        may = core.may_have_artifacts(user, job)
        files = [{"fileType": "ARCHIVE"}] if may and job.artifacts is not None else []
        told[alias] = {
            "id": f"gid://gitlab/Ci::Build/{job.id}",
            "userPermissions": {"readJobArtifacts": may},
            "artifacts": {"nodes": files},
        }
    return answer({"data": {"project": told}})


def _note(call: Call, gid: str) -> Note | None:
    number = gid.rpartition("/")[2]
    note = call.core.state.notes.get(int(number)) if number.isdigit() else None
    if note is None or not call.core.may_see(call.user, call.core.state.projects[note.project_id]):
        return None
    return note


def _react(call: Call, gid: str, name: str) -> Response:
    note, user = _note(call, gid), call.who()
    if note is None or call.token is None or "api" not in call.token.scopes:
        words = "The resource that you are attempting to access does not exist"
        return answer({"errors": [{"message": words}], "data": {"awardEmojiAdd": None}})
    errors = []
    if any(item[1:] == (user.id, name) for item in note.emoji):
        errors = ["Award Emoji Name has already been taken"]
    else:
        note.emoji.append((call.core.state.next_id("emoji"), user.id, name))
    return answer({"data": {"awardEmojiAdd": {"errors": errors}}})


def _reactions(call: Call, gid: str) -> Response:
    note = _note(call, gid)
    if note is None:
        return answer({"data": {"note": None}})
    nodes = [{"name": name, "user": {"id": f"gid://gitlab/User/{who}"}} for _, who, name in note.emoji]
    return answer({"data": {"note": {"awardEmoji": {"nodes": nodes}}}})


def _field(field: str, path: str, oid: str, mode: str, content: bytes) -> Any:
    """Contents go through JSON as text: what is no UTF-8 arrives mangled, as from GitLab."""
    values: dict[str, Any] = {
        "id": f"gid://gitlab/Blob/{oid}",
        "path": path,
        "name": path.rsplit("/", 1)[-1],
        "oid": oid,
        "size": str(len(content)),
        "rawSize": str(len(content)),
        "mode": mode,
        "lfsOid": None,
        "__typename": "RepositoryBlob",
    }
    if field in ("rawBlob", "rawTextBlob"):
        binary = field == "rawTextBlob" and b"\0" in content
        return None if binary else content.decode("utf-8", "replace")
    return values[field]
