"""The whole life of one merge request: two mistakes, one suggestion applied, one push, merged, published.

Everything that the bot asked of GitLab meanwhile is counted in the sandbox's log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from bot.domain.steps import CHECK_STATUS
from parser.read import read
from parser.source import Entry, Source
from parser.wire import canonical, module_to_dict
from sandbox.gitlab.core import LoggedRequest
from sandbox.gitlab.state import Job
from tests.whole_way.conftest import SOON, Way, World

TELL = "POST statuses/:sha"
BEGIN_NOTE, EDIT_NOTE = "POST merge_requests/:iid/notes", "PUT merge_requests/:iid/notes/:note_id"
BEGIN_THREAD = "POST merge_requests/:iid/discussions"
RESOLVE = "PUT merge_requests/:iid/discussions/:discussion_id"

MOST_CALLS = 8
"""Calls to GitLab for a check whose result is the one before's."""

SCRIPT = '''\
"""Adds noise."""
import argparse


def parameter(**_described):
    return lambda function: function


data_processor = parameter


@data_processor(name="Add Noise", type="OPERATION", input_type="IMAGE", output_type="IMAGE")
@parameter(name="input-path", type="STRING", required=True)
@parameter(name="output-path", type="STRING", required=True)
@parameter(name="mode", type="STRING", required=False, defaultValue="gaussian")
def add_noise(options):
    print(options)


parser = argparse.ArgumentParser()
parser.add_argument("--input-path", required=True)
parser.add_argument("--output-path", required=True)
parser.add_argument("--mode", default="gaussian", choices=["gaussian", "speckle"])

if __name__ == "__main__":
    add_noise(parser.parse_args())
'''
FILES = {"add_noise.py": SCRIPT, "requirements.txt": "numpy==2.1\n"}

ANNOTATION = '@parameter(name="strength", type="FLOAT", required=False, defaultValue=1.0)\n'
MENDED = SCRIPT.replace("def add_noise", ANNOTATION + "def add_noise").replace(
    "\nif __name__", 'parser.add_argument("--strength", type=float, default=1.0)\n\nif __name__'
)
MENDED_FILES = {"add_noise.py": MENDED, "requirements.txt": "numpy==2.1\npillow==11.0\n"}
MISTAKES = {
    "add_noise.py": MENDED.replace('"FLOAT"', '"FLOT"'),
    "requirements.txt": "numpy==2.1\npillow=11.0\n",
}
ANNOTATED_LINE = MENDED[: MENDED.index(ANNOTATION)].count("\n") + 1


class Life:
    """The merge request as its author sees it, and what the bot asked since somebody last looked."""

    def __init__(self, way: Way, iid: int) -> None:
        self.way, self.iid = way, iid

    def push(self, files: dict[str, str]) -> str:
        """Alice pushes to the source branch."""
        return self.way.sandbox.commit(self.way.project.id, self.way.world.alice, files, branch="work")

    def check(self, sha: str) -> tuple[str, str, list[LoggedRequest]]:
        """State and words of the head's check, once all is told, and every call that it took."""
        self.way.sandbox.wait_for(lambda: self.statuses(sha)[-1:], SOON, "the check")
        self.way.rest()
        (status,) = self.statuses(sha)
        calls = self.way.calls()
        self.way.sandbox.clear_log()
        return status.status, status.description or "", calls

    def statuses(self, sha: str) -> list[Job]:
        return self.way.sandbox.statuses(self.way.project.id, sha, CHECK_STATUS)

    def note(self) -> tuple[int, str]:
        """The one note of the bot's that is in no discussion: its id, and what it says."""
        first = [thread["notes"][0] for thread in self._all() if not thread["notes"][0].get("position")]
        (note,) = [
            note for note in first if note["author"]["username"] == "mlreef-bot" and not note["system"]
        ]
        return note["id"], note["body"]

    def threads(self) -> dict[str, dict[str, Any]]:
        """The discussions on lines by `file:line`: their only note."""
        found = [
            [note for note in thread["notes"] if not note["system"]]
            for thread in self._all()
            if thread["notes"][0].get("position")
        ]
        assert all(len(notes) == 1 for notes in found)
        placed = [(notes[0]["position"], notes[0]) for notes in found]
        return {f"{place['new_path']}:{place['new_line']}": note for place, note in placed}

    def resolved(self) -> dict[str, bool]:
        return {place: note["resolved"] for place, note in self.threads().items()}

    def apply_suggestion(self, place: str) -> str:
        """Alice presses the button in the discussion at this place; gives the commit that it made."""
        (suggestion,) = self.threads()[place]["suggestions"]
        requests.put(
            f"{self.way.sandbox.url}/api/v4/suggestions/{suggestion['id']}/apply",
            headers={"PRIVATE-TOKEN": self.way.world.alice.token},
            timeout=10,
        ).raise_for_status()
        return self.way.head("work")

    def _all(self) -> list[dict[str, Any]]:
        url = f"{self.way.sandbox.url}/api/v4/projects/{self.way.project.id}/merge_requests/{self.iid}/discussions"
        answer = requests.get(url, headers={"PRIVATE-TOKEN": self.way.world.alice.token}, timeout=10)
        found: list[dict[str, Any]] = answer.json()
        return found


def writes(calls: list[LoggedRequest]) -> list[str]:
    """Those that write: method and route within the project."""
    found = [call for call in calls if call.method != "GET" and "graphql" not in call.route]
    return sorted(f"{call.method} {call.route.removeprefix('/projects/:id/')}" for call in found)


def label_of(files: Mapping[str, str]) -> str:
    """What the image of these files says of its module."""
    source = Source(
        {path: Entry(path, "file") for path in files}, {path: text.encode() for path, text in files.items()}
    )
    module = read(source, "add-noise").module
    assert module is not None
    return canonical(module_to_dict(module))


def test_the_life_of_a_merge_request(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1, "1.0.0", label_of(FILES))
    way.rest()
    world.sandbox.clear_log()

    spelling, pin = f"add_noise.py:{ANNOTATED_LINE}", "requirements.txt:2"
    life = Life(way, way.open(MISTAKES))
    state, words, calls = life.check(way.head("work"))
    assert state == "failed"
    assert "'FLOT' is not a type of parameter" in words
    assert "(and 1 more)" in words
    assert life.resolved() == {spelling: False, pin: False}
    number, said = life.note()
    assert said.split("\n", 1)[1].startswith("I am the bot that publishes this repository")
    assert "would publish nothing" in said
    assert "Two problems have a discussion on their lines." in said
    assert writes(calls) == [BEGIN_THREAD, BEGIN_THREAD, BEGIN_NOTE, TELL]

    # one click
    state, words, calls = life.check(life.apply_suggestion(spelling))
    assert way.sandbox.read_file(way.project.id, "add_noise.py", "work") == MENDED.encode()
    assert state == "failed"
    assert "requirements.txt:2" in words
    assert life.resolved() == {spelling: True, pin: False}
    same, said = life.note()
    assert same == number
    assert "One problem has a discussion on its line." in said
    assert writes(calls) == [TELL, RESOLVE, EDIT_NOTE]

    # one push
    state, words, calls = life.check(life.push({"requirements.txt": MENDED_FILES["requirements.txt"]}))
    assert state == "success"
    assert "1.1.0" in words
    assert life.resolved() == {spelling: True, pin: True}
    same, said = life.note()
    assert same == number
    assert "publishes version 1.1.0" in said
    assert "`--strength` | new" in said
    assert "`pillow` | new" in said
    assert "discussion" not in said
    assert writes(calls) == [TELL, RESOLVE, EDIT_NOTE]

    # a push that changes nothing that is told
    state, _, calls = life.check(life.push({"notes.txt": "x\n"}))
    assert state == "success"
    assert life.note() == (number, said)
    assert writes(calls) == [TELL]
    assert len(calls) <= MOST_CALLS, [(call.method, call.path) for call in calls]

    way.ask("PUT", f"merge_requests/{life.iid}/merge")
    digest = way.publish(way.bot_commit(), 2, "1.1.0", label_of(MENDED_FILES))
    way.rest()
    same, told = life.note()
    assert same == number
    assert f"{world.registry.address}/{way.project.full_path}@{digest}" in told
    assert "docker run" in told
    assert "/-/pipelines/" in told
    assert "| Built in |" in told
    assert life.resolved() == {spelling: True, pin: True}
    acted = [*world.sandbox.quick_actions, *world.sandbox.mentions]
    assert [action for action in acted if action.user_id == world.bot.id] == []
