"""The sweep's decisions: whom to look at, which heads nobody told of, what of GitLab's delivery log to send again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from bot.domain import published_words, reports
from bot.domain.plan import State

HOOK_PATH = "/webhooks/gitlab"
"""By the end of its address a hook is known as one of ours."""

RESENT_TRIGGERS = frozenset(
    {"push_events", "pipeline_events", "job_events", "merge_requests_events", "note_events"}
)
"""Kinds of deliveries that mean work; others are not worth a second try."""

MAX_RESENT = 50
"""Deliveries of one hook that are sent again in one look; the heads are found all the same."""

RESENT_FOR_SECONDS = 48 * 3600.0
"""Older deliveries are not sent again: GitLab keeps them two days, and so much later the head tells more."""

CLOCK_SLACK_SECONDS = 300.0
"""GitLab's clock and ours may differ, and a sweep takes its time."""

ACTIVITY_SLACK_SECONDS = 2 * 3600.0
"""GitLab notes a project's activity at most once an hour, so what looks older may have moved since."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A project that the bot may write to, as a list names it."""

    id: int
    path: str
    default_branch: str | None


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """An open merge request, as a list names it."""

    project_id: int
    project_path: str
    iid: int
    sha: str
    target: str


@dataclass(frozen=True, slots=True)
class EndedPipeline:
    """A pipeline that has ended, as a list names it; `at` in seconds since 1970."""

    id: int
    ref: str
    sha: str
    status: str
    source: str
    at: float


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Which projects are swept: those that were published before, and those that the operator names.

    `projects` are ids or full paths, `groups` full paths of groups with all that is below them.
    """

    projects: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()

    def takes(self, project: Enrolled, known: Collection[int]) -> bool:
        """Whether this project is ours to look after."""
        return self._takes(project.id, project.path, known)

    def takes_request(self, request: OpenRequest, known: Collection[int]) -> bool:
        """Whether this merge request goes to a project that is ours to look after."""
        return self._takes(request.project_id, request.project_path, known)

    def _takes(self, project_id: int, full_path: str, known: Collection[int]) -> bool:
        path = full_path.lower()
        named = {str(project_id), path} & {name.lower() for name in self.projects}
        return (
            project_id in known or bool(named) or any(path.startswith(f"{g.lower()}/") for g in self.groups)
        )


@dataclass(frozen=True, slots=True)
class Hook:
    """A project's hook, and how GitLab thinks of it (executable, temporarily_disabled, disabled)."""

    id: int
    url: str
    alert_status: str

    @property
    def ours(self) -> bool:
        """Whether it leads to a bot's door."""
        return self.url.partition("?")[0].rstrip("/").endswith(HOOK_PATH)

    @property
    def healthy(self) -> bool:
        """Whether GitLab sends events to it."""
        return self.alert_status in ("executable", "")


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery in GitLab's log that no 2xx answered; `at` in seconds since 1970."""

    id: int
    trigger: str
    at: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often: seconds between sweeps, between complete ones, and until an open publication is looked after."""

    interval_seconds: float = 900.0
    complete_seconds: float = 86_400.0
    stale_seconds: float = 1200.0

    @property
    def turns(self) -> int:
        """Sweeps in which each known project gets one closer look, together about as long as a complete round."""
        return max(1, round(self.complete_seconds / self.interval_seconds))


@dataclass(frozen=True, slots=True)
class Findings:
    """What a sweep found, in numbers: projects looked at, heads nobody told of, what stood still or was left open."""

    projects: int = 0
    missed_heads: int = 0
    open_publications: int = 0
    untold_failures: int = 0
    stale_statuses: int = 0
    bad_hooks: int = 0
    missing_hooks: int = 0
    resent_deliveries: int = 0
    unseen_hooks: int = 0
    missed_merge_requests: int = 0
    unlisted: int = 0
    missed_pipelines: int = 0

    def __add__(self, other: Findings) -> Findings:
        return Findings(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Findings)))


@dataclass(frozen=True, slots=True)
class Swept:
    """The last sweep, as the store remembers it: when it began, when the last complete one did, whose turn is next."""

    began_at: float
    complete_at: float
    turn: int
    found: Findings = Findings()
    total: Findings = Findings()

    def to_text(self) -> str:
        """The text that the store keeps."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Swept:
        """The sweep that `to_text` wrote down."""
        values = json.loads(text)
        found, total = _findings(values.pop("found")), _findings(values.pop("total"))
        return cls(**values, found=found, total=total)


