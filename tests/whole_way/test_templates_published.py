"""Templates, the whole way: begun by one command, made in GitLab, and published by real jobs as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.__main__ import main
from bot.domain.pipeline import SMOKE
from bot.domain.templates import TEMPLATES
from tests.whole_way.conftest import SECRET, Way, World
from tests.whole_way.test_real_pipelines import ended, running, told

__all__ = ["running"]

pytestmark = pytest.mark.timeout(900)


def begin(world: World, template: str, folder: Path) -> Way:
    """Alice begins a repository in a group; the operator sees to it that the bot hears of the project."""
    words = (
        "--template",
        template,
        "--create",
        "--project",
        f"lab/{folder.name}",
        "--gitlab",
        world.sandbox.url,
    )
    assert main(["init", *words, str(folder)]) == 0
    project = world.sandbox.state.project_by(f"lab/{folder.name}")
    assert project is not None
    world.sandbox.add_member(project.id, world.bot, 40)
    world.sandbox.add_hook(project.id, world.hook_url, token=SECRET)
    return Way(world, project)


def test_every_template_is_published_as_it_is(
    running: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLREEF_TOKEN", running.alice.token)
    running.sandbox.add_group_member("lab", running.alice, 30)
    ways = {template: begin(running, template, tmp_path / f"{template}-one") for template in TEMPLATES}
    for way in ways.values():
        running.command("publish", way.project.full_path)
    for template, way in ways.items():
        sha = way.bot_commit()
        assert "version 1.0.0 as main-1" in told(way, sha, "success"), template
        said = running.sandbox.job(ended(way, sha).id, SMOKE).trace.decode()
        sample, tests = said.partition("Running the repository's tests")[::2]
        assert "Running the sample of .mlreef.yaml" in sample
        assert "  ok" in tests
        assert way.project.visibility == "private"
