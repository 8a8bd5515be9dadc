"""What GitLab shows to whom, as the catalogue asks it: live, with that person's own token, and failing closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.visibility import Visibility
from bot.domain.access import ANONYMOUS, NotAccepted, Person, read_open_jobs, read_ref, read_seen
from bot.errors import TryAgain
from sandbox.gitlab import Sandbox, Trouble, trouble
from sandbox.gitlab.values import DEVELOPER, GUEST, MAINTAINER, REPORTER, Project, User


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "gitlab") as sandbox:
        yield sandbox


def visibility(gitlab: Sandbox, cache_seconds: float = 0.0) -> Visibility:
    return Visibility(gitlab.url, 5.0, cache_seconds)


def person(user: User) -> Person:
    return Person(user.id, user.username, user.token)


def project(gitlab: Sandbox, kind: str, **more: str) -> Project:
    owner = gitlab.state.user_named("owner") or gitlab.create_user("owner")
    made = gitlab.create_project(f"group/{kind}", owner, visibility=kind.partition("-")[0])
    for name, value in more.items():
        setattr(made, name, value)
    return made


PROJECTS = ("public", "internal", "private", "public-code", "public-images")
SEES = {
    # r: may read the code; p: may pull images, too
    "anonymous": ("rp", "", "", "", "r"),
    "external": ("rp", "", "", "", "r"),
    "stranger": ("rp", "rp", "", "", "r"),
    "guest": ("rp", "rp", "", "rp", "r"),
    "reporter": ("rp", "rp", "rp", "rp", "rp"),
    "developer": ("rp", "rp", "rp", "rp", "rp"),
}


def test_that_everybody_sees_what_gitlab_lets_them(gitlab: Sandbox) -> None:
    made = [project(gitlab, kind) for kind in PROJECTS[:3]]
    made.append(project(gitlab, "public-code", repository_access="private"))
    made.append(project(gitlab, "public-images", registry_access="private"))
    people = {"anonymous": ANONYMOUS}
    for name in list(SEES)[1:]:
        user = gitlab.create_user(name, external=name == "external")
        people[name] = person(user)
        level = {"guest": GUEST, "reporter": REPORTER, "developer": DEVELOPER}.get(name)
        for one in made if level else ():
            gitlab.add_member(one.id, user, level or 0)
    asked = visibility(gitlab)
    for name, expected in SEES.items():
        seen = asked.look(people[name], [one.id for one in made])
        by_path = asked.look(people[name], [one.full_path for one in made])
        told = tuple(
            "" if (found := seen.get(one.id)) is None else "r" * found.readable + "p" * found.can_pull
            for one in made
        )
        assert told == expected, name
        assert {one.project_id for one in by_path.values()} == set(seen), name


def test_that_a_project_made_private_is_gone_at_once_without_a_cache(gitlab: Sandbox) -> None:
    one, asked = project(gitlab, "public"), visibility(gitlab)
    assert asked.look(ANONYMOUS, [one.id])[one.id].readable
    one.visibility = "private"
    assert asked.look(ANONYMOUS, [one.id, one.full_path]) == {}


def test_that_an_answer_is_believed_for_the_seconds_that_were_asked_for_and_by_one_person_only(
    gitlab: Sandbox,
) -> None:
    one, clock = project(gitlab, "public"), [0.0]
    asked = Visibility(gitlab.url, 5.0, 10.0, now=lambda: clock[0])
    stranger = person(gitlab.create_user("stranger"))
    assert asked.look(ANONYMOUS, [one.id])
    one.visibility = "private"
    assert asked.look(stranger, [one.id]) == {}
    clock[0] = 9.9
    assert asked.look(ANONYMOUS, [one.id])
    clock[0] = 10.0
    assert asked.look(ANONYMOUS, [one.id]) == {}


def test_that_what_a_search_came_upon_is_asked_anew_in_questions_of_one_size(gitlab: Sandbox) -> None:
    one, hidden = project(gitlab, "public"), project(gitlab, "private")
    asked = Visibility(gitlab.url, 5.0, 1e6)
    for numbers, seen in (
        ([], set()),
        ([one.id], {one.id}),
        ([one.id, hidden.id], {one.id}),
        ([hidden.id], set()),
    ):
        gitlab.clear_log()
        assert set(asked.look_among(ANONYMOUS, numbers, 25)) == seen
        assert len(gitlab.requests) == 1
    one.visibility = "private"
    assert asked.look_among(ANONYMOUS, [one.id], 25) == {}


def test_that_no_answer_is_believed_any_more_once_gitlab_tells_of_a_change(gitlab: Sandbox) -> None:
    one, told = project(gitlab, "public"), ["1"]
    asked = Visibility(gitlab.url, 5.0, 1e6, changed=lambda: told[0])
    assert asked.look(ANONYMOUS, [one.id])
    one.visibility = "private"
    assert asked.look(ANONYMOUS, [one.id])
    told[0] = "2"
    assert asked.look(ANONYMOUS, [one.id]) == {}


def test_that_nothing_is_shown_when_gitlab_does_not_answer(gitlab: Sandbox) -> None:
    one, asked = project(gitlab, "public"), visibility(gitlab)
    assert asked.look(ANONYMOUS, [one.id])
    gitlab.moods = broken = Trouble()
    broken.on("*", "*", trouble.server_error(503), times=None)
    with pytest.raises(TryAgain):
        asked.look(ANONYMOUS, [one.id])
    with pytest.raises(TryAgain):
        asked.candidates(person(gitlab.create_user("somebody")))


def test_that_a_token_which_gitlab_does_not_take_is_told_apart_from_silence(gitlab: Sandbox) -> None:
    one, asked, user = project(gitlab, "public"), visibility(gitlab), gitlab.create_user("somebody")
    small = gitlab.create_token(user, ("read_user",)).value
    gitlab.revoke(user.token)
    for token in (user.token, small, "glpat-unknown"):
        with pytest.raises(NotAccepted):
            asked.look(Person(user.id, "somebody", token), [one.id])
        with pytest.raises(NotAccepted):
            asked.identify(token)


def test_that_a_token_which_only_reads_is_enough(gitlab: Sandbox) -> None:
    one, user = project(gitlab, "private"), gitlab.create_user("reader")
    gitlab.add_member(one.id, user, REPORTER)
    token = gitlab.create_token(user, ("read_api",)).value
    found = visibility(gitlab).identify(token)
    assert (found.id, found.username) == (user.id, "reader")
    assert token not in repr(found)
    assert visibility(gitlab).look(found, [one.id])[one.id].readable


def test_that_one_persons_haste_makes_nobody_else_wait(gitlab: Sandbox) -> None:
    one, asked = project(gitlab, "public"), visibility(gitlab)
    hasty, other = (person(gitlab.create_user(name)) for name in ("hasty", "other"))
    gitlab.moods = strict = Trouble()
    strict.on("POST", "/api/graphql", trouble.slow_down(30.0), times=None, user="hasty")
    with pytest.raises(TryAgain):
        asked.look(hasty, [one.id])
    assert asked.look(other, [one.id])
    assert asked.look(ANONYMOUS, [one.id])
    before = len(gitlab.requests)
    with pytest.raises(TryAgain):
        asked.look(hasty, [one.id])
    assert len(gitlab.requests) == before, "who was told to wait does not ask again"


def test_that_the_level_is_what_gitlab_says_they_may_do(gitlab: Sandbox) -> None:
    one = project(gitlab, "private")
    asked = visibility(gitlab)
    for name, level, told in (("r", REPORTER, 0), ("d", DEVELOPER, DEVELOPER), ("m", MAINTAINER, MAINTAINER)):
        user = gitlab.create_user(name)
        gitlab.add_member(one.id, user, level)
        assert asked.look(person(user), [one.id])[one.id].level == told


def test_that_gitlabs_word_on_a_jobs_artifacts_is_kept_for_the_seconds_that_were_asked_for(
    gitlab: Sandbox,
) -> None:
    one, clock = project(gitlab, "public"), [0.0]
    owner = gitlab.state.users[one.owner_id]
    ci = {".gitlab-ci.yml": "train:\n  script: x\n  artifacts: {paths: [x]}\n"}
    job = gitlab.job(gitlab.pipelines(one.id, gitlab.commit(one.id, owner, ci, "Train"))[0].id, "train")
    asked = Visibility(gitlab.url, 5.0, 10.0, now=lambda: clock[0])
    gitlab.finish_job(job.id, artifacts=b"an archive")
    assert asked.fetch_open(ANONYMOUS, one.full_path, [job.id, 10**9]) == {job.id}
    gitlab.state.jobs[job.id].artifacts_access = "developer"
    clock[0] = 9.9
    assert asked.fetch_open(ANONYMOUS, one.full_path, [job.id]) == {job.id}
    assert asked.fetch_open(person(owner), one.full_path, [job.id]) == {job.id}
    clock[0] = 10.0
    assert asked.fetch_open(ANONYMOUS, one.full_path, [job.id]) == frozenset()
    one.visibility = "private"
    clock[0] = 20.0
    assert asked.fetch_open(ANONYMOUS, one.full_path, [job.id]) == frozenset()


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"job1": None},
        {"job1": {"id": "gid://gitlab/Ci::Build/1", "userPermissions": None, "artifacts": None}},
        {"job1": {"id": "gid://gitlab/Ci::Build/1", "userPermissions": {"readJobArtifacts": True}}},
        {
            "job1": {
                "id": "gid://gitlab/Ci::Build/1",
                "userPermissions": {"readJobArtifacts": "yes"},
                "artifacts": {"nodes": [{"fileType": "ARCHIVE"}]},
            }
        },
        {
            "job1": {
                "id": "gid://gitlab/Ci::Build/1",
                "userPermissions": {"readJobArtifacts": True},
                "artifacts": {"nodes": [{"fileType": "TRACE"}, None]},
            }
        },
    ],
)
def test_that_no_artifacts_count_as_given_that_gitlab_does_not_tell_of(
    told: dict[str, object] | None,
) -> None:
    assert read_open_jobs(told) == frozenset()


def test_that_a_search_goes_through_what_somebody_may_see_and_not_through_the_rest(gitlab: Sandbox) -> None:
    mine, _other = project(gitlab, "private"), project(gitlab, "private-other")
    user, external = gitlab.create_user("somebody"), gitlab.create_user("external", external=True)
    admin = gitlab.create_user("root", admin=True)
    gitlab.add_member(mine.id, user, REPORTER)
    asked = visibility(gitlab)
    assert asked.candidates(ANONYMOUS).visibilities == {"public"}
    assert asked.candidates(ANONYMOUS).projects == frozenset()
    assert asked.candidates(person(user)).visibilities == {"public", "internal"}
    assert asked.candidates(person(user)).projects == {mine.id}
    assert asked.candidates(person(external)).visibilities == {"public"}
    assert asked.candidates(person(admin)).visibilities == {"public", "internal", "private"}


def test_that_a_search_leaves_out_projects_whose_code_a_member_may_not_read(gitlab: Sandbox) -> None:
    user = gitlab.create_user("somebody")
    hidden, given = project(gitlab, "private"), project(gitlab, "public-code", repository_access="private")
    for one in (hidden, given):
        gitlab.add_member(one.id, user, GUEST)
    assert visibility(gitlab).candidates(person(user)).projects == {given.id}
    gitlab.add_member(hidden.id, user, REPORTER)
    assert visibility(gitlab).candidates(person(user)).projects == {hidden.id, given.id}


def test_that_nothing_that_gitlab_leaves_out_counts_as_allowed() -> None:
    assert read_seen(None) is None
    assert read_seen({"id": "gid://gitlab/Group/1", "fullPath": "a/b"}) is None
    bare = read_seen({"id": "gid://gitlab/Project/1", "fullPath": "a/b", "userPermissions": None})
    assert bare is not None
    assert (bare.readable, bare.can_pull, bare.level, bare.visibility) == (False, False, 0, "private")


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("7", 7),
        ("group/sub/add-noise", "group/sub/add-noise"),
        ("group/.profile", "group/.profile"),
        (".group/a...b", ".group/a...b"),
        ("group/.", None),
        ("./group", None),
        ("group/-", None),
        ("0", None),
        ("9" * 19, None),
        ("9" * 400, None),
        ("²", None),
        ("../../etc/passwd", None),
        ("group/../other", None),
        ("group//x", None),
        ("group", None),
        ("group/a\nb", None),
        ("group/" + "a" * 2000, None),
        ("", None),
    ],
)
def test_that_a_project_is_named_by_its_id_or_its_path_and_by_nothing_else(
    text: str, ref: int | str | None
) -> None:
    assert read_ref(text) == ref


def test_that_a_gitlab_that_sends_on_to_another_host_is_not_followed(gitlab: Sandbox) -> None:
    one, asked = project(gitlab, "public"), visibility(gitlab)
    gitlab.moods = led = Trouble()
    led.on("POST", "/api/graphql", trouble.redirect("http://127.0.0.1:9/api/graphql"), times=None)
    with pytest.raises(TryAgain):
        asked.look(ANONYMOUS, [one.id])


def test_that_the_operators_own_login_is_nobodys(
    gitlab: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, operator = project(gitlab, "private"), gitlab.create_user("operator", admin=True)
    login = tmp_path / ".netrc"
    login.write_text(f"machine 127.0.0.1 login operator password {operator.token}\n")
    login.chmod(0o600)
    monkeypatch.setenv("NETRC", str(login))
    assert visibility(gitlab).look(ANONYMOUS, [one.id]) == {}
    assert {asked.user for asked in gitlab.requests} == {None}
