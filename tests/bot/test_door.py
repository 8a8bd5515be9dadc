"""The HTTP door, through its WSGI interface: what is let in, what is stored, what is answered."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask.testing
import pytest
from deliveries import NAMES, SECRET, SIGNING_TOKEN, headers, payload, signed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.store import Store
from bot.domain.facts import ACCESS_CHANGED, BOT_USER
from bot.domain.proof import Keys, derive_token
from bot.domain.routing import Rules
from bot.webhook import MAX_BODY_BYTES, create_app

RULES = Rules((), ("mlreef-verify", "mlreef-build", "mlreef-smoke", "mlreef-promote"))
NEXT_SECRET = "the-token-that-comes-next"
KEYS = Keys((SECRET, NEXT_SECRET), (SIGNING_TOKEN,))
URL = "/webhooks/gitlab"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.prepare(f"sqlite:///{tmp_path}/bot.db")
    opened.keep_fact(BOT_USER, "99")
    yield opened
    opened.close()


@pytest.fixture
def door(store: Store) -> flask.testing.FlaskClient:
    return create_app(store, KEYS, RULES).test_client()


def post(door: flask.testing.FlaskClient, data: Any, **more: Any) -> Any:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return door.post(URL, data=body, **{"headers": headers(), **more})


def test_a_push_is_stored_once_and_answered_with_202(door: Any, store: Store) -> None:
    answer = post(door, payload("push_to_default_branch"))
    assert (answer.status_code, answer.json) == (202, {"stored": True})
    (delivery,) = store.pending(10)
    assert delivery.event["kind"] == "push"
    assert delivery.event["after"] == "7c3d" * 10


@pytest.mark.parametrize("name", NAMES)
def test_every_authentic_payload_is_answered_with_2xx(door: Any, store: Store, name: str) -> None:
    answer = post(door, payload(name))
    assert answer.status_code == (202 if store.pending(1) else 200)
    assert answer.json["stored"] or answer.json["why"]


@pytest.mark.parametrize(
    "name", ["project_update", "project_destroy", "user_remove_from_team", "group_destroy"]
)
def test_what_changes_who_sees_what_is_noted_at_once_also_where_it_needs_no_work(
    door: Any, store: Store, name: str
) -> None:
    marks = []
    for _ in range(2):
        told = {"event_name": name, "project_id": 7, "project_visibility": "private"}
        assert post(door, told, headers=headers(None)).status_code in (200, 202)
        marks.append(store.fact(ACCESS_CHANGED))
    assert None not in marks
    assert marks[0] != marks[1]


def test_what_a_stranger_tells_of_access_changes_nothing(door: Any, store: Store) -> None:
    told = {"event_name": "project_update", "project_id": 7}
    assert post(door, told, headers=headers(**{"X-Gitlab-Token": "wrong"})).status_code == 401
    post(door, payload("push_to_default_branch"))
    assert store.fact(ACCESS_CHANGED) is None


def test_a_redelivery_changes_nothing(door: Any, store: Store) -> None:
    post(door, payload("push_to_default_branch"))
    again = post(door, payload("push_to_default_branch"))
    assert (again.status_code, again.json["stored"]) == (200, False)
    assert len(store.pending(10)) == 1


def test_deliveries_are_told_apart_by_gitlabs_own_key_and_not_by_the_chain_they_belong_to(
    door: Any, store: Store
) -> None:
    for key in ("one", "two"):
        post(
            door,
            payload("push_to_default_branch"),
            headers=headers(key, **{"X-Gitlab-Event-UUID": "one-chain"}),
        )
    assert len(store.pending(10)) == 2


def test_without_a_key_the_content_tells_deliveries_apart_also_where_the_uuid_names_the_hook(
    door: Any, store: Store
) -> None:
    for name in ("push_to_default_branch", "push_forced", "push_to_default_branch"):
        post(door, payload(name), headers=headers(None, **{"X-Gitlab-Webhook-UUID": "always-the-same"}))
    assert len(store.pending(10)) == 2


@pytest.mark.parametrize(
    "given_headers",
    [
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "wrong-canary-value"},
        {"X-Gitlab-Token": SECRET + "x"},
        {"X-Gitlab-Token": SECRET[:-1]},
        {"X-Gitlab-Token": "\xff" * 20},
    ],
)
def test_a_wrong_secret_is_401_and_leaves_no_trace_but_a_line_without_its_value(
    door: Any, store: Store, caplog: pytest.LogCaptureFixture, given_headers: dict[str, str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = post(door, payload("push_to_default_branch"), headers=headers(**given_headers))
    assert answer.status_code == 401
    assert store.pending(1) == ()
    assert "wrong-canary-value" not in caplog.text
    assert SECRET not in caplog.text


def test_no_secret_at_all_is_401(door: Any, store: Store) -> None:
    answer = door.post(URL, json=payload("push_to_default_branch"))
    assert answer.status_code == 401
    assert store.pending(1) == ()


def test_a_wrong_secret_is_refused_before_the_body_is_read(store: Store) -> None:
    class Unreadable:
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    app = create_app(store, KEYS, RULES)
    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": "100"}
    assert app.test_client().post(URL, environ_overrides=environ).status_code == 401


def test_each_of_several_secrets_opens_the_door(door: Any) -> None:
    for secret in KEYS.secrets:
        answer = post(
            door, payload("push_to_default_branch"), headers=headers(secret, **{"X-Gitlab-Token": secret})
        )
        assert answer.status_code == 202


def test_a_projects_own_token_opens_the_door_for_that_project_alone(store: Store) -> None:
    master = "the-master-of-all-projects-" * 2
    door = create_app(store, Keys((SECRET,), (), (master,)), RULES).test_client()
    body = payload("push_to_default_branch")
    mine, other = (derive_token(master, body["project_id"] + more) for more in (0, 1))
    refused = post(door, body, headers=headers("one", **{"X-Gitlab-Token": other}))
    assert (refused.status_code, store.pending(1)) == (403, ())
    assert post(door, body, headers=headers("two", **{"X-Gitlab-Token": mine})).status_code == 202
    # what tells of no project at all is authentic, and needs no work
    strange = post(door, {"object_kind": "unheard of"}, headers=headers("three", **{"X-Gitlab-Token": other}))
    assert strange.status_code == 200


def test_a_signed_delivery_needs_no_secret(door: Any, store: Store) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    assert post(door, body, headers=signed(body, time.time())).status_code == 202
    assert store.pending(1)[0].key == "idempotency-key delivery-1"


def test_one_good_signature_among_several_is_enough(door: Any) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    given_headers = signed(body, time.time())
    given_headers["webhook-signature"] = "v1,AAAA " + given_headers["webhook-signature"] + " v2,xyz"
    assert post(door, body, headers=given_headers).status_code == 202


@pytest.mark.parametrize(
    "damage",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "1"},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "٣" * 10},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": str(int(time.time()) + 3600)},
        {"webhook-id": "another"},
        {"webhook-id": ""},
    ],
)
def test_a_bad_signature_is_401_even_beside_the_right_secret(
    door: Any, store: Store, damage: dict[str, str]
) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    given_headers = {**signed(body, time.time()), "X-Gitlab-Token": SECRET, **damage}
    environ = {
        "HTTP_" + name.upper().replace("-", "_"): value.encode().decode("latin-1")
        for name, value in given_headers.items()
    }
    answer = door.post(URL, data=body, content_type="application/json", environ_overrides=environ)
    assert answer.status_code == 401
    assert store.pending(1) == ()


def test_a_signature_over_other_bytes_is_401(door: Any) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    assert post(door, body + b" ", headers=signed(body, time.time())).status_code == 401


def test_a_signed_delivery_is_401_when_no_signing_token_is_configured(store: Store) -> None:
    door = create_app(store, Keys((SECRET,), ()), RULES).test_client()
    body = json.dumps(payload("push_to_default_branch")).encode()
    assert (
        post(door, body, headers={**signed(body, time.time()), "X-Gitlab-Token": SECRET}).status_code == 401
    )


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (b"", {}),
        (b"not json", {}),
        (b"\xff\xfe\x00", {}),
        (b"[" * 200_000, {}),
        (b'{"object_kind": ' * 20_000, {}),
        (b'{"object_kind": "push", "project_id": ' + b"9" * 10_000 + b"}", {}),
        (b"[]", {}),
        (b"null", {}),
        (b"NaN", {}),
        (b"{}", {"content_type": "application/x-www-form-urlencoded"}),
        (b"payload=%7B%7D", {"content_type": "application/x-www-form-urlencoded"}),
        (b"--x\r\n", {"content_type": "multipart/form-data; boundary=x"}),
        (b"{}", {"content_type": "application/json; charset=nonsense"}),
        (b"{}", {"content_type": ""}),
    ],
)
def test_what_cannot_be_understood_is_answered_2xx_with_a_reason_and_not_stored(
    door: Any, store: Store, body: bytes, more: dict[str, str]
) -> None:
    given_headers = headers()
    if more:
        del given_headers["Content-Type"]
    answer = door.post(URL, data=body, headers=given_headers, **more)
    assert answer.status_code == 200
    assert answer.json["why"]
    assert store.pending(1) == ()


def test_json_in_another_unicode_encoding_is_read(door: Any) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode("utf-16")
    assert post(door, body).status_code == 202


def test_a_declared_length_over_the_limit_is_413_before_reading(store: Store) -> None:
    class Unreadable:
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    app = create_app(store, KEYS, RULES)
    environ = {"wsgi.input": Unreadable(), "CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}
    answer = app.test_client().post(URL, headers=headers(), environ_overrides=environ)
    assert answer.status_code == 413


def test_a_body_of_exactly_the_limit_is_read(door: Any) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode().ljust(MAX_BODY_BYTES)
    assert post(door, body).status_code == 202


def test_the_whole_branch_name_arrives_unharmed(door: Any, store: Store) -> None:
    name = "a'$(touch x)`;{{}}\u202e\U0001f600 \"\\"
    post(
        door,
        payload(
            "push_to_default_branch", ref=f"refs/heads/{name}", project={"id": 1, "default_branch": name}
        ),
    )
    assert store.pending(1)[0].event["ref"] == f"refs/heads/{name}"


def test_variables_of_a_pipeline_are_not_stored(door: Any, tmp_path: Path) -> None:
    assert post(door, payload("pipeline_promoted")).status_code == 202
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"mlreef-promote" in stored
    assert b"canary-of-a-variable" not in stored


def test_a_store_that_cannot_write_is_503_and_never_2xx() -> None:
    class Full:
        def accept(self, *_: object) -> bool:
            raise OSError("disk full canary-in-the-error")

        def fact(self, _name: str) -> None:
            return None

        def keep_fact(self, *_: object) -> None:
            raise OSError("disk full")

        def reopen(self) -> None:
            raise OSError("disk full")

    answer = post(create_app(Full(), KEYS, RULES).test_client(), payload("push_to_default_branch"))
    assert answer.status_code == 503
    assert "canary" not in answer.text


def test_other_addresses_and_methods_are_told_apart_from_faults(door: Any) -> None:
    assert door.get(URL).status_code == 405
    assert door.post("/webhooks/github").status_code == 404
    assert door.get("/").status_code == 404


def test_the_answer_is_small_enough_for_gitlab_to_keep(door: Any) -> None:
    for name in NAMES:
        assert len(post(door, payload(name)).data) < 1024


_names = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=20
)
_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.binary(max_size=300)
    | st.sampled_from(NAMES).map(lambda name: json.dumps(payload(name)).encode())
    | st.text().map(json.dumps).map(str.encode),
    more=st.dictionaries(_names, _values, max_size=3),
    known=st.dictionaries(
        st.sampled_from(
            (
                *("webhook-id", "webhook-timestamp", "webhook-signature", "Idempotency-Key"),
                *("X-Gitlab-Token", "Content-Type", "Content-Encoding", "X-Gitlab-Webhook-UUID"),
            )
        ),
        _values,
        max_size=4,
    ),
    authentic=st.booleans(),
)
def test_no_request_whatsoever_is_answered_with_5xx(
    door: Any, body: bytes, more: dict[str, str], known: dict[str, str], authentic: bool
) -> None:
    given_headers = {**known, **more, **(headers(None) if authentic else {})}
    given_headers = {name: value for name, value in given_headers.items() if re.fullmatch(r"[\w-]+", name)}
    answer = door.post(URL, data=body, headers=given_headers)
    assert answer.status_code < 500
