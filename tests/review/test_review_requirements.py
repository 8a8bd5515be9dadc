"""What changed of requirements, and which pinned versions were taken back."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.store import Store
from bot.domain.requirement_changes import (
    MAX_ASKED,
    Pin,
    RequirementChange,
    asked_about,
    compare_requirements,
)
from bot.world import World
from bot.yanked import ASK_SECONDS, AWAY_SECONDS, FACT, KEPT_SECONDS, MAX_KEPT, fetch_yanked
from parser.model import Requirements
from parser.requirements.read import read_requirements
from parser.source import Entry, Source
from tests.domain import values
from tests.layers.package_index import PackageIndex, served

NOT_ASKED: Any = None
"""GitLab and the registry, which nobody needs for this."""

INDEX, ANOTHER = "https://a.example/x", "https://b.example/x"


def pip(*lines: str) -> Requirements:
    content = {"requirements.txt": "".join(f"{line}\n" for line in lines).encode()}
    found, _ = read_requirements(Source({path: Entry(path, "file") for path in content}, content), None)
    assert found is not None
    return found


def changes(before: Requirements | None, after: Requirements | None, **yanked: str) -> list[tuple[str, ...]]:
    return [
        (one.kind, one.name, one.before, one.after) for one in compare_requirements(before, after, yanked)
    ]


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ((), ("numpy==2.1",), ("added", "numpy", "", "==2.1")),
        (("numpy==2.1",), (), ("removed", "numpy", "==2.1", "")),
        (("numpy==2.1",), ("numpy==2.2",), ("moved", "numpy", "==2.1", "==2.2")),
        (("numpy==2.1",), ("numpy>=2",), ("unpinned", "numpy", "==2.1", ">=2")),
        (("numpy==2.1",), ("numpy",), ("unpinned", "numpy", "==2.1", "any version")),
        (("numpy==2.1",), ("numpy==2.*",), ("unpinned", "numpy", "==2.1", "==2.*")),
        (("numpy",), ("numpy==2.1",), ("moved", "numpy", "any version", "==2.1")),
        (("numpy==2.1",), ("numpy[all]==2.1",), ("moved", "numpy", "==2.1", "[all]==2.1")),
        (
            ("numpy==2.1",),
            ("numpy==2.1; python_version<'3.12'",),
            ("moved", "numpy", "==2.1", '==2.1 where python_version < "3.12"'),
        ),
        (
            ("a @ https://me:${MLREEF_INDEX_X}@example.com/a-1.tar.gz?token=x",),
            ("a @ https://me:${MLREEF_INDEX_X}@example.com/a-2.tar.gz#sha256=0",),
            ("moved", "a", "@ https://example.com/a-1.tar.gz", "@ https://example.com/a-2.tar.gz"),
        ),
        ((f"--index-url {INDEX}",), (), ("removed", "--index-url", "", "")),
        (
            (f"--index-url {INDEX}",),
            (f"--index-url {ANOTHER}",),
            ("moved", "--index-url", "", ""),
        ),
    ],
)
def test_each_change_has_its_kind(
    before: tuple[str, ...], after: tuple[str, ...], change: tuple[str, ...]
) -> None:
    assert changes(pip(*before), pip(*after)) == [change]


def test_names_are_compared_as_indexes_do() -> None:
    assert changes(pip("Scikit_Image==0.24"), pip("scikit-image==0.24")) == []


def test_lines_in_another_order_and_comments_are_no_change() -> None:
    assert changes(pip("a==1", "b==2"), pip("# more", "b==2", "a==1")) == []


def test_no_requirements_at_all_are_none() -> None:
    assert changes(None, None) == []
    assert changes(None, pip("a==1")) == [("added", "a", "", "==1")]


def test_another_file_is_told() -> None:
    there = pip("a==1")
    assert changes(there, replace(there, file="requirements/base.txt")) == [
        ("moved", "requirements/base.txt", "requirements.txt", "requirements/base.txt")
    ]


def test_limits_are_told_as_limits() -> None:
    there = pip("a==1")
    limited = replace(there, constraints=pip("b<3").items)
    [found] = compare_requirements(there, limited)
    assert (found.kind, found.name, found.after) == ("added", "b", "<3")
    assert found.why == "A limit of its version; it installs nothing by itself."


def test_what_was_taken_back_comes_first_with_what_the_index_says() -> None:
    found = compare_requirements(pip("a==1"), pip("a==2", "b"), {"a": "It was broken", "gone": "x"})
    assert found[0] == RequirementChange("a", "yanked", "", "==2", "It was broken")
    assert [one.kind for one in found] == ["yanked", "added", "moved"]


LINES = st.lists(
    st.builds(
        lambda name, end: name + end,
        st.sampled_from("abcd"),
        st.sampled_from(["", "==1", "==2", ">=1", "[x]==1", "; python_version<'3.12'"]),
    ),
    max_size=5,
    unique_by=lambda line: line[0],
)


@given(LINES, LINES)
def test_what_is_added_one_way_is_removed_the_other_way(one: list[str], other: list[str]) -> None:
    def of(kind: str, before: list[str], after: list[str]) -> set[str]:
        return {name for found, name, *_ in changes(pip(*before), pip(*after)) if found == kind}

    assert of("added", one, other) == of("removed", other, one) == {a[0] for a in other} - {a[0] for a in one}
    assert changes(pip(*one), pip(*one)) == []


def test_only_new_pins_are_asked_about() -> None:
    asked = asked_about(
        pip("a==1", "b==1"), pip("a==1", "B==2", "c", "d==1.*", "e==3", "f @ https://x.example/f.whl")
    )
    assert asked == (Pin("b", "2"), Pin("e", "3"))
    assert len(asked_about(None, pip(*(f"p{number}==1" for number in range(99))))) == MAX_ASKED


@pytest.mark.parametrize("line", [f"--index-url {INDEX}", f"--extra-index-url {INDEX}", "--no-index"])
def test_nobody_is_asked_about_what_comes_from_an_index_of_the_repositorys_own(line: str) -> None:
    assert asked_about(None, pip(line, "a==1")) == ()


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    made = PackageIndex()
    made.add("good", "1.0")
    made.add("bad", "1.0", yanked="It deletes files")
    made.add("mute", "1.0", yanked=True)
    made.add("half", "1.0", yanked=True)
    made.add("half", "1.0", "cp312-cp312-any")
    with served(made):
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.prepare(f"sqlite:///{tmp_path / 'bot.sqlite'}")
    yield made
    made.close()


def world(store: Store, address: str, ask: bool = True) -> World:
    building = replace(values.POLICY.building, index_url=address)
    review = replace(values.POLICY.review, ask_index=ask)
    policy = replace(values.POLICY, building=building, review=review)
    return World(NOT_ASKED, NOT_ASKED, store, policy, 1, NOT_ASKED)


WANTED = ("good==1.0", "bad==1.0", "mute==1.0", "half==1.0", "unheard==1.0", "bad-version===what")


@pytest.mark.parametrize("html", [False, True])
def test_versions_of_which_every_file_was_taken_back_are_found(
    index: PackageIndex, store: Store, html: bool
) -> None:
    index.html = html
    found = fetch_yanked(None, pip(*WANTED), world(store, index.simple))
    assert found == {"bad": "It deletes files", "mute": ""}


def test_what_was_answered_is_not_asked_again_for_a_day(index: PackageIndex, store: Store) -> None:
    first = fetch_yanked(None, pip(*WANTED), world(store, index.simple))
    asked = len(index.requests)
    assert fetch_yanked(None, pip(*WANTED), world(store, index.simple)) == first
    assert len(index.requests) == asked
    store.keep_fact(FACT, (store.fact(FACT) or "").replace('": [', f'": [-{KEPT_SECONDS}+'))
    assert fetch_yanked(None, pip(*WANTED), world(store, index.simple)) == first
    assert len(index.requests) == 2 * asked


def test_another_index_is_asked_anew(index: PackageIndex, store: Store) -> None:
    fetch_yanked(None, pip("bad==1.0"), world(store, index.simple))
    assert fetch_yanked(None, pip("bad==1.0"), world(store, f"{index.simple}/")) == {
        "bad": "It deletes files"
    }
    assert len(index.requests) == 2


def test_nobody_is_asked_when_no_pin_is_new_or_the_operator_does_not_want_it(
    index: PackageIndex, store: Store
) -> None:
    assert fetch_yanked(pip("bad==1.0"), pip("bad==1.0"), world(store, index.simple)) == {}
    assert fetch_yanked(None, pip("bad==1.0"), world(store, index.simple, ask=False)) == {}
    assert index.requests == []


@pytest.mark.parametrize("busy", [0, 1])
def test_an_index_that_is_away_says_nothing_and_is_left_alone_for_a_while(
    index: PackageIndex, store: Store, busy: int
) -> None:
    if busy:
        index.busy = 99
    address = index.simple if busy else "http://127.0.0.1:9/simple"
    assert fetch_yanked(None, pip("bad==1.0"), world(store, address)) == {}
    asked = len(index.requests)
    assert asked == busy
    index.busy = 0
    assert fetch_yanked(None, pip("bad==1.0"), world(store, address)) == {}
    assert len(index.requests) == asked


def test_an_index_that_never_ends_costs_a_check_a_moment(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        begun = time.monotonic()
        assert (
            fetch_yanked(None, pip(*(f"p{number}==1" for number in range(30))), world(store, address)) == {}
        )
        assert time.monotonic() - begun < ASK_SECONDS + 1
        begun = time.monotonic()
        assert fetch_yanked(None, pip("p1==1"), world(store, address)) == {}
        assert time.monotonic() - begun < 0.5


def test_an_index_that_sends_a_byte_at_a_time_costs_a_check_a_moment(store: Store) -> None:
    def drip(server: socket.socket, stop: threading.Event) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.1):
                connection.sendall(b" ")

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server, stop), daemon=True)
        thread.start()
        begun = time.monotonic()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        assert fetch_yanked(None, pip("a==1"), world(store, address)) == {}
        assert time.monotonic() - begun < ASK_SECONDS + 1
        stop.set()
        thread.join(5)


@pytest.mark.parametrize("text", ["x", "[]", "{}", '{"index": 1}', '{"pins": {"a": 1}}'])
def test_a_memory_that_cannot_be_read_is_none(index: PackageIndex, store: Store, text: str) -> None:
    store.keep_fact(FACT, text.replace("1", f'"{index.simple}"', 1))
    assert fetch_yanked(None, pip("bad==1.0"), world(store, index.simple)) == {"bad": "It deletes files"}


def test_only_so_much_is_remembered(index: PackageIndex, store: Store) -> None:
    pins = {f"p{number}==1": [time.time() - number, None] for number in range(MAX_KEPT + 9)}
    store.keep_fact(FACT, json.dumps({"index": index.simple, "pins": pins, "away_until": 0}))
    fetch_yanked(None, pip("bad==1.0"), world(store, index.simple))
    kept = json.loads(store.fact(FACT) or "")["pins"]
    assert len(kept) == MAX_KEPT
    assert {"bad==1.0", "p0==1"} < kept.keys()
    assert f"p{MAX_KEPT}==1" not in kept


def test_an_index_that_was_away_is_asked_again_later(index: PackageIndex, store: Store) -> None:
    for ago, wanted in ((AWAY_SECONDS - 60, {}), (AWAY_SECONDS + 60, {"bad": "It deletes files"})):
        until = time.time() + AWAY_SECONDS - ago
        store.keep_fact(FACT, json.dumps({"index": index.simple, "pins": {}, "away_until": until}))
        assert fetch_yanked(None, pip("bad==1.0"), world(store, index.simple)) == wanted
