"""environment.yml as conda reads it: channels, specifications, and which lines are left to pip."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import yaml

from bot.layers.addresses import Account, BadAddress, read_address
from parser.model import Place, Problem
from parser.problems import problem
from parser.requirements.public import CONDA
from parser.yaml_nodes import items, member

DEFAULT_CHANNEL = "conda-forge"
"""The channel of who names none: free for everybody, as conda's own default is not."""

_DEFAULTS = ("https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r")


@dataclass(frozen=True, slots=True)
class CondaAsked:
    """What a repository asks of conda. `channels`: addresses without credentials, the first counts most.

    `pip_lines`: lines of the file, from 1, that are pip's.
    """

    file: str
    channels: tuple[str, ...]
    specs: tuple[str, ...]
    pip_lines: frozenset[int]
    accounts: tuple[Account, ...] = ()


def read_asked(
    file: str, content: bytes, variables: Mapping[str, str], alias: str = CONDA
) -> CondaAsked | tuple[Problem, ...]:
    """The environment of a file that the parser has read before, or every channel that cannot be used.

    `variables`: those of the job, of which addresses see what `bot.layers.indexes` offers.
    """
    try:
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return (problem("conda-environment", Place(file), why="it is not YAML", mend="Correct it."),)
    channels: list[str] = []
    accounts: list[Account] = []
    problems: list[Problem] = []
    for node in items(member(root, "channels")):
        word = str(node.value)
        try:
            for address in _addresses(word, alias):
                url, account = read_address(address, variables)
                channels.append(url)
                accounts += [account] if account else []
        except BadAddress as bad:
            place = Place(file, node.start_mark.line + 1, node.start_mark.column)
            problems.append(problem("conda-environment", place, why=str(bad), mend=bad.mend))
    if problems:
        return tuple(problems)
    specs, lines = [], set()
    for node in items(member(root, "dependencies")):
        if isinstance(node, yaml.MappingNode):
            lines |= {inner.start_mark.line + 1 for inner in items(member(node, "pip"))}
        elif str(node.value).strip() not in ("pip", "python"):
            specs.append(str(node.value).strip())
    channels = channels or list(_addresses(DEFAULT_CHANNEL, alias))
    return CondaAsked(
        file, tuple(dict.fromkeys(channels)), tuple(specs), frozenset(lines), tuple(dict.fromkeys(accounts))
    )


def _addresses(channel: str, alias: str) -> tuple[str, ...]:
    if channel == "nodefaults":
        return ()
    if channel == "defaults":
        return _DEFAULTS
    if urlsplit(channel).scheme or channel.startswith("${"):
        return (channel,)
    return (posixpath.join(alias, channel),)
