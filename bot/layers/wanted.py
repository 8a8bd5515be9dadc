"""Requirements as lines for the resolver: written anew from what was read, so that no option of a file reaches it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urlsplit

from packaging.markers import Marker

from bot.layers.addresses import BadAddress, is_repository, read_address
from bot.layers.built import BuiltWheel
from bot.layers.indexes import Indexes
from bot.layers.wheel_tags import Target
from parser.model import Problem, Requirement
from parser.problems import ascii_controls, problem

_WORDS = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement for the resolver, and what it was in the repository."""

    text: str
    item: Requirement
    url: str = ""
    """The address of its wheel, without account; empty where an index is asked."""


def plan_line(
    item: Requirement,
    target: Target,
    indexes: Indexes,
    variables: Mapping[str, str],
    built: Mapping[str, BuiltWheel],
    to_build: frozenset[str],
) -> Line | Problem | None:
    """The line of a requirement, why there is none, or None where its condition does not hold in the target."""
    if not applies(item.marker, target):
        return None
    name = item.normalized or ""
    wheel = built.get(name)
    if _needs_build(item, indexes):
        if wheel is not None:
            return _checked(_with_extras(item, f"=={wheel.version}"), item)
        return unbuilt(item, name, to_build, _why_build(item))
    if item.url is None:
        return _checked(_with_extras(item, item.specifier), item)
    filename = unquote(urlsplit(item.url).path.rpartition("/")[2])
    if target.fit(filename) is None:
        return problem(
            "requirement-no-wheel",
            item.place,
            wanted=shown(item),
            found=ascii_controls(filename)[:120],
            target=target_words(target),
            mend="Take the address of the wheel for it, or choose another environment.",
        )
    try:
        url, _ = read_address(item.url, variables, indexes.trusted)
    except BadAddress as bad:
        return problem("index-address", item.place, why=str(bad), mend=bad.mend)
    return _checked(_with_extras(item, f" @ {indexes.with_account(url)}"), item, url)


def limit_text(item: Requirement) -> str | None:
    """A constraint for the resolver; None for one that it could not use."""
    text = f"{item.name}{item.specifier}" + (f" ; {item.marker}" if item.marker else "")
    return text if item.name and item.url is None and _is_plain(text) else None


def applies(marker: str | None, target: Target) -> bool:
    """Whether a condition holds in the target."""
    if marker is None:
        return True
    return Marker(marker).evaluate(
        {
            "python_version": target.python,
            "python_full_version": f"{target.python}.0",
            "implementation_name": "cpython",
            "implementation_version": f"{target.python}.0",
            "platform_python_implementation": "CPython",
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": target.machine,
            "platform_release": "",
            "platform_version": "",
            "extra": "",
        }
    )


def unbuilt(item: Requirement, name: str, to_build: frozenset[str], why: str) -> Problem:
    """The problem of a package that would have to be built, and was not."""
    if name in to_build:
        mend = "Look at the job mlreef-wheels, which should have built it."
    elif name:
        mend = (
            f"Take a released wheel, or let a job build it: `build_sdists: [{name}]` in .mlreef.yaml; the engine docker"
            " builds everything."
        )
    else:
        mend = "Write `NAME @` before the address, and `build_sdists: [NAME]` into .mlreef.yaml."
    return problem("requirement-sources", item.place, wanted=shown(item), why=why, mend=mend)


def shown(item: Requirement) -> str:
    """A requirement in a sentence; the query of an address, where tokens stand, is left out."""
    url = urldefrag(item.url or "").url.partition("?")[0]
    name = item.name or url
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    address = f" @ {url}" if item.url and item.name else item.specifier if not item.url else ""
    return ascii_controls(f"{name}{extras}{address}")[:160]


def target_words(target: Target) -> str:
    """The target in a sentence."""
    return f"Python {target.python} on {target.platform} ({target.wheels})"


def _needs_build(item: Requirement, indexes: Indexes) -> bool:
    if item.url is not None:
        return is_repository(item.url) or not urlsplit(item.url).path.lower().endswith(".whl")
    return bool(indexes.no_binary & {":all:", item.normalized or ""})


def _why_build(item: Requirement) -> str:
    if item.url is None:
        return "--no-binary wants it to be built of its sources"
    if is_repository(item.url):
        return "a repository holds sources, which must be built before they can be installed"
    return "the address is that of its sources, which must be built before they can be installed"


def _with_extras(item: Requirement, behind: str) -> str:
    extras = f"[{','.join(item.extras)}]" if item.extras else ""
    return f"{item.name}{extras}{behind}" + (f" ; {item.marker}" if item.marker else "")


def _checked(text: str, item: Requirement, url: str = "") -> Line | Problem:
    if _is_plain(text):
        return Line(text, item, url)
    why, mend = "it holds characters that no requirement needs", "Write it anew."
    return problem("requirement-invalid", item.place, why=why, mend=mend)


def _is_plain(text: str) -> bool:
    """Nothing of a repository may begin a second line, or look like an option or a variable to the resolver."""
    words = _WORDS.fullmatch(text) is not None
    return words and not text.startswith("-") and "${" not in text and " -" not in text
