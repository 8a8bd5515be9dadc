"""What holds for every listing, whatever ledger, registry and labels say; and how an attempt's jobs are read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue_lines import list_json, list_table, show_json, show_table
from bot.domain.catalogue import VersionState, read_attempt
from bot.domain.gitlab import CiJob, Deployed
from bot.domain.listing import Evidence, Image, Kept, Tip, line, newest_of, plan_module, plan_versions
from bot.domain.making import Making
from bot.domain.pipeline import BUILD, PROMOTE, SMOKE, VERIFY
from bot.domain.plan import State
from bot.domain.published_words import Promise, Published, published_status, read_published_status
from bot.domain.tags import version_tag
from tests.domain.values import PROJECT

DIGESTS = [f"sha256:{letter * 64}" for letter in "abc"]
SHAS = [letter * 40 for letter in "123"]

digests, shas = st.sampled_from(DIGESTS), st.sampled_from(SHAS)
numbers = st.integers(1, 4)
versions = st.sampled_from(["", "1.0.0", "1.1.0"])
deployed = st.builds(
    Deployed, st.integers(1, 99), st.just("mlreef/master"), st.just("master"), shas, st.none(), st.none()
)
promises = st.builds(Promise, versions, numbers.map(lambda number: f"master-{number}"), digests)
evidence = st.builds(
    Evidence,
    ledger=st.none() | st.lists(deployed, max_size=5).map(tuple),
    promises=st.dictionaries(shas, st.lists(promises, min_size=1, max_size=2).map(tuple), max_size=3),
    numbers=st.dictionaries(numbers, st.builds(Image, digests, shas | st.just("")), max_size=4),
    kept=st.dictionaries(numbers, st.builds(Kept, shas, digests, versions), max_size=3),
    versions=st.dictionaries(versions.filter(bool), digests, max_size=2),
    tips=st.dictionaries(st.just("master"), st.builds(Tip, shas, digests | st.just(""))),
    has_versions=st.booleans(),
    branch=st.just("master"),
)
NUMBER_OF = {f"master-{number}": number for number in range(1, 5)}


@given(evidence)
def test_nothing_is_listed_that_the_ledger_or_the_bot_does_not_say(found: Evidence) -> None:
    listed = plan_versions(PROJECT, "image", found, NUMBER_OF)
    said = set(found.promises) if found.ledger is None else {one.sha for one in found.ledger}
    assert {one.sha for one in listed} <= said
    assert len({one.number for one in listed}) == len(listed)
    assert [one.number for one in listed] == sorted((one.number for one in listed), reverse=True)


@given(evidence)
def test_what_is_available_is_what_was_published_under_all_of_its_names(found: Evidence) -> None:
    for one in plan_versions(PROJECT, "image", found, NUMBER_OF):
        if one.state.available:
            assert found.numbers[one.number].digest == one.digest
            assert not one.version or found.versions[one.version] == one.digest
            assert one.number not in found.kept
            told = [p for p in found.promises.get(one.sha, ()) if NUMBER_OF[p.tag] == one.number]
            assert not told or one.digest in {promise.digest for promise in told}
        if one.state is VersionState.UNPUBLISHED:
            assert one.number in found.kept
            assert one.number not in found.numbers


@given(evidence)
def test_a_published_version_is_what_its_branch_has_now(found: Evidence) -> None:
    for one in plan_versions(PROJECT, "image", found, NUMBER_OF):
        tip = found.tips.get("master")
        if one.state is VersionState.PUBLISHED:
            assert tip is not None
            assert tip.sha == one.sha or tip.same_as == one.digest


@given(evidence)
def test_the_newest_is_available_and_the_highest_of_its_branch(found: Evidence) -> None:
    listed = plan_versions(PROJECT, "image", found, NUMBER_OF)
    newest = newest_of(listed, PROJECT.default_branch)
    there = [one for one in listed if one.state.available]
    assert (newest is None) == (not there)
    assert newest is None or newest.number == max(one.number for one in there)


@given(versions, st.integers(1, 10**12), digests, st.sampled_from(["master", "feature/ä-1", "1", "---"]))
def test_what_the_bot_says_it_published_is_read_again(
    version: str, number: int, digest: str, branch: str
) -> None:
    tag = version_tag(branch, number)
    said = published_status(
        Published("image", digest, number, (tag, "latest"), version=version), Making(size=10**9)
    )
    assert read_published_status(said) == Promise(version, tag, digest)


@given(st.integers(1, 10**12), digests)
def test_what_older_bots_said_of_what_has_no_version_is_read_too(number: int, digest: str) -> None:
    said = f"Published version {number} as stable-{number} ({digest}), 212 MB"
    assert read_published_status(said) == Promise("", f"stable-{number}", digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Published.",
        "Unchanged: the same as 1.0.0",
        f"Published version 1 as master-1 ({DIGESTS[0][:-1]})",
        f"Published master-1 ({DIGESTS[0][:-1]})",
        f"Published as master-1 ({DIGESTS[0]})",
    ],
)
def test_other_statuses_promise_nothing(text: str) -> None:
    assert read_published_status(text) is None


def jobs(*statuses: str) -> list[CiJob]:
    return [
        CiJob(number, name, status, False, "")
        for number, (name, status) in enumerate(zip((VERIFY, BUILD, SMOKE, PROMOTE), statuses, strict=True))
    ]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("created", "created", "created", "created"), VersionState.PENDING),
        (("pending", "created", "created", "created"), VersionState.PENDING),
        (("running", "created", "created", "created"), VersionState.STARTING),
        (("success", "pending", "created", "created"), VersionState.STARTED),
        (("success", "running", "created", "created"), VersionState.STARTED),
        (("success", "success", "running", "created"), VersionState.STARTED),
        (("success", "success", "success", "waiting_for_resource"), VersionState.FINISHING),
        (("success", "success", "success", "running"), VersionState.FINISHING),
        (("success", "failed", "skipped", "skipped"), VersionState.FAILED),
        (("canceled", "skipped", "skipped", "skipped"), VersionState.FAILED),
    ],
)
def test_an_attempt_is_where_its_jobs_are(statuses: tuple[str, ...], state: VersionState) -> None:
    assert read_attempt(State.RUNNING, True, jobs(*statuses)) is state


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.WAITING, VersionState.CREATED),
        (State.REFUSED, VersionState.CREATION_FAILED),
        (State.UNBUILT, VersionState.PIPELINE_MISSING),
        (State.FAILED, VersionState.FAILED),
        (State.UNCHANGED, VersionState.PUBLISHED),
        (State.SUPERSEDED, VersionState.OUTDATED),
    ],
)
def test_an_attempt_without_jobs_is_what_the_bot_knows(state: State, words: VersionState) -> None:
    assert read_attempt(state, False, ()) is words
    assert State(state).ended == (words is not VersionState.CREATED)


def test_a_module_is_searched_for_by_those_who_may_read_its_code() -> None:
    public = replace(PROJECT, visibility="public")
    assert plan_module(public, None, None, "").visibility == "public"
    assert plan_module(replace(public, open_code=False), None, None, "").visibility == "private"


def test_every_state_of_a_publication_has_a_word() -> None:
    for state in State:
        assert read_attempt(state, True, ()) in VersionState


def test_a_pipeline_without_our_jobs_is_missing() -> None:
    assert read_attempt(State.RUNNING, True, ()) is VersionState.PIPELINE_MISSING


@given(st.text(max_size=300))
def test_a_line_is_one_line_that_hides_nothing(text: str) -> None:
    assert line(text).isprintable()
    assert line(line(text)) == line(text)


def test_the_catalogue_at_a_terminal_names_each_version() -> None:
    found = Evidence(
        ledger=(Deployed(1, "mlreef/master", "master", SHAS[0], 0.0, 7),),
        promises={SHAS[0]: (Promise("1.0.0", "master-1", DIGESTS[0]),)},
        numbers={1: Image(DIGESTS[0], SHAS[0])},
        versions={"1.0.0": DIGESTS[0]},
        tips={"master": Tip(SHAS[0])},
    )
    listed = plan_versions(PROJECT, "registry.example.com/image", found, NUMBER_OF)
    module = plan_module(replace(PROJECT, topics=("noise",)), listed[0], None, "# Hi")
    assert "group/add-noise  add-noise" in list_table([module])
    assert "1.0.0" in list_table([module])
    assert "catalogue rebuild" in list_table([])
    assert DIGESTS[0] in show_table(module, listed)
    assert "1970-01-01 00:00" in show_table(module, listed)
    assert '"state": "published"' in show_json(module, listed)
    assert "# Hi" not in list_json([module])
