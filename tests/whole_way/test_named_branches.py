"""Branches that `.mlreef.yaml` names on the default branch are published, each with numbers of its own."""

from __future__ import annotations

import time

from tests.whole_way.conftest import FILES, SOON, Way, World

NAMES = {".mlreef.yaml": "branches: [stable, 'line/*']\n"}


def head_by_bot(way: Way, branch: str) -> str:
    """The branch's head, once it is the bot's commit of a file for that branch."""

    def found() -> str | None:
        head = way.head(branch)
        return head if f'"{branch}"'.encode() in (way.file(head) or b"") else None

    return way.sandbox.wait_for(found, SOON, f"the bot's commit on {branch}")


def test_a_branch_is_published_once_it_is_named_and_on_each_push_since(world: World) -> None:
    way = world.project(FILES)
    way.bot_commit()
    before = way.push({"notes.txt": "first\n"}, branch="stable")
    way.rest()
    # nobody has named it yet: its file is still that of the branch it was made from
    assert way.head("stable") == before
    way.push(NAMES)
    ours = head_by_bot(way, "stable")
    pushed = way.push({"notes.txt": "second\n"}, branch="line/1")
    assert way.sandbox.wait_for(lambda: way.head("line/1") != pushed, SOON, "the bot's commit on line/1")
    assert head_by_bot(way, "line/1")
    assert way.pipeline(ours).ref == "stable"


def test_other_branches_cost_nothing_and_cannot_name_themselves(world: World) -> None:
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1)
    way.rest()
    calls = len(way.calls())
    pushed = way.push(NAMES, branch="stable")
    time.sleep(1)
    way.rest()
    assert way.head("stable") == pushed
    assert way.statuses(pushed) == []
    assert len(way.calls()) == calls


def test_a_merge_request_to_a_named_branch_is_reviewed(world: World) -> None:
    way = world.project({**FILES, **NAMES})
    way.bot_commit()
    way.push({"notes.txt": "first\n"}, branch="stable")
    head_by_bot(way, "stable")
    way.push({"notes.txt": "first\n"}, branch="feature")
    iid = way.open({"requirements.txt": "numpy==2.2\n"}, "work", "stable")
    aside = way.open({"requirements.txt": "numpy==2.2\n"}, "work-two", "feature")
    assert way.sandbox.wait_for(lambda: way.notes(iid), SOON, "the note")
    way.rest()
    assert way.notes(aside) == []
