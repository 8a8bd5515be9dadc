"""Addresses of packages, with the variables that are put into them, and who to be there.

A variable is offered when its name begins with MLREEF_INDEX_, or when it says where GitLab is. The job's own token is
offered for addresses of that GitLab alone. All others stay closed: a requirements file shall not send them anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from parser.problems import ascii_controls

OFFERED_PREFIX = "MLREEF_INDEX_"
OPEN = frozenset(("CI_API_V4_URL", "CI_SERVER_HOST", "CI_SERVER_URL", "CI_PROJECT_ID", "CI_PROJECT_PATH"))
JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable

_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*")
_REPOSITORY = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)
_PORTS = {"https": 443, "http": 80}
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


def is_repository(address: str) -> bool:
    """Whether an address is one of git or the like, which nobody asks before a job of its own builds it."""
    return _REPOSITORY.match(address) is not None


def account_for(accounts: Iterable[Account], url: str) -> Account | None:
    """The account for an address: one of the same scheme, host and port, whose path is most like it."""
    parts = urlsplit(url)
    fitting = [one for one in accounts if _origin(one.url) == _origin(url)]
    path = parts.path.split("/")
    return max(fitting, key=lambda one: _shared(urlsplit(one.url).path.split("/"), path), default=None)


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
    _check_hidden(f"{scheme}{separator}{host}{slash}{path}")
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


def _check_hidden(shown: str) -> None:
    """What is kept of an address is read by everybody, in locks and logs: who one is must not stand in it."""
    name = next((one for one in _VARIABLE.findall(shown) if one not in OPEN), None)
    if name is not None:
        raise BadAddress(
            f"the variable {name} stands in the address itself, which lock and log show to everybody",
            f"Let it stand before the host, as password: https://USER:${{{name}}}@HOST/….",
        )


def _check_url(
    url: str, with_token: bool, with_account: bool, variables: Mapping[str, str], trusted: Iterable[str]
) -> None:
    parts = _split_url(url)
    host = parts.hostname or ""
    shown = ascii_controls(host)[:120]
    if parts.scheme not in ("https", "http") or not host or not _URL.fullmatch(url):
        raise BadAddress("it is no address of the form https://…", "Correct it.")
    if with_token and not _is_gitlab(parts, variables):
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


def _is_gitlab(parts: SplitResult, variables: Mapping[str, str]) -> bool:
    """Whether the job's own GitLab answers there; behind another port of its host there may be anybody."""
    port = parts.port or _PORTS.get(parts.scheme)
    own = variables.get("CI_SERVER_PORT") or str(port)
    return parts.hostname == variables.get("CI_SERVER_HOST", "").lower() and str(port) == own


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


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _shared(one: list[str], other: list[str]) -> int:
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
