"""Whatever an authentic sender says: the answer is 2xx, and what is stored of it can be worked on."""

from __future__ import annotations

import copy
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import flask.testing
import pytest
from deliveries import FOLDER, NAMES, SECRET, headers, payload
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.store import Store
from bot.domain.events import from_dict, subject, to_dict
from bot.domain.facts import BOT_USER
from bot.domain.payloads import read_event
from bot.domain.proof import Keys
from bot.domain.routing import Ignored, Rules, route, same_push
from bot.webhook import create_app

RULES = Rules(("release",), ("mlreef-verify", "mlreef-build", "mlreef-smoke", "mlreef-promote"))
OTHERS = Path(os.environ.get("MLREEF_TEST_PAYLOADS", FOLDER))
"""A folder of more payloads, for whoever has some of real GitLabs; looked through with all below it."""

_keys = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database of each kind for all that is sent here."""
    on_disk = request.param == "sqlite"
    url = (
        f"sqlite:///{tmp_path_factory.mktemp('bad')}/bot.db"
        if on_disk
        else request.getfixturevalue("cluster").create_database()
    )
    opened = Store.prepare(url)
    opened.keep_fact(BOT_USER, "99")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def door(store: Store) -> flask.testing.FlaskClient:
    return create_app(store, Keys((SECRET,)), RULES).test_client()


def deliver(door: flask.testing.FlaskClient, store: Store, body: bytes, **more: str) -> int:
    """Send it, check the answer, do with what was stored what the worker does; returns how much that was."""
    answer = door.post("/webhooks/gitlab", data=body, headers=headers(f"bad {next(_keys)}", **more))
    assert answer.status_code == (202 if answer.json["stored"] else 200)
    assert answer.json["stored"] or answer.json["why"]
    assert len(answer.data) < 2048
    waiting = store.pending(10)
    for delivery in waiting:
        event = from_dict(delivery.event)
        assert to_dict(event) == {**delivery.event, **_tuples(event)}
        decision = route(event, RULES, None)
        assert not isinstance(decision, Ignored)
        json.dumps(asdict(decision)).encode()
        previous = store.previous(delivery)
        if previous is not None:
            same_push(event, from_dict(previous.event))
    store.mark_dispatched(*(delivery.key for delivery in waiting))
    return len(waiting)


def _tuples(event: Any) -> dict[str, Any]:
    # JSON has no tuples; what the event holds in one came back as a list
    return {name: value for name, value in to_dict(event).items() if isinstance(value, tuple | list)}


NASTY: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63 - 1, 2**63, 10**30, -(10**30), 1.5, float("nan"), float("inf")),
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "\udfff\ud800",
        "\u202e",
        "x" * 2000,
        "refs/heads/",
        "refs/heads/\n",
    ),
    *("0" * 40, "0" * 64, "f" * 64, "g" * 40, "F" * 40, "٣" * 40, "main", "refs/heads/main", "push", "build"),
    *([], {}, [[]], [{}], [None], {"": None}, [[[[[[]]]]]], {"a": {"b": {"c": {}}}}),
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything within a payload."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    """The payload with something else at that path, or without it when `to` is `...`."""
    copied = copy.deepcopy(value)
    at = copied
    for key in path[:-1]:
        at = at[key]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return copied


@pytest.mark.parametrize("name", NAMES)
def test_every_payload_without_any_one_of_its_fields(door: Any, store: Store, name: str) -> None:
    whole = payload(name)
    for path in places(whole):
        if len(path) <= 3:
            deliver(door, store, json.dumps(changed(whole, path, ...)).encode())


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: ascii(nasty)[:30])
def test_every_nasty_value_in_every_field_that_decides(nasty: Any) -> None:
    for name in ("push_to_default_branch", "pipeline_promoted", "job_promoted", "note_on_commit"):
        whole = payload(name)
        for path in places(whole):
            body = json.dumps(changed(whole, path, nasty))
            event = read_event(json.loads(body))
            told = from_dict(json.loads(json.dumps(to_dict(event))))
            assert told == event
            subject(event).encode()


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: ascii(nasty)[:30])
@pytest.mark.parametrize("name", ["system_project_update", "group_member_added", "push_from_system_hook"])
def test_a_hook_named_by_something_nasty(door: Any, store: Store, name: str, nasty: Any) -> None:
    for field in ("event_name", "object_kind", "event_type"):
        deliver(door, store, json.dumps(payload(name, **{field: nasty})).encode())


@settings(deadline=None, max_examples=120)
@given(data=st.data(), name=st.sampled_from(NAMES))
def test_payloads_with_anything_anywhere(door: Any, store: Store, data: st.DataObject, name: str) -> None:
    value: Any = payload(name)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        value = changed(value, path, data.draw(anything))
        if not value:
            break
    deliver(door, store, json.dumps(value).encode())


@settings(deadline=None, max_examples=120)
@given(
    value=anything,
    kind=st.sampled_from(("push", "tag_push", "pipeline", "build", "note", "merge_request", "x")),
)
def test_any_json_at_all(door: Any, store: Store, value: Any, kind: str) -> None:
    deliver(door, store, json.dumps(value).encode())
    if isinstance(value, dict):
        deliver(door, store, json.dumps({**value, "object_kind": kind}).encode())


@settings(deadline=None, max_examples=120)
@given(
    body=st.binary(max_size=200)
    | st.tuples(st.sampled_from(NAMES), st.integers(0, 3000), st.binary(min_size=1, max_size=4)).map(
        lambda drawn: _damaged(*drawn)
    )
)
def test_any_bytes_at_all(door: Any, store: Store, body: bytes) -> None:
    deliver(door, store, body)


def _damaged(name: str, at: int, with_: bytes) -> bytes:
    raw = json.dumps(payload(name)).encode()
    at %= len(raw)
    return raw[:at] + with_ + raw[at + len(with_) :]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be", "latin-1", "utf-7", "cp037"]
)
def test_other_encodings_are_read_or_refused_with_a_reason(door: Any, store: Store, encoding: str) -> None:
    body = json.dumps(payload("push_to_default_branch"), ensure_ascii=False).encode(encoding)
    read = deliver(door, store, body)
    assert read == (0 if encoding in ("cp037",) else 1)


@pytest.mark.parametrize("depth", [100, 900, 5_000, 200_000])
@pytest.mark.parametrize("inside", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_deep_json(door: Any, store: Store, depth: int, inside: tuple[str, str]) -> None:
    opening, closing = inside
    deep = opening * depth + "1" + closing * depth
    start = json.dumps(payload("push_to_default_branch"))[:-1]
    deliver(door, store, f'{start}, "extra": {deep}}}'.encode())
    deliver(door, store, deep.encode())


@pytest.mark.parametrize("digits", [30, 4_000, 5_000, 1_000_000])
def test_enormous_integers(door: Any, store: Store, digits: int) -> None:
    for field in ("project_id", "user_id", "total_commits_count"):
        raw = json.dumps(payload("push_to_default_branch", **{field: "HERE"})).replace('"HERE"', "9" * digits)
        deliver(door, store, raw.encode())


def test_ids_of_sha256_repositories_are_kept_whole(door: Any, store: Store) -> None:
    body = json.dumps(payload("push_sha256_repository")).encode()
    door.post("/webhooks/gitlab", data=body, headers=headers("sha256"))
    (delivery,) = store.pending(10)
    store.mark_dispatched(delivery.key)
    assert len(delivery.event["after"]) == len(delivery.event["before"]) == 64


def test_a_name_with_a_zero_byte_is_refused_with_a_reason_and_not_stored(door: Any, store: Store) -> None:
    # databases hold no such text
    body = json.dumps(payload("push_to_default_branch", ref="refs/heads/a\x00b")).encode()
    answer = door.post("/webhooks/gitlab", data=body, headers=headers())
    assert answer.status_code == 200
    assert "`ref`" in answer.json["why"]
    assert store.pending(1) == ()


@pytest.mark.parametrize(
    "header", ["X-Gitlab-Event", "X-Gitlab-Webhook-UUID", "Idempotency-Key", "webhook-id"]
)
@pytest.mark.parametrize("value", ["", "\xff\xfe", "x" * 20_000, "'; DROP TABLE deliveries; --", "%00"])
def test_strange_headers(door: Any, store: Store, header: str, value: str) -> None:
    body = json.dumps(payload("push_to_default_branch")).encode()
    assert deliver(door, store, body, **{header: value}) == 1


@pytest.mark.parametrize(
    "file", sorted(OTHERS.rglob("*.json")), ids=lambda file: str(file.relative_to(OTHERS))
)
def test_payloads_of_a_folder(door: Any, store: Store, file: Path) -> None:
    deliver(door, store, file.read_bytes())
