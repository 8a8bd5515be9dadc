"""What is wrong with requirements that cannot be resolved: each of them is looked at on its own, then together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bot.errors import OperatorError
from bot.layers.conclusions import Need, Story, read_conclusion
from bot.layers.fetch import fetch_size
from bot.layers.index_pages import File, fetch_links, fetch_page
from bot.layers.indexes import Indexes
from bot.layers.near import near_names
from bot.layers.wanted import Line, shown
from bot.layers.web import Denied, Missing, Web, host_of
from bot.layers.wheel_tags import Target
from bot.layers.whynot import Wish, why_not
from parser.model import Problem, Requirement
from parser.problems import ascii_controls, problem

LOOKERS = 8
"""Pages that are fetched at one time."""

MAX_LOOKED_UP = 500
"""Packages that are looked at on their own."""

MAX_FACTS = 6
"""Dependencies that one message names."""


class Refusal(Exception):
    """An index that does not let us in, as a problem that the author can mend."""

    def __init__(self, told: Problem) -> None:
        super().__init__(told.message)
        self.told = told


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, and the requirements that are at fault; without them the others may be tried."""

    problems: tuple[Problem, ...]
    culprits: frozenset[Line]


class Stock:
    """What the indexes have, fetched once for each package. Raises TryAgain and Refusal when one does not say."""

    def __init__(self, web: Web, indexes: Indexes) -> None:
        self._web = web
        self._indexes = indexes
        self._known: dict[str, tuple[File, ...] | None] = {}

    def look_up(self, names: Iterable[str]) -> None:
        """Fetches what is not known yet, several at a time."""
        missing = [name for name in dict.fromkeys(names) if name not in self._known][:MAX_LOOKED_UP]
        with ThreadPoolExecutor(LOOKERS) as pool:
            for name, files in zip(missing, pool.map(self._fetch, missing), strict=True):
                self._known[name] = files

    def knock(self, name: str) -> None:
        """Asks every index that was named besides for one page.

        The resolver would pass over one that does not let it in, and take a package of that name from elsewhere.
        """
        for url in self._indexes.extra:
            try:
                fetch_page(self._web, url, name)
            except Denied as denied:
                raise refusal_of(denied, self._indexes) from None

    def files(self, name: str) -> tuple[File, ...] | None:
        """The files of a package; None where no index knows it."""
        self.look_up([name])
        return self._known.get(name, ())

    def has(self, url: str) -> bool:
        """Whether there is anything at an address."""
        try:
            return fetch_size(self._web, url) > 0
        except Missing:
            return False
        except Denied as denied:
            raise refusal_of(denied, self._indexes) from None

    def _fetch(self, name: str) -> tuple[File, ...] | None:
        indexes = self._indexes
        pages = []
        try:
            if indexes.default is not None:
                for url in (*indexes.extra, indexes.default):
                    pages.append(fetch_page(self._web, url, name))
            pages += [fetch_links(self._web, url, name) for url in indexes.links]
        except Denied as denied:
            raise refusal_of(denied, self._indexes) from None
        known = [page for page in pages if page.known]
        return tuple(file for page in known for file in page.files) if known else None


def refusal_of(denied: Denied, indexes: Indexes) -> Exception:
    """The error of an index that does not let us in: its author's to mend, or the operator's."""
    host = host_of(denied.url)
    account = denied.account
    own = indexes.default if indexes.mirrored else None
    if own is not None and host_of(own) == host:
        return OperatorError(
            f"The package index {host} does not let the bot in (status {denied.status}).",
            "Correct its address and account in the configuration or in the runner's variables.",
        )
    names = ", ".join(account.variables) if account else ""
    if account:
        why = f"{host} does not accept the account" + (f" in {names}" if names else "")
        mend = "Set the CI variables to an account that may read this index."
    else:
        why = f"{host} wants an account (status {denied.status})"
        mend = "Write `https://${MLREEF_INDEX_USER}:${MLREEF_INDEX_PASSWORD}@…` and add both as CI variables."
    return Refusal(problem("index-address", None, why=why, mend=mend))


