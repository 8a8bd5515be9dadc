"""Webhooks of a project: switched on again where GitLab switched them off, and sent again what failed."""

from __future__ import annotations

from bot.domain.reconcile import HOOK_PATH, Findings, Scope, plan_resends
from bot.logs import get
from bot.reach import Reach

HOOK_HINT = "GitLab switches hooks off that fail: look at its log of deliveries (Settings › Webhooks › Edit)."
MISSING_HINT = (
    f"Add a webhook to the bot's address, ending in {HOOK_PATH}, for pushes, merge requests, comments, jobs and "
    "pipelines."
)
UNSEEN_HINT = (
    "Make the bot's user Maintainer of the project, or look yourself now and then whether GitLab has switched its "
    "webhook off (Settings › Webhooks); missed pushes are found all the same."
)

_log = get(__name__)


def mend_hooks(project_id: int, scope: Scope, reach: Reach) -> Findings:
    """Look after one project's webhooks; says in the log what only people can mend."""
    hooks = reach.overview.fetch_hooks(project_id)
    untold = _note_sight(project_id, hooks is not None, reach)
    if hooks is None:
        if untold:
            _log.warning("webhooks cannot be seen", project=project_id, hint=UNSEEN_HINT)
        return Findings(unseen_hooks=1)
    ours = [hook for hook in hooks if hook.ours]
    if not ours:
        # a group's or the instance's hook may do; the operator knows
        _log.info("project has no webhook of its own to the bot", project=project_id, hint=MISSING_HINT)
        return Findings(missing_hooks=1)
    found = Findings()
    for hook in ours:
        works = hook.healthy
        if not works:
            works = reach.act and reach.overview.try_hook(project_id, hook.id)
            _log.error(
                "webhook was switched off by GitLab",
                project=project_id,
                hook=hook.id,
                state=hook.alert_status,
                works_again=works,
                hint=HOOK_HINT,
            )
            found += Findings(bad_hooks=1)
        if works:
            found += _send_again(project_id, hook.id, scope, reach)
    return found


def _note_sight(project_id: int, seen: bool, reach: Reach) -> bool:
    """Note whether the project's hooks can be seen; True when the operator is to be told now that they cannot."""
    name = f"hooks unseen {project_id}"
    told = bool(reach.store.fact(name))
    if reach.act and told == seen:
        reach.store.keep_fact(name, "" if seen else "told")
    return not seen and not told


def _send_again(project_id: int, hook_id: int, scope: Scope, reach: Reach) -> Findings:
    name = f"resent {project_id} {hook_id}"
    failed = reach.overview.fetch_failed_deliveries(project_id, hook_id)
    due = plan_resends(failed, int(reach.store.fact(name) or 0), scope.began_at)
    if not due:
        return Findings()
    _log.warning("deliveries had failed", project=project_id, hook=hook_id, count=len(due))
    if reach.act:
        for delivery in due:
            reach.overview.resend(project_id, hook_id, delivery.id)
            # kept one by one: sent twice is known at the door, never sent is what must not happen
            reach.store.keep_fact(name, str(delivery.id))
    return Findings(resent_deliveries=len(due))
