"""A version is taken back, and brought back, by a comment: GitLab, the registry and the service for real."""

from __future__ import annotations

from bot.domain.tags import candidate_tag
from sandbox.gitlab import DEVELOPER
from tests.whole_way.conftest import FILES, SCRIPT, Way, World
from tests.whole_way.test_mr_commands import DONE, NOT_DONE, Talk


def tags(way: Way) -> dict[str, str]:
    """What is published, by name, without candidates."""
    name, registry = way.project.full_path.lower(), way.world.registry
    found = {tag: registry.tag_details(name, tag) for tag in registry.tags(name)}
    return {tag: one.digest for tag, one in found.items() if one and not tag.startswith(candidate_tag(""))}


def test_a_maintainer_takes_a_version_back_and_brings_it_back(world: World) -> None:
    way = world.project(FILES)
    first = way.publish(way.bot_commit(), 1)
    way.push({"add_noise.py": SCRIPT + "# twice\n"})
    second_sha = way.head()
    second = way.publish(second_sha, 2)
    published = tags(way)
    assert (published["latest"], published["master-1"]) == (second, first)
    talk = Talk(way, way.open({"notes.txt": "Hi\n"}))

    dora = world.sandbox.create_user("dora-who-develops")
    world.sandbox.add_member(way.project.id, dora, DEVELOPER)
    assert "Maintainer" in talk.ask("/mlreef unpublish 2", NOT_DONE, dora)
    assert tags(way) == published

    said = talk.ask("/mlreef unpublish 2", DONE)
    assert said.startswith(
        "Version `master-2` is taken back: `master-2` leads nowhere now. `latest` is `master-1` again."
    )
    left = tags(way)
    assert left.keys() == {"latest", "master-1", "withdrawn.master-2"}
    assert left["latest"] == left["master-1"] == first
    assert "`master-2` is taken back already" in talk.ask("/mlreef unpublish master-2", DONE)

    # the sweep does not bring it back, nor does a hook that comes late
    way.rest()
    assert tags(way)["latest"] == first
    assert "There is no version `master-9`" in talk.ask("/mlreef republish 9", NOT_DONE)

    assert "Maintainer" in talk.ask("/mlreef republish 2", NOT_DONE, dora)
    assert "is back, the same image as before" in talk.ask("/mlreef republish 2", DONE)
    assert tags(way) == published
    assert world.sandbox.quick_actions == []


def test_the_operator_does_both_by_commands_and_it_is_told_on_the_commit(world: World) -> None:
    way = world.project(FILES)
    first = way.publish(way.bot_commit(), 1)
    way.push({"add_noise.py": SCRIPT + "# twice\n"})
    sha = way.head()
    way.publish(sha, 2)
    published = tags(way)
    world.command("unpublish", way.project.full_path, "2")
    assert tags(way).keys() == {"latest", "master-1", "withdrawn.master-2"}
    assert tags(way)["latest"] == first
    assert "Version `master-2` is taken back" in way.comment(sha)
    world.command("republish", str(way.project.id), "master-2", "--wait", "30")
    assert tags(way) == published
    assert "is back, the same image as before" in way.comments(sha)[-1]
