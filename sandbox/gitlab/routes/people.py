"""Users, their tokens, members of projects, and the version."""

from __future__ import annotations

from werkzeug.wrappers import Response

from sandbox.gitlab.http import ApiError, Call, Routes, answer, not_found, unauthorized
from sandbox.gitlab.values import MAINTAINER, User

routes = Routes()


@routes.on("GET", "/version")
def version(call: Call) -> Response:
    call.who()
    return answer({"version": call.core.version, "revision": "0123456789a"})


@routes.on("GET", "/metadata")
def metadata(call: Call) -> Response:
    call.who()
    kas = {"enabled": False, "externalUrl": None, "version": None}
    return answer({"version": call.core.version, "revision": "0123456789a", "kas": kas, "enterprise": False})


@routes.on("GET", "/user")
def me(call: Call) -> Response:
    return answer(call.core.present.me(call.who()))


@routes.on("GET", "/users")
def users(call: Call) -> Response:
    name = call.text("username")
    found = [
        user
        for user in call.core.state.users.values()
        if name is None or user.username.lower() == name.lower()
    ]
    return call.page(found, call.core.present.person)


def _user(call: Call) -> User:
    wanted = call.params["user_id"]
    found = call.core.state.users.get(int(wanted)) if wanted.isdigit() else None
    if found is None:
        raise not_found("User")
    return found


@routes.on("GET", "/users/:user_id")
def user(call: Call) -> Response:
    found = _user(call)
    return answer({**call.core.present.person(found), "bot": found.bot})


@routes.on("GET", "/personal_access_tokens/self")
def own_token(call: Call) -> Response:
    call.who()
    if call.token is None:
        raise unauthorized()
    if call.token.oauth:
        raise not_found("Not Found")
    return answer(call.core.present.token(call.token))


@routes.on("DELETE", "/personal_access_tokens/self")
def revoke_own_token(call: Call) -> Response:
    call.who()
    if call.token is not None:
        call.core.state.tokens[call.token.value].revoked = True
    return answer(None, 204)


def _levels(call: Call, direct_only: bool) -> dict[int, int]:
    project, state = call.project(), call.core.state
    levels = dict(project.members)
    if not direct_only:
        for (namespace, user_id), level in state.group_members.items():
            if namespace == project.namespace:
                levels[user_id] = max(level, levels.get(user_id, 0))
    return levels


def _members(call: Call, direct_only: bool) -> Response:
    state, present = call.core.state, call.core.present
    levels = _levels(call, direct_only)
    query = (call.text("query") or "").lower()
    shown = [(state.user(number), level) for number, level in levels.items()]
    shown = [item for item in shown if query in item[0].username.lower()]
    return call.page(shown, lambda item: present.member(*item))


def _member(call: Call, direct_only: bool) -> Response:
    levels = _levels(call, direct_only)
    found = _user(call)
    if found.id not in levels:
        raise not_found("Member") if direct_only else not_found("Not Found")
    return answer(call.core.present.member(found, levels[found.id]))


@routes.on("GET", "/projects/:id/members")
def members(call: Call) -> Response:
    return _members(call, direct_only=True)


@routes.on("GET", "/projects/:id/members/all")
def all_members(call: Call) -> Response:
    return _members(call, direct_only=False)


@routes.on("GET", "/projects/:id/members/:user_id")
def member(call: Call) -> Response:
    return _member(call, direct_only=True)


@routes.on("GET", "/projects/:id/members/all/:user_id")
def member_with_inherited(call: Call) -> Response:
    return _member(call, direct_only=False)


@routes.on("POST", "/projects/:id/members")
def add_member(call: Call) -> Response:
    project = call.project(MAINTAINER)
    number, level = call.number("user_id"), call.number("access_level")
    found = call.core.state.users.get(number or 0)
    if found is None or level is None:
        raise ApiError(400, {"error": "user_id is missing" if found is None else "access_level is missing"})
    if found.id in project.members:
        raise ApiError(409, "Member already exists")
    project.members[found.id] = level
    return answer(call.core.present.member(found, level), 201)


@routes.on("PUT", "/projects/:id/members/:user_id")
def edit_member(call: Call) -> Response:
    project, found = call.project(MAINTAINER), _user(call)
    level = call.number("access_level")
    if found.id not in project.members or level is None:
        raise not_found("Member")
    project.members[found.id] = level
    return answer(call.core.present.member(found, level))


@routes.on("DELETE", "/projects/:id/members/:user_id")
def remove_member(call: Call) -> Response:
    project, found = call.project(MAINTAINER), _user(call)
    if project.members.pop(found.id, None) is None:
        raise not_found("Member")
    return answer(None, 204)
