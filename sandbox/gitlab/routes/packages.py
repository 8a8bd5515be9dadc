"""The package registry, as far as generic packages go: files by package, version and name."""

from __future__ import annotations

import hashlib
import re

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, forbidden, not_found
from sandbox.gitlab.values import DEVELOPER, REPORTER

routes = Routes()

FILE = "/projects/:id/packages/generic/:package_name/:package_version/:file_name"

_NAME = re.compile(r"[A-Za-z0-9.\-_+@]+")
_VERSION = re.compile(r"(?:\.?[\w+-]+\.?)+", re.ASCII)
_FILE_NAME = re.compile(r"(?!\.|~|@|\s)[A-Za-z0-9.\-_+~@=]+")


def _key(call: Call, project_id: int) -> tuple[int, str, str, str]:
    """What names the file; ApiError 400 for names that GitLab does not take."""
    params = call.params
    for name, form in (("package_name", _NAME), ("package_version", _VERSION), ("file_name", _FILE_NAME)):
        if form.fullmatch(params[name]) is None:
            raise ApiError(400, {"error": f"{name} is invalid"})
    return project_id, params["package_name"], params["package_version"], params["file_name"]


@routes.on("PUT", FILE, job_token=True)
def upload(call: Call) -> Response:
    project = call.project(DEVELOPER)
    key = _key(call, project.id)
    content = call.request.get_data()
    with call.core.state.lock:
        call.core.state.packages[key] = content
    return answer({"message": "201 Created"}, 201)


@routes.on("GET", FILE, job_token=True)
def download(call: Call) -> Response:
    project = call.project()
    if project.visibility == "private" and call.core.state.rights(call.user, project) < REPORTER:
        raise forbidden()
    content = call.core.state.packages.get(_key(call, project.id))
    if content is None:
        raise not_found("Not Found")
    headers = {"X-Checksum-SHA256": hashlib.sha256(content).hexdigest()}
    return Response(content, headers=headers, content_type="application/octet-stream")
