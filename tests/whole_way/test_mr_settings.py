"""`.mlreef.yaml` and the wizard by comments: written where whoever asks may write, else offered, and never twice."""

from __future__ import annotations

import pytest
import requests
from werkzeug.wrappers import Response

from sandbox.gitlab.values import MAINTAINER
from tests.whole_way.conftest import FILES, SCRIPT, Way, World
from tests.whole_way.test_mr_commands import DONE, NOT_DONE, People, Talk, people, talk

__all__ = ["people", "talk"]

BARE = {"train.py": SCRIPT, "eval.py": SCRIPT}
OURS = "# ours\nname: Noise # loud\nentry_points:\n  main: add_noise.py\n"


def settings(way: Way, branch: str = "work") -> str:
    content = way.sandbox.read_file(way.project.id, ".mlreef.yaml", branch)
    return "" if content is None else content.decode()


def test_a_commit_sets_one_value_keeps_the_rest_and_is_made_once(
    world: World, talk: Talk, people: People
) -> None:
    way = talk.way
    way.push({".mlreef.yaml": OURS, "other.py": SCRIPT}, branch="work")
    before = way.head("work")

    def lose(answer: object) -> Response:
        answer()  # type: ignore[operator] # the sandbox's own function
        return Response("bad gateway", 502)

    world.mood.once("POST", "/repository/commits", lose)
    said = talk.ask("/mlreef entrypoint other.py", DONE, people.developer)
    commit = way.commit(way.head("work"))
    assert commit["parent_ids"] == [before]
    assert settings(way) == OURS.replace("main: add_noise.py", "main: other.py")
    assert way.head("work")[:8] in said
    assert "  main: other.py" in said
    again = talk.ask("/mlreef entrypoint ./other.py", DONE, people.developer)
    assert "`.mlreef.yaml`" in again
    assert way.commit(way.head("work"))["id"] == commit["id"]
    refused = talk.ask("/mlreef entrypoint othr.py", NOT_DONE, people.developer)
    assert "Is `other.py` meant?" in refused


def test_where_a_person_may_not_push_the_lines_are_offered_and_nothing_is_written(
    talk: Talk, people: People
) -> None:
    way = talk.way
    way.sandbox.protect_branch(way.project.id, "work", push_level=MAINTAINER)
    before = way.head("work")
    said = talk.ask("/mlreef environment python", DONE, people.developer)
    assert "environment: python" in said
    assert "may push to it themselves" in said
    way.ask("PUT", f"merge_requests/{talk.iid}", {"state_event": "close"})
    closed = talk.ask("/mlreef environment python", DONE, people.developer)
    assert "not open any more" in closed
    assert way.head("work") == before
    assert settings(way) == ""


def test_lines_are_offered_on_issues_where_there_is_no_branch_to_write_to(talk: Talk) -> None:
    way = talk.way
    way.push(FILES)
    issue = way.sandbox.create_issue(way.project.id, way.world.alice, "Noise for @mlreef-bot")
    place = f"issues/{issue.iid}/notes"
    note = talk.say("@mlreef-bot entrypoint add_noise.py", place=place)
    talk.end(note, DONE)
    (said,) = talk.said(note)
    assert "  main: add_noise.py" in said.body
    assert settings(way, "master") == ""


def test_init_opens_one_merge_request_and_another_one_only_when_it_is_asked_for_again(
    talk: Talk, people: People
) -> None:
    way = talk.way
    way.push(FILES)
    first = talk.ask("/mlreef init", DONE, people.developer)
    (opened,) = [r for r in way.sandbox.merge_requests(way.project.id) if r.author_id == way.world.bot.id]
    assert f"!{opened.iid}" in first
    assert f"!{opened.iid}" in talk.ask("/mlreef init", DONE, people.developer)
    way.ask("PUT", f"merge_requests/{opened.iid}", {"state_event": "close"})
    again = talk.ask("/mlreef init annotations", DONE, people.developer)
    made = [r for r in way.sandbox.merge_requests(way.project.id) if r.author_id == way.world.bot.id]
    assert [r.state for r in sorted(made, key=lambda one: one.iid)] == ["closed", "opened"]
    assert f"!{max(r.iid for r in made)}" in again
    script = way.sandbox.read_file(way.project.id, "add_noise.py", "mlreef-bot/setup")
    assert script is not None
    assert b"@data_processor(" in script
    assert "reads a command line already" in _refused_elsewhere(talk, people)


def test_a_branch_of_the_same_name_in_a_fork_keeps_nobody_from_the_wizards_merge_request(
    world: World, talk: Talk, people: People
) -> None:
    way = talk.way
    way.push(FILES)
    way.project.visibility = "public"
    fork = way.ask("POST", "fork", {"namespace_path": "stan", "path": way.project.path}, people.stranger)
    branch = "mlreef-bot/setup"
    world.sandbox.commit(int(fork["id"]), people.stranger, {"x": "y"}, branch=branch, start_branch="master")
    made = requests.post(
        f"{world.sandbox.url}/api/v4/projects/{fork['id']}/merge_requests",
        json={
            "source_branch": branch,
            "target_branch": "master",
            "title": "Trap",
            "target_project_id": way.project.id,
        },
        headers={"PRIVATE-TOKEN": people.stranger.token},
        timeout=10,
    )
    made.raise_for_status()
    said = talk.ask("/mlreef init", DONE, people.developer)
    (opened,) = [r for r in way.sandbox.merge_requests(way.project.id) if r.author_id == way.world.bot.id]
    assert f"!{opened.iid}" in said
    assert opened.iid != made.json()["iid"]


def _refused_elsewhere(talk: Talk, people: People) -> str:
    """What is said in a project where the skeleton that is asked for makes no sense."""
    way = talk.way.world.project(BARE)
    other = Talk(way, way.open({"README.md": "More\n"}))
    return other.ask("/mlreef init argparse", NOT_DONE, people.developer)


@pytest.mark.parametrize("line", ["/mlreef init", "/mlreef entrypoint add_noise.py"])
def test_who_may_not_write_code_may_not_have_it_written(talk: Talk, people: People, line: str) -> None:
    before = talk.way.head("work")
    assert "is for Developers" in talk.ask(line, NOT_DONE, people.reporter)
    assert talk.way.head("work") == before
    assert len(talk.way.sandbox.merge_requests(talk.way.project.id)) == 1
