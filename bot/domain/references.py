"""What GitLab would make something of in plain text: mentions, references, addresses, emoji.

GitLab looks for them in the text of the page that it has drawn, so a backslash before a sigil is no help: it is gone by
then. Only in code nothing is looked for. Here is a bit more than GitLab finds, on purpose: a name that is shown as code
without need costs nothing, a person who is called without need does.

Names of commits are among it: seven hexadecimal digits link a commit where there is one, and leave a trace on it. So
are `PROJECT-1` (issues of other trackers, and GitLab's own `GL-1`) and `group/project#1`, which holds a sigil anyway.
"""

from __future__ import annotations

import re

_LINKED = re.compile(
    r"""
      @[\w.-]                            # people, groups, all; commits of other projects; mail addresses
    | [#!&]\d                           # issues, merge requests, epics
    | \$                                # snippets, and formulas: two of them around code are enough
    | ~\S                               # labels, by number, name or in quotes
    | %(?:\S*\w|")                      # milestones, likewise
    | \^alert
    | \*iteration
    | \[\w+:                            # [issue:1], [vulnerability:group/project/1], [cadence:"a b"], ...
    | \[\[                              # pages of a wiki
    | [\w.-]/[\w./-]+>                  # group/project>
    | (?<![A-Za-z0-9])[0-9a-f]{7,}(?![A-Za-z0-9])  # commits and ranges of them
    | [A-Za-z]\w*-\d                    # GL-1, and issues of trackers beside GitLab
    | ://
    | (?<![A-Za-z0-9])www\.
    | :[\w+-]+:                         # emoji
    | [{\[][+-]                         # a word that was added or taken away
    | `
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEFORE = "(\"'"
_BEHIND = ".,:;?)\"'"


def find_core(word: str) -> tuple[int, int] | None:
    """Which part of a word without blanks must stand in code; None when all of it may stand as it is."""
    if not _LINKED.search(word):
        return None
    start, end = len(word) - len(word.lstrip(_BEFORE)), len(word.rstrip(_BEHIND))
    return (start, end) if start < end and _LINKED.search(word[start:end]) else (0, len(word))
