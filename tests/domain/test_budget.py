"""What GitLab's answers say about when to call it again."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.budget import (
    MAX_RETRY_AFTER_SECONDS,
    RESERVED_CALLS,
    UNNAMED_PAUSE_SECONDS,
    WHOLE,
    plan_gate,
    read_retry_after,
)

NOW = 1_000_000.0
ENDPOINT = "POST /projects/:id/statuses/:sha"


def pause(status: int, words: str = "", **headers: str) -> tuple[str, float] | None:
    """Scope and seconds of the gate that an answer asks for."""
    given_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    planned = plan_gate(ENDPOINT, status, given_headers, words, NOW)
    return None if planned is None else (planned[0], planned[1].until - NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("", None),
        ("soon", None),
        ("99999999999", MAX_RETRY_AFTER_SECONDS),
        (formatdate(1_000_060, usegmt=True), 60.0),
        (formatdate(999_000, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_read_in_every_form_and_capped(value: str, seconds: float | None) -> None:
    assert read_retry_after({"Retry-After": value}, now=NOW) == seconds


def test_a_429_closes_everything_for_as_long_as_it_says() -> None:
    assert pause(429, Retry_After="7") == (WHOLE, 7.0)
    assert pause(429, Retry_After=formatdate(NOW + 60, usegmt=True)) == (WHOLE, 60.0)
    assert pause(429, RateLimit_Reset=f"{NOW + 42:.0f}") == (WHOLE, 42.0)
    assert pause(429) == (WHOLE, UNNAMED_PAUSE_SECONDS)


def test_a_429_of_one_endpoint_closes_that_one_alone() -> None:
    words = '{"message":{"error":"This endpoint has been requested too many times. Try again later."}}'
    assert pause(429, words, Retry_After="30") == (ENDPOINT, 30.0)


def test_a_window_that_is_nearly_used_up_closes_until_it_is_renewed() -> None:
    reset = f"{NOW + 30:.0f}"
    assert pause(200, RateLimit_Remaining="5", RateLimit_Limit="2000", RateLimit_Reset=reset) == (WHOLE, 30.0)
    more = str(RESERVED_CALLS + 1)
    assert pause(200, RateLimit_Remaining=more, RateLimit_Limit="2000", RateLimit_Reset=reset) is None
    # a small window is not used up by what is kept back of a large one
    assert pause(200, RateLimit_Remaining="9", RateLimit_Limit="10", RateLimit_Reset=reset) is None
    assert pause(200, RateLimit_Remaining="0", RateLimit_Limit="10", RateLimit_Reset=reset) == (WHOLE, 30.0)
    assert pause(200, RateLimit_Remaining="0", RateLimit_Limit="10") is None


def test_an_instance_that_is_closed_says_until_when_or_is_asked_again_by_each_job() -> None:
    assert pause(503, Retry_After="90") == (WHOLE, 90.0)
    assert pause(503) is None
    assert pause(500) is None


@given(
    st.integers(200, 599),
    st.dictionaries(
        st.sampled_from(["Retry-After", "RateLimit-Remaining", "RateLimit-Limit", "RateLimit-Reset"]),
        st.text(max_size=30) | st.integers().map(str),
    ),
)
def test_no_header_parks_anything_for_longer_than_the_cap(status: int, headers: dict[str, str]) -> None:
    planned = plan_gate(ENDPOINT, status, headers, "", NOW)
    if planned is not None:
        assert NOW <= planned[1].until <= NOW + MAX_RETRY_AFTER_SECONDS
