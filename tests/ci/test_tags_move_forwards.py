"""`latest` and `<major>` only go forwards: whatever is repeated, breaks off half-way, or runs at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.versions import Version
from tests.ci.promoting import Project, project_of
from tests.ci.test_versions_given import BROKEN, MORE, NOISE, described, publish
from tests.ci.turnstile import Gate, Turns, gates_before
from tests.ci.world import Repository, push_image

NOTHING = 75
ORDERS = st.lists(st.integers(0, 1), min_size=1, max_size=60)


@pytest.fixture
def project(repository: Repository, registry: str) -> Iterator[Project]:
    with project_of(repository, registry) as made:
        yield made


def highest(project: Project, major: int) -> str:
    versions = {Version.read(name): digest for name, digest in project.versions().items()}
    return versions[max(version for version in versions if version and version.major == major)]


def promote_at_once(
    project: Project,
    commits: Sequence[str],
    images: Sequence[str],
    order: Sequence[int],
    writes: int | None = None,
) -> list[int]:
    """Two promotions whose requests go through in that order, the first one's `writes` only: their exit codes."""
    turns = Turns(order)
    gates = [Gate(0, turns, writes), Gate(1, turns)]

    def promote(who: int) -> int:
        try:
            at = replace(project, host=gates[who].host, deployed=[])
            return at.promote(commits[who], MLREEF_DIGEST=images[who])[0]
        finally:
            turns.leave(who)

    with gates_before(project.host, *gates), ThreadPoolExecutor(2) as pool:
        return list(pool.map(promote, range(2)))


def test_each_major_version_has_a_tag_that_follows_its_highest(project: Project) -> None:
    images = [publish(project, module) for module in (NOISE, MORE, BROKEN, BROKEN)]
    assert set(project.versions()) == {"1.0.0", "1.1.0", "2.0.0", "2.0.1"}
    assert project.majors() == {"1": images[1], "2": images[3]}
    assert project.tags()["latest"] == images[3]


def test_other_branches_leave_the_tag_of_a_major_version_alone(project: Project) -> None:
    first = publish(project, NOISE)
    project.deployed.clear()
    project.repository.git("checkout", "-q", "-b", "stable")
    assert project.promote(project.repository.commit(), "stable", described=described(MORE))[0] == 0
    assert project.majors() == {"1": first}


def test_a_repeated_promotion_of_an_old_version_moves_nothing_back(project: Project) -> None:
    sha = project.repository.commit()
    assert project.promote(sha, described=described(NOISE))[0] == 0
    publish(project, MORE)
    before = project.tags() | project.majors()
    assert project.promote(sha, described=described(NOISE))[0] == NOTHING
    assert project.tags() | project.majors() == before


def test_a_branch_that_was_set_back_keeps_the_highest_version_under_its_first_number(
    project: Project,
) -> None:
    sha = project.repository.commit()
    assert project.promote(sha, described=described(NOISE))[0] == 0
    newer = publish(project, MORE)
    project.repository.git("reset", "-q", "--hard", sha)
    code, log = project.promote(sha, described=described(NOISE))
    assert code == 0
    assert project.tags()["latest"] == project.digest(f"c-{sha}")
    assert project.majors() == {"1": newer}
    assert "tags     main-1, 1.0.0, latest" in log


def test_a_tag_that_somebody_moved_by_hand_is_put_right_by_the_next_publication(project: Project) -> None:
    publish(project, NOISE)
    push_image(project.host, project.path, "1", {"pushed": "by hand"})
    newer = publish(project, MORE)
    assert project.majors() == {"1": newer}


@pytest.mark.parametrize("writes", range(5))
def test_a_promotion_that_broke_off_between_any_two_tags_is_ended_by_its_repetition(
    project: Project, writes: int
) -> None:
    publish(project, NOISE)
    sha = project.repository.commit()
    digest = project.candidate(sha, described(MORE))
    gate = Gate(0, Turns([0]), writes)
    with gates_before(project.host, gate):
        broken, _ = replace(project, host=gate.host).promote(sha, MLREEF_DIGEST=digest)
    assert (broken == 0) == (writes == 4)
    assert project.promote(sha, MLREEF_DIGEST=digest)[0] == 0
    assert project.tags()["main-2"] == project.tags()["latest"] == project.majors()["1"] == digest
    assert set(project.versions()) == {"1.0.0", "1.1.0"}
    assert project.versions()["1.1.0"] == digest


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=ORDERS)
def test_of_two_promotions_at_once_the_newer_commit_is_latest_in_the_end(
    repository: Repository, registry: str, order: list[int]
) -> None:
    with project_of(repository, registry) as project:
        publish(project, NOISE)
        commits = [repository.commit(), repository.commit()]
        images = [project.candidate(sha, described(MORE)) for sha in commits]
        codes = promote_at_once(project, commits, images, order)
        assert codes[1] == 0
        assert codes[0] in (0, NOTHING)
        assert project.tags()["latest"] == images[1]
        assert project.majors() == {"1": highest(project, 1)}
        # whatever was given leads to one image for ever
        assert set(project.versions().values()) <= {*images, project.versions()["1.0.0"]}


@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=ORDERS, writes=st.integers(0, 4))
def test_also_when_the_older_one_breaks_off_and_is_repeated(
    repository: Repository, registry: str, order: list[int], writes: int
) -> None:
    with project_of(repository, registry) as project:
        commits = [repository.commit(), repository.commit()]
        images = [project.candidate(sha, described(NOISE)) for sha in commits]
        codes = promote_at_once(project, commits, images, order, writes)
        assert codes[1] == 0
        assert project.promote(commits[0], MLREEF_DIGEST=images[0])[0] in (0, NOTHING)
        assert project.tags()["latest"] == images[1]
        assert project.majors() == {"1": highest(project, 1)}
