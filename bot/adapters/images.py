"""Tags of a project's images, through GitLab: its registry lets nobody else take a tag away without its image."""

from __future__ import annotations

from collections.abc import Iterable

from bot.adapters.gitlab_client import Answer, GitlabClient, gone_or_refused

MAX_REPOSITORY_PAGES = 5
"""Pages of 100 image repositories of one project."""


def delete_image_tags(client: GitlabClient, project_id: int, path: str, tags: Iterable[str]) -> None:
    """Take tags away from the image repository of that path; those that are not there are passed by."""
    wanted = tuple(tags)
    if not wanted:
        return
    base = f"/projects/{project_id}/registry/repositories"
    try:
        repositories = client.get_list(base, MAX_REPOSITORY_PAGES)
    except Answer as answer:
        raise gone_or_refused(answer, "the container registry") from answer
    number = next((one["id"] for one in repositories if one["path"] == path), None)
    for tag in wanted if number is not None else ():
        try:
            client.delete(f"{base}/{number}/tags/{tag}")
        except Answer as answer:
            if answer.status != 404:
                raise gone_or_refused(answer, f"to take the tag {tag} away") from answer
