"""Repositories as an author would write them, and the mlreef.yml that the bot would add."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from bot.adapters.checkout import load_commit
from bot.domain.engines import Building, Choice, makes_wheels, plan_engine
from bot.domain.pipeline import PATH, Environment, PipelineSettings, render
from parser.read import read
from tests.ci.world import Repository

SCRIPT = """\
import argparse
import os


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-path", required=True)
    parser.add_argument("--output-path", required=True)
    parser.add_argument("--mode", choices=["gaussian", "speckle"], default="gaussian")
    parser.add_argument("--amount", type=float, default=0.5)
    parser.add_argument("--clip", action="store_true")
    args = parser.parse_args()
    print("BODY", args.mode, os.getuid(), os.getcwd())


if __name__ == "__main__":
    main()
"""

PROJECT_NAME = "add-noise"


def settings(base: str = "python:3.12-slim", **env: str) -> PipelineSettings:
    environment = Environment("python", "Python", base, "3.11", env)
    return PipelineSettings(
        "registry.example.com/bot:1",
        "docker",
        environment,
        "https://docs.example.com",
        building=Building(engines=("docker",)),
    )


def publishable(
    repository: Repository,
    files: dict[str, str | bytes] | None = None,
    chosen: PipelineSettings | None = None,
    branch: str = "main",
) -> str:
    """Commits the files, and then the mlreef.yml that is right for them."""
    sha = repository.commit({"main.py": SCRIPT, "requirements.txt": "", **(files or {})})
    report = read(load_commit(repository.path, sha, PATH).source, PROJECT_NAME)
    assert report.module is not None, report.problems
    chosen = chosen or settings()
    choice = plan_engine(report, chosen.building.engines)
    assert isinstance(choice, Choice), choice
    chosen = replace(
        chosen,
        engine=choice.engine,
        engine_why=choice.why,
        stages=report.settings.stages,
        wheels=makes_wheels(report, choice.engine),
    )
    return repository.commit({PATH: render(report.module, chosen, branch)}, "Update mlreef.yml")


def variables(repository: Repository, sha: str, image: str = "", **more: str) -> dict[str, str]:
    """What GitLab sets in a job, as far as the jobs look."""
    image = image or "registry.example.com/group/add-noise"
    return {
        "PATH": os.environ["PATH"],
        "CI_COMMIT_SHA": sha,
        "CI_COMMIT_BRANCH": "main",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_TIMESTAMP": "2026-01-01T00:00:00Z",
        "CI_PROJECT_DIR": str(repository.path),
        "CI_PROJECT_NAME": PROJECT_NAME,
        "CI_PROJECT_URL": "https://gitlab.example.com/group/add-noise",
        "CI_REGISTRY": image.partition("/")[0],
        "CI_REGISTRY_IMAGE": image,
        "CI_REGISTRY_USER": "gitlab-ci-token",
        "CI_REGISTRY_PASSWORD": "secret-job-token",
        "MLREEF_BUILDER": "registry.example.com/bot:1",
        **more,
    }


def dotenv(folder: Path, name: str) -> dict[str, str]:
    lines = (folder / ".mlreef" / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)
