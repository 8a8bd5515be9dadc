"""Jobs: reading, their logs and artifacts, and what people do with them."""

from __future__ import annotations

import io
import zipfile

from werkzeug.wrappers import Response

from sandbox.gitlab.http import Call, Routes, answer, not_found
from sandbox.gitlab.http import forbidden as refused
from sandbox.gitlab.values import DEVELOPER, Job

routes = Routes()


def job_of(call: Call, level: int = 0) -> Job:
    project = call.project(level)
    number = call.params["job_id"]
    found = call.core.state.jobs.get(int(number)) if number.isdigit() else None
    if found is None or found.project_id != project.id or found.kind == "status":
        raise not_found("Not Found")
    return found


@routes.on("GET", "/projects/:id/jobs")
def jobs(call: Call) -> Response:
    project = call.project()
    scope = [str(status) for status in call.many("scope")]
    found = [
        job for job in call.core.state.jobs.values() if job.project_id == project.id and job.kind == "build"
    ]
    found = [job for job in found if not scope or job.status in scope]
    return call.page(found[::-1], call.core.present_ci.job)


@routes.on("GET", "/job", job_token=True)
def own_job(call: Call) -> Response:
    if call.token is None or call.token.job_id is None:
        raise refused()
    return answer(call.core.present_ci.job(call.core.state.jobs[call.token.job_id]))


@routes.on("GET", "/projects/:id/jobs/:job_id")
def job(call: Call) -> Response:
    return answer(call.core.present_ci.job(job_of(call)))


@routes.on("GET", "/projects/:id/jobs/:job_id/trace")
def trace(call: Call) -> Response:
    return Response(bytes(job_of(call).trace), content_type="text/plain")


@routes.on("GET", "/projects/:id/jobs/:job_id/artifacts", job_token=True)
def artifacts(call: Call) -> Response:
    return Response(_archive(call), content_type="application/octet-stream")


def _archive(call: Call) -> bytes:
    found = job_of(call)
    if not call.core.may_have_artifacts(call.user, found):
        raise refused()
    if found.artifacts is None:
        raise not_found("Not Found")
    return found.artifacts


@routes.on("GET", "/projects/:id/jobs/:job_id/artifacts/*path", job_token=True)
def artifact(call: Call) -> Response:
    with zipfile.ZipFile(io.BytesIO(_archive(call))) as archive:
        try:
            return Response(archive.read(call.params["path"]), content_type="application/octet-stream")
        except KeyError:
            raise not_found("Not Found") from None


@routes.on("POST", "/projects/:id/jobs/:job_id/cancel")
def cancel(call: Call) -> Response:
    found = job_of(call, DEVELOPER)
    call.core.pipelines.cancel_job(found)
    return answer(call.core.present_ci.job(found), 201)


@routes.on("POST", "/projects/:id/jobs/:job_id/retry")
def retry(call: Call) -> Response:
    again = call.core.pipelines.retry_job(job_of(call, DEVELOPER))
    return answer(call.core.present_ci.job(again), 201)


@routes.on("POST", "/projects/:id/jobs/:job_id/play")
def play(call: Call) -> Response:
    found = job_of(call, DEVELOPER)
    call.core.pipelines.play(found)
    return answer(call.core.present_ci.job(found))


@routes.on("POST", "/projects/:id/jobs/:job_id/erase")
def erase(call: Call) -> Response:
    found = job_of(call, DEVELOPER)
    found.trace.clear()
    found.artifacts = None
    return answer(call.core.present_ci.job(found), 201)
