"""Pipelines as GitLab has them: their jobs and logs, and the statuses that commits have in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.adapters.asking import Asking
from bot.adapters.gitlab_client import Answer, gone_or_refused
from bot.domain.access import read_bridges
from bot.domain.gitlab import Artifact, Bridge, CiJob, CommitStatus, Pipeline
from bot.errors import Gone, Refused
from bot.logs import redact

TRACE_TAIL_BYTES = 64 * 1024

NEWEST_LOOKED_AT = 20
"""Pipelines among which one is looked for that the bot may have started."""


class Pipelines(Asking):
    """The pipelines of all projects, by project id and pipeline id."""

    def fetch_pipelines(
        self, project_id: int, branch: str, sha: str, source: str | None = None
    ) -> tuple[Pipeline, ...]:
        """The commit's pipelines on the branch, newest first; child pipelines only when `source` asks for them."""
        items = self._list(
            f"/projects/{project_id}/pipelines", ref=branch, sha=sha, source=source, order_by="id"
        )
        return tuple(_pipeline(item) for item in items)

    def fetch_pipeline(self, project_id: int, pipeline_id: int) -> Pipeline | None:
        """One pipeline, with the errors of its configuration."""
        data = self._maybe(f"/projects/{project_id}/pipelines/{pipeline_id}")
        return _pipeline(data) if data else None

    def create_pipeline(
        self, project_id: int, branch: str, variables: Mapping[str, str] | None = None
    ) -> Pipeline:
        """Start a pipeline for the branch's head; Refused with GitLab's words when it will not."""
        data: dict[str, Any] = {"ref": branch}
        if variables:
            data["variables"] = [{"key": key, "value": value} for key, value in variables.items()]
        try:
            return _pipeline(self._client.post(f"/projects/{project_id}/pipeline", data))
        except Answer as answer:
            raise gone_or_refused(answer, f"a pipeline for {branch}") from answer

    def fetch_pipeline_variables(self, project_id: int, pipeline_id: int) -> Mapping[str, str]:
        """The variables that somebody started a pipeline with; none where GitLab does not let the bot see them."""
        try:
            items = self._list(f"/projects/{project_id}/pipelines/{pipeline_id}/variables")
        except (Refused, Gone):
            return {}
        return {item["key"]: item.get("value") or "" for item in items}

    def fetch_newest_pipelines(self, project_id: int, branch: str, since: int) -> tuple[Pipeline, ...]:
        """Pipelines of the branch that were started by the API after another one, newest first."""
        path = f"/projects/{project_id}/pipelines"
        items = self._maybe(path, ref=branch, source="api", order_by="id", per_page=NEWEST_LOOKED_AT)
        return tuple(found for item in items or () if (found := _pipeline(item)).id > since)

    def retry_pipeline(self, project_id: int, pipeline_id: int) -> None:
        """Run the pipeline's failed and canceled jobs again; nothing where there are none."""
        self._turn_pipeline(project_id, pipeline_id, "retry")

    def cancel_pipeline(self, project_id: int, pipeline_id: int) -> None:
        """Stop what of the pipeline has not ended; nothing where all has."""
        self._turn_pipeline(project_id, pipeline_id, "cancel")

    def _turn_pipeline(self, project_id: int, pipeline_id: int, verb: str) -> None:
        try:
            self._client.post(f"/projects/{project_id}/pipelines/{pipeline_id}/{verb}", {})
        except Answer as answer:
            raise gone_or_refused(answer, f"to {verb} pipeline {pipeline_id}") from answer

    def fetch_jobs(self, project_id: int, pipeline_id: int) -> tuple[CiJob, ...]:
        """The pipeline's jobs, of retried ones the newest."""
        items = self._list(f"/projects/{project_id}/pipelines/{pipeline_id}/jobs")
        newest: dict[str, CiJob] = {}
        for item in sorted(items, key=lambda item: int(item["id"])):
            newest[item["name"]] = CiJob(
                id=int(item["id"]),
                name=item["name"],
                status=item["status"],
                allow_failure=bool(item.get("allow_failure")),
                web_url=item.get("web_url", ""),
                failure_reason=item.get("failure_reason"),
                seconds=item.get("duration"),
                archive=((item.get("artifacts_file") or {}).get("filename") or "").removesuffix(".zip"),
            )
        return tuple(newest.values())

    def fetch_bridges(self, project_id: int, pipeline_id: int) -> tuple[Bridge, ...]:
        """The pipeline's jobs that trigger child pipelines, of retried ones the newest."""
        items = self._list(f"/projects/{project_id}/pipelines/{pipeline_id}/bridges")
        return read_bridges(items, project_id)

    def fetch_trace_tail(self, project_id: int, job_id: int) -> bytes:
        """The last whole lines of a job's log, without what looks like a credential; empty when there is none."""
        try:
            tail = self._client.get_bytes(f"/projects/{project_id}/jobs/{job_id}/trace", TRACE_TAIL_BYTES)
        except Answer:
            return b""
        if len(tail) == TRACE_TAIL_BYTES:
            # of a line that was cut nobody knows what it said, nor where a credential in it began
            tail = tail[tail.find(b"\n", 0, -1) + 1 :]
        return redact(tail.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def fetch_artifact(self, project_id: int, job_id: int, path: str, max_bytes: int) -> Artifact | None:
        """A file out of the job's artifacts, of a larger one the first `max_bytes`; None where there is none."""
        where = f"/projects/{project_id}/jobs/{job_id}/artifacts/{quote(path, safe='')}"
        try:
            content = self._client.get_beginning(where, max_bytes + 1)
        except Answer as answer:
            if answer.status == 404:
                return None
            raise gone_or_refused(answer, f"an artifact of job {job_id}") from answer
        return Artifact(content[:max_bytes], len(content) <= max_bytes)

    def fetch_status(
        self, project_id: int, branch: str, sha: str, name: str, user_id: int, pipeline_id: int | None = None
    ) -> CommitStatus | None:
        """The newest status of this name that the bot itself wrote on the commit (in that pipeline, if named)."""
        items = self._list(
            f"/projects/{project_id}/repository/commits/{sha}/statuses",
            ref=branch,
            name=name,
            pipeline_id=pipeline_id,
            all="true",
        )
        ours = [item for item in items if (item.get("author") or {}).get("id") == user_id]
        if not ours:
            return None
        newest = max(ours, key=lambda item: int(item["id"]))
        return CommitStatus(
            newest["name"], newest["status"], newest.get("description") or "", newest.get("pipeline_id")
        )

    def set_status(
        self,
        project_id: int,
        sha: str,
        name: str,
        state: str,
        description: str,
        target_url: str,
        pipeline_id: int | None,
        branch: str,
    ) -> None:
        """Write a commit status; being in that state already is as good."""
        data = {"state": state, "name": name, "description": description}
        if target_url:
            data |= {"target_url": target_url}
        data |= {"ref": branch} if pipeline_id is None else {"pipeline_id": str(pipeline_id)}
        try:
            self._client.post(f"/projects/{project_id}/statuses/{sha}", data)
        except Answer as answer:
            if answer.status == 400 and "transition" in answer.message.lower():
                return
            raise gone_or_refused(answer, f"a status on {sha}") from answer


def _pipeline(data: Mapping[str, Any]) -> Pipeline:
    return Pipeline(
        id=int(data["id"]),
        sha=data["sha"],
        ref=data["ref"],
        status=data["status"],
        source=data.get("source") or "",
        web_url=data.get("web_url") or "",
        yaml_errors=data.get("yaml_errors"),
        user_id=(data.get("user") or {}).get("id"),
    )