def _findings(values: Mapping[str, int]) -> Findings:
    # a later version of the bot may know of more, and may run beside this one
    known = {f.name for f in fields(Findings)}
    return Findings(**{name: number for name, number in values.items() if name in known})


@dataclass(frozen=True, slots=True)
class Scope:
    """What one sweep looks at: projects active after a time (None: all), and whose turn a closer look is.

    `after_id`: projects up to this id are done with already, by a sweep that was broken off.
    """

    began_at: float
    active_after: float | None
    turn: int
    turns: int
    after_id: int = 0

    def to_text(self) -> str:
        """The text that the store keeps while the sweep is under way."""
        return json.dumps(asdict(self))

    @property
    def changed_after(self) -> float | None:
        """Since when merge requests changed that are looked at; None: ever. Of these GitLab notes every change."""
        if self.active_after is None:
            return None
        return self.active_after + ACTIVITY_SLACK_SECONDS - CLOCK_SLACK_SECONDS

    def has_turn(self, project_id: int) -> bool:
        """Whether it is this project's turn for a closer look."""
        return project_id % self.turns == self.turn


def plan_sweep(last: Swept | None, now: float, rhythm: Rhythm) -> Scope | None:
    """The sweep that is due now, None while none is. The first one and one a round are complete."""
    if last is None:
        return Scope(now, None, 0, rhythm.turns)
    if 0 <= now - last.began_at < rhythm.interval_seconds:
        return None
    complete = not 0 <= now - last.complete_at < rhythm.complete_seconds
    after = None if complete else min(last.began_at, now) - ACTIVITY_SLACK_SECONDS
    return Scope(now, after, last.turn % rhythm.turns, rhythm.turns)


def plan_resumed(scope: Scope, broken_off: str | None, rhythm: Rhythm) -> Scope:
    """The sweep that is due, going on where one was broken off less than an interval ago; `broken_off` is its text."""
    if not broken_off:
        return scope
    before = Scope(**json.loads(broken_off))
    fresh = 0 <= scope.began_at - before.began_at < rhythm.interval_seconds
    return before if fresh and before.turns == scope.turns else scope


def plan_next(scope: Scope, last: Swept | None, found: Findings) -> Swept:
    """What is remembered of a sweep that came to its end."""
    complete_at = scope.began_at if scope.active_after is None or last is None else last.complete_at
    total = found if last is None else last.total + found
    return Swept(scope.began_at, complete_at, (scope.turn + 1) % scope.turns, found, total)


def plan_resends(
    failed: Iterable[FailedDelivery], sent_before: int, now: float
) -> tuple[FailedDelivery, ...]:
    """Deliveries to send again, the oldest first; those up to number `sent_before` had their second try."""
    due = [
        item
        for item in failed
        if item.id > sent_before and item.trigger in RESENT_TRIGGERS and now - item.at < RESENT_FOR_SECONDS
    ]
    return tuple(sorted(due, key=lambda item: item.id)[-MAX_RESENT:])


def truth_of(state: State) -> tuple[str, str]:
    """State and words of the status that closes one left open, for a publication that has ended."""
    if state is State.PUBLISHED:
        return "success", reports.already_status()
    if state is State.UNCHANGED:
        return "success", published_words.kept_status()
    if state is State.UNPUBLISHED:
        return "canceled", reports.taken_back_status()
    if state is State.SUPERSEDED:
        return "canceled", reports.superseded_status()
    return "failed", reports.closed_status()


def missed(heads: Mapping[int, str], handled: Collection[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    """Project and sha of the heads that no publication is known of, in order of the projects' ids."""
    return tuple(sorted(item for item in heads.items() if item not in handled))
