"""Runs of modules whose pipeline's end nobody told: each project that uses modules is looked at in its turn."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.adapters.runs import RUNS_KEPT
from bot.domain.events import Build, Pipeline, subject, to_dict
from bot.domain.gitlab import ENDED
from bot.domain.reconcile import EndedPipeline, Findings, Scope
from bot.logs import get
from bot.reach import Reach

ROUNDS = 2
"""So many rounds of turns ago a pipeline may have ended; what is older has been looked at."""

_OF_REQUEST = re.compile(r"refs/merge-requests/([1-9][0-9]{0,17})/\w+", re.ASCII)

_log = get(__name__)


def enter_missed_runs(project_id: int, scope: Scope, reach: Reach) -> Findings:
    """Enter the project's ended pipelines that no hook told of, each once: their jobs are then looked at for runs."""
    rhythm, store = reach.rhythm, reach.store
    # the word of what ended just now may be on its way
    until, window = scope.began_at - rhythm.stale_seconds, ROUNDS * rhythm.complete_seconds
    kept = {run.pipeline_id for run in store.runs_of(project_id, limit=RUNS_KEPT)}
    entered = 0
    for one in reach.overview.fetch_ended_pipelines(project_id):
        if one.id in kept or not scope.began_at - window < one.at < until:
            continue
        event = _event(project_id, one)
        if any(told.get("status") in ENDED for told in store.told(subject(event), window)):
            continue
        if not reach.act:
            entered += 1
        elif store.accept(
            f"sweep runs {project_id} {one.id}", to_dict(_placed(event, reach)), subject(event)
        ):
            _log.warning("pipeline's end was never heard", project=project_id, pipeline=one.id)
            entered += 1
    return Findings(missed_pipelines=entered)


def _event(project_id: int, one: EndedPipeline) -> Pipeline:
    """What a hook would have said; whether there are runs in it, the job sees."""
    request = _OF_REQUEST.fullmatch(one.ref)
    return Pipeline(
        project_id=project_id,
        ref=one.ref,
        sha=one.sha,
        pipeline_id=one.id,
        status=one.status,
        source=one.source,
        tag=False,
        default_branch=None,
        builds=(Build("", one.status, run=True),),
        merge_request=int(request[1]) if request else 0,
    )


def _placed(event: Pipeline, reach: Reach) -> Pipeline:
    """The same with the branch that a merge request comes from, as hooks have it."""
    if not event.merge_request:
        return event
    request = reach.world.forge.fetch_merge_request(event.project_id, event.merge_request)
    return event if request is None else replace(event, ref=request.source_branch)
