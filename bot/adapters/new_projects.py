"""Making projects in GitLab, as a person: whatever an earlier run left half done is found and finished."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.adapters.files import Files, git_blob_id
from bot.adapters.gitlab_client import Answer, gone_or_refused
from bot.domain.gitlab import Person
from bot.domain.new_project import BRANCH, CONFIG_PATH, MESSAGE, NewProject, Standing
from bot.errors import OperatorError, Refused


class NewProjects(Files):
    """Projects that are made for somebody. Raises TryAgain, OperatorError, Refused or Gone."""

    def fetch_me(self) -> Person:
        """Whose token it is. OperatorError where something else than a GitLab answers."""
        match self._maybe("/user"):
            case {"id": int(number), "username": str(name), **more}:
                return Person(number, name, more.get("bot") is True)
        raise OperatorError(
            "what answers there is no GitLab",
            "Give the address that GitLab's pages begin with, as in https://gitlab.example.com",
        )

    def fetch_namespace(self, path: str) -> int | None:
        """The number of a group or user by its full path; None where the person sees no such one."""
        data = self._maybe(f"/namespaces/{quote(path, safe='')}")
        return None if data is None else int(data["id"])

    def fetch_standing(self, full_path: str, files: Mapping[str, bytes]) -> Standing | None:
        """A project by its path, and whether it holds these files byte for byte; None where there is none to see."""
        data = self._maybe(f"/projects/{quote(full_path, safe='')}")
        if data is None:
            return None
        branch, holds = data.get("default_branch"), False
        if branch and not data.get("empty_repo"):
            tree = self.fetch_tree(int(data["id"]), branch) or ()
            blobs = {entry.path: entry.blob for entry in tree}
            holds = all(
                path in blobs and git_blob_id(content, len(blobs[path])) == blobs[path]
                for path, content in files.items()
            )
        return _standing(data, holds)

    def make(self, new: NewProject, namespace_id: int | None) -> Standing:
        """The project, still without a commit. Refused with GitLab's own words where it says no."""
        data = {
            "name": new.name,
            "path": new.path,
            **({} if namespace_id is None else {"namespace_id": namespace_id}),
            **_settings(new),
        }
        try:
            return _standing(self._client.post("/projects", data), False)
        except Answer as answer:
            raise _refusal(answer, f"the project {new.path}") from answer

    def settle(self, project: Standing, new: NewProject) -> None:
        """The settings of a project that an earlier run made, as they are wanted now."""
        try:
            self._client.put(f"/projects/{project.id}", {"name": new.name, **_settings(new)})
        except Answer as answer:
            raise _refusal(answer, "the project's settings") from answer

    def fill(self, project: Standing, files: Mapping[str, bytes]) -> None:
        """The first commit, on the branch that is the default one afterwards."""
        actions = [
            {
                "action": "create",
                "file_path": path,
                "content": base64.b64encode(content).decode(),
                "encoding": "base64",
            }
            for path, content in sorted(files.items())
        ]
        data = {"branch": BRANCH, "commit_message": MESSAGE, "actions": actions}
        try:
            self._client.post(f"/projects/{project.id}/repository/commits", data)
            # where GitLab's own name for first branches is another one
            if self._client.get(f"/projects/{project.id}").get("default_branch") != BRANCH:
                self._client.put(f"/projects/{project.id}", {"default_branch": BRANCH})
        except Answer as answer:
            raise _refusal(answer, "the first commit") from answer


def _settings(new: NewProject) -> dict[str, Any]:
    return {
        "description": new.description,
        "visibility": new.visibility,
        "topics": list(new.topics),
        "ci_config_path": CONFIG_PATH,
    }


def _standing(data: Mapping[str, Any], holds: bool) -> Standing:
    return Standing(
        id=int(data["id"]),
        web_url=str(data.get("web_url") or ""),
        git_url=str(data.get("http_url_to_repo") or ""),
        creator=int(data.get("creator_id") or 0),
        empty=bool(data.get("empty_repo")),
        holds=holds,
        default_branch=data.get("default_branch"),
    )


def _refusal(answer: Answer, what: str) -> Exception:
    if answer.status == 403:
        more = "Ask for a higher role there, and run the same command again; it goes on from here."
        return Refused(f"GitLab refused {what} (403): {answer.message}. {more}")
    return gone_or_refused(answer, what)
