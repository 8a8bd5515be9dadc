"""The sandbox's answers and GitLab's own description of its API; all other tests here are held to it, too."""

from __future__ import annotations

from described import SPEC, WRONG, Described
from gitlab_helpers import Client

from sandbox.gitlab import Project, Sandbox, User
from sandbox.gitlab.routes import ROOMS
from sandbox.openapi import extract

NOT_DESCRIBED = ("/notes", "/discussions", "/ml/mlflow/")
"""Rooms that GitLab's description leaves out."""


def test_every_operation_is_described_but_for_those_that_gitlab_leaves_out() -> None:
    missing = {
        f"{route.method} {route.pattern}"
        for room in ROOMS
        for route in room.routes
        if not SPEC.knows(route.method, route.pattern)
    }
    assert {one for one in missing if not any(part in one for part in NOT_DESCRIBED)} == {"GET /user"}


def test_an_invented_field_a_wrong_type_and_a_wrong_code_are_found() -> None:
    good = {"id": 1, "sha": "0f", "status": "success", "author": {"id": 7, "username": "a"}}
    operation = ("POST", "/projects/:id/statuses/:sha")
    assert list(SPEC.faults(*operation, 200, good)) == []
    assert list(SPEC.faults(*operation, 200, {**good, "colour": "red"})) == [
        "CommitStatus.colour: is not described"
    ]
    assert list(SPEC.faults(*operation, 200, {**good, "id": "1"})) == [
        "CommitStatus.id: is str, described is integer"
    ]
    assert list(SPEC.faults(*operation, 200, {**good, "id": True})) == [
        "CommitStatus.id: is bool, described is integer"
    ]
    assert list(SPEC.faults(*operation, 200, {**good, "author": {"id": "x"}})) == [
        "UserBasic.id: is str, described is integer"
    ]
    (fault,) = SPEC.faults(*operation, 202, good)
    assert "answers 202" in fault
    assert list(SPEC.faults("GET", "/projects/:id/hooks", 200, {"id": 1})) == [
        "GET /projects/{}/hooks: is no list"
    ]


def test_what_gitlab_describes_wrongly_is_named_and_true_here(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sha = str(sandbox.head(project.id))
    made = client(alice).http_post(
        f"/projects/{project.id}/statuses/{sha}", post_data={"state": "success", "name": "x"}
    )
    assert made["status"] == "success"
    # described is 200, answered 201
    assert "POST /projects/{}/statuses/{}" in WRONG
    assert [asked.status for asked in sandbox.requests if asked.method == "POST"] == [201]
    action = {"action": "delete", "file_path": "noise.py"}
    # the description asks for content, previous_path and execute_filemode in every action
    client(alice).http_post(
        f"/projects/{project.id}/repository/commits",
        post_data={"branch": "main", "commit_message": "Away", "actions": [action]},
    )
    assert sandbox.read_file(project.id, "noise.py") is None


def test_answers_are_compared_while_tests_run(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    client(alice).projects.get(project.id).hooks.list(get_all=True)
    described = sandbox.moods
    assert isinstance(described, Described)
    assert {"GET /projects/:id", "GET /projects/:id/hooks"} <= described.seen


def test_an_extract_keeps_what_its_operations_need_and_nothing_else() -> None:
    description = {
        "paths": {
            "/api/v4/things/{id}": {
                "get": {
                    "responses": {"200": {"schema": {"$ref": "#/definitions/API_Entities_Thing"}}, "404": {}}
                },
                "delete": {"responses": {"204": {}}},
            },
            "/api/v4/others": {"get": {"responses": {"200": {}}}},
        },
        "definitions": {
            "API_Entities_Thing": {
                "properties": {
                    "name": {"type": "string", "description": "prose"},
                    "parts": {"type": "array", "items": {"$ref": "#/definitions/API_Entities_Part"}},
                }
            },
            "API_Entities_Part": {"properties": {"size": {"type": "integer"}}},
            "API_Entities_Stranger": {"properties": {}},
        },
    }
    assert extract(description, [("GET", "/things/:thing_id")]) == {
        "operations": {"GET /things/{}": {"200": "Thing"}},
        "entities": {"Thing": {"name": "string", "parts": "array of Part"}, "Part": {"size": "integer"}},
    }
