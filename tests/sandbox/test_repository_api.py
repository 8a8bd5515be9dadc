"""Branches, trees, files, comparisons, and the Commits API, through python-gitlab."""

from __future__ import annotations

import base64
import hashlib

import gitlab
import pytest
import requests
from gitlab_helpers import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.gitlab import MAINTAINER, Project, Sandbox, User


def change(path: str, content: str, action: str = "update", **more: object) -> dict[str, object]:
    return {"action": action, "file_path": path, "content": content, **more}


def commit_of(*actions: dict[str, object], branch: str = "main", **more: object) -> dict[str, object]:
    return {"branch": branch, "commit_message": "Change", "actions": list(actions), **more}


def test_a_branch_tells_who_may_push_to_it(project: Project, alice: User, bot: User, client: Client) -> None:
    mine = client(alice).projects.get(project.id).branches.get("main")
    theirs = client(bot).projects.get(project.id).branches.get("main")
    assert (mine.protected, mine.default, mine.can_push) == (True, True, True)
    assert (theirs.protected, theirs.default, theirs.can_push) == (True, True, False)
    assert mine.commit["parent_ids"] == []


def test_a_branch_with_a_slash_is_found(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    sandbox.commit(project.id, alice, {"a.py": ""}, branch="feature/one", start_branch="main")
    branch = client(alice).projects.get("vision/noise").branches.get("feature/one")
    assert branch.commit["id"] == sandbox.head(project.id, "feature/one")


def test_a_missing_branch_project_and_user_are_404(project: Project, alice: User, client: Client) -> None:
    gl = client(alice)
    found = gl.projects.get(project.id)
    for ask in (
        lambda: found.branches.get("nowhere"),
        lambda: gl.projects.get("vision/nothing"),
        lambda: found.members_all.get(99),
        lambda: found.files.get("nothing.py", ref="main"),
        lambda: found.commits.get("0" * 40),
    ):
        with pytest.raises(gitlab.GitlabGetError) as refused:
            ask()
        assert refused.value.response_code == 404


def test_a_tree_is_read_page_by_page(sandbox: Sandbox, project: Project, alice: User, client: Client) -> None:
    sandbox.commit(project.id, alice, {f"folder/{number:03}.txt": str(number) for number in range(45)})
    found = client(alice).projects.get(project.id)
    sandbox.clear_log()
    entries = list(
        found.repository_tree(recursive=True, iterator=True, pagination="keyset", per_page=20, order_by="id")
    )
    paths = [entry["path"] for entry in entries]
    assert len(paths) == len(set(paths)) == 48
    assert {entry["type"] for entry in entries if entry["path"] == "folder"} == {"tree"}
    assert len(sandbox.requests) == 3


def test_a_tree_is_read_at_a_sha_or_below_a_folder(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    before = sandbox.head(project.id)
    sandbox.commit(project.id, alice, {"src/deep/a.py": "", "src/b.py": ""})
    found = client(alice).projects.get(project.id)
    old = found.repository_tree(ref=before, recursive=True, get_all=True)
    assert [entry["path"] for entry in old] == ["mlreef.yml", "noise.py"]
    shallow = found.repository_tree(path="src", get_all=True)
    assert [(entry["path"], entry["type"]) for entry in shallow] == [
        ("src/b.py", "blob"),
        ("src/deep", "tree"),
    ]
    with pytest.raises(gitlab.GitlabGetError):
        found.repository_tree(path="nowhere", get_all=True)


def test_a_file_tells_its_last_commit_and_hash(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    first = sandbox.head(project.id)
    sandbox.commit(project.id, alice, {"other.py": "x"})
    found = client(alice).projects.get(project.id).files.get("noise.py", ref="main")
    assert found.decode() == b"print(1)\n"
    assert found.last_commit_id == first
    assert found.content_sha256 == hashlib.sha256(b"print(1)\n").hexdigest()
    head = client(alice).projects.get(project.id).files.head("noise.py", ref="main")
    assert head["X-Gitlab-Last-Commit-Id"] == first
    assert head["X-Gitlab-Blob-Id"] == found.blob_id


def test_a_file_with_hard_letters_in_its_name_is_read_and_written(
    project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    path = "a folder/überraschung #1 $(x) 'q' \"z\" %41.py"
    found.commits.create(commit_of(change(path, "hello\n", "create")))
    assert found.files.get(path, ref="main").decode() == b"hello\n"
    assert found.files.raw(path, ref="main") == b"hello\n"
    assert path in [entry["path"] for entry in found.repository_tree(recursive=True, get_all=True)]


def test_raw_bytes_arrive_unchanged(project: Project, alice: User, client: Client) -> None:
    found = client(alice).projects.get(project.id)
    content = bytes(range(256)) * 10
    encoded = base64.b64encode(content).decode()
    found.commits.create(commit_of(change("blob.bin", encoded, "create", encoding="base64")))
    entry = next(item for item in found.repository_tree(get_all=True) if item["path"] == "blob.bin")
    assert found.repository_raw_blob(entry["id"]) == content


@given(content=st.binary(max_size=200), name=st.text("abc-_. äß$`'", min_size=1, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_committed_is_read_back(
    sandbox: Sandbox, project: Project, alice: User, content: bytes, name: str
) -> None:
    if name in (".", ".."):
        return
    sandbox.commit(project.id, alice, {f"d/{name}": content})
    assert sandbox.read_file(project.id, f"d/{name}") == content


# The Commits API


def test_a_commit_of_many_actions_is_one_commit(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    before = sandbox.head(project.id)
    sandbox_commit = (
        client(alice)
        .projects.get(project.id)
        .commits.create(
            commit_of(
                change("new.py", "n", "create"),
                change("noise.py", "print(9)\n"),
                {"action": "move", "file_path": "ci/mlreef.yml", "previous_path": "mlreef.yml"},
            )
        )
    )
    assert sandbox_commit.parent_ids == [before]
    assert sandbox_commit.author_name == "Alice Author"
    assert sandbox.head(project.id) == sandbox_commit.id
    assert sandbox.read_file(project.id, "noise.py") == b"print(9)\n"
    assert sandbox.read_file(project.id, "mlreef.yml") is None
    assert sandbox.read_file(project.id, "ci/mlreef.yml") is not None


def test_a_commit_tells_its_trailers(project: Project, alice: User, client: Client) -> None:
    found = client(alice).projects.get(project.id)
    message = "Describe\n\nWhy.\n\nMlreef-Source: 0123abc\nMlreef-Digest: feed"
    made = found.commits.create({**commit_of(change("noise.py", "p")), "commit_message": message})
    assert found.commits.get(made.id).trailers == {"Mlreef-Source": "0123abc", "Mlreef-Digest": "feed"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (commit_of(change("noise.py", "", "create")), "A file with this name already exists"),
        (commit_of(change("nothing.py", "")), "A file with this name doesn't exist"),
        (commit_of(change("nothing.py", "", "delete")), "A file with this name doesn't exist"),
        (commit_of(change("../x", "", "create")), "invalid path"),
        (commit_of(change(".git/config", "", "create")), "invalid path"),
        (commit_of(change("a", "", "create"), branch="new"), "when you are on a branch"),
        (commit_of(change("a", "", "create"), start_branch="other"), "already exists. Switch to that branch"),
        (commit_of(change("a", "", "create"), branch="new", start_branch="lost"), "Invalid reference name"),
        (commit_of(change("a", "", "explode")), "does not have a valid value"),
    ],
)
def test_a_commit_that_gitlab_refuses_is_400_with_words(
    sandbox: Sandbox, project: Project, alice: User, client: Client, wanted: dict[str, object], words: str
) -> None:
    before = sandbox.head(project.id)
    with pytest.raises(gitlab.GitlabCreateError, match=words) as refused:
        client(alice).projects.get(project.id).commits.create(wanted)
    assert refused.value.response_code == 400
    assert sandbox.head(project.id) == before


def test_a_developer_may_not_commit_to_a_protected_branch(
    project: Project, bot: User, client: Client
) -> None:
    found = client(bot).projects.get(project.id)
    with pytest.raises(gitlab.GitlabCreateError, match="not allowed to push into this branch") as refused:
        found.commits.create(commit_of(change("noise.py", "")))
    assert refused.value.response_code == 403
    found.commits.create(commit_of(change("noise.py", ""), branch="mine", start_branch="main"))


def test_last_commit_id_refuses_a_file_that_changed(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    known = found.files.get("noise.py", ref="main").last_commit_id
    newer = sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"})
    with pytest.raises(gitlab.GitlabCreateError, match="has changed since you started editing it") as refused:
        found.commits.create(commit_of(change("noise.py", "print(3)\n", last_commit_id=known)))
    assert refused.value.response_code == 400
    found.commits.create(commit_of(change("noise.py", "print(3)\n", last_commit_id=newer)))
    assert sandbox.read_file(project.id, "noise.py") == b"print(3)\n"


def test_last_commit_id_minds_the_file_and_not_the_branch(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    known = found.files.get("noise.py", ref="main").last_commit_id
    head = sandbox.commit(project.id, alice, {"other.py": ""})
    made = found.commits.create(commit_of(change("noise.py", "print(3)\n", last_commit_id=known)))
    assert made.parent_ids == [head]
    # Any commit that sees the same version of the file will do, such as the head that the caller read.
    head = sandbox.head(project.id)
    found.commits.create(commit_of(change("other.py", "x", last_commit_id=head)))


def test_an_update_with_the_same_content_is_an_empty_commit_here_and_refused_there(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    found = client(alice).projects.get(project.id)
    found.commits.create(commit_of(change("noise.py", "print(1)\n")))
    assert found.commits.get("main").stats["total"] == 0
    same = {"branch": "main", "commit_message": "Nothing", "content": "print(1)\n"}
    with pytest.raises(gitlab.GitlabUpdateError, match="empty"):
        found.files.update("noise.py", same)


def test_an_executable_stays_executable(project: Project, alice: User, client: Client) -> None:
    found = client(alice).projects.get(project.id)
    found.commits.create(commit_of(change("run.sh", "#!", "create", execute_filemode=True)))
    found.commits.create(commit_of(change("run.sh", "#!/bin/sh")))
    modes = {entry["path"]: entry["mode"] for entry in found.repository_tree(get_all=True)}
    assert modes["run.sh"] == "100755"


# Comparing


def test_compare_and_merge_base_see_a_force_push(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    base = sandbox.head(project.id)
    sandbox.commit(project.id, alice, {"noise.py": "print(2)\n"}, branch="one", start_branch="main")
    sandbox.commit(project.id, alice, {"new.py": "x\n"}, branch="two", start_branch="main")
    found = client(alice).projects.get(project.id)
    shown = found.repository_compare("one", "two")
    assert [item["new_path"] for item in shown["diffs"]] == ["new.py"]
    straight = found.repository_compare("one", "two", straight=True)
    assert {item["new_path"] for item in straight["diffs"]} == {"new.py", "noise.py"}
    assert found.repository_merge_base(["one", "two"])["id"] == base


def test_commits_are_listed_newest_first_and_by_path(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    shas = [sandbox.commit(project.id, alice, {"noise.py": str(number)}) for number in range(3)]
    sandbox.commit(project.id, alice, {"other.py": ""})
    found = client(alice).projects.get(project.id)
    # Not as path=…, which python-gitlab takes for the address itself.
    query = {"path": "noise.py", "per_page": 2}
    listed = [commit.id for commit in found.commits.list(query_parameters=query, iterator=True)]
    assert listed[:3] == shas[::-1]


# GraphQL


def blobs(sandbox: Sandbox, user: User, path: str, paths: list[str], ref: str) -> dict[str, object]:
    query = """query($path: ID!, $paths: [String!]!, $ref: String) {
      project(fullPath: $path) { repository { blobs(paths: $paths, ref: $ref) {
        nodes { path oid rawSize rawBlob } } } } }"""
    got = requests.post(
        f"{sandbox.url}/api/graphql",
        json={"query": query, "variables": {"path": path, "paths": paths, "ref": ref}},
        headers={"Authorization": f"Bearer {user.token}"},
        timeout=10,
    )
    assert got.status_code == 200
    return dict(got.json())


def test_many_texts_are_fetched_in_one_call(sandbox: Sandbox, project: Project, alice: User) -> None:
    sha = sandbox.commit(project.id, alice, {"latin.py": "# ä".encode("latin-1"), "sub/x.py": "ü\n"})
    got = blobs(
        sandbox, alice, project.full_path, ["noise.py", "sub/x.py", "latin.py", "missing.py", "sub"], sha
    )
    nodes = got["data"]["project"]["repository"]["blobs"]["nodes"]
    assert [(node["path"], node["rawBlob"]) for node in nodes] == [
        ("noise.py", "print(1)\n"),
        ("sub/x.py", "ü\n"),
        ("latin.py", "# \ufffd"),
    ]
    assert nodes[1]["rawSize"] == "3"


def test_graphql_hides_what_one_may_not_see(sandbox: Sandbox, project: Project) -> None:
    stranger = sandbox.create_user("stranger")
    assert blobs(sandbox, stranger, project.full_path, ["noise.py"], "main") == {"data": {"project": None}}


def test_another_graphql_question_is_an_error_and_heard(sandbox: Sandbox, alice: User) -> None:
    got = requests.post(
        f"{sandbox.url}/api/graphql",
        json={"query": "{ currentUser { username } }"},
        headers={"Private-Token": alice.token},
        timeout=10,
    )
    assert "errors" in got.json()
    assert any("GraphQL" in complaint for complaint in sandbox.complaints)


# People and settings


def test_an_unknown_path_is_404_and_loud(sandbox: Sandbox, alice: User) -> None:
    got = requests.get(f"{sandbox.url}/api/v4/nonsense", headers={"Private-Token": alice.token}, timeout=10)
    assert got.status_code == 404
    assert sandbox.complaints == ["unknown path: GET /api/v4/nonsense"]


def test_tokens_open_what_their_scope_says(sandbox: Sandbox, project: Project, alice: User) -> None:
    reading = sandbox.create_token(alice, ["read_api"])
    gl = gitlab.Gitlab(sandbox.url, private_token=reading.value)
    found = gl.projects.get(project.id)
    with pytest.raises(gitlab.GitlabCreateError) as refused:
        found.commits.create(commit_of(change("noise.py", "")))
    assert refused.value.response_code == 403
    assert "insufficient_scope" in str(refused.value.response_body)
    sandbox.revoke(reading.value)
    with pytest.raises(gitlab.GitlabAuthenticationError):
        gl.projects.get(project.id)
    with pytest.raises(gitlab.GitlabAuthenticationError):
        gitlab.Gitlab(sandbox.url, private_token="nonsense").auth()


def test_members_all_knows_inherited_roles(
    sandbox: Sandbox, project: Project, alice: User, client: Client
) -> None:
    carol = sandbox.create_user("carol")
    sandbox.add_group_member("vision", carol, MAINTAINER)
    found = client(alice).projects.get(project.id)
    assert found.members_all.get(carol.id).access_level == MAINTAINER
    with pytest.raises(gitlab.GitlabGetError):
        found.members.get(carol.id)


def test_settings_of_a_project_are_kept(sandbox: Sandbox, alice: User, client: Client) -> None:
    gl = client(alice)
    made = gl.projects.create({"name": "My Module", "visibility": "public", "default_branch": "trunk"})
    assert made.path_with_namespace == "alice/my-module"
    made.ci_config_path = "mlreef.yml"
    made.topics = ["noise"]
    made.save()
    again = gl.projects.get("alice/my-module")
    assert (again.ci_config_path, again.topics, again.visibility) == ("mlreef.yml", ["noise"], "public")
    assert not sandbox.complaints


def test_a_private_project_is_404_for_strangers_and_a_public_one_is_not(
    sandbox: Sandbox, project: Project, client: Client
) -> None:
    stranger = sandbox.create_user("stranger")
    with pytest.raises(gitlab.GitlabGetError) as refused:
        client(stranger).projects.get(project.id)
    assert refused.value.response_code == 404
    project.visibility = "public"
    assert client(stranger).projects.get(project.id).visibility == "public"
    assert gitlab.Gitlab(sandbox.url).projects.get(project.id).id == project.id


def test_a_moved_project_is_redirected(project: Project, alice: User, client: Client) -> None:
    gl = client(alice)
    found = gl.projects.get(project.id)
    found.path = "louder"
    found.save()
    assert gl.projects.get("vision/louder").id == project.id
    assert gl.projects.get("vision/noise").id == project.id
