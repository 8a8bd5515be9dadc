"""Where packages come from: the index options of requirements, and the accounts for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from bot.layers.addresses import Account, BadAddress, account_for, is_repository, read_address
from parser.model import Place, Problem, Requirements
from parser.problems import problem
from parser.requirements.public import PYPI

MIRRORS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""Variables with which operators name a mirror for every job; the first that is set counts."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """Addresses without credentials, and the accounts for them.

    `default` is None with `--no-index`; `mirrored` when the operator named it. `pre`: early versions are taken too.
    `no_binary`: packages whose wheels are not wanted, `:all:` for every one. `trusted`: hosts that may be asked without
    encryption; certificates are always checked.
    """

    default: str | None = PYPI
    extra: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    pre: bool = False
    no_binary: frozenset[str] = frozenset()
    mirrored: bool = False
    trusted: frozenset[str] = frozenset()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        # A token may stand where the user's name does.
        names = (one.username for one in self.accounts if one.variables or not one.password)
        return (*(one.password for one in self.accounts if one.password), *filter(None, names))

    def with_account(self, url: str) -> str:
        """The address with its user and password, as uv takes it."""
        account = account_for(self.accounts, url)
        if account is None:
            return url
        parts = urlsplit(url)
        user = f"{quote(account.username, safe='')}:{quote(account.password, safe='')}@"
        return urlunsplit(parts._replace(netloc=user + parts.netloc))


def plan_indexes(
    requirements: Requirements | None,
    variables: Mapping[str, str],
    index_url: str = "",
    files: Mapping[str, bytes] | None = None,
) -> tuple[Indexes, tuple[Problem, ...]]:
    """The indexes of the requirements, and every address that cannot be used.

    `index_url`: the operator's own index, for those who name none; `files`: texts in which places are looked for.
    """
    problems: list[Problem] = []
    accounts: list[Account] = []
    given: dict[str, list[str]] = {}
    options = requirements.options if requirements else ()
    trusted = frozenset(value for name, value in map(_split, options) if name == "--trusted-host")

    def read(address: str, place: Place | None) -> str | None:
        try:
            url, account = read_address(address, variables, trusted)
        except BadAddress as bad:
            problems.append(problem("index-address", place, why=str(bad), mend=bad.mend))
            return None
        accounts.extend(filter(None, [account]))
        return url

    for option in options:
        name, value = _split(option)
        if name not in ("--index-url", "--extra-index-url", "--find-links"):
            given.setdefault(name, []).append(value)
        elif name != "--find-links" or "://" in value or "${" in value:
            # A folder on this machine is none of the repository; the parser has said so.
            found = read(value, _place(value, requirements, files or {}))
            given.setdefault(name, []).extend(filter(None, [found]))
    for item in requirements.items if requirements else ():
        if item.url and not is_repository(item.url):
            read(item.url, item.place)
    mirror = index_url or next((variables[name] for name in MIRRORS if variables.get(name)), "")
    default = next(reversed(given.get("--index-url", [])), None)
    mirrored = default is None and bool(mirror)
    if default is None:
        default = read(mirror, None) if mirror else PYPI
    indexes = Indexes(
        default=None if "--no-index" in given else default,
        extra=tuple(dict.fromkeys(given.get("--extra-index-url", ()))),
        links=tuple(dict.fromkeys(given.get("--find-links", ()))),
        accounts=tuple(dict.fromkeys(accounts)),
        pre="--pre" in given,
        no_binary=_no_binary(given.get("--no-binary", ())),
        mirrored=mirrored,
        trusted=trusted,
    )
    return indexes, tuple(dict.fromkeys(problems))


def _split(option: str) -> tuple[str, str]:
    name, _, value = option.partition(" ")
    return name, value


def _no_binary(values: Iterable[str]) -> frozenset[str]:
    names: set[str] = set()
    for value in values:
        for name in value.split(","):
            if name == ":none:":
                names.clear()
            elif name:
                names.add(name if name == ":all:" else re.sub(r"[-_.]+", "-", name).lower())
    return frozenset(names)


def _place(value: str, requirements: Requirements | None, files: Mapping[str, bytes]) -> Place | None:
    wanted = value.encode()
    for path, content in files.items():
        for number, line in enumerate(content.splitlines(), 1):
            if wanted in line:
                return Place(path, number)
    return Place(requirements.file) if requirements else None
