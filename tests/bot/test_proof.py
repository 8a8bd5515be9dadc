"""What proves that a delivery is GitLab's, and what tells two deliveries apart."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from deliveries import SECRET, headers
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from bot.domain.proof import (
    CONTENT_KEY_SECONDS,
    Keys,
    Lock,
    Proven,
    check_project,
    delivery_key,
    derive_token,
)
from bot.errors import SenderError

OLD, NEW = "the-old-master-" * 3, "the-new-master-" * 3
LOCK = Lock(Keys((SECRET,), (), (NEW, OLD)))

ids = st.integers(1, 2**63 - 1)


def shown(token: str) -> Proven:
    return LOCK.check_head(Headers({"X-Gitlab-Token": token}), 0.0)


def test_a_projects_token_is_its_id_and_a_mac_that_anybody_can_work_out() -> None:
    mac = hmac.new(NEW.encode(), b"42", hashlib.sha256).hexdigest()
    assert derive_token(NEW, 42) == f"42.{mac}"


@given(ids)
def test_tokens_of_both_masters_speak_for_their_project(project_id: int) -> None:
    assert shown(derive_token(NEW, project_id)) == shown(derive_token(OLD, project_id)) == Proven(project_id)


def test_a_shared_secret_speaks_for_any_project() -> None:
    assert shown(SECRET) == Proven(None)
    check_project(Proven(None), 7)


@given(ids, ids)
def test_a_token_speaks_for_no_other_project(mine: int, other: int) -> None:
    proven = shown(derive_token(NEW, mine))
    check_project(proven, mine)
    if mine != other:
        with pytest.raises(SenderError) as refused:
            check_project(proven, other)
        assert refused.value.status == 403
        with pytest.raises(SenderError):
            shown(f"{other}.{derive_token(NEW, mine).partition('.')[2]}")


@given(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))
    | st.from_regex(r"[0-9]{1,25}\.[0-9a-f]{60,68}", fullmatch=True)
)
def test_no_other_text_is_a_token(token: str) -> None:
    with pytest.raises(SenderError) as refused:
        shown(token)
    assert refused.value.status == 401


@pytest.mark.parametrize("spelling", ["0{}", "+{}", " {}", "{}\t", "٤{}"])
def test_a_token_is_accepted_in_one_spelling_only(spelling: str) -> None:
    with pytest.raises(SenderError):
        shown(spelling.format(derive_token(NEW, 42)))


def test_the_id_that_gitlab_repeats_comes_first_and_its_two_names_are_one() -> None:
    given_headers = Headers(headers("one", **{"webhook-id": "two"}))
    assert delivery_key(given_headers, b"", 0) == "idempotency-key one"
    assert delivery_key(Headers({"webhook-id": "one"}), b"", 0) == "idempotency-key one"


def test_of_a_signed_delivery_the_id_counts_that_the_signature_covers() -> None:
    given_headers = Headers(
        {"webhook-signature": "v1,x", "webhook-id": "signed", "Idempotency-Key": "made up"}
    )
    assert delivery_key(given_headers, b"", 0) == "idempotency-key signed"


def test_the_chain_that_a_delivery_belongs_to_is_no_part_of_its_key() -> None:
    one, other = (Headers(headers(None, **{"X-Gitlab-Event-UUID": chain})) for chain in ("a", "b"))
    assert delivery_key(one, b"{}", 0) == delivery_key(other, b"{}", 0)


def test_without_an_id_content_event_and_uuid_tell_deliveries_apart_for_a_while() -> None:
    def key(body: bytes = b"{}", now: float = 0.0, **more: str) -> str:
        return delivery_key(Headers(headers(None) | more), body, now)

    same_hook = {"X-Gitlab-Webhook-UUID": "names the hook"}
    assert key(**same_hook) == key(**same_hook, now=CONTENT_KEY_SECONDS - 1)
    different = [key(), key(b"[]"), key(now=CONTENT_KEY_SECONDS), key(**same_hook), key(b"[]", **same_hook)]
    different.append(key(**{"X-Gitlab-Event": "Pipeline Hook"}))
    assert len(set(different)) == len(different)


@given(st.text(st.characters(max_codepoint=255), min_size=1))
def test_a_key_is_short_plain_text_whatever_the_header_says(value: str) -> None:
    key = delivery_key(Headers({"Idempotency-Key": value.replace("\n", "").replace("\r", "") or "x"}), b"", 0)
    assert len(key) < 300
    assert key.isascii()
    assert key.isprintable()
