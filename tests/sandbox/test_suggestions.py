"""Suggestions in notes on a diff: how GitLab reads them, what applying one does, and when it refuses."""

from __future__ import annotations

from html.parser import HTMLParser

import cmarkgfm
import gitlab
import pytest
from gitlab.v4.objects import ProjectMergeRequest as Request
from gitlab_helpers import Client, Receiver
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gitlab import REPORTER, Project, Sandbox, User
from sandbox.gitlab.suggestions import read_suggestions


@pytest.fixture
def request_(sandbox: Sandbox, project: Project, alice: User, client: Client) -> Request:
    """Alice's merge request with a file of five lines whose last has no end."""
    sandbox.commit(project.id, alice, {"new.py": "a\nb\nc\nd\ne"}, branch="feature", start_branch="main")
    return (
        client(alice)
        .projects.get(project.id)
        .mergerequests.create({"source_branch": "feature", "target_branch": "main", "title": "Add"})
    )


def suggest(
    client: Client, who: User, request: Request, line: int, *blocks: str, path: str = "new.py"
) -> list[int]:
    """A discussion on a new line; gives the ids of its suggestions."""
    asked = client(who).projects.get(request.project_id).mergerequests.get(request.iid)
    version = asked.diffs.list(get_all=True)[0]
    place = {
        "position_type": "text",
        "base_sha": version.base_commit_sha,
        "start_sha": version.start_commit_sha,
        "head_sha": version.head_commit_sha,
        "old_path": path,
        "new_path": path,
        "new_line": line,
    }
    thread = asked.discussions.create({"body": "\n\n".join(["Better:", *blocks]), "position": place})
    return [one["id"] for one in thread.attributes["notes"][0]["suggestions"]]


def block(text: str, above: int = 0, below: int = 0) -> str:
    return f"```suggestion:-{above}+{below}\n{text}\n```"


def put(client: Client, who: User, path: str, **data: object) -> object:
    return client(who).http_put(f"/suggestions/{path}", post_data=data)


def test_applying_one_is_a_commit_by_who_applies_it_and_authored_by_who_suggested_it(
    sandbox: Sandbox,
    project: Project,
    alice: User,
    bot: User,
    client: Client,
    receiver: Receiver,
    request_: Request,
) -> None:
    sandbox.add_hook(project.id, receiver.url, pipeline_events=False, job_events=False, note_events=False)
    (number,) = suggest(client, bot, request_, 2, block("B"))
    done = put(client, alice, f"{number}/apply")
    assert done == {
        "id": number,
        "from_line": 2,
        "to_line": 2,
        "appliable": False,
        "applied": True,
        "from_content": "b\n",
        "to_content": "B\n",
    }
    assert sandbox.read_file(project.id, "new.py", "feature") == b"a\nB\nc\nd\ne"
    head = client(alice).projects.get(project.id).commits.get(str(sandbox.head(project.id, "feature")))
    assert (head.author_name, head.committer_name) == (bot.name, alice.name)
    assert head.message == (f"Apply 1 suggestion(s) to 1 file(s)\n\nCo-authored-by: {bot.name} <{bot.email}>")
    sandbox.wait_idle()
    (push,) = receiver.of("push")
    assert (push["user_id"], push["after"]) == (alice.id, head.id)
    (told,) = receiver.of("merge_request")
    assert told["object_attributes"]["action"] == "update"
    assert told["object_attributes"]["oldrev"] == request_.sha
    with pytest.raises(gitlab.GitlabHttpError, match="Can't apply this suggestion"):
        put(client, alice, f"{number}/apply")


@pytest.mark.parametrize(
    ("line", "said", "result"),
    [
        (2, block("1\n2", above=1, below=1), b"1\n2\nd\ne"),
        (5, block("E"), b"a\nb\nc\nd\nE"),
        (5, block("E\n"), b"a\nb\nc\nd\nE\n"),
        (3, block("   "), b"a\nb\nd\ne"),
        (3, "````suggestion\n```\nx\n```\n````", b"a\nb\n```\nx\n```\nd\ne"),
        (3, "~~~suggestion:-0+0\n\n\tx  \n~~~", b"a\nb\n\n\tx  \nd\ne"),
        (1, block("x\u00a0y", below=99), b"x y"),
    ],
)
def test_whole_lines_are_replaced_by_the_blocks_text(
    sandbox: Sandbox,
    project: Project,
    alice: User,
    bot: User,
    client: Client,
    request_: Request,
    line: int,
    said: str,
    result: bytes,
) -> None:
    (number,) = suggest(client, bot, request_, line, said)
    put(client, alice, f"{number}/apply")
    assert sandbox.read_file(project.id, "new.py", "feature") == result


def test_a_lines_own_end_stays_and_lines_within_end_with_a_line_feed(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, request_: Request
) -> None:
    sandbox.commit(project.id, alice, {"dos.py": b"a\r\nb\r\nc\r\n"}, branch="feature")
    (number,) = suggest(client, bot, request_, 2, block("1\n2"), path="dos.py")
    put(client, alice, f"{number}/apply")
    assert sandbox.read_file(project.id, "dos.py", "feature") == b"a\r\n1\n2\r\nc\r\n"


