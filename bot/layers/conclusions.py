"""The resolver's conclusion that there is no solution → who needs what, and which packages it speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NEEDS = 200
"""Dependencies that are taken out of one conclusion."""

_PACKAGE = r"(?P<{0}>[A-Za-z0-9](?:[\w.-]*\w)?)(?:\[[^\]]*\])?(?P<{0}_versions>(?:[<>=!~]=?=?[^\s,|]+,?)*)"
_NEEDS = re.compile(
    rf"(?:all versions of )?{_PACKAGE.format('who')} depends? on {_PACKAGE.format('what')}(?=[\s,.]|\Z)"
)
_REQUIRED = re.compile(rf"you require {_PACKAGE.format('what')}(?=[\s,.]|\Z)")
_MISSING = (
    re.compile(rf"{_PACKAGE.format('what')} (?:has no|have no|was not found|were not found|was yanked)"),
    re.compile(rf"no versions? of {_PACKAGE.format('what')}(?=[\s,.]|\Z)"),
    re.compile(rf"only {_PACKAGE.format('what')} (?:is|are) available"),
    re.compile(rf"only the following versions of {_PACKAGE.format('what')} (?:is|are) available"),
)


@dataclass(frozen=True, slots=True)
class Need:
    """A package (`who`, with versions as in `>=1`) that depends on another (`what`)."""

    who: str
    what: str
    versions: str

    @property
    def words(self) -> str:
        """The dependency in a sentence."""
        return f"{self.who} needs {self.what}{self.versions}"


@dataclass(frozen=True, slots=True)
class Story:
    """A conclusion's facts: what the requirements name, what depends on what, and what is not to be had."""

    required: tuple[str, ...]
    needs: tuple[Need, ...]
    missing: tuple[str, ...]


def read_conclusion(text: str) -> Story:
    """The facts of a conclusion; none of those that it words in another way than is known here."""
    joined = " ".join(text.split())
    needs = [
        Need(
            f"{found['who']}{_tidy(found['who_versions'])}",
            found["what"].lower(),
            _tidy(found["what_versions"]),
        )
        for found in _NEEDS.finditer(joined)
    ]
    missing = [found["what"].lower() for pattern in _MISSING for found in pattern.finditer(joined)]
    required = [found["what"].lower() for found in _REQUIRED.finditer(joined)]
    return Story(
        tuple(dict.fromkeys(required)),
        tuple(dict.fromkeys(needs[:MAX_NEEDS])),
        tuple(dict.fromkeys(missing)),
    )


def _tidy(versions: str) -> str:
    """A sentence's comma or full stop behind versions is none of theirs."""
    return versions.rstrip(".,")
