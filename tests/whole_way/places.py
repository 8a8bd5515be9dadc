"""Everywhere that people find a version of a module, asked as somebody who is no member of its project."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests

from tests.whole_way.conftest import Way

VERSION = "1.0.0"


@dataclass
class Stand:
    """A public project with the version 1.0.0, and the places where people find it, no members of it."""

    way: Way
    site: str
    folder: Path
    word: str
    """What somebody searches for who does not know its name."""

    @property
    def path(self) -> str:
        return self.way.project.full_path

    def api(self, rest: str = "") -> str:
        return f"{self.site}/api/v1/modules/{quote(self.path, safe='')}{rest}"

    def ask(self, action: str) -> None:
        answer = requests.post(
            self.api(f"/{VERSION}/{action}"),
            headers={"PRIVATE-TOKEN": self.way.world.alice.token},
            timeout=20,
        )
        assert answer.status_code == 202, answer.text

    def is_listed(self) -> bool:
        return requests.get(self.api(f"/{VERSION}"), timeout=20).ok

    def found(self) -> dict[str, object]:
        """By place, what somebody who is no member finds there of it; what is false is nothing."""
        way, registry = self.way, self.way.world.registry
        search = requests.get(f"{self.site}/api/v1/modules", {"q": self.word}, timeout=20).json()
        badge = requests.get(f"{self.site}/badges/{self.path}/version.svg", timeout=20)
        tags = {
            tag: details.digest
            for tag in registry.tags(self.path)
            if not tag.startswith("withdrawn") and (details := registry.tag_details(self.path, tag))
        }
        return {
            "the search": self.path in [one["path"] for one in search["items"]],
            "the list": self.path in requests.get(self.site, timeout=20).text,
            "the module": requests.get(self.api(), timeout=20).ok,
            "the version": self.is_listed(),
            "the page": requests.get(f"{self.site}/modules/{self.path}", timeout=20).ok,
            "the version's page": requests.get(f"{self.site}/modules/{self.path}/-/{VERSION}", timeout=20).ok,
            "the badge": VERSION in badge.text,
            "the component": way.sandbox.core.git(way.project).tag(VERSION) is not None,
            "the release": (way.project.id, VERSION) in way.sandbox.state.releases,
            "the images": tags,
            "a data pipeline": self.is_rendered(),
        }

    def is_rendered(self) -> bool:
        file = self.folder / "mlreef-pipeline.yml"
        file.write_text(f"steps:\n  - module: {self.path}@{VERSION}\n    with: {{input-path: a}}\n")
        command = ["pipeline", "check", str(file), "--catalogue", self.site]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.returncode == 0
