"""The files that set a repository up, as text: `.mlreef.yaml` with what can be chosen, and requirements.txt.

Names come from a repository and may be anything: as values they are quoted until they read back as they are, in
comments they stay on their line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.environments import Environment
from bot.domain.settings_edit import scalar
from bot.domain.text import printable, shorten
from parser.annotations import DATA_TYPES
from parser.model import Kind

MAX_REMARK_CHARS = 160
"""Characters of one line of comment."""

MAX_NAMED = 10
"""Scripts and environments that comments name."""

DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z", re.ASCII)
"""What a package can be called."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A package for a module that is imported: the version found for it, or `why` there is none."""

    module: str
    package: str
    version: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pins:
    """Packages that work together; `trouble`: why versions could not be looked up at all, "" when they could.

    `option`: a line that requirements need besides, such as another index; "" for none.
    """

    pins: tuple[Pin, ...]
    trouble: str = ""
    option: str = ""

    @property
    def left_out(self) -> tuple[Pin, ...]:
        """Modules for which no package was found."""
        return tuple(one for one in self.pins if one.why)


@dataclass(frozen=True, slots=True)
class Described:
    """What the settings say of the module; None where an annotation of the script says it, or may."""

    kind: str | None
    input_type: str | None
    output_type: str | None


def settings_text(
    entries: Mapping[str, str],
    others: Sequence[str],
    environment: Environment | None,
    environments: Sequence[Environment],
    described: Described,
    requirements_file: str = "",
    docs_url: str = "",
) -> bytes:
    """A whole `.mlreef.yaml`.

    `entries`: role → script; `others`: scripts that could be the entry point as well; `environment` None: unknown.
    """
    return ("\n".join(_settings(entries, others, environment, environments, described, requirements_file, docs_url))
            + "\n").encode()  # fmt: skip


def _settings(
    entries: Mapping[str, str],
    others: Sequence[str],
    environment: Environment | None,
    environments: Sequence[Environment],
    described: Described,
    requirements_file: str,
    docs_url: str,
) -> Iterator[str]:
    yield "# How mlreef-bot publishes this repository. Every line may be changed or left out."
    if docs_url:
        yield _remark(f"Help: {docs_url}")
    yield ""
    yield "entry_points:"
    if len(entries) > 1:
        yield "  # The scripts of the module, by the first word of its command line that selects one."
    else:
        yield "  # The script that runs the module; its arguments become the module's parameters."
    if others:
        yield "  # These read a command line, too. Another one may stand here; or each has a role of its own instead of"
        yield "  # `main`, such as `train: train.py`, and the first word of the command line selects one:"
        yield from (f"  {_remark(f'  {other}')}" for other in others[:MAX_NAMED])
    yield from (f"  {role}: {scalar(script)}" for role, script in entries.items())
    yield ""
    told = "There is:" if environments else "Whoever runs the bot knows which there are."
    yield f"# The image that the module is built on. {told}"
    yield from (_remark(f"  {one.name}: {environment_words(one)}") for one in environments[:MAX_NAMED])
    yield _key("environment", environment.name if environment else None, "NAME")
    yield ""
    yield f"# What it is for: {', '.join(Kind)}."
    yield _key("kind", described.kind, Kind.OPERATION)
    yield "# What a model (ALGORITHM) does, and where it belongs:"
    yield _key("model_type", None, "classification")
    yield _key("ml_category", None, "tabular")
    yield ""
    yield "# What it reads, and what it gives. There is:"
    yield _remark(f"  {', '.join(DATA_TYPES)}")
    yield _key("input_type", described.input_type, "ANY")
    yield _key("output_type", described.output_type, "ANY")
    yield ""
    yield "# Where its packages are listed."
    yield _key("requirements_file", requirements_file or None, "requirements.txt")
    yield ""
    yield "# Its name, where it is not to be called as the project is."
    yield "# name: A Name"


def _key(key: str, value: str | None, usual: str) -> str:
    return f"# {key}: {usual}" if value is None else f"{key}: {scalar(value)}"


def _remark(text: str) -> str:
    return f"# {shorten(printable(text), MAX_REMARK_CHARS)}"


def environment_words(environment: Environment) -> str:
    """An environment in a few words, as its operator describes it."""
    kind = f", CUDA {environment.cuda}" if environment.cuda else ", GPU" if environment.gpu else ""
    facts = f"Python {environment.python}{kind}"
    told = (environment.title, environment.description)
    return "; ".join([facts, *(word for word in told if word and word not in (environment.name, facts))])


def requirements_text(pins: Pins) -> bytes:
    """A whole requirements.txt: with versions where they are known; what no package is found for is a comment."""
    lines = ["# Made of what the script imports. Look through it: a name may be another package's."]
    if pins.trouble:
        lines.append(f"# Without versions: {_word(pins.trouble)}")
    if not pins.pins:
        lines.append("# The script imports nothing that would have to be installed.")
    if pins.option:
        lines.append(pins.option)
    listed: dict[str, str] = {}
    for pin in pins.pins:
        usable = DISTRIBUTION.match(pin.package) and not pin.why
        if usable:
            listed[pin.package] = f"{pin.package}=={pin.version}" if pin.version else pin.package
        else:
            listed.setdefault(
                pin.package, f"# {_word(pin.package)} (for {_word(pin.module)}): {_word(pin.why)}"
            )
    lines += listed.values()
    return ("\n".join(lines) + "\n").encode()


def _word(text: str) -> str:
    return shorten(printable(text), MAX_REMARK_CHARS)
