"""The sweep that finds what nobody told: heads and merge requests never handled, unheard ends, hooks that are off.

What it finds enters as a delivery of its own, so it goes the same way as a hook's. It costs two requests for every
hundred projects that moved, one for every hundred open merge requests that changed, and a closer look (three requests)
at each known project about once a day, or at once where a head was missed; and one request for the pipelines of each
project that uses modules.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot.adapters.gitlab_client import Answer, TooLong
from bot.adapters.patience import Patience
from bot.branches import fetch_unhandled
from bot.domain.branches import NAMED_FACT, NONE_NAMED, named_fact, read_named
from bot.domain.events import Changed, Found, MergeRequest, subject, to_dict
from bot.domain.gitlab import ENDED
from bot.domain.jobs import EnsurePipeline, Follow, Publish
from bot.domain.plan import State
from bot.domain.reconcile import (
    Enrolled,
    Findings,
    OpenRequest,
    Scope,
    missed,
    truth_of,
)
from bot.domain.steps import PUBLISH_STATUS, SetStatus
from bot.errors import TryAgain
from bot.jobs.names import KINDS, read_job
from bot.logs import get
from bot.mending_hooks import mend_hooks
from bot.missed_runs import enter_missed_runs
from bot.reach import Reach
from bot.telling import perform, tell_given_up

MANY_REQUESTS_HINT = (
    "Those that changed last were. Let the bot's user see only what it is to look after: on a GitLab with many public"
    " projects it sees all of theirs."
)
_log = get(__name__)


def sweep(scope: Scope, reach: Reach, keep_on: Callable[[Scope], None] = lambda _left: None) -> Findings:
    """Look at everything in the scope; repeatable at any point.

    `keep_on` is called now and then with what is left to be looked at, and may raise to break off.
    """
    known = reach.store.known_projects()
    users = reach.store.using_projects()
    naming = reach.store.facts(NAMED_FACT, NONE_NAMED)
    found = _look_after_open(scope, reach) + _tell_of_given_up(reach) + _look_after_catalogue(scope, reach)
    suspicious: set[int] = set()
    left, patience = scope, Patience()
    for page in reach.overview.fetch_enrolled(scope.active_after, scope.after_id):
        keep_on(left)
        ours = [project for project in page if reach.enrolment.takes(project, known | users)]
        heads = reach.overview.fetch_heads(ours)
        branches = {project.id: project.default_branch or "" for project in ours}
        # to what a newer commit took the place of, a branch can be moved back
        news = missed(heads, reach.store.handled(heads, (State.SUPERSEDED,)))
        entered = [_enter_head(project_id, branches[project_id], sha, reach) for project_id, sha in news]
        suspicious |= {project_id for project_id, sha in news if project_id in known}
        others = sum(_enter_others(project, naming, scope, reach, patience) for project in ours)
        found += Findings(projects=len(ours), missed_heads=sum(entered) + others)
        left = replace(left, after_id=page[-1].id if page else left.after_id)
    found += _sweep_requests(scope, reach, lambda: keep_on(left))
    for project_id in sorted({i for i in known if scope.has_turn(i)} | suspicious):
        keep_on(left)
        with patience.of(project_id):
            found += _close_status(project_id, reach)
            found += mend_hooks(project_id, scope, reach)
    for project_id in sorted(i for i in users if scope.has_turn(i)):
        keep_on(left)
        with patience.of(project_id):
            found += enter_missed_runs(project_id, scope, reach)
    return found


def _sweep_requests(scope: Scope, reach: Reach, keep_on: Callable[[], None]) -> Findings:
    """Have open merge requests checked that no hook told of."""
    if not reach.world.policy.review.enabled:
        return Findings()
    known = reach.store.known_projects() | reach.store.reviewed_projects()
    entered = 0
    try:
        for page in reach.overview.fetch_open_requests(scope.changed_after):
            keep_on()
            ours = {
                (request.project_id, request.iid): request
                for request in page
                if reach.enrolment.takes_request(request, known)
            }
            heads = {key: (request.sha, request.target) for key, request in ours.items()}
            checked = reach.store.checked(heads)
            entered += sum(_enter_request(ours[key], reach) for key in sorted(ours.keys() - checked))
    except TooLong as longer:
        _log.warning("not all open merge requests were looked at", why=str(longer), hint=MANY_REQUESTS_HINT)
    except (Answer, TryAgain) as error:
        # the heads of branches are worth their sweep all the same
        _log.warning("open merge requests could not be listed", why=str(error))
    return Findings(missed_merge_requests=entered)


def _enter_request(request: OpenRequest, reach: Reach) -> bool:
    event = MergeRequest(
        project_id=request.project_id,
        iid=request.iid,
        action="update",
        target_branch=request.target,
        sha=request.sha,
        state="opened",
        moved=True,
    )
    told = reach.store.told(subject(event), 2 * reach.rhythm.interval_seconds)
    if any((one.get("sha"), one.get("target_branch")) == (request.sha, request.target) for one in told):
        return False  # a hook told of it just now, and it is being looked at
    about = {"project": request.project_id, "iid": request.iid, "sha": request.sha}
    if not reach.act:
        _log.info("merge request was never checked", **about)
        return True
    # One key for one head: where a check has nothing to do, such as for a branch that is not published, once is enough.
    key = f"sweep merge request {request.project_id} {request.iid} {request.sha} {request.target}"
    fresh = reach.store.accept(key, to_dict(event), subject(event))
    if fresh:
        _log.warning("merge request was never checked", **about)
    return fresh


def _enter_others(
    project: Enrolled, naming: Mapping[str, str], scope: Scope, reach: Reach, patience: Patience
) -> int:
    """Enter heads of the project's other branches that are published; those of the operator's once a round."""
    named = read_named(naming.get(named_fact(project.id)))
    operators = bool(reach.world.policy.branches) and scope.has_turn(project.id)
    if not named and not operators:
        return 0
    entered = 0
    with patience.of(project.id):
        for branch, sha in fetch_unhandled(project.id, project.default_branch, named or (), reach.world):
            entered += _enter_head(project.id, branch, sha, reach)
    return entered


def _enter_head(project_id: int, branch: str, sha: str, reach: Reach) -> bool:
    before = reach.store.publication(project_id, sha, branch)
    recent = 2 * reach.rhythm.interval_seconds
    if before is not None:
        # what was told before a newer commit took its place is no word of the move back
        recent = min(recent, max(time.time() - before.updated_at, 0.0))
    pushes = reach.store.told(f"push {project_id} refs/heads/{branch}", recent)
    if any(push.get("after") == sha for push in pushes):
        return False  # a hook told of it just now, and it is being worked on
    event = Found(project_id, branch, sha)
    if not reach.act:
        _log.info("head was never handled", project=project_id, branch=branch, sha=sha)
        return True
    # One key for one head: what was found once and needs no publication is not found again, unless it was one since.
    since = f" {before.updated_at}" if before else ""
    fresh = reach.store.accept(f"sweep {project_id} {branch} {sha}{since}", to_dict(event), subject(event))
    if fresh:
        _log.warning("head was never handled", project=project_id, branch=branch, sha=sha)
    return fresh


def _look_after_open(scope: Scope, reach: Reach) -> Findings:
    stuck = reach.store.open_publications((State.WAITING, State.RUNNING), reach.rhythm.stale_seconds)
    for known in stuck if reach.act else ():
        event = Found(known.project_id, known.branch, known.sha, known.pipeline_id)
        key = f"sweep {scope.began_at:.0f} open {known.project_id} {known.branch} {known.sha}"
        reach.store.accept(key, to_dict(event), subject(event))
    return Findings(open_publications=len(stuck))


def _look_after_catalogue(scope: Scope, reach: Reach) -> Findings:
    """Have listed what was published and is not in the catalogue, and each project that has its turn.

    What cannot be listed, such as a project that is gone, is tried once for each of its publications, and in its turn.
    """
    unlisted = reach.store.unlisted((State.PUBLISHED,), reach.rhythm.stale_seconds)
    if not reach.act:
        return Findings(unlisted=len(unlisted))
    entered = set()
    for project_id in sorted({*unlisted, *reach.store.listed_projects()}):
        newest = reach.store.newest_publication(project_id) if project_id in unlisted else None
        about = f"turn {scope.began_at:.0f}" if scope.has_turn(project_id) else newest and newest.updated_at
        if about is not None and _enter_listing(f"{project_id} {about}", project_id, reach):
            entered.add(project_id)
    return Findings(unlisted=len(entered.intersection(unlisted)))


def _enter_listing(key: str, project_id: int, reach: Reach) -> bool:
    event = Changed(project_id, whole=True)
    return reach.store.accept(f"sweep list {key}", to_dict(event), subject(event))


def _tell_of_given_up(reach: Reach) -> Findings:
    """Tell authors of jobs that were given up while GitLab could not be told so."""
    untold, patience = 0, Patience()
    for parked in reach.store.parked():
        if parked.job.get("kind") not in KINDS:
            continue  # a delivery that could not be read has no author
        job = read_job(parked.job["kind"], parked.job)
        if not isinstance(job, Publish | EnsurePipeline | Follow):
            continue  # no publication; the head of a check is found again as one that was never checked
        known = reach.store.publication(job.project_id, job.sha or "", job.branch)
        if job.sha is None or (known is not None and State(known.state).ended):
            continue
        untold += 1
        with patience.of(job.project_id):
            if reach.act:
                tell_given_up(job, reach.world)
    return Findings(untold_failures=untold)


def _close_status(project_id: int, reach: Reach) -> Findings:
    """Close a status of ours that says "running" of a publication that has ended."""
    known = reach.store.newest_publication(project_id)
    if known is None or not State(known.state).ended:
        return Findings()
    forge, user = reach.world.forge, reach.world.user_id
    status = forge.fetch_status(project_id, known.branch, known.sha, PUBLISH_STATUS, user)
    if status is None or status.state in ENDED:
        return Findings()
    state, words = truth_of(State(known.state))
    _log.warning("status was left open", project=project_id, sha=known.sha, truth=state)
    if reach.act:
        step = SetStatus(known.sha, known.branch, state, words, "", status.pipeline_id)
        perform((step,), project_id, reach.world)
    return Findings(stale_statuses=1)
