"""The API's own description, OpenAPI 3.1: what is written here is what the tests hold the answers to."""

from __future__ import annotations

from typing import Any

from bot.domain.catalogue import VersionState
from bot.web.people import CSRF_HEADER
from parser.model import ML_CATEGORIES, MODEL_TYPES, Kind

JSON = dict[str, Any]

API = "/api/v1"
DEFAULT_ITEMS = 20
MOST_ITEMS = 100
"""Of one page of an answer."""

MAX_TEXT = 200
"""Characters of a word that somebody searches for."""

MAX_CURSOR = 1_000
"""Characters of the place where a page begins."""

MAX_NAME = 200
"""Characters of a version's name: the longest slug of a branch, a dash and a number."""

MAX_PROJECT = 1_200
"""Characters of a project's id or path, as it stands in an address."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_MAYBE_NUMBER = {"type": ["integer", "null"]}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_LEVEL = {"enum": ["none", "patch", "minor", "major"]}


def _object(properties: JSON, **more: Any) -> JSON:
    return {"type": "object", "required": list(properties), "properties": properties, **more}


def _list(of: JSON) -> JSON:
    return {"type": "array", "items": of}


def _ref(name: str) -> JSON:
    return {"$ref": f"#/components/schemas/{name}"}


_VERSION: JSON = {
    "name": _TEXT,
    "version": _MAYBE_TEXT,
    "branch": _TEXT,
    "number": {"type": "integer"},
    "state": {"enum": [state.value for state in VersionState]},
    "sha": _TEXT,
    "digest": _MAYBE_TEXT,
    "image": _MAYBE_TEXT,
    "size": _MAYBE_NUMBER,
    "environment": _MAYBE_TEXT,
    "pipeline_id": _MAYBE_NUMBER,
    "published_at": _MOMENT,
}

_WHOLE: JSON = {
    **_VERSION,
    "tags": _list(_TEXT),
    "component": _MAYBE_TEXT,
    "commit_url": _MAYBE_TEXT,
    "pipeline_url": _MAYBE_TEXT,
    "log_url": _MAYBE_TEXT,
    "sbom_url": _MAYBE_TEXT,
    "module": {
        "type": ["object", "null"],
        "description": "The module as `mlreef-bot describe` prints it, without problems.",
    },
}

_ITEM: JSON = {
    "id": {"type": "integer"},
    "path": _TEXT,
    "web_url": _TEXT,
    "visibility": {"enum": ["public", "internal", "private"]},
    "name": _TEXT,
    "slug": _TEXT,
    "kind": _TEXT,
    "input_type": _TEXT,
    "output_type": _TEXT,
    "model_type": _MAYBE_TEXT,
    "ml_category": _MAYBE_TEXT,
    "description": _MAYBE_TEXT,
    "author": _MAYBE_TEXT,
    "topics": _list(_TEXT),
    "parameters": _list(_TEXT),
    "newest": {"anyOf": [_ref("Version"), {"type": "null"}]},
    "updated_at": _MOMENT,
}

_PROJECT = _object({"id": {"type": "integer"}, "path": _TEXT, "web_url": _TEXT})

SCHEMAS: JSON = {
    "Version": _object(_VERSION),
    "WholeVersion": _object(_WHOLE),
    "OneVersion": _object({"project": _PROJECT, "path": _TEXT, "can_pull": {"type": "boolean"}, **_WHOLE}),
    "Module": _object(_ITEM),
    "WholeModule": _object(
        {
            **_ITEM,
            "can_pull": {"type": "boolean"},
            "shown": {"anyOf": [_ref("WholeVersion"), {"type": "null"}]},
            "versions": _list(_TEXT),
        }
    ),
    "Modules": _object({"items": _list(_ref("Module")), "after": _MAYBE_TEXT}),
    "Versions": _object({"items": _list(_ref("Version")), "after": _MAYBE_TEXT}),
    "Component": _object(
        {
            "component": _MAYBE_TEXT,
            "text": _TEXT,
            "problems": _list(_object({"field": _TEXT, "message": _TEXT})),
        }
    ),
    "Comparison": _object(
        {
            "path": _TEXT,
            "before": _TEXT,
            "after": _TEXT,
            "level": {"anyOf": [_LEVEL, {"type": "null"}]},
            "changes": {
                "anyOf": [
                    _list(
                        _object(
                            {
                                "kind": _TEXT,
                                "parameter": _TEXT,
                                "before": _TEXT,
                                "after": _TEXT,
                                "level": _LEVEL,
                                "words": _TEXT,
                            }
                        )
                    ),
                    {"type": "null"},
                ]
            },
        }
    ),
    "Asked": _object({"asked": {"enum": ["unpublish", "republish"]}, "version": _TEXT, "look": _TEXT}),
    "Refusal": _object({"message": _TEXT, "hint": _TEXT}),
}


def _query(name: str, about: str, schema: JSON) -> JSON:
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}


def _path(name: str, about: str, schema: JSON) -> JSON:
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


_WORD = {"type": "string", "maxLength": MAX_TEXT}
_PAGE = (
    _query(
        "after",
        "Where the page begins: `after` of the page before.",
        {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR},
    ),
    _query(
        "limit",
        "Items on a page.",
        {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": DEFAULT_ITEMS},
    ),
)
_SEARCH = (
    _query("q", "Words; each is the beginning of a word of the module.", _WORD),
    _query("kind", "What it is for.", {"enum": [kind.value for kind in Kind]}),
    _query("input_type", "What it takes, such as IMAGE.", _WORD),
    _query("output_type", "What it gives.", _WORD),
    _query("parameter", "Name of a parameter that it has.", _WORD),
    _query("topic", "Topic of its project.", _WORD),
    _query("model_type", "What a model does.", {"enum": list(MODEL_TYPES)}),
    _query("ml_category", "The field that a model belongs to.", {"enum": list(ML_CATEGORIES)}),
    *_PAGE,
)
_OF_PROJECT = _path(
    "project",
    "The project's id, or its full path with %2F for each slash.",
    {"type": "string", "minLength": 1, "maxLength": MAX_PROJECT},
)


def _named(name: str) -> JSON:
    return _path(
        name,
        "`1.2.0`, `master-3`, or what leads there now: `latest`, or numbers that it begins with, `1` or `1.2`.",
        {"type": "string", "pattern": NAME, "maxLength": MAX_NAME},
    )


_REFUSALS = {
    "400": "A parameter cannot be read.",
    "401": "GitLab does not accept the token.",
    "404": "It is not there, or not for you: nobody can tell which.",
    "503": "GitLab does not answer, so nothing can be shown.",
}
_MORE_REFUSALS = {
    **_REFUSALS,
    "403": "Your role in the project is too small, the token may only read, or a cookie came without its CSRF token.",
}


def _answers(status: str, about: str, schema: JSON, refusals: dict[str, str]) -> JSON:
    def of(words: str, content: JSON) -> JSON:
        return {"description": words, "content": {"application/json": {"schema": content}}}

    told = {code: of(words, _ref("Refusal")) for code, words in sorted(refusals.items())}
    return {status: of(about, schema), **told}


def _get(name: str, about: str, schema: str, *parameters: JSON) -> JSON:
    return {
        "get": {
            "operationId": name,
            "summary": about,
            "parameters": list(parameters),
            "security": [{}, {"token": []}, {"bearer": []}, {"session": []}],
            "responses": _answers("200", about, _ref(schema), _REFUSALS),
        }
    }


def _post(name: str, about: str, *parameters: JSON) -> JSON:
    csrf = {
        "name": CSRF_HEADER,
        "in": "header",
        "required": False,
        "description": "Needed where a cookie says who asks.",
        "schema": {"type": "string"},
    }
    return {
        "post": {
            "operationId": name,
            "summary": about,
            "parameters": [*parameters, csrf],
            "security": [{"token": []}, {"bearer": []}],
            "responses": _answers("202", "It will be done; look there.", _ref("Asked"), _MORE_REFUSALS),
        }
    }


def describe(cookie: str) -> JSON:
    """The whole description. `cookie` is the name of the session's cookie."""
    one = f"{API}/modules/{{project}}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Module catalogue",
            "version": "1",
            "description": "Published modules, as far as GitLab lets the caller see their projects.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            f"{API}/modules": _get("listModules", "Modules by name.", "Modules", *_SEARCH),
            one: _get("showModule", "A module and its newest version.", "WholeModule", _OF_PROJECT),
            f"{one}/versions": _get(
                "listVersions", "Its versions, the newest first.", "Versions", _OF_PROJECT, *_PAGE
            ),
            f"{one}/{{version}}": _get(
                "showVersion", "One version.", "OneVersion", _OF_PROJECT, _named("version")
            ),
            f"{one}/{{version}}/component": _get(
                "showComponent",
                "How a pipeline includes it. Every other parameter is the value of an input, as a form sends it.",
                "Component",
                _OF_PROJECT,
                _named("version"),
            ),
            f"{one}/compare/{{before}}/{{after}}": _get(
                "compareVersions",
                "What changes for its users.",
                "Comparison",
                _OF_PROJECT,
                _named("before"),
                _named("after"),
            ),
            f"{one}/{{version}}/unpublish": _post(
                "unpublish", "Take a version back.", _OF_PROJECT, _named("version")
            ),
            f"{one}/{{version}}/republish": _post(
                "republish", "Bring a version back.", _OF_PROJECT, _named("version")
            ),
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "PRIVATE-TOKEN"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }
