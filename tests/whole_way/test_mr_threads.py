"""Problems told on their lines, mended by one click, and resolved by the bot: by the service itself, over HTTP."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from werkzeug.wrappers import Response

from bot.domain.steps import CHECK_STATUS
from sandbox.gitlab.values import Note
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World
from tests.whole_way.test_mr_check import fork_of, open_from

MISTAKEN = {
    **FILES,
    "add_noise.py": SCRIPT.replace('default="gaussian"', 'type="str", default="gaussian"'),
    "requirements.txt": "scipy==1.14.1\nnumpy=2.1\n",
}
"""A type in quotes and one equals sign for two: both can be mended at one click."""


def threads(way: Way, iid: int) -> list[Note]:
    """First notes of the bot's discussions on lines."""
    notes = way.sandbox.notes(way.project.id, iid)
    own = [note for note in notes if note.author_id == way.world.bot.id and note.position]
    return sorted(own, key=lambda note: note.id)


def wait_threads(way: Way, iid: int, resolved: list[bool]) -> list[Note]:
    """The discussions, once so many are there and stand so."""

    def found() -> list[Note] | None:
        notes = threads(way, iid)
        return notes if [note.resolved for note in notes] == resolved else None

    return way.sandbox.wait_for(found, SOON, f"discussions that stand {resolved}")


def checked(way: Way, sha: str, state: str) -> None:
    """Once the head has this status of the check."""
    way.sandbox.wait_for(
        lambda: any(s.status == state for s in way.sandbox.statuses(way.project.id, sha, CHECK_STATUS)),
        SOON,
        f"{CHECK_STATUS} {state}",
    )


def suggestions(way: Way, iid: int) -> list[dict[str, Any]]:
    """What GitLab read out of the bot's discussions, as people see it there."""
    shown = way.ask("GET", f"merge_requests/{iid}/discussions")
    assert isinstance(shown, list)
    return [one for thread in shown for one in thread["notes"][0].get("suggestions", ())]


def apply(way: Way, *numbers: int) -> None:
    """Alice applies them, as one commit."""
    url = f"{way.sandbox.url}/api/v4/suggestions/batch_apply"
    headers = {"PRIVATE-TOKEN": way.world.alice.token}
    requests.put(url, json={"ids": numbers}, headers=headers, timeout=10).raise_for_status()


def fixed(folder: Path, files: dict[str, str]) -> dict[str, bytes]:
    """What `mlreef-bot check --fix` makes of the files."""
    for name, text in files.items():
        (folder / name).write_text(text)
    run = [sys.executable, "-m", "bot", "check", "--fix", str(folder)]
    subprocess.run(run, check=False, capture_output=True, timeout=60)
    return {name: (folder / name).read_bytes() for name in files}


def test_a_suggestion_is_what_fix_writes_and_mends_what_it_speaks_of(world: World, tmp_path: Path) -> None:
    way = world.project()
    iid = way.open(MISTAKEN)
    found = wait_threads(way, iid, [False, False])
    assert {(note.position or {})["new_path"] for note in found} == {"add_noise.py", "requirements.txt"}
    first, second = suggestions(way, iid)
    before = way.head("work")
    apply(way, first["id"], second["id"])
    head = way.head("work")
    # the bot is the author, and Alice is who pushed: it is no push of the bot's own
    assert head != before
    assert way.is_by_bot(head)
    checked(way, head, "success")
    assert {name: way.sandbox.read_file(way.project.id, name, "work") for name in MISTAKEN} == fixed(
        tmp_path, MISTAKEN
    )
    for note in wait_threads(way, iid, [True, True]):
        assert note.resolved_by == world.bot.id


def test_the_template_of_mlreefs_pages_is_mended_at_one_click(world: World, tmp_path: Path) -> None:
    way = world.project()
    head, guard, body = SCRIPT.partition('if __name__ == "__main__":\n')
    assert guard
    assert body.startswith("    ")
    files = {
        **FILES,
        "add_noise.py": head + guard + "".join(line[4:] or "\n" for line in body.splitlines(True)),
    }
    iid = way.open(files)
    (note,) = wait_threads(way, iid, [False])
    assert "is not valid Python" in note.body
    (one,) = suggestions(way, iid)
    apply(way, one["id"])
    checked(way, way.head("work"), "success")
    written = way.sandbox.read_file(way.project.id, "add_noise.py", "work")
    assert written == SCRIPT.encode()
    assert written == fixed(tmp_path, files)["add_noise.py"]
    wait_threads(way, iid, [True])


def test_what_is_told_on_its_line_is_told_once_over_many_pushes(world: World) -> None:
    way = world.project()
    iid = way.open(MISTAKEN)
    wait_threads(way, iid, [False, False])
    for number in range(3):
        head = way.push({"add_noise.py": f"# {number}\n" + MISTAKEN["add_noise.py"]}, branch="work")
        checked(way, head, "failed")
    way.rest()
    assert len(threads(way, iid)) == 2
    assert [call for call in way.writes() if call[1].endswith("/discussions")] == [
        ("POST", "/projects/:id/merge_requests/:iid/discussions")
    ] * 2


def test_a_lost_answer_does_not_make_the_bot_repeat_itself(world: World) -> None:
    way = world.project()

    def lost(answer: Any) -> Response:
        answer()
        return Response(status=502)

    world.mood.once("POST", "/merge_requests/:iid/discussions", lost)
    iid = way.open(MISTAKEN)
    wait_threads(way, iid, [False, False])
    way.rest()
    assert len(threads(way, iid)) == 2


def test_in_a_merge_request_from_a_fork_without_rights_there_is_the_note_only(world: World) -> None:
    way, erin = world.project(), world.sandbox.create_user("erin")
    open_from(fork_of(way, erin), way, erin, MISTAKEN)
    note = way.sandbox.wait_for(lambda: (way.notes(1) or [None])[0], SOON, "the note")
    way.rest()
    assert threads(way, 1) == []
    assert "`requirements.txt:2`" in note


def test_where_open_discussions_block_merging_the_bot_opens_none(world: World) -> None:
    way = world.project()
    way.project.needs_resolved_discussions = True
    iid = way.open(MISTAKEN)
    note = way.sandbox.wait_for(lambda: (way.notes(iid) or [None])[0], SOON, "the note")
    way.rest()
    assert threads(way, iid) == []
    assert "`requirements.txt:2`" in note
    shown = way.ask("GET", f"merge_requests/{iid}")
    assert shown["detailed_merge_status"] == "mergeable"
