"""How long a search of the catalogue takes among a hundred thousand modules.

    python -m benchmarks.catalogue

The store is the bot's own, on SQLite, freshly filled: names, descriptions, parameters and topics of words that are as
unequally common as those of people. Three ask: somebody who is not signed in, somebody who is a member of 500
projects, and one of 5,000. Each question is asked many times, in turn with the others.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlalchemy as sa

from bot.adapters import schema
from bot.adapters.catalogue import rows_of
from bot.adapters.database import open_engine
from bot.adapters.store import Store
from bot.domain.catalogue import Among, ListedModule, ListedVersion, Query, VersionState
from bot.domain.catalogue_words import cursor_of

MODULES = 100_000
AT_ONCE = 2_000
TIMES = 40
MOST_P95_MS = 100.0
PAGE = 32
"""Modules that are looked at for one page."""

SEED = 7
VOCABULARY = 20_000
VISIBILITIES = ("public", "internal", "private")
SHARES = (3, 1, 6)
KINDS = ("OPERATION", "ALGORITHM", "VISUALIZATION")
TYPES = ("IMAGE", "TABULAR", "TEXT", "AUDIO", "VIDEO")
COMMONEST = "the"


def words(chance: random.Random) -> tuple[list[str], list[float]]:
    """A vocabulary, and how often each word comes: the second half as often as the first, the third a third."""
    letters = "abcdefghijklmnoprstuvwy"
    made = {COMMONEST: None}
    while len(made) < VOCABULARY:
        made.setdefault("".join(chance.choices(letters, k=chance.randint(3, 10))))
    return list(made), [1 / place for place in range(1, VOCABULARY + 1)]


def modules() -> Iterator[ListedModule]:
    """All modules; every other one has the word `even`, the others `odd`."""
    chance = random.Random(SEED)
    vocabulary, weights = words(chance)
    many = list(zip(*(iter(chance.choices(vocabulary, weights, k=MODULES * 20)),) * 20, strict=True))
    for number in range(1, MODULES + 1):
        said = many[number - 1]
        visibility = chance.choices(VISIBILITIES, SHARES)[0]
        secret = "hushed" if visibility == "private" else "open"
        version = ListedVersion(
            number, "master", 1, "1.0.0", "a" * 40, f"sha256:{number:064d}", "registry.example.com/x", 10**8,
            VersionState.PUBLISHED, float(number), number, "Python 3.12",
        )  # fmt: skip
        yield ListedModule(
            project_id=number,
            path=f"group-{number % 997}/module-{number}",
            web_url=f"https://gitlab.example.com/group-{number % 997}/module-{number}",
            visibility=visibility,
            name=f"{said[0]} {said[1]}".title(),
            slug=f"{said[0]}-{said[1]}",
            kind=KINDS[number % 3],
            input_type=TYPES[number % 5],
            output_type=TYPES[number % 4],
            description=" ".join((COMMONEST, *said[2:14], ("even", "odd")[number % 2], secret)),
            author=f"Author {number % 500}",
            topics=(said[14], said[15]),
            parameters=("input-path", "output-path", *said[16:]),
            readme="# Read me\n" + "Text of a README. " * 100,
            newest=version,
            updated_at=float(number),
        )


def fill(url: str) -> None:
    """Put all modules into an empty store, many at once."""
    engine = open_engine(url)
    made = modules()
    for _ in range(0, MODULES, AT_ONCE):
        rows = [
            rows_of(one, [one.newest] if one.newest else [])
            for one, _ in zip(made, range(AT_ONCE), strict=False)
        ]
        with engine.begin() as connection:
            connection.execute(
                sa.insert(schema.catalogue_modules), [row.module | {"looked_at": 0.0} for row in rows]
            )
            connection.execute(
                sa.insert(schema.catalogue_versions), [one for row in rows for one in row.versions]
            )
            connection.execute(sa.insert(schema.catalogue_words), [one for row in rows for one in row.words])
    engine.dispose()


def questions(store: Store) -> Mapping[str, tuple[Query, Among, str | None]]:
    """What is asked, by whom, and from which place of the list on."""
    chance = random.Random(SEED)
    anybody = Among(frozenset({"public"}))
    everywhere = frozenset({"public", "internal"})
    member = Among(everywhere, frozenset(chance.sample(range(1, MODULES), 500)))
    many = Among(everywhere, frozenset(chance.sample(range(1, MODULES), 5_000)))
    rare = words(random.Random(SEED))[0][15_000]
    far = cursor_of(store.search(Query(), anybody, limit=1000)[-1])
    asked = {
        "no word": Query(),
        f"the commonest word ({COMMONEST})": Query(COMMONEST),
        "a rare word": Query(rare),
        "a word that nothing has": Query("zzzz"),
        "one letter": Query("a"),
        "two words, each half of all, never together": Query("even odd"),
        "three common words": Query("the even open"),
        "a word of hidden modules only": Query("hushed"),
        "by kind, types and parameter": Query("", "OPERATION", "IMAGE", "TEXT", "input-path"),
        "a common word, by kind": Query("the", "ALGORITHM"),
    }
    by_whom = {"anybody": anybody, "member of 500": member, "member of 5,000": many}
    found: dict[str, tuple[Query, Among, str | None]] = {
        f"{what}; {who}": (query, among, None)
        for what, query in asked.items()
        for who, among in by_whom.items()
    }
    return found | {
        "the 42nd page; anybody": (Query(), anybody, far),
        "the 42nd page of a word; anybody": (Query("even"), anybody, far),
    }


def main() -> int:
    """Fill, ask, tell; exit code 1 when a search takes longer than is promised."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bot.db"
        store = Store.prepare(f"sqlite:///{file}")
        began = time.monotonic()
        fill(store.url)
        say(
            f"{MODULES:,} modules filled in {time.monotonic() - began:.0f} s, {file.stat().st_size >> 20} MiB"
        )
        asked = questions(store)
        took: dict[str, list[float]] = {name: [] for name in asked}
        found: dict[str, int] = {}
        for _ in range(TIMES):
            for name, (query, among, after) in asked.items():
                began = time.perf_counter()
                found[name] = len(store.search(query, among, after, PAGE))
                took[name].append((time.perf_counter() - began) * 1000)
        store.close()
    say(f"{'':62} {'found':>6} {'p50 ms':>8} {'p95 ms':>8}")
    worst = 0.0
    for name, each in took.items():
        p95 = statistics.quantiles(each, n=20)[-1]
        worst = max(worst, p95)
        say(f"{name:62} {found[name]:6} {statistics.median(each):8.1f} {p95:8.1f}")
    return int(worst > MOST_P95_MS)


def say(line: str) -> None:
    """A line for people."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
