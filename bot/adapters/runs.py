"""What runs of modules left: their records and what they measured, by project and job. The artifacts hold the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.tables import Tables
from bot.domain.experiment import from_json, to_json
from bot.domain.runs import KeptRun, read_record, record_json

USUAL_RUNS = 20
"""Runs that are read where nobody says how many."""

RUNS_KEPT = 100
"""Runs of one project that are remembered; the oldest go first."""

_rows = schema.runs.c


class Runs(Tables):
    """The newest runs of each project."""

    def keep_run(self, run: KeptRun, limit: int = RUNS_KEPT) -> None:
        """Keep what a run left, in place of what was known of its job; the project's oldest beyond `limit` go."""
        self._put(
            schema.runs,
            {
                "project_id": run.project_id,
                "job_id": run.job_id,
                "pipeline_id": run.pipeline_id,
                "branch": run.branch,
                "sha": run.sha,
                "job_name": run.job_name,
                "web_url": run.web_url,
                "record": record_json(run.record),
                "experiment": to_json(run.experiment),
                "at": run.at,
            },
        )
        of_project = _rows.project_id == run.project_id
        newest = (
            sa.select(_rows.job_id).where(of_project).order_by(_rows.job_id.desc()).offset(limit).limit(1)
        )
        with self._engine.connect() as connection:
            last = connection.scalar(newest)
        if last is not None:
            with self._writing() as connection:
                connection.execute(sa.delete(schema.runs).where(of_project, _rows.job_id <= last))

    def forget_runs(self, project_id: int) -> None:
        """Forget the runs of a project that is not there any more."""
        with self._writing() as connection:
            connection.execute(sa.delete(schema.runs).where(_rows.project_id == project_id))

    def runs_of_commit(self, project_id: int, sha: str) -> tuple[KeptRun, ...]:
        """The commit's runs, the newest first."""
        return self._runs(_rows.project_id == project_id, _rows.sha == sha, limit=RUNS_KEPT)

    def runs_of(
        self, project_id: int, branch: str | None = None, limit: int = USUAL_RUNS
    ) -> tuple[KeptRun, ...]:
        """A project's runs, or those of one of its branches, the newest first."""
        of_branch = [] if branch is None else [_rows.branch == branch]
        return self._runs(_rows.project_id == project_id, *of_branch, limit=limit)

    def run_before(
        self, project_id: int, job_name: str, branch: str, not_sha: str, shas: Collection[str] = ()
    ) -> KeptRun | None:
        """The newest run of that job on the branch, or of one of these commits, if any is given; never `not_sha`'s."""
        where = [_rows.project_id == project_id, _rows.job_name == job_name, _rows.sha != not_sha]
        where.append(_rows.sha.in_(list(shas)) if shas else _rows.branch == branch)
        return next(iter(self._runs(*where, limit=1)), None)

    def _runs(self, *where: sa.ColumnElement[bool], limit: int) -> tuple[KeptRun, ...]:
        query = sa.select(schema.runs).where(*where).order_by(_rows.job_id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return tuple(_run(dict(row._mapping)) for row in connection.execute(query))


def _run(row: Mapping[str, Any]) -> KeptRun:
    record = read_record(row["record"].encode(), row["project_id"])
    return KeptRun(**{**row, "record": record, "experiment": from_json(row["experiment"])})
