"""The REST API's frame: routes by path segments, a call's parameters, refusals, and paging."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from sandbox.gitlab.values import NO_ONE, Project, Token, User

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

T = TypeVar("T")

MAX_PER_PAGE = 100
DEFAULT_PER_PAGE = 20
MAX_JSON_BYTES = 100 * 1024 * 1024


class ApiError(Exception):
    """An answer that is not 2xx; `body` is what GitLab's JSON says, a text is put under `message`."""

    def __init__(self, status: int, body: str | Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body: Mapping[str, Any] = {"message": body} if isinstance(body, str) else body


def not_found(what: str) -> ApiError:
    return ApiError(404, f"404 {what} Not Found")


def forbidden(why: str = "") -> ApiError:
    return ApiError(403, f"403 Forbidden - {why}" if why else "403 Forbidden")


def unauthorized() -> ApiError:
    return ApiError(401, "401 Unauthorized")


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; None with 204 for nothing at all."""
    if status == 204:
        return Response(status=204, headers=dict(headers or {}))
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status, dict(headers or {}), content_type="application/json")


@dataclass
class Call:
    """One request on its way through a route: who asks, for what, with which parameters."""

    core: Core
    request: Request
    params: dict[str, str]
    user: User | None = None
    token: Token | None = None
    route: str = ""
    job_token_allowed: bool = False
    _seen: dict[str, Project] = field(default_factory=dict)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The body's fields, from JSON or a form."""
        if self.request.mimetype == "application/json":
            if (self.request.content_length or 0) > MAX_JSON_BYTES:
                raise ApiError(413, {"error": "Request Entity Too Large"})
            raw = self.request.get_data()
            if not raw:
                return {}
            try:
                value = json.loads(raw)
            except ValueError:
                raise ApiError(400, {"error": "The JSON body is not valid"}) from None
            return value if isinstance(value, dict) else {}
        return _flat(self.request.form)

    def arg(self, name: str) -> Any:
        """A parameter from the body or, else, the query; None where it is missing."""
        if name in self.data:
            return self.data[name]
        return self.request.args.get(name)

    def text(self, name: str, default: str | None = None) -> str | None:
        value = self.arg(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.arg(name)
        if value is None:
            raise ApiError(400, {"error": f"{name} is missing"})
        if value == "":
            raise ApiError(400, {"error": f"{name} is empty"})
        return str(value)

    def number(self, name: str) -> int | None:
        value = self.arg(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ApiError(400, {"error": f"{name} is invalid"}) from None

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.arg(name)
        return default if value is None else str(value).lower() in ("true", "1", "yes", "on")

    def many(self, name: str) -> list[Any]:
        """An array: `a[]=`, a repeated name, a JSON list, or a text with commas."""
        for key in (name, f"{name}[]"):
            if key in self.data:
                value = self.data[key]
                if isinstance(value, list):
                    return value
                return [part for part in str(value).split(",") if part]
        values = self.request.args.getlist(f"{name}[]") or self.request.args.getlist(name)
        return values if len(values) != 1 else [part for part in values[0].split(",") if part]

    def project(self, level: int = NO_ONE, name: str = "id") -> Project:
        """The project of the path, if the caller may see it and has at least this access level in it."""
        state = self.core.state
        found = state.project_by(self.params[name])
        if found is None or not self.core.may_see(self.user, found):
            if found is not None and self.user is None and self.token is not None:
                raise unauthorized()
            raise not_found("Project")
        if level > NO_ONE:
            if self.user is None:
                raise unauthorized()
            if state.rights(self.user, found) < level:
                raise forbidden()
        return found

    def who(self) -> User:
        """The caller, who must be known."""
        if self.user is None:
            raise unauthorized()
        return self.user

    def page(
        self, items: Sequence[T], present: Callable[[T], Any], headers: Mapping[str, str] | None = None
    ) -> Response:
        """One page of a list, with GitLab's paging headers."""
        number, size = max(1, self.number("page") or 1), self.per_page()
        total = len(items)
        pages = max(1, -(-total // size))
        shown = items[(number - 1) * size : number * size]
        links = {"first": 1, "last": pages}
        if number > 1:
            links["prev"] = number - 1
        if number < pages:
            links["next"] = number + 1
        about = {
            "X-Page": str(number),
            "X-Per-Page": str(size),
            "X-Total": str(total),
            "X-Total-Pages": str(pages),
            "X-Next-Page": str(number + 1) if number < pages else "",
            "X-Prev-Page": str(number - 1) if number > 1 else "",
            "Link": ", ".join(f'<{self.link(page=page)}>; rel="{rel}"' for rel, page in links.items()),
        }
        return answer([present(item) for item in shown], headers={**about, **(headers or {})})

    def per_page(self) -> int:
        return min(MAX_PER_PAGE, max(1, self.number("per_page") or DEFAULT_PER_PAGE))

    def link(self, **changed: Any) -> str:
        """This request's own address with some parameters changed."""
        query = [(key, value) for key, value in self.request.args.items(multi=True) if key not in changed]
        query += [(key, str(value)) for key, value in changed.items()]
        path = str(self.request.environ.get("REQUEST_URI", self.request.path)).split("?")[0]
        return f"{self.core.url}{path}?{urlencode(query)}"


def _flat(form: MultiDict[str, str]) -> dict[str, Any]:
    return {
        key: (values if key.endswith("[]") or len(values) > 1 else values[0]) for key, values in form.lists()
    }


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """A method and pattern with what answers it."""

    method: str
    pattern: str
    segments: tuple[str, ...]
    handler: Handler
    job_token: bool


class Routes:
    """A room's routes. `:name` in a pattern stands for one segment, which may hold an encoded slash.

    `*name`, at the end only, takes all that is left, slashes included.
    """

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def on(self, method: str, pattern: str, job_token: bool = False) -> Callable[[Handler], Handler]:
        """Bind a handler; `job_token` where GitLab lets a CI job's token in."""

        def bind(handler: Handler) -> Handler:
            segments = tuple(pattern.strip("/").split("/"))
            self.routes.append(Route(method, pattern, segments, handler, job_token))
            return handler

        return bind


class Router:
    """Finds the route of a path by its segments; literal segments win over names."""

    def __init__(self, rooms: Iterable[Routes]) -> None:
        self._by_shape: dict[tuple[str, int], list[Route]] = {}
        self._open_ended: list[Route] = []
        for room in rooms:
            for route in room.routes:
                if route.segments[-1].startswith("*"):
                    self._open_ended.append(route)
                else:
                    self._by_shape.setdefault((route.method, len(route.segments)), []).append(route)
        for routes in self._by_shape.values():
            routes.sort(key=lambda route: [segment.startswith(":") for segment in route.segments])

    def find(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a path as it was sent, not decoded, and the values of its names."""
        parts = raw_path.strip("/").split("/")
        for route in self._by_shape.get((method, len(parts)), ()):
            params = _match(route.segments, parts)
            if params is not None:
                return route, params
        for route in self._open_ended:
            length = len(route.segments) - 1
            params = _match(route.segments[:-1], parts[:length]) if len(parts) > length else None
            if params is not None and route.method == method:
                return route, {**params, route.segments[-1][1:]: unquote("/".join(parts[length:]))}
        return None


def _match(segments: Sequence[str], parts: Sequence[str]) -> dict[str, str] | None:
    params = {}
    for segment, part in zip(segments, parts, strict=True):
        if segment.startswith(":"):
            params[segment[1:]] = unquote(part)
        elif segment != part:
            return None
    return params
