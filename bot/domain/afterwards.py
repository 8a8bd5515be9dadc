"""What follows once a publication has ended: all of it in one place, each a job of its own that may be repeated."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.jobs import Later, List, Offer, Retire
from bot.domain.plan import State
from bot.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Ended:
    """A publication that has ended; `version` is "" where it has none, `sha` the commit that was built."""

    project_id: int
    branch: str
    sha: str
    state: State
    version: str = ""


def plan_afterwards(publication: Ended, branch_is_default: bool, policy: Policy) -> tuple[Later, ...]:
    """The jobs that follow from it; none from one that published nothing and changed nothing."""
    if publication.state not in (State.PUBLISHED, State.UNCHANGED):
        return ()
    about, fresh = publication, publication.state == State.PUBLISHED
    offered = policy.component.enabled and fresh and about.version
    offers = (Later(Offer(about.project_id, about.branch, about.sha, about.version)),) if offered else ()
    retire = (Later(Retire(about.project_id, about.branch)),) if policy.keep_versions and fresh else ()
    return (Later(List(about.project_id)), *offers, *retire)
