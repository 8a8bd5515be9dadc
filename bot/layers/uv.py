"""uv as a program: requirements → a pylock.toml, or its conclusion that there is none. It never builds anything."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import OperatorError, TryAgain
from bot.layers.indexes import Indexes
from bot.layers.web import untrusted
from bot.layers.wheel_tags import Target

MAX_SECONDS = 900
"""Longest run; the index of a slow mirror is asked for a thousand pages in this time."""

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
"""Bytes of its answer; two thousand packages need a tenth of it."""

MAX_SAID = 64 * 1024
"""Bytes of its conclusion that are read."""

HTTP_SECONDS = "60"

PASSED_ON = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_CACHE_DIR", "UV_HTTP_RETRIES"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)
"""Variables of the job that uv sees; there is nothing else in its environment than these and what is set here."""

_UNREACHABLE = re.compile(
    r"error sending request|Request failed after|Failed to fetch|timed out|Connection refused|connection closed"
    r"|Temporary failure in name resolution|server error|502 Bad Gateway|503 Service",
    re.IGNORECASE,
)
_HERE = re.compile(r"([^:\n]*) \(os error (?:13|20|27|28|30|122)\)")
"""Errors of files, by their numbers on Linux: permissions, no folder, too large, no room, read-only, no quota."""

_REFUSED = re.compile(r"\b40[134]\b|Unauthorized|Forbidden|Not Found")


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Why there is no solution, in uv's own words."""

    text: str


def ask_uv(
    lines: Sequence[str],
    limits: Sequence[str],
    target: Target,
    indexes: Indexes,
    variables: Mapping[str, str],
    *,
    wheels: Sequence[Path] = (),
    with_dependencies: bool = True,
    seconds: float = MAX_SECONDS,
) -> Mapping[str, Any] | Conclusion:
    """The pylock.toml of the lines as plain data. Raises TryAgain when an index is away, OperatorError without uv.

    `seconds`: the longest that it may take; TryAgain after that.
    """
    with tempfile.TemporaryDirectory(prefix="mlreef-uv-") as folder:
        root = Path(folder)
        (root / "wanted.txt").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        (root / "limits.txt").write_text("".join(f"{line}\n" for line in limits), encoding="ascii")
        command = _command(target, indexes, with_dependencies)
        for wheel in wheels:
            (root / "wheels").mkdir(exist_ok=True)
            (root / "wheels" / wheel.name).symlink_to(wheel.resolve())
        environ = _environment(root, indexes, variables, bool(wheels))
        with (root / "out").open("wb") as out, (root / "said").open("wb") as said:
            try:
                code = subprocess.run(
                    command, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=said,
                    timeout=seconds, check=False,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                raise TryAgain(f"The packages were not resolved within {seconds:.0f} seconds.") from None
            except OSError as error:
                raise OperatorError(f"uv cannot be run: {error.strerror}.", _INSTALL) from None
        if code == 0:
            return _document(root / "out")
        with (root / "said").open("rb") as file:
            text = file.read(MAX_SAID).decode("utf-8", "replace")
    if code < 0:
        raise TryAgain(f"uv was ended by signal {-code}.")
    here = fault_here(text)
    if here is not None:
        raise here
    if "invalid peer certificate" in text:
        raise untrusted("the package index")
    if _UNREACHABLE.search(text) and not _REFUSED.search(text):
        raise TryAgain("The package index cannot be reached, or broke off.")
    return Conclusion(text)


def fault_here(text: str) -> OperatorError | None:
    """What uv says when this machine is at fault: the disk is full, or its cache is not to be written."""
    found = _HERE.search(text)
    if found is None:
        return None
    return OperatorError(
        f"uv, which resolves packages, cannot write its files ({found[1].strip()}).",
        "Make room, or set UV_CACHE_DIR and TMPDIR to folders on a larger disk that the job may write to.",
    )


_INSTALL = "Install the bot with its dependencies: `pip install mlreef-bot` brings uv."


def _command(target: Target, indexes: Indexes, with_dependencies: bool) -> list[str]:
    return [
        *(_program(), "pip", "compile", "wanted.txt", "--constraints", "limits.txt"),
        # No settings of the machine, no sources run, no Python fetched, no keyring asked.
        *(
            "--no-config",
            "--no-build",
            "--no-sources",
            "--no-python-downloads",
            "--keyring-provider",
            "disabled",
        ),
        *("--python", sys.executable, "--python-version", target.python),
        *("--python-platform", target.uv_platform),
        *("--format", "pylock.toml", "--generate-hashes", "--no-header"),
        *("--quiet", "--no-progress", "--color", "never"),
        # An index named besides comes first, and its packages are taken where they fit: nobody can put a package of
        # the same name and a higher version on the public index.
        *("--index-strategy", "unsafe-first-match"),
        *(("--prerelease", "allow") if indexes.pre else ()),
        *(("--no-index",) if indexes.default is None else ()),
        *(() if with_dependencies else ("--no-deps",)),
    ]


def _program() -> str:
    # Only a new lock needs it, and most builds have one.
    from uv import find_uv_bin

    try:
        return str(find_uv_bin())
    except FileNotFoundError:
        raise OperatorError("uv, which resolves packages, is not installed.", _INSTALL) from None


def _environment(root: Path, indexes: Indexes, variables: Mapping[str, str], wheels: bool) -> dict[str, str]:
    """Addresses with passwords go by the environment: every user of a machine can read command lines."""
    environ = {name: variables[name] for name in PASSED_ON if variables.get(name)}
    environ |= {"HOME": str(root), "PATH": "", "TMPDIR": str(root), "UV_HTTP_TIMEOUT": HTTP_SECONDS}
    if "UV_CACHE_DIR" not in environ:
        home = variables.get("XDG_CACHE_HOME") or (
            f"{variables['HOME']}/.cache" if variables.get("HOME") else ""
        )
        environ["UV_CACHE_DIR"] = f"{home}/uv" if home.startswith("/") else str(root / "cache")
    if indexes.default is not None:
        environ["UV_DEFAULT_INDEX"] = indexes.with_account(indexes.default)
        if indexes.extra:
            environ["UV_INDEX"] = " ".join(map(indexes.with_account, indexes.extra))
    links = [indexes.with_account(url).replace(",", "%2C") for url in indexes.links]
    if wheels:
        links.append(str(root / "wheels"))
    if links:
        environ["UV_FIND_LINKS"] = ",".join(links)
    return environ


def _document(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > MAX_OUTPUT_BYTES:
        raise OperatorError("uv answers more than any lock holds.", "Report it, with the requirements.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(
            f"uv's answer cannot be read: {error}.", "Install the version of uv that is asked for."
        ) from None
