"""Project hooks: settings, the log of deliveries, sending again, and samples."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from sandbox.gitlab.git import ZEROS
from sandbox.gitlab.hooks import EVENT_NAMES, SWITCHES, Delivery
from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found
from sandbox.gitlab.ref_change import RefChange
from sandbox.gitlab.values import MAINTAINER, Hook, iso

routes = Routes()


def _hook(call: Call) -> Hook:
    project = call.project(MAINTAINER)
    number = call.params["hook_id"]
    found = call.core.state.hooks.get(int(number)) if number.isdigit() else None
    if found is None or found.project_id != project.id:
        raise not_found("Not Found")
    return found


def _apply(call: Call, hook: Hook) -> None:
    hook.url = call.text("url") or hook.url
    if call.arg("token") is not None:
        hook.token = call.text("token") or None
    if call.arg("signing_token") is not None:
        hook.signing_token = call.text("signing_token") or None
    if call.arg("push_events_branch_filter") is not None:
        hook.branch_filter = call.text("push_events_branch_filter") or ""
    for switch in SWITCHES:
        if call.arg(switch) is not None:
            hook.events[switch] = call.flag(switch)


@routes.on("GET", "/projects/:id/hooks")
def hooks(call: Call) -> Response:
    project = call.project(MAINTAINER)
    found = [hook for hook in call.core.state.hooks.values() if hook.project_id == project.id]
    return call.page(found, call.core.present.hook)


@routes.on("POST", "/projects/:id/hooks")
def create(call: Call) -> Response:
    project, url = call.project(MAINTAINER), call.required("url")
    if not url.startswith(("http://", "https://")):
        raise ApiError(422, {"error": "Invalid url given"})
    state = call.core.state
    events = {switch: switch == "push_events" for switch in SWITCHES}
    hook = Hook(state.next_id("hook"), project.id, url, events=events)
    _apply(call, hook)
    with state.lock:
        state.hooks[hook.id] = hook
    return answer(call.core.present.hook(hook), 201)


@routes.on("GET", "/projects/:id/hooks/:hook_id")
def hook(call: Call) -> Response:
    return answer(call.core.present.hook(_hook(call)))


@routes.on("PUT", "/projects/:id/hooks/:hook_id")
def edit(call: Call) -> Response:
    found = _hook(call)
    _apply(call, found)
    return answer(call.core.present.hook(found))


@routes.on("DELETE", "/projects/:id/hooks/:hook_id")
def delete(call: Call) -> Response:
    found = _hook(call)
    with call.core.state.lock:
        del call.core.state.hooks[found.id]
    return answer(None, 204)


def _event(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "url": delivery.url,
        "trigger": next((name for name, event in EVENT_NAMES.items() if event == delivery.event), ""),
        "request_headers": {
            key: "[REDACTED]" if key == "X-Gitlab-Token" else value for key, value in delivery.headers.items()
        },
        "request_data": delivery.payload,
        "response_headers": {},
        "response_body": delivery.answer,
        "execution_duration": delivery.seconds,
        "response_status": str(delivery.status) if delivery.status is not None else "internal error",
        "created_at": iso(delivery.at),
    }


def _matches(delivery: Delivery, wanted: list[str]) -> bool:
    if not wanted:
        return True
    status = delivery.status or 0
    groups = {"successful": 200 <= status < 300, "client_failure": 400 <= status < 500}
    groups["server_failure"] = status >= 500 or status == 0
    return str(status) in wanted or any(groups.get(name, False) for name in wanted)


@routes.on("GET", "/projects/:id/hooks/:hook_id/events")
def events(call: Call) -> Response:
    found, wanted = _hook(call), [str(status) for status in call.many("status")]
    log = [
        item for item in reversed(call.core.hooks.log) if item.hook_id == found.id and _matches(item, wanted)
    ]
    return call.page(log, _event)


@routes.on("POST", "/projects/:id/hooks/:hook_id/events/:event_id/resend")
def resend(call: Call) -> Response:
    found = _hook(call)
    for delivery in call.core.hooks.log:
        if delivery.hook_id == found.id and str(delivery.id) == call.params["event_id"]:
            if delivery.url != found.url:
                raise ApiError(422, "The hook URL has changed. This log entry cannot be retried.")
            call.core.hooks.resend(delivery)
            return answer({"response_status": 201}, 201)
    raise not_found("Not Found")


@routes.on("POST", "/projects/:id/hooks/:hook_id/test/:trigger")
def test(call: Call) -> Response:
    """The "Test" button: a sample of the project's newest state; only a receiver's 2xx is a success."""
    found = _hook(call)
    switch = call.params["trigger"]
    if switch not in EVENT_NAMES:
        raise ApiError(400, {"error": "trigger does not have a valid value"})
    done = call.core.hooks.try_out(found, EVENT_NAMES[switch], _sample(call, switch))
    if done is None or done.status is None or not 200 <= done.status < 300:
        raise ApiError(422, "Hook execution failed" if done is None or done.status is None else done.answer)
    return answer({"message": "201 Created"}, 201)


def _sample(call: Call, switch: str) -> dict[str, Any]:
    core, user, project = call.core, call.who(), call.project()
    git = core.git(project)
    head = git.branch(project.default_branch)
    if head is None:
        raise ApiError(422, "Ensure the project has at least one commit.")
    if switch in ("push_events", "tag_push_events"):
        commit = git.commit(head)
        before = commit.parents[0] if commit is not None and commit.parents else ZEROS
        kind = "heads" if switch == "push_events" else "tags"
        return core.bodies.push(
            project, user, RefChange(f"refs/{kind}/{project.default_branch}", before, head), {}
        )
    if switch == "pipeline_events" and (pipelines := core.state.pipelines_of(project.id)):
        return core.bodies_ci.pipeline(pipelines[0])
    if switch == "merge_requests_events" and (found := core.merging.of(project)):
        return core.bodies_review.merge_request(found[0], user, "update", {}, None)
    raise ApiError(422, f"Ensure the project has something to make a sample of {switch} from.")
