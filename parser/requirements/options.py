"""The options of a requirements file, read as pip's own option parser reads them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

MAX_OPTIONS = 64 * 1024
"""Characters of one line's options; a few hundred hashes need that many."""

NEEDS_VALUE = frozenset(
    (
        *("--index-url", "--extra-index-url", "--constraint", "--requirement", "--editable", "--find-links"),
        *("--no-binary", "--only-binary", "--trusted-host", "--use-feature", "--global-option", "--hash"),
        *("--config-settings", "--all-releases", "--only-final"),
    )
)
PLAIN = frozenset(("--no-index", "--prefer-binary", "--require-hashes", "--no-require-hashes", "--pre"))

OF_A_REQUIREMENT = frozenset(("--hash", "--config-settings", "--global-option"))
"""Options that belong to one requirement; all others belong to the file."""

NOT_IN_EVERY_PIP = {
    "--global-option": "only older versions of pip have --global-option",
    "--all-releases": "only pip 26 and later have --all-releases",
    "--only-final": "only pip 26 and later have --only-final",
    "--no-require-hashes": "only the newest versions of pip have --no-require-hashes",
}
"""Why a requirements file with the option may not install everywhere."""

FEATURES = frozenset(
    (
        *("fast-deps", "truststore", "no-binary-enable-wheel-cache", "inprocess-build-deps"),
        *("venv-isolation", "build-constraint"),
    )
)
HASHES = ("sha256", "sha384", "sha512")
"""The algorithms that pip accepts."""

_SAME = {"--pypi-url": "--index-url"}
_LONG = sorted([*NEEDS_VALUE, *PLAIN, *_SAME])
_SHORT = {
    "-i": "--index-url",
    "-c": "--constraint",
    "-r": "--requirement",
    "-e": "--editable",
    "-f": "--find-links",
    "-C": "--config-settings",
}


class OptionFault(ValueError):
    """pip refuses the options; `mend` says what to do, `option` names the one pip does not have."""

    def __init__(self, why: str, mend: str, option: str | None = None) -> None:
        super().__init__(why)
        self.mend = mend
        self.option = option


@dataclass(frozen=True, slots=True)
class Options:
    """Options in their order by their long names, and the words that belong to none."""

    given: tuple[tuple[str, str], ...]
    left: tuple[str, ...]

    def values(self, *names: str) -> list[str]:
        """The values of these options."""
        return [value for name, value in self.given if name in names]


def split_line(line: str) -> tuple[str, str]:
    """The requirement and the options behind it, at pip's seam: the first word that begins with a dash."""
    words = line.split(" ")
    cut = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:cut]), " ".join(words[cut:])


def read_options(text: str) -> Options:
    """The options of one line. Raises OptionFault where pip refuses them."""
    if len(text) > MAX_OPTIONS:
        raise OptionFault(f"its options have more than {MAX_OPTIONS} characters", "Shorten them.")
    try:
        words = shlex.split(text)
    except ValueError:
        raise OptionFault("a quote is not closed", "Close it.") from None
    given: list[tuple[str, str]] = []
    left: list[str] = []
    words.reverse()
    while words:
        word = words.pop()
        if word == "--":
            left.extend(reversed(words))
            break
        if not word.startswith("-") or len(word) == 1:
            left.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            name = _complete(name)
            explicit = bool(equals)
        else:
            short, value = word[:2], word[2:]
            if short not in _SHORT:
                raise OptionFault(f"pip has no option {short}", "Remove it or correct it.", short)
            name, explicit = _SHORT[short], bool(value)
        if name in PLAIN:
            if explicit:
                raise OptionFault(f"{name} takes no value", f"Write `{name}` alone.")
        elif not explicit:
            if not words:
                raise OptionFault(f"{name} needs a value", "Add it.")
            value = words.pop()
        _check(name, value)
        given.append((name, value))
    return Options(tuple(given), tuple(left))


def _complete(name: str) -> str:
    """The option that is meant: pip takes the beginning of a name when it fits only one."""
    fitting = [name] if name in _LONG else [option for option in _LONG if option.startswith(name)]
    if not fitting:
        raise OptionFault(f"pip has no option {name}", "Remove it or correct it.", name)
    if len(fitting) > 1:
        raise OptionFault(f"{name} may be {' or '.join(fitting)}", "Write the option's whole name.")
    return _SAME.get(fitting[0], fitting[0])


def _check(name: str, value: str) -> None:
    if name == "--hash":
        algorithm, colon, _ = value.partition(":")
        if not colon or algorithm not in HASHES:
            why = f"--hash needs one of {', '.join(HASHES)}, a colon and the digest"
            raise OptionFault(why, "Write it like `--hash=sha256:…`.")
    elif name == "--config-settings" and "=" not in value:
        raise OptionFault("--config-settings needs KEY=VALUE", "Write it like `--config-settings=key=value`.")
    elif name == "--use-feature" and value not in FEATURES:
        raise OptionFault("pip has no feature of this name", f"It has {', '.join(sorted(FEATURES))}.")
    elif name in ("--no-binary", "--only-binary", "--all-releases", "--only-final") and value.startswith("-"):
        raise OptionFault(f"{name} needs a value", "Name packages, or write `:all:`.")
