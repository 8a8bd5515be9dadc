"""What pip's last lines mean, in a sentence that says what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN_LINES = 15
"""Lines of pip's output that are repeated beneath the sentence."""

_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), sentence)
    for pattern, sentence in (
        (
            r"no space left on device",
            "The machine that builds has no room left on its disk: whoever runs the runner must make some.",
        ),
        (
            r"temporary failure in name resolution|failed to establish a new connection|connection refused"
            r"|network is unreachable|read timed out|connecttimeout|max retries exceeded|certificate_verify_failed",
            "The package index could not be reached from the build: try again, or check the runner's network, "
            "proxy and certificates.",
        ),
        (
            r"could not open requirements file.*?'([^']*)'",
            "The file {0} is named by another requirements file and is not in the repository: add or remove it.",
        ),
        (
            r"invalid requirement: (.+?)(?: \(from| ?:|$)",
            "{0} is not a requirement that pip understands: write it as `name==version`.",
        ),
        (
            r"resolutionimpossible|conflicting dependencies|because these package versions have conflicting",
            "Two requirements ask for different versions of the same package: loosen one of them.",
        ),
        (
            r"requires a different python: ([^ ]+) not in '([^']*)'",
            "A requirement needs Python {1}, and this environment has {0}: choose another version of the package, "
            "or another `environment` in .mlreef.yaml.",
        ),
        (
            r"no matching distribution found for ([^\s(]+)",
            "There is no version of {0} for this environment's Python: check its name and version, or choose another "
            "`environment` in .mlreef.yaml.",
        ),
        (
            r"do not match the hashes|hashes are required",
            "A package differs from the hash that is noted for it: renew the hashes in the requirements file.",
        ),
        (
            r"(?:command|unable to execute) '?(?:gcc|g\+\+|cc|x86_64[^' ]*gcc|cmake|make|cargo|rustc)\b"
            r"|python\.h: no such file|microsoft visual|rust compiler|no such file or directory: '(?:gcc|cmake|make)'",
            "A requirement must be compiled, and this environment has no compiler: choose a version that comes as a "
            "wheel, or an `environment` with a compiler.",
        ),
        (
            r"failed (?:building wheel|to build)(?: installable wheels)?(?: for)? ?'?([\w.-]*)",
            "The package {0} could not be built here: choose a version that comes as a ready-made wheel.",
        ),
        (
            r"is not a valid editable requirement|does not appear to be a python project|neither 'setup\.py' nor",
            "A requirement names a folder that cannot be installed: it has no setup.py or pyproject.toml.",
        ),
        (
            r"git(?:hub|lab)?.*(?:not found|could not read|authentication failed)|no such file or directory: 'git'"
            r"|cannot find command 'git'",
            "A requirement is fetched with git, and that failed: use a released version, or an environment with git "
            "and a public repository.",
        ),
        (
            r"killed|cannot allocate memory|memoryerror|non-zero code: 137",
            "The machine ran out of memory while it installed: ask for a bigger runner, or a smaller package.",
        ),
    )
)


def pip_cause(tail: Sequence[str]) -> str:
    """The likely cause of a failed installation, from its last lines."""
    text = "\n".join(tail)
    for pattern, sentence in _CAUSES:
        found = pattern.search(text)
        if found:
            return sentence.format(*(f"`{group}`" for group in found.groups(default="")))
    return "pip could not install the requirements; its last lines say why."


def apt_cause(lines: Sequence[str]) -> str:
    """What apt refused, in its own words, and what to do."""
    said = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    if any("Temporary failure resolving" in line or "Failed to fetch" in line for line in [*said, *lines]):
        return (
            "Debian's archive could not be reached from the build: try again, or check the runner's network and "
            "proxy."
        )
    told = f"apt says: {said[0].rstrip('.')}. " if said else ""
    return f"{told}Check the names under `apt` in .mlreef.yaml against the Debian release of the environment."