def diagnose(
    conclusion: str,
    lines: Sequence[Line],
    limits: Sequence[Requirement],
    stock: Stock,
    target: Target,
    indexes: Indexes,
) -> Diagnosis:
    """What stands in the way. Nothing is found where the resolver's words are not understood."""
    story = read_conclusion(conclusion)
    named = [line for line in lines if line.item.url is None and line.item.normalized]
    stock.look_up(line.item.normalized or "" for line in named)
    problems: dict[Line, Problem] = {}
    for line in named:
        told = _judge(_wish(line.item, limits), stock, target, indexes)
        if told is not None:
            problems[line] = told
    for line in lines:
        if line.url and not stock.has(line.url):
            why = "there is nothing at this address"
            problems[line] = problem(
                "requirement-unresolved", line.item.place, wanted=shown(line.item), why=why
            )
    if problems:
        return Diagnosis(tuple(problems.values()), frozenset(problems))
    return _of_dependencies(story, lines, stock, target, indexes) or _together(story, lines)


def _wish(item: Requirement, limits: Sequence[Requirement]) -> Wish:
    limit = next((one for one in limits if one.normalized == item.normalized and one.specifier), None)
    if limit is None:
        return Wish(item.normalized or "", item.specifier, shown(item), item.place)
    both = ",".join(filter(None, (item.specifier, limit.specifier)))
    words = f"{shown(item)}, limited to {limit.specifier} by {limit.place.file} line {limit.place.line},"
    return Wish(item.normalized or "", both, words, item.place)


def _judge(wish: Wish, stock: Stock, target: Target, indexes: Indexes) -> Problem | None:
    files = stock.files(wish.name)
    near = [name for name in near_names(wish.name) if stock.files(name)] if files is None else []
    return why_not(wish, files, target, pre=indexes.pre, near=near)


def _of_dependencies(
    story: Story, lines: Sequence[Line], stock: Stock, target: Target, indexes: Indexes
) -> Diagnosis | None:
    """Faults of packages that nobody wrote down, but that those who were need."""
    written = {line.item.normalized for line in lines}
    needs = [need for need in story.needs if need.what not in written]
    needs += [Need("", name, "") for name in story.missing if name not in written]
    stock.look_up(need.what for need in needs)
    found: dict[str, Problem] = {}
    culprits: set[Line] = set()
    for need in needs:
        if need.what in found:
            continue
        behind = _behind(need, story, lines)
        place = behind[0].item.place if behind else None
        wish = Wish(
            need.what, need.versions, f"{need.what}{need.versions}", place, need.who or "a dependency"
        )
        told = _judge(wish, stock, target, indexes)
        if told is not None:
            found[need.what] = told
            culprits |= set(behind)
    return Diagnosis(tuple(found.values()), frozenset(culprits)) if found else None


def _behind(need: Need, story: Story, lines: Sequence[Line]) -> list[Line]:
    """The requirements that lead to a dependency: those that need it, else all that the conclusion names."""
    above = {need.what}
    for _ in range(len(story.needs)):
        above |= {_bare(one.who) for one in story.needs if one.what in above}
    led = [line for line in lines if line.item.normalized in above]
    return led or [line for line in lines if line.item.normalized in story.required]


def _together(story: Story, lines: Sequence[Line]) -> Diagnosis:
    """Requirements each of which could be met, but not beside the others."""
    named = {
        *story.required,
        *(_bare(need.who) for need in story.needs),
        *(need.what for need in story.needs),
    }
    at_odds = [line for line in lines if line.item.normalized in named]
    if not at_odds:
        return Diagnosis((), frozenset())
    first, *others = at_odds
    facts = "; ".join(need.words for need in story.needs[:MAX_FACTS])
    wishes = {line.item.normalized for line in at_odds}
    instead = [
        f"`{need.what}{need.versions}`" for need in story.needs if need.what in wishes and need.versions
    ]
    told = problem(
        "requirement-conflict",
        first.item.place,
        also=[line.item.place for line in others],
        wanted=" and ".join(
            f"{shown(line.item)} (line {line.item.place.line})" for line in at_odds[:MAX_FACTS]
        ),
        found=ascii_controls(facts)[:600] or "no versions that fit together",
        mend=f"Write {' and '.join(dict.fromkeys(instead[:MAX_FACTS]))}, or take another version of what needs it."
        if instead
        else "Relax the version of one of them.",
    )
    return Diagnosis((told,), frozenset(at_odds))


def _bare(who: str) -> str:
    """The name alone of `name==1.0`."""
    return who[: next((at for at, char in enumerate(who) if char in "<>=!~["), len(who))].lower()
