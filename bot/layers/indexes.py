"""Where packages come from: the requirements' index options, with the variables that the operator offers.

A variable is offered when its name begins with MLREEF_INDEX_, or when it says where GitLab is. The job's own token is
offered for addresses of that GitLab alone. All others stay closed: a requirements file shall not send them anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from parser.model import Place, Problem, Requirements
from parser.problems import ascii_controls, problem

PYPI = "https://pypi.org/simple"
"""The index of who names none; pip's own."""

OFFERED_PREFIX = "MLREEF_INDEX_"
OPEN = frozenset(("CI_API_V4_URL", "CI_SERVER_HOST", "CI_SERVER_URL", "CI_PROJECT_ID", "CI_PROJECT_PATH"))
JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable
MIRRORS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""Variables with which operators name a mirror for every job; the first that is set counts."""

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*")
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_URL = re.compile(r"[!-~]+")


class BadAddress(ValueError):
    """An address that is not used; `mend` says what to do."""

    def __init__(self, why: str, mend: str) -> None:
        super().__init__(why)
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Account:
    """Who to be at an address and below it."""

    url: str
    username: str
    password: str = field(repr=False)
    variables: tuple[str, ...] = ()
    """Names of the variables that it came from."""


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


def is_repository(address: str) -> bool:
    """Whether an address is one of git or the like, which nobody asks before a job of its own builds it."""
    return _REPOSITORY.match(address) is not None


def account_for(accounts: Iterable[Account], url: str) -> Account | None:
    """The account for an address: one of the same scheme, host and port, whose path is most like it."""
    parts = urlsplit(url)
    fitting = [one for one in accounts if _origin(one.url) == _origin(url)]
    path = parts.path.split("/")
    return max(fitting, key=lambda one: _shared(urlsplit(one.url).path.split("/"), path), default=None)


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


def read_address(
    address: str, variables: Mapping[str, str], trusted: Iterable[str] = ()
) -> tuple[str, Account | None]:
    """An address, its variables put in: without user and password, and these as an account. Raises BadAddress."""
    used = tuple(dict.fromkeys(_VARIABLE.findall(address)))
    for name in used:
        _check_offered(name, variables)

    def expand(text: str) -> str:
        return _VARIABLE.sub(lambda found: variables[found[1]], text)

    scheme, separator, rest = address.partition("://")
    netloc, slash, path = rest.partition("/")
    user, at, host = netloc.rpartition("@")
    name, _, password = user.partition(":")
    if at and "${" in user:
        # Put in one by one: a password may hold what would end it in an address.
        url = expand(scheme + separator + host + slash + path)
        name, password = _literal(expand(name)), _literal(expand(password))
    else:
        url = expand(address)
        parts = _split_url(url)
        user, at, host = parts.netloc.rpartition("@")
        name, _, password = (unquote(word) for word in user.partition(":"))
        url = urlunsplit(parts._replace(netloc=host))
    _check_url(url, JOB_TOKEN in used, bool(name or password), variables, trusted)
    account = Account(url, name, password, used) if name or password else None
    return url, account


def _check_offered(name: str, variables: Mapping[str, str]) -> None:
    if name != JOB_TOKEN and name not in OPEN and not name.startswith(OFFERED_PREFIX):
        why = f"the variable {name} is not offered to requirements"
        mend = f"Keep the account of an index in CI variables whose names begin with {OFFERED_PREFIX}."
        raise BadAddress(why, mend)
    if not variables.get(name):
        why = f"the variable {name} is not set in this job"
        mend = (
            "Add it to the project: Settings › CI/CD › Variables. A protected one needs a protected branch."
        )
        raise BadAddress(why, mend)


def _check_url(
    url: str, with_token: bool, with_account: bool, variables: Mapping[str, str], trusted: Iterable[str]
) -> None:
    parts = _split_url(url)
    host = parts.hostname or ""
    shown = ascii_controls(host)[:120]
    if parts.scheme not in ("https", "http") or not host or not _URL.fullmatch(url):
        raise BadAddress("it is no address of the form https://…", "Correct it.")
    if with_token and host != variables.get("CI_SERVER_HOST"):
        why = f"{JOB_TOKEN} would be sent to {shown}"
        raise BadAddress(why, "The job's token is for its own GitLab only; use a variable of your own.")
    loopback = _LOOPBACK.fullmatch(host) is not None
    if parts.scheme == "http" and not loopback:
        if with_account or with_token:
            raise BadAddress(f"a password would be sent to {shown} in clear", "Use its https address.")
        if not {host, parts.netloc} & set(trusted):
            raise BadAddress(
                f"{shown} is asked without encryption",
                f"Use its https address, or write `--trusted-host {shown}` if there is none.",
            )


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise BadAddress("it is no address of the form https://…", "Correct it.") from None
    return parts


def _literal(text: str) -> str:
    """A variable's value as user or password: percent-encoded as pip wants it, or as it is."""
    return unquote(text) if _PLAIN.fullmatch(text) else text


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


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _shared(one: list[str], other: list[str]) -> int:
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
