"""What a registry may ask for, and what it is shown: never too much, never too late."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.registry import Registry
from bot.adapters.registry.auth import Challenge, read_challenge
from bot.errors import BotError, OperatorError, Refused, TryAgain
from tests.ci.world import Answer, Asked, server

PLAIN = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), max_size=30)


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ("", None),
        ("Negotiate", None),
        ("Basic", Challenge("basic")),
        ('Basic realm="r"', Challenge("basic", "r")),
        (
            'Bearer realm="https://a/t",service="s",scope="repository:g/p:pull,push"',
            Challenge("bearer", "https://a/t", "s", "repository:g/p:pull,push"),
        ),
        ("bearer realm=https://a/t , service=s", Challenge("bearer", "https://a/t", "s")),
        ('Basic realm="x, Bearer y", Bearer realm="https://a/t"', Challenge("bearer", "https://a/t")),
        ('Bearer realm="a \\"b\\" c"', Challenge("bearer", 'a "b" c')),
    ],
)
def test_a_challenge_is_read(header: str, challenge: Challenge | None) -> None:
    assert read_challenge(header) == challenge


@given(PLAIN, PLAIN, PLAIN)
def test_a_challenge_is_read_as_it_was_meant(realm: str, service: str, scope: str) -> None:
    header = f'Bearer realm="{realm}",service="{service}",scope="{scope}"'
    assert read_challenge(header) == Challenge("bearer", realm, service, scope)


@given(st.text(st.characters(max_codepoint=255), max_size=200))
def test_no_challenge_is_too_odd(header: str) -> None:
    read = read_challenge(header)
    assert read is None or read.kind in {"basic", "bearer"}


def asking(given: Callable[[int], bytes], accept: Callable[[str], bool]) -> Callable[[Asked], Answer]:
    """A registry and its token service: what is given for the nth token, and which header opens."""
    tokens = iter(range(1000))

    def answer(asked: Asked) -> Answer:
        if asked.path.startswith("/token"):
            return Answer(200, given(next(tokens)))
        if accept(asked.headers.get("authorization", "")):
            return Answer(200, b'{"tags": ["a"]}')
        realm = f'Bearer realm="http://{asked.headers["host"]}/token?x=y",service="s p"'
        return Answer(401, headers={"WWW-Authenticate": realm})

    return answer


def token(number: int, **more: object) -> bytes:
    return json.dumps({"token": f"t{number}", **more}).encode()


@pytest.mark.parametrize("lifetime", [0.0, 20, 1e9, "soon", None, -5, True])
def test_a_token_is_used_as_long_as_it_is_good(lifetime: object, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bot.adapters.registry.auth.time.monotonic", lambda: now)
    good_for = lifetime if isinstance(lifetime, float | int) and lifetime > 1 else 60
    answer = asking(lambda number: token(number, expires_in=lifetime), lambda shown: shown != "")
    with server(answer) as (url, heard), Registry(url) as registry:
        registry.fetch_tags("g/p")
        registry.fetch_tags("g/p")
        assert registry.token_requests == 1
        now += good_for - 1
        registry.fetch_tags("g/p")
        assert registry.token_requests == 2
        # The way to the token service is known by then: nobody is asked in vain.
        assert [asked.path.partition("?")[0] for asked in heard].count("/v2/g/p/tags/list") == 4
    (first, _) = (asked for asked in heard if asked.path.startswith("/token"))
    assert first.path == "/token?x=y&service=s+p&scope=repository%3Ag%2Fp%3Apull"


def test_a_wider_token_does_where_one_is_there() -> None:
    with server(asking(token, lambda shown: shown != "")) as (url, _), Registry(url) as registry:
        with pytest.raises(BotError):
            registry.ensure_bytes("g/p", b"x", new=True)
        registry.fetch_tags("g/p")
        assert registry.token_requests == 1
        registry.fetch_tags("g/other")
        assert registry.token_requests == 2


def test_many_threads_ask_for_one_token() -> None:
    begun = threading.Barrier(4, timeout=10)
    with server(asking(token, lambda shown: shown == "Bearer t0")) as (url, _), Registry(url) as registry:

        def ask(_: int) -> tuple[str, ...]:
            begun.wait()
            return registry.fetch_tags("g/p")

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(4))) == [("a",)] * 4
        assert registry.token_requests == 1


@pytest.mark.parametrize(
    ("given_token", "error"),
    [
        (b"{}", OperatorError),
        (b"<html>", OperatorError),
        (b'{"token": 7}', OperatorError),
        (b'{"token": "a\\nb"}', OperatorError),
        (b'{"access_token": "fine"}', Refused),
    ],
)
def test_a_token_service_that_answers_nonsense_is_told(given_token: bytes, error: type[Exception]) -> None:
    answer = asking(lambda _: given_token, lambda _: False)
    with server(answer) as (url, _), Registry(url, "ada", "secret", pauses=()) as registry:
        with pytest.raises(error) as raised:
            registry.fetch_tags("g/p")
        assert "secret" not in str(raised.value)


def test_a_token_service_that_is_busy_is_asked_again() -> None:
    busy = iter([Answer(503), Answer(429, headers={"Retry-After": "0"})])
    usual = asking(token, lambda shown: shown != "")

    def answer(asked: Asked) -> Answer:
        return (next(busy, None) if asked.path.startswith("/token") else None) or usual(asked)

    with server(answer) as (url, _), Registry(url, pauses=(0.01, 0.01)) as registry:
        assert registry.fetch_tags("g/p") == ("a",)


def test_a_registry_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.registry.answers.GRACE_SECONDS", -1)
    with server(lambda _: Answer(200, b'{"tags": []}')) as (url, _), Registry(url, pauses=()) as registry:
        with pytest.raises(TryAgain, match="more slowly"):
            registry.fetch_tags("g/p")
