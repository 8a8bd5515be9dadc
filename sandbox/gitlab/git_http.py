"""Smart HTTP: real `git clone`, `fetch` and `push`, by way of `git http-backend`."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Request, Response

from sandbox.gitlab.auth import find_token, git_password
from sandbox.gitlab.core import Core
from sandbox.gitlab.git import git_environment
from sandbox.gitlab.http import ApiError
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import DEVELOPER, NO_ONE, Project, Token, User

GIT_PATH = re.compile(r"/(?P<path>.+?)(?:\.git)?/(?P<service>info/refs|git-upload-pack|git-receive-pack)")
CHUNK = 64 * 1024

PRE_RECEIVE = r"""#!/bin/sh
# Refuses what GitLab refuses. Patterns come one a line from the server, which knows who pushes.
set -f
lines='
'
matches() {
    IFS="$lines"
    for pattern in $2; do
        case "$1" in $pattern) return 0 ;; esac
    done
    return 1
}
refuse() {
    echo "GitLab: $1" >&2
    exit 1
}
zeros=0000000000000000000000000000000000000000
while IFS=' ' read -r old new ref; do
    case "$ref" in
        refs/heads/*|refs/tags/*|refs/notes/*) ;;
        *) refuse "You are not allowed to push to $ref." ;;
    esac
    if matches "$ref" "$SANDBOX_REFUSED" && ! matches "$ref" "$SANDBOX_ALLOWED"; then
        refuse "You are not allowed to push code to protected branches on this project."
    fi
    if matches "$ref" "$SANDBOX_NO_FORCE"; then
        if [ "$new" = "$zeros" ]; then
            refuse "You can only delete protected branches using the web interface."
        fi
        if [ "$old" != "$zeros" ] && ! git merge-base --is-ancestor "$old" "$new"; then
            refuse "You are not allowed to force push code to a protected branch on this project."
        fi
    fi
done
"""

POST_RECEIVE = r"""#!/bin/sh
# Leaves word of what moved, and of the push options, for the server.
cat > "$SANDBOX_RECEIVED"
number=0
while [ "$number" -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do
    eval "printf '%s\n' \"\$GIT_PUSH_OPTION_$number\"" >> "$SANDBOX_RECEIVED.options"
    number=$((number + 1))
done
"""


def write_git_hooks(directory: Path) -> None:
    """The hooks that every bare repository of the sandbox shares."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, script in (("pre-receive", PRE_RECEIVE), ("post-receive", POST_RECEIVE)):
        (directory / name).write_text(script)
        (directory / name).chmod(0o755)


def _refused(status: int, text: str) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitLab"'} if status == 401 else {}
    return Response(text + "\n", status, headers, content_type="text/plain")


def serve_git(core: Core, request: Request, path: str) -> tuple[Response, str | None] | None:
    """Answer a git client, with the name of who asked; None where the path is not a git client's."""
    match = GIT_PATH.fullmatch(path)
    if match is None:
        return None
    service = match["service"]
    pushing = "git-receive-pack" in (service, request.args.get("service"))
    user, token = None, None
    password = git_password(request)
    if password is not None:
        try:
            token = find_token(core, password)
        except ApiError:
            return _refused(
                401, "HTTP Basic: Access denied. If a password was provided, it must be a token."
            ), None
        user = core.state.user(token.user_id)
    name = user.username if user is not None else None
    project = core.state.project_by(match["path"])
    refusal = _refusal(core, project, user, token, pushing)
    if refusal is not None or project is None:
        return refusal or _refused(404, "Not found"), name
    if service == "git-receive-pack" and user is not None:
        return _receive(core, request, project, user, token), name
    return _stream(core, request, project, name, service), name


def _refusal(
    core: Core, project: Project | None, user: User | None, token: Token | None, pushing: bool
) -> Response | None:
    if user is None and (project is None or pushing or project.visibility != "public"):
        return _refused(401, "HTTP Basic: Access denied. You must use a token.")
    if project is None or not core.may_see(user, project):
        return _refused(
            404,
            "The project you were looking for could not be found or you don't have permission to view it.",
        )
    scopes = token.scopes if token is not None else ()
    if token is not None and token.job_id is not None:
        job = core.state.jobs[token.job_id]
        if job.project_id != project.id and project.visibility == "private":
            return _refused(
                404,
                "The project you were looking for could not be found or you don't have permission to view it.",
            )
        if pushing and not (project.job_tokens_may_push and job.project_id == project.id):
            return _refused(403, "You are not allowed to upload code for this project.")
    elif token is not None:
        needed = {"api", "write_repository"} | (set() if pushing else {"read_repository"})
        if not needed & set(scopes):
            return _refused(403, "The token's scope does not allow this.")
    if pushing and (core.state.rights(user, project) < DEVELOPER or project.archived):
        return _refused(403, "You are not allowed to push code to this project.")
    if not core.may_read_code(user, project):
        return _refused(403, "You are not allowed to download code from this project.")
    return None


def _environment(
    core: Core, request: Request, project: Project, user: str | None, service: str
) -> dict[str, str]:
    environ = request.environ
    found = {
        "GIT_PROJECT_ROOT": str(core.directory / "repositories"),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{project.id}.git/{service}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": environ.get("QUERY_STRING", ""),
        "CONTENT_TYPE": environ.get("CONTENT_TYPE", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": user or "",
    }
    # Without a length http-backend reads to the end: a chunked body has none, and with one http-backend would wait
    # for ever for the rest of a body whose sender died.
    copied = {"HTTP_CONTENT_ENCODING": "HTTP_CONTENT_ENCODING", "GIT_PROTOCOL": "HTTP_GIT_PROTOCOL"}
    found |= {name: environ[key] for name, key in copied.items() if key in environ}
    return git_environment(found)


def _start(environment: dict[str, str], request: Request) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        ["git", "http-backend"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    threading.Thread(target=_feed, args=(request.stream, process.stdin), daemon=True).start()
    return process


def _feed(source: IO[bytes], target: IO[bytes] | None) -> None:
    if target is None:
        return
    # The process may end before it has read everything; what it answered then says why. The client may die before it
    # has sent everything; the process must then see an end, or it would wait for the rest and hold the lock.
    with contextlib.suppress(ValueError, OSError), target:
        with contextlib.suppress(ClientDisconnected):
            while chunk := source.read(CHUNK):
                target.write(chunk)


def _head(stdout: IO[bytes]) -> tuple[int, dict[str, str]]:
    """The status and headers of a CGI answer."""
    status, headers = 200, {}
    while (line := stdout.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return status, headers


def _stream(core: Core, request: Request, project: Project, user: str | None, service: str) -> Response:
    process = _start(_environment(core, request, project, user, service), request)
    stdout = process.stdout
    if stdout is None:
        raise RuntimeError("git http-backend was started without pipes")
    status, headers = _head(stdout)

    def rest() -> Iterator[bytes]:
        try:
            while chunk := stdout.read1(CHUNK):  # type: ignore[attr-defined] # Popen's pipes are buffered readers
                yield chunk
        finally:
            stdout.close()
            process.wait()

    return Response(rest(), status, headers)


def _receive(core: Core, request: Request, project: Project, user: User, token: Token | None) -> Response:
    """Take a push in, then let everything follow from the refs that really moved."""
    by_job = token is not None and token.job_id is not None
    with core.git(project).write_lock, tempfile.TemporaryDirectory() as scratch:
        received = Path(scratch) / "received"
        environment = _environment(core, request, project, user.username, "git-receive-pack")
        environment |= {"SANDBOX_RECEIVED": str(received), **_rules(core, project, user)}
        process = _start(environment, request)
        if process.stdout is None:
            raise RuntimeError("git http-backend was started without pipes")
        status, headers = _head(process.stdout)
        body = process.stdout.read()
        process.stdout.close()
        process.wait()
        changes = []
        if received.exists():
            for line in received.read_text("utf-8", "replace").splitlines():
                old, new, ref = line.split(" ", 2)
                changes.append(RefChange(ref, old, new))
        listed = received.with_name("received.options")
        options = listed.read_text("utf-8", "replace").splitlines() if listed.exists() else []
        if changes:
            core.pushes.happened(project, user, changes, options, by_job)
    return Response(body, status, headers)


def _rules(core: Core, project: Project, user: User) -> dict[str, str]:
    """The protected branches as patterns for the hook: refused to this user, allowed all the same, never forced."""
    level = core.state.rights(user, project)
    refused: list[str] = []
    allowed: list[str] = []
    steady: list[str] = []
    for rule in project.protections:
        pattern = f"refs/heads/{rule.name}"
        may = NO_ONE < rule.push_level <= level or user.id in rule.push_users
        (allowed if may else refused).append(pattern)
        if not rule.allow_force_push:
            steady.append(pattern)
    return {
        "SANDBOX_REFUSED": "\n".join(refused),
        "SANDBOX_ALLOWED": "\n".join(allowed),
        "SANDBOX_NO_FORCE": "\n".join(steady),
    }