def test_several_become_one_commit_unless_they_overlap(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, request_: Request
) -> None:
    before = sandbox.head(project.id, "feature")
    one, other = suggest(client, bot, request_, 2, block("B"), block("B+", below=1))
    with pytest.raises(gitlab.GitlabHttpError, match="cannot overlap"):
        put(client, alice, "batch_apply", ids=[one, other])
    (last,) = suggest(client, bot, request_, 5, block("E"))
    done = put(client, alice, "batch_apply", ids=[last, one], commit_message="Both")
    assert [item["applied"] for item in done] == [True, True]  # type: ignore[attr-defined] # a JSON list
    assert sandbox.read_file(project.id, "new.py", "feature") == b"a\nB\nc\nd\nE"
    head = client(alice).projects.get(project.id).commits.get(str(sandbox.head(project.id, "feature")))
    assert (head.message, head.parent_ids) == ("Both", [before])


def test_who_may_not_push_may_not_apply(
    sandbox: Sandbox, project: Project, bot: User, client: Client, request_: Request
) -> None:
    (number,) = suggest(client, bot, request_, 2, block("B"))
    reader = sandbox.create_user("rita")
    sandbox.add_member(project.id, reader, REPORTER)
    with pytest.raises(gitlab.GitlabHttpError) as refused:
        put(client, reader, f"{number}/apply")
    assert refused.value.response_code == 403
    with pytest.raises(gitlab.GitlabHttpError) as unknown:
        put(client, reader, "4711/apply")
    assert unknown.value.response_code == 404


def test_notes_follow_their_lines_and_are_outdated_when_these_change(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, request_: Request
) -> None:
    (stays,) = suggest(client, bot, request_, 4, block("D"))
    (goes,) = suggest(client, bot, request_, 2, block("B"))
    sandbox.commit(project.id, alice, {"new.py": "0\na\nx\nc\nd\ne"}, branch="feature")
    first, second = request_.discussions.list(get_all=True)[:2]
    assert first.attributes["notes"][0]["position"]["new_line"] == 5
    with pytest.raises(gitlab.GitlabHttpError, match="more recent version"):
        put(client, alice, f"{goes}/apply")
    put(client, alice, f"{stays}/apply")
    assert sandbox.read_file(project.id, "new.py", "feature") == b"0\na\nx\nc\nD\ne"
    told = [note["body"] for note in second.attributes["notes"] if note["system"]]
    assert told == ["changed this line in version 2 of the diff"]


def test_positions_of_renamed_files_name_both_paths(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client
) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    sandbox.commit(project.id, alice, {"old.py": text})
    changed = text.replace("line 10\n", "line ten\n")
    sandbox.commit(
        project.id, alice, {"old.py": None, "sub/new.py": changed}, branch="feature", start_branch="main"
    )
    request = (
        client(alice)
        .projects.get(project.id)
        .mergerequests.create({"source_branch": "feature", "target_branch": "main", "title": "Move"})
    )
    (shown,) = client(bot).http_get(f"/projects/{project.id}/merge_requests/{request.iid}/diffs")
    assert (shown["old_path"], shown["new_path"], shown["renamed_file"]) == ("old.py", "sub/new.py", True)
    assert "+line ten\n" in shown["diff"]
    version = request.diffs.list(get_all=True)[0]
    place = {
        "position_type": "text",
        "base_sha": version.base_commit_sha,
        "start_sha": version.start_commit_sha,
        "head_sha": version.head_commit_sha,
        "old_path": "old.py",
        "new_path": "sub/new.py",
        "old_line": 12,
        "new_line": 12,
    }
    made = request.discussions.create({"body": "Here", "position": place})
    assert made.attributes["notes"][0]["position"]["old_line"] == 12


def test_a_patch_too_large_is_not_shown_and_resolving_the_last_thread_is_told(
    sandbox: Sandbox, project: Project, alice: User, bot: User, client: Client, request_: Request
) -> None:
    sandbox.commit(project.id, alice, {"big.txt": "x" * 300_000}, branch="feature")
    shown = client(bot).http_get(f"/projects/{project.id}/merge_requests/{request_.iid}/diffs")
    assert {(file["new_path"], file["too_large"], bool(file["diff"])) for file in shown} == {
        ("new.py", False, True),
        ("big.txt", True, False),
    }
    suggest(client, bot, request_, 2, block("B"))
    (thread,) = [
        one for one in request_.discussions.list(get_all=True) if not one.attributes["notes"][0]["system"]
    ]
    thread.resolved = True
    thread.save()
    bodies = [note.body for note in request_.notes.list(get_all=True, sort="asc") if note.system]
    assert bodies[-1] == "resolved all threads"


class Blocks(HTMLParser):
    """The texts of suggestions in rendered HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        language = (dict(attrs).get("class") or "").partition(":")[0]
        self.inside = tag == "code" and language == "language-suggestion"
        if self.inside:
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "code"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found[-1] += data


PIECES = [
    "```",
    "````",
    "~~~",
    "suggestion:-0+0",
    "suggestion",
    "\n",
    "\n",
    "x",
    " ",
    "    ",
    "a ` b",
    "\t",
    "end",
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_blocks_are_read_as_a_real_renderer_shows_them(body: str) -> None:
    """Of notes without lists, quotes and HTML blocks, which nobody puts a suggestion into."""
    parser = Blocks()
    parser.feed(cmarkgfm.markdown_to_html(body))
    shown = [text.removesuffix("\n") for text in parser.found]
    assert [text for _, _, text in read_suggestions(body)] == shown
