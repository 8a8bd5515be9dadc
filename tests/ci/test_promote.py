"""Number and tags: forwards only, each number once, and a promotion that broke off is continued."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ci.standing import Published, plan_number
from tests.ci.promoting import Project, project_of
from tests.ci.world import REVISION, Repository, push_image

NOTHING = 75


@pytest.fixture
def project(repository: Repository, registry: str) -> Iterator[Project]:
    with project_of(repository, registry) as made:
        yield made


def test_the_first_publication_is_number_one_and_the_latest(project: Project) -> None:
    sha = project.repository.commit()
    code, log = project.promote(sha)
    assert code == 0, log
    digest = project.digest(f"c-{sha}")
    assert project.tags() == {"main-1": digest, "latest": digest}
    assert f"{project.host}/{project.path}@{digest}" in log
    assert "version  1" in log


def test_numbers_go_up_by_one(project: Project) -> None:
    shas = [project.repository.commit() for _ in range(3)]
    assert [project.promote(sha)[0] for sha in shas] == [0, 0, 0]
    tags = project.tags()
    assert set(tags) == {"main-1", "main-2", "main-3", "latest"}
    assert tags["latest"] == tags["main-3"] == project.digest(f"c-{shas[2]}")


def test_a_build_that_was_wished_for_gets_a_number_beside_the_published_one(project: Project) -> None:
    sha = project.repository.commit()
    project.promote(sha)
    first = project.tags()["main-1"]
    anew = push_image(project.host, project.path, f"c-{sha}", {REVISION: sha, "packages": "newer"})
    assert project.promote(sha, MLREEF_REBUILD="1", MLREEF_DIGEST=anew)[0] == 0
    assert project.tags() == {"main-1": first, "main-2": anew, "latest": anew}
    # done again after it broke off, it is the same version
    assert project.promote(sha, MLREEF_REBUILD="1", MLREEF_DIGEST=anew)[0] == 0
    assert project.tags() == {"main-1": first, "main-2": anew, "latest": anew}


def test_a_tag_never_goes_back_to_an_older_commit(project: Project) -> None:
    old, new = project.repository.commit(), project.repository.commit()
    assert project.promote(new)[0] == 0
    before = project.tags()
    code, log = project.promote(old)
    assert code == NOTHING
    assert f"{new[:8]} is published already" in log
    assert project.tags() == before


def test_the_ledger_alone_keeps_tags_from_going_back(project: Project) -> None:
    old, new = project.repository.commit(), project.repository.commit()
    project.deployed = [new]
    assert project.promote(old)[0] == NOTHING
    assert project.tags() == {}


def test_the_same_commit_keeps_its_number(project: Project) -> None:
    project.promote(project.repository.commit())
    sha = project.repository.commit()
    assert project.promote(sha)[0] == 0
    before = project.tags()
    assert project.promote(sha)[0] == 0
    assert project.tags() == before


def test_a_promotion_that_broke_off_is_continued(project: Project) -> None:
    project.promote(project.repository.commit())
    sha = project.repository.commit()
    digest = project.candidate(sha)
    push_image(project.host, project.path, "main-2", {REVISION: sha})
    assert project.promote(sha)[0] == 0
    assert project.tags()["latest"] == project.tags()["main-2"] == digest
    assert "main-3" not in project.tags()


def test_a_commit_that_a_force_push_removed_is_not_published(project: Project) -> None:
    first = project.repository.commit()
    gone = project.repository.commit(message="Gone")
    project.repository.git("reset", "-q", "--hard", first)
    project.repository.commit(message="Instead")
    code, log = project.promote(gone)
    assert code == NOTHING
    assert "no longer on main" in log
    assert project.tags() == {}


def test_a_commit_that_a_force_push_removed_holds_nobody_back(project: Project) -> None:
    first = project.repository.commit()
    project.promote(first)
    gone = project.repository.commit(message="Gone")
    project.promote(gone)
    project.repository.git("reset", "-q", "--hard", first)
    instead = project.repository.commit(message="Instead")
    assert project.promote(instead)[0] == 0
    assert project.tags()["main-3"] == project.tags()["latest"] == project.digest(f"c-{instead}")
    assert project.tags()["main-2"] == project.digest(f"c-{gone}")


def test_a_branch_that_was_set_back_is_what_latest_shows(project: Project) -> None:
    first = project.repository.commit()
    project.promote(first)
    project.promote(project.repository.commit())
    project.repository.git("reset", "-q", "--hard", first)
    assert project.promote(first)[0] == 0
    assert project.tags()["latest"] == project.tags()["main-1"] == project.digest(f"c-{first}")


def test_a_deleted_branch_publishes_nothing(project: Project) -> None:
    sha = project.repository.commit()
    code, log = project.promote(sha, "feature/gone")
    assert code == NOTHING
    assert "feature/gone is no longer there" in log


def test_another_branch_has_its_own_numbers_and_leaves_latest_alone(project: Project) -> None:
    project.promote(project.repository.commit())
    latest = project.tags()["latest"]
    project.deployed.clear()
    project.repository.git("checkout", "-q", "-b", "feature/Noise")
    sha = project.repository.commit()
    assert project.promote(sha, "feature/Noise")[0] == 0
    assert project.tags()["feature-noise-1"] == project.digest(f"c-{sha}")
    assert project.tags()["latest"] == latest


@pytest.mark.parametrize("labels", [{}, {REVISION: "rubbish"}, {REVISION: "--all"}, {REVISION: "f" * 40}])
def test_a_tag_pushed_by_hand_with_nonsense_takes_its_number_and_stops_nobody(
    project: Project, labels: dict[str, str]
) -> None:
    by_hand = push_image(project.host, project.path, "main-41", labels | {"x": project.path})
    push_image(project.host, project.path, "latest", labels)
    sha = project.repository.commit()
    code, log = project.promote(sha)
    assert code == 0, log
    assert project.tags()["main-42"] == project.tags()["latest"] == project.digest(f"c-{sha}")
    assert project.tags()["main-41"] == by_hand


def test_a_nonsense_tag_does_not_hide_what_is_really_published(project: Project) -> None:
    old, new = project.repository.commit(), project.repository.commit()
    project.promote(new)
    project.deployed.clear()
    push_image(project.host, project.path, "main-9", {})
    push_image(project.host, project.path, "latest", {})
    assert project.promote(old)[0] == NOTHING


def test_the_ledger_counts_publications_whose_tags_were_deleted(project: Project) -> None:
    earlier = [project.repository.commit() for _ in range(5)]
    project.deployed = [*earlier, earlier[-1]]
    assert project.promote(project.repository.commit())[0] == 0
    assert "main-6" in project.tags()


def test_a_ledger_that_jobs_may_not_read_is_said_and_the_tags_count(project: Project) -> None:
    project.ledger_status = 403
    code, log = project.promote(project.repository.commit())
    assert code == 0
    assert "may not read its deployments (HTTP 403)" in log


def test_a_ledger_that_does_not_answer_publishes_nothing_and_asks_to_retry(project: Project) -> None:
    project.ledger_status = 503
    code, log = project.promote(project.repository.commit())
    assert code == 1
    assert "Trying again" in log
    assert "Retry this job later" in log
    assert project.tags() == {}


def test_a_stopped_pipeline_promotes_nothing(project: Project) -> None:
    sha = project.repository.commit()
    code, log = project.promote(sha, MLREEF_VERDICT="stop")
    assert code == NOTHING
    assert "publishes nothing" in log
    assert project.tags() == {}


def test_a_candidate_of_another_commit_is_refused(project: Project) -> None:
    other, sha = project.repository.commit(), project.repository.commit()
    code, log = project.promote(sha, MLREEF_DIGEST=project.candidate(other))
    assert code == 1
    assert "was not built from" in log
    assert project.tags() == {}


@pytest.mark.parametrize("name", ["MLREEF_CANDIDATE", "MLREEF_DIGEST"])
def test_an_image_that_was_not_the_one_tried_is_not_published(project: Project, name: str) -> None:
    """A variable of the pipeline stands before what the build job leaves, for smoke as for promote."""
    sha = project.repository.commit()
    tried = f"{project.host}/{project.path}@{project.candidate(sha)}"
    # Of the same commit, so that its label alone would let it pass.
    other = push_image(project.host, project.path, f"c-{sha}", {REVISION: sha, "packages": "others"})
    changed = {"MLREEF_CANDIDATE": tried, "MLREEF_DIGEST": other}
    if name == "MLREEF_CANDIDATE":
        changed = {"MLREEF_CANDIDATE": "python:3.12", "MLREEF_DIGEST": tried.partition("@")[2]}
    code, log = project.promote(sha, **changed)
    assert code == 2
    assert f"{changed['MLREEF_CANDIDATE']} was tried" in log
    assert project.tags() == {}


def test_a_candidate_that_was_cleaned_up_is_missed(project: Project) -> None:
    code, log = project.promote(project.repository.commit(), MLREEF_DIGEST=f"sha256:{'0' * 64}")
    assert code == 1
    assert "no longer in the registry" in log


def test_a_digest_that_is_none_is_refused(project: Project) -> None:
    assert project.promote(project.repository.commit(), MLREEF_DIGEST="latest")[0] == 2


@given(
    st.dictionaries(st.integers(1, 99), st.none() | st.sampled_from("abcdef"), max_size=12),
    st.lists(st.sampled_from("abcdef"), max_size=9),
    st.sampled_from("abcxyz"),
)
def test_a_new_commit_never_gets_a_number_that_was_given(
    numbers: dict[int, str | None], ledger: list[str], sha: str
) -> None:
    number = plan_number(sha, Published(numbers, None, tuple(ledger)))
    if sha in numbers.values():
        assert numbers[number] == sha
    else:
        assert number not in numbers
        assert number > len(set(ledger))


@given(st.lists(st.sampled_from(["commit", "wish", "again"]), min_size=1, max_size=9), st.data())
def test_whatever_tags_are_deleted_no_number_is_given_twice(
    publications: list[str], data: st.DataObject
) -> None:
    given: list[tuple[int, str]] = []
    ledger: list[str] = []
    standing: dict[int, str | None] = {}
    for kind in publications:
        sha = f"{len(given)}" if kind == "commit" or not given else given[-1][1]
        # by wish a commit gets another image, whose number is another one too
        others = [number for number, of in standing.items() if of == sha] if kind == "wish" else []
        number = plan_number(sha, Published(standing, None, tuple(reversed(ledger))), others)
        known = dict(given)
        assert known.get(number, sha) == sha
        if kind != "again":
            assert number not in known
            assert number > max(known, default=0)
        given.append((number, sha))
        ledger.append(sha)
        standing[number] = sha
        for gone in data.draw(st.sets(st.sampled_from(sorted(standing)))):
            # taken away by hand, or by the bot, which keeps the number
            if data.draw(st.booleans()):
                del standing[gone]
            else:
                standing[gone] = None


@given(st.integers(1, 30), st.integers(0, 3))
def test_where_nothing_was_deleted_the_next_number_is_the_highest_and_one(commits: int, again: int) -> None:
    shas = [f"{number}" for number in range(1, commits + 1)]
    numbers: dict[int, str | None] = dict(enumerate(shas, 1))
    # a pipeline that was run once more for a commit published one of these before the last one came
    ledger = (*reversed(shas), *shas[:-1][:again])
    assert plan_number("new", Published(numbers, None, ledger)) == commits + 1
