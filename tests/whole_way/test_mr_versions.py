"""A merge request tells what it changes for users, and which version follows; the publication then names that one."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.steps import CHECK_STATUS
from parser.read import read
from parser.source import Entry, Source
from parser.wire import canonical, module_to_dict
from tests.whole_way.conftest import FILES, SCRIPT, SOON, Way, World
from tests.whole_way.test_mr_check import MOST_CALLS

SEEDED = SCRIPT.replace(
    "parser.parse_args", 'parser.add_argument("--seed", type=int, default=3)\nparser.parse_args'
)
WITHOUT_MODE = "\n".join(line for line in SCRIPT.splitlines() if '"--mode"' not in line) + "\n"


def described(way: Way, files: Mapping[str, str]) -> str:
    """The label of the image that these files of the project would become."""
    contents = {path: content.encode() for path, content in files.items()}
    module = read(Source({path: Entry(path, "file") for path in contents}, contents), way.project.path).module
    assert module is not None
    return canonical(module_to_dict(module))


def published(world: World, version: str = "1.0.0") -> Way:
    """A project of which that version is published."""
    way = world.project(FILES)
    way.publish(way.bot_commit(), 1, version, described(way, FILES))
    return way


def checked(way: Way, sha: str, words: str) -> None:
    """Once the head's check says so."""
    way.sandbox.wait_for(
        lambda: [
            s for s in way.sandbox.statuses(way.project.id, sha, CHECK_STATUS) if words in s.description
        ],
        SOON,
        f"a check that says {words!r}",
    )


def note(way: Way, iid: int, words: str) -> str:
    """The one note, once it says so."""
    found: str = way.sandbox.wait_for(
        lambda: next((body for body in way.notes(iid) if words in body), None),
        SOON,
        f"a note that says {words!r}",
    )
    assert len(way.notes(iid)) == 1
    return found


def test_the_version_that_merging_gives_is_told_and_then_given(world: World) -> None:
    way = published(world)
    iid = way.open({"add_noise.py": SEEDED})
    checked(way, way.head("work"), "Merging publishes 1.1.0")
    body = note(way, iid, "`1.1.0`: a minor version after `1.0.0`")
    assert "| `--seed` | new |  | `int, default 3` | Nobody has to give it." in body

    head = way.push({"add_noise.py": WITHOUT_MODE}, branch="work")
    checked(way, head, "Merging publishes 2.0.0")
    assert "Whoever still gives it gets an error." in note(way, iid, "`2.0.0`: a major version after `1.0.0`")

    way.ask("PUT", f"merge_requests/{iid}/merge")
    way.publish(way.bot_commit(), 2, "2.0.0", described(way, {**FILES, "add_noise.py": WITHOUT_MODE}))
    assert "version 2.0.0" in note(way, iid, "is published")

    back = way.open({"add_noise.py": SCRIPT}, branch="back")
    checked(way, way.head("back"), "Merging publishes 2.1.0")
    note(way, back, "`2.1.0`: a minor version after `2.0.0`")


def test_code_alone_is_a_patch_and_no_reason_for_a_note(world: World) -> None:
    way = published(world, "1.4.7")
    iid = way.open({"add_noise.py": SCRIPT + "# faster\n"})
    checked(way, way.head("work"), "Merging publishes 1.4.8")
    way.rest()
    assert way.notes(iid) == []


def test_requirements_are_told_when_they_change(world: World) -> None:
    way = published(world)
    iid = way.open({"requirements.txt": "numpy==2.2\nscipy==1.15\n", "add_noise.py": SEEDED})
    body = note(way, iid, "`1.1.0`: a minor version after `1.0.0`")
    assert "| `numpy` | another version | `==2.1` | `==2.2` |" in body
    assert "| `scipy` | new |  | `==1.15` |" in body


def tokens_asked_for(world: World) -> int:
    """Requests for tokens of the registry, whoever made them."""
    return sum(asked.path.endswith("/jwt/auth") for asked in world.sandbox.requests)


def test_knowing_what_is_published_costs_no_calls_of_gitlab(world: World) -> None:
    """Tokens for the registry are GitLab's, too; they are asked for once and kept."""
    way = published(world)
    way.open({"add_noise.py": SCRIPT + "# faster\n"})
    checked(way, way.head("work"), "Merging publishes 1.0.1")
    way.rest()
    before, tokens = len(world.sandbox.calls(world.bot)), tokens_asked_for(world)
    assert tokens > 0
    head = way.push({"add_noise.py": SCRIPT + "# fast\n"}, branch="work")
    checked(way, head, "Merging publishes 1.0.1")
    way.rest()
    calls = [f"{call.method} {call.path}" for call in world.sandbox.calls(world.bot)[before:]]
    assert len(calls) + tokens_asked_for(world) - tokens <= MOST_CALLS, calls
    assert tokens_asked_for(world) == tokens
