"""Namespaces: where projects are made, a user's own or a group's."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox.gitlab.http import Call, Routes, answer, not_found

routes = Routes()


@routes.on("GET", "/namespaces/:id")
def namespace(call: Call) -> Response:
    """By number or full path; a group that one is no member of is not there."""
    state, user, wanted = call.core.state, call.who(), call.params["id"]
    path = state.namespace_of(int(wanted)) if wanted.isdigit() else wanted
    own = path is not None and path.lower() == user.username.lower()
    seen = path is not None and (state.group_level(user, path) or (user.admin and state.is_group(path)))
    if path is None or not (own or seen):
        raise not_found("Namespace")
    name = path.rpartition("/")[2]
    return answer(
        {
            "id": state.namespace_id(path),
            "name": name,
            "path": name,
            "kind": "user" if own else "group",
            "full_path": path,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{call.core.url}/{path}" if own else f"{call.core.url}/groups/{path}",
        }
    )
