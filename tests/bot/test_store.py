"""The bot's memory: what is kept, what is found again, and what goes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters import schema
from bot.adapters.database import engine_url, prepare_sqlite, teach_subseconds
from bot.adapters.deliveries import Backlog
from bot.adapters.modules import Described
from bot.adapters.publications import PUBLICATION_BATCH, PUBLICATIONS_KEPT_PER_BRANCH, Publication
from bot.adapters.reviews import Review
from bot.adapters.sessions import KeptSession
from bot.adapters.store import Store
from bot.domain.facts import JOB_COUNTS, JobCounts
from bot.errors import OperatorError


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.prepare(database_url)
    yield opened
    opened.close()


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    """A store on SQLite alone."""
    opened = Store.prepare(f"sqlite:///{tmp_path}/deep/er/bot.db")
    yield opened
    opened.close()


ROOT = Path(__file__).parents[2]
PUBLICATION = Publication(1, "main", "c" * 40, "b" * 40, "running", pipeline_id=5)


def test_a_delivery_is_accepted_once_and_found_in_order_of_arrival(store: Store) -> None:
    assert store.accept("one", {"n": 1}, "about")
    assert store.accept("two", {"n": 2}, "about")
    assert not store.accept("one", {"n": 3}, "about")
    assert [(found.key, found.event) for found in store.pending(10)] == [("one", {"n": 1}), ("two", {"n": 2})]
    assert [found.key for found in store.pending(1)] == ["one"]


def test_the_backlog_is_what_waits_and_how_long(store: Store) -> None:
    assert store.backlog() == Backlog(0, 0.0)
    for key in ("one", "two", "three"):
        store.accept(key, {})
    store.mark_dispatched("one")
    time.sleep(0.05)
    backlog = store.backlog()
    assert backlog.waiting == 2
    assert 0.05 <= backlog.oldest_seconds < 30


def test_a_lease_is_held_by_one_until_it_ends_or_is_given_back(store: Store) -> None:
    assert store.lease("sweep", "a", 0.3)
    assert store.lease("sweep", "a", 0.3)
    assert not store.lease("sweep", "b", 60)
    assert store.lease("another", "b", 60)
    time.sleep(0.35)
    assert store.lease("sweep", "b", 60)
    assert not store.lease("sweep", "a", 60)
    store.release("sweep", "a")
    assert not store.lease("sweep", "a", 60)
    store.release("sweep", "b")
    assert store.lease("sweep", "a", 60)


def test_a_lease_that_is_kept_lasts_as_long_as_its_block_and_no_longer(store: Store) -> None:
    with store.kept_lease("names", 0.4) as mine:
        assert mine
        for _ in range(10):
            assert not store.lease("names", "another", 60)
            with store.kept_lease("names", 60) as too:
                assert not too
            time.sleep(0.1)
    assert store.lease("names", "another", 60)


def test_of_many_that_ask_at_once_one_gets_the_lease(store: Store) -> None:
    barrier = threading.Barrier(6)

    def ask(owner: int) -> bool:
        barrier.wait()
        return store.lease("sweep", str(owner), 60)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, range(6))) == [False] * 5 + [True]


def test_how_the_jobs_stand_is_told_from_process_to_process(store: Store) -> None:
    assert store.job_counts() is None
    counts = JobCounts(waiting=1, delayed=2, running=3, stuck=4, failed=5, oldest_seconds=6.5, counted_at=7.0)
    store.keep_job_counts(counts)
    assert store.job_counts() == counts
    store.keep_fact(JOB_COUNTS, '{"waiting": 1, "of a later version": 2}')
    assert store.job_counts() == JobCounts(waiting=1)


def test_a_dispatched_delivery_is_not_found_again_and_stays_known(store: Store) -> None:
    store.accept("one", {})
    store.mark_dispatched("one")
    assert store.pending(10) == ()
    assert not store.accept("one", {})


def test_the_delivery_before_about_the_same_thing_is_found(store: Store) -> None:
    for key, about in (("1", "a"), ("2", "b"), ("3", "a"), ("4", "a")):
        store.accept(key, {}, about)
    first, second, third, fourth = store.pending(10)
    assert (store.previous(fourth), store.previous(third)) == (third, first)
    assert (store.previous(first), store.previous(second)) == (None, None)


def test_numbers_of_forgotten_deliveries_are_not_given_again(store: Store) -> None:
    store.accept("one", {})
    number = store.pending(1)[0].seq
    store.mark_dispatched("one")
    assert store.forget_deliveries(older_than_seconds=-1) == 1
    store.accept("two", {})
    assert store.pending(1)[0].seq > number


def test_only_finished_deliveries_are_forgotten(store: Store) -> None:
    store.accept("waiting", {})
    assert store.forget_deliveries(older_than_seconds=-1) == 0
    assert len(store.pending(1)) == 1


def test_one_of_many_simultaneous_deliveries_of_a_key_is_accepted(store: Store) -> None:
    barrier = threading.Barrier(8)

    def accept(_: int) -> bool:
        barrier.wait()
        return store.accept("same", {})

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(accept, range(8))) == [False] * 7 + [True]


def test_an_accepted_delivery_is_seen_by_another_process_at_once(store: Store) -> None:
    store.accept("one", {"n": 1})
    other = Store(store.url)
    assert other.pending(1)[0].event == {"n": 1}
    other.close()


def test_a_fact_is_kept_and_replaced(store: Store) -> None:
    assert store.fact("name") is None
    store.keep_fact("name", "1")
    store.keep_fact("name", "2")
    assert store.fact("name") == "2"


def test_a_publication_is_written_in_place_of_what_was_known(store: Store) -> None:
    assert store.publication(1, PUBLICATION.sha) is None
    began = time.time()
    store.ensure_publication(PUBLICATION)
    written = store.ensure_publication(replace(PUBLICATION, state="published", number=3, digest="sha256:1"))
    assert store.publication(1, PUBLICATION.sha) == written
    assert written.updated_at >= began
    assert store.publication(2, PUBLICATION.sha) is None


def test_the_same_commit_on_two_branches_is_two_publications(store: Store) -> None:
    store.ensure_publication(PUBLICATION)
    store.ensure_publication(replace(PUBLICATION, branch="release", state="failed"))
    found = store.publication(1, PUBLICATION.sha, "main")
    assert found is not None
    assert found.state == "running"
    newest = store.publication(1, PUBLICATION.sha)
    assert newest is not None
    assert newest.branch == "release"


def write_publications(store: Store, **states: str) -> None:
    """One publication for each name, the oldest first, by its name as its commit; those published have a digest."""
    for sha, state in states.items():
        digest = f"sha256:{sha}" if state == "published" else None
        store.ensure_publication(
            replace(PUBLICATION, sha=sha, source_sha=f"source_of_{sha}", state=state, digest=digest)
        )


def known_publications(store: Store) -> set[str]:
    with store._engine.connect() as connection:
        return set(connection.scalars(sa.select(schema.publications.c.sha)))


def test_old_publications_are_forgotten_and_whatever_something_rests_on_is_kept(store: Store) -> None:
    write_publications(
        store,
        first="published",
        still_open="running",
        waits="waiting",
        source_of_image="superseded",
        image="published",
        given_up="unbuilt",
        failed="failed",
        refused="refused",
        newest="failed",
    )
    store.ensure_publication(replace(PUBLICATION, branch="quiet", sha="alone", state="failed"))
    store.park("job", {"kind": "publish", "project_id": 1, "branch": "main", "sha": "given_up"}, "why")
    assert store.forget_publications(("running", "waiting"), 3600.0, 1) == 0
    assert store.forget_publications(("running", "waiting"), -1.0, 10) == 0
    assert store.forget_publications(("running", "waiting"), -1.0, 1) == 3
    assert known_publications(store) == {
        "still_open",
        "waits",
        "source_of_image",
        "image",
        "given_up",
        "newest",
        "alone",
    }
    assert store.forget_publications(("running", "waiting"), -1.0, 1) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.lists(st.sampled_from(("published", "failed", "superseded", "running")), min_size=1, max_size=8))
def test_of_each_branch_the_newest_publication_and_the_newest_image_are_never_forgotten(
    file_store: Store, states: list[str]
) -> None:
    with file_store._engine.begin() as connection:
        connection.execute(schema.publications.delete())
    named = {f"{place}": state for place, state in enumerate(states)}
    write_publications(file_store, **named)
    file_store.forget_publications(("running",), -1.0, 1)
    images = [sha for sha, state in named.items() if state == "published"]
    still_open = [sha for sha, state in named.items() if state == "running"]
    assert known_publications(file_store) == {*list(named)[-1:], *images[-1:], *still_open}


def test_more_publications_are_forgotten_than_one_transaction_takes(store: Store) -> None:
    rows = [
        asdict(
            replace(
                PUBLICATION, project_id=number % 3, sha=f"{number:040x}", state="failed", updated_at=number
            )
        )
        for number in range(PUBLICATION_BATCH * 3)
    ]
    with store._engine.begin() as connection:
        connection.execute(schema.publications.insert(), rows)
    assert store.forget_publications(()) == len(rows) - 3 * PUBLICATIONS_KEPT_PER_BRANCH
    assert store.known_projects() == {0, 1, 2}


def test_contents_are_kept_byte_for_byte_and_unknown_ones_are_left_out(store: Store) -> None:
    content = bytes(range(256))
    store.keep_blobs({"a": content, "b": b""})
    store.keep_blobs({"a": content})
    assert store.blob("a") == content
    assert store.blob("c") is None
    assert store.blobs(["a", "b", "c", "a"]) == {"a": content, "b": b""}


def test_many_contents_are_asked_for_in_one_go(store: Store) -> None:
    many = {f"blob-{number}": str(number).encode() for number in range(1500)}
    store.keep_blobs(many)
    assert store.blobs(many) == many


def test_the_oldest_contents_go_when_the_cache_is_full(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.keep_blobs({name: b"x" * 40}, limit_bytes=100)
    assert set(store.blobs("abc")) == {"b", "c"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    st.lists(st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.binary(max_size=50)), max_size=5)
)
def test_the_cache_never_grows_over_its_limit(store: Store, rounds: list[dict[str, bytes]]) -> None:
    names = {name for contents in rounds for name in contents}
    for contents in rounds:
        store.keep_blobs(contents, limit_bytes=60)
        assert sum(map(len, store.blobs(names).values())) <= 60


def test_a_job_that_was_given_up_is_kept_with_its_reason(store: Store) -> None:
    store.park("job", {"kind": "publish", "branch": "main"}, "why not")
    (parked,) = store.parked()
    assert (parked.job_id, parked.job["branch"], parked.why) == ("job", "main", "why not")


def test_the_file_is_in_wal_mode_and_every_commit_is_synced(file_store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "deep/er/bot.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with file_store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert (connection.exec_driver_sql("PRAGMA busy_timeout").scalar() or 0) >= 5000


def test_preparing_twice_keeps_what_is_there(store: Store) -> None:
    store.accept("one", {})
    again = Store.prepare(store.url)
    assert len(again.pending(10)) == 1
    again.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused_with_a_hint(url: str) -> None:
    with pytest.raises(OperatorError) as refusal:
        prepare_sqlite(url)
    assert "sqlite:////" in refusal.value.hint


def test_a_file_that_is_no_database_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(OperatorError, match=r"bot\.db"):
        Store.prepare(f"sqlite:///{tmp_path}/bot.db")


def test_the_job_engine_has_a_sibling_file_or_the_same_server() -> None:
    assert engine_url("sqlite:////var/lib/bot.db") == "sqlite:////var/lib/bot-jobs.db"
    assert engine_url("postgresql+psycopg://host/bot") == "postgresql+psycopg://host/bot"


def test_every_sqlite_tells_the_time_with_fractions_as_the_job_engine_asks(file_store: Store) -> None:
    teach_subseconds()
    teach_subseconds()
    file_store.close()
    with Store(file_store.url)._engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT unixepoch('subsec')").scalar()
    assert isinstance(told, float)
    assert abs(told - time.time()) < 5


def test_writers_of_several_processes_take_turns(store: Store) -> None:
    program = (
        "import sys; from bot.adapters.store import Store; store = Store(sys.argv[1])\n"
        "for n in range(100): store.accept(f'{sys.argv[2]}-{n}', {})"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, store.url, str(number)], cwd=ROOT)
        for number in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert len(store.pending(1000)) == 400


def test_a_look_for_changes_sees_other_writers_once(file_store: Store) -> None:
    other = Store(file_store.url)
    assert file_store.changed()
    assert not file_store.changed()
    other.accept("one", {})
    assert file_store.changed()
    assert not file_store.changed()
    other.close()


def test_a_database_of_the_first_version_goes_on_with_all_it_held(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    with sqlite3.connect(file) as connection:
        connection.executescript((Path(__file__).parent / "first_schema.sql").read_text())
    for _ in range(2):
        store = Store.prepare(f"sqlite:///{file}")
        assert [waiting.key for waiting in store.pending(10)] == ["waiting"]
        assert not store.accept("done", {})
        known = store.publication(1, "c" * 40)
        assert known is not None
        assert (known.state, known.number, known.digest) == ("published", 3, "sha256:1")
        assert [parked.why for parked in store.parked()] == ["why"]
        assert store.fact("bot_user_id") == "7"
        assert store.blob("a") == b"content"
        assert store.lease("sweep", "a", 60)
        # what came with later versions is there, too
        store.keep_review(1, 3, note_id=7)
        assert store.review(1, 3).note_id == 7
        store.keep_described(Described("sha256:1", "{}", version="1.0.0"))
        assert store.described("sha256:1") == Described("sha256:1", "{}", version="1.0.0")
        store.close()


def test_every_step_to_the_tables_of_today_may_be_done_again(store: Store) -> None:
    store.accept("one", {})
    with store._engine.begin() as connection:
        connection.execute(schema.steps_done.delete())
    again = Store.prepare(store.url)
    assert len(again.pending(10)) == 1
    with again._engine.connect() as connection:
        assert set(connection.scalars(schema.steps_done.select())) == set(range(1, len(schema.STEPS) + 1))
    again.close()


def test_a_database_without_the_words_about_models_gets_them(store: Store) -> None:
    with store._engine.begin() as connection:
        for name in ("model_type", "ml_category"):
            connection.execute(sa.text(f"ALTER TABLE catalogue_modules DROP COLUMN {name}"))
        connection.execute(schema.steps_done.delete().where(schema.steps_done.c.number == len(schema.STEPS)))
    again = Store.prepare(store.url)
    with again._engine.connect() as connection:
        columns = {one["name"] for one in sa.inspect(connection).get_columns("catalogue_modules")}
    assert {"model_type", "ml_category"} <= columns
    again.close()


def test_a_database_of_a_later_version_is_left_alone(store: Store) -> None:
    with store._engine.begin() as connection:
        connection.execute(schema.steps_done.insert().values(number=999))
    with pytest.raises(OperatorError, match="999") as refusal:
        Store.prepare(store.url)
    assert "later" in refusal.value.hint


def test_several_processes_make_the_tables_at_the_same_moment(database_url: str) -> None:
    program = (
        "import sys; from bot.adapters.store import Store; Store.prepare(sys.argv[1]).accept(sys.argv[2], {})"
    )
    makers = [
        subprocess.Popen([sys.executable, "-c", program, database_url, str(number)], cwd=ROOT)
        for number in range(4)
    ]
    assert [maker.wait(60) for maker in makers] == [0] * 4
    store = Store(database_url)
    assert len(store.pending(10)) == 4
    store.close()


def test_a_new_file_may_be_switched_to_wal_by_many_at_once(tmp_path: Path) -> None:
    rounds, crowd = 25, 6
    together = threading.Barrier(crowd)

    def switch(number: int) -> None:
        together.wait()
        prepare_sqlite(f"sqlite:///{tmp_path}/{number}.db")

    with ThreadPoolExecutor(crowd) as pool:
        for number in range(rounds):
            list(pool.map(switch, [number] * crowd))
            with sqlite3.connect(tmp_path / f"{number}.db") as connection:
                assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_server_that_does_not_answer_is_the_operators_to_mend() -> None:
    with pytest.raises(OperatorError, match="127") as refusal:
        Store.prepare("postgresql+psycopg://bot:secret-word@127.0.0.1:1/bot")
    assert "secret-word" not in str(refusal.value)
    assert "server" in refusal.value.hint


def test_of_a_review_only_what_is_named_is_written(store: Store) -> None:
    assert store.review(42, 3) == Review(42, 3)
    store.keep_review(42, 3, note_id=7, note_digest="a" * 64)
    store.keep_review(42, 3, head_sha="7c" * 20, target="main", threads="{}")
    store.keep_review(42, 3, note_digest="b" * 64)
    known = store.review(42, 3)
    assert known == Review(42, 3, "7c" * 20, "main", 7, "b" * 64, "{}", known.updated_at)
    assert store.review(42, 4) == Review(42, 4)


def test_what_was_checked_at_its_very_head_and_target_is_found_among_many(store: Store) -> None:
    heads = {(42, iid): (f"{iid:040x}", "main") for iid in range(1, 601)}
    for iid in range(1, 601, 100):
        store.keep_review(42, iid, head_sha=f"{iid:040x}", target="main")
    store.keep_review(42, 2, head_sha="f" * 40, target="main")
    store.keep_review(42, 3, head_sha=f"{3:040x}", target="release")
    store.keep_review(43, 4, head_sha=f"{4:040x}", target="main")
    assert store.checked(heads) == {(42, iid) for iid in range(1, 601, 100)}
    assert store.checked({}) == frozenset()


def test_old_reviews_are_forgotten_and_begin_anew(store: Store) -> None:
    store.keep_review(42, 3, note_id=7)
    assert store.forget_reviews() == 0
    assert store.forget_reviews(older_than_seconds=-1) == 1
    assert store.review(42, 3) == Review(42, 3)


def session(key: str, user_id: int = 7, seconds: float = 60.0) -> KeptSession:
    return KeptSession(key, user_id, "ada", "encrypted", time.time() + seconds)


def test_a_session_is_found_until_it_ends(store: Store) -> None:
    kept, over = session("one"), session("two", seconds=-1.0)
    store.keep_session(kept)
    store.keep_session(over)
    assert store.session("one") == kept
    assert store.session("two") is None
    store.end_session("one")
    store.end_session("unknown")
    assert store.session("one") is None


def test_one_person_has_few_sessions_and_the_oldest_go(store: Store) -> None:
    for number in range(5):
        store.keep_session(session(f"theirs {number}", seconds=60.0 + number), limit=3)
    store.keep_session(session("another's", user_id=8), limit=3)
    left = [number for number in range(5) if store.session(f"theirs {number}")]
    assert left == [2, 3, 4]
    assert store.session("another's") is not None


def test_what_is_good_once_is_used_up_by_one_of_many(store: Store) -> None:
    until = time.time() + 60
    with ThreadPoolExecutor(8) as pool:
        used = list(pool.map(lambda _: store.use_up("state", until), range(8)))
    assert sorted(used) == [False] * 7 + [True]
    assert store.use_up("another", until)
    assert not store.use_up("another", until)


def test_recent_publications_are_those_under_way_and_those_that_just_ended(store: Store) -> None:
    before = time.time()
    for number, state in enumerate(("waiting", "running", "published", "failed")):
        store.ensure_publication(replace(PUBLICATION, project_id=number, state=state))
    now = time.time()

    def found(open_since: float, ended_since: float, limit: int = 10) -> list[int]:
        return [one.project_id for one in store.recent_publications(open_since, ended_since, limit)]

    assert found(before - 1, before - 1) == [3, 2, 1, 0]
    assert found(before - 1, now + 1) == [1, 0]
    assert found(now + 1, now + 1) == []
    assert found(before - 1, before - 1, limit=2) == [3, 2]
