"""The truth about a script: what argparse held when it ran, twice, so that what differs is known to be unknowable."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fidelity.corpus import CACHE, Candidate

HOOK = Path(__file__).with_name("hook.py")
SECONDS = 40
VARIANTS = ("a", "b")
FIELDS = (
    *(
        "flags",
        "dest",
        "type",
        "default",
        "required",
        "choices",
        "nargs",
        "action",
        "const",
        "metavar",
        "help",
    ),
    *("group", "excludes", "printed_help", "deprecated"),
)
"""What is compared of each argument; which it is, its flags and its subcommand say, and its place among the others
is compared beside."""


@dataclass(frozen=True)
class Argument:
    """One argument as argparse held it, with the fields that cannot be known from the source."""

    fields: Mapping[str, Any]
    unknown: frozenset[str]
    conditional: bool

    @property
    def subcommand(self) -> tuple[str, ...]:
        return tuple(self.fields["subcommand"])

    @property
    def shown(self) -> str:
        return _shown(self.fields)


@dataclass(frozen=True)
class Truth:
    """What is known about one script; `why` says why nothing is, or why there may be more than what is known."""

    arguments: tuple[Argument, ...]
    why: str
    absent: tuple[str, ...] = ()


def fetch_truths(scripts: Sequence[Candidate], jobs: int) -> dict[Candidate, Truth]:
    """The truth of every script, run when it has not been before."""
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(scripts, pool.map(_truth, scripts), strict=True))


def _truth(script: Candidate) -> Truth:
    kept = CACHE / "truth" / _stamp() / f"{script.key}.json"
    if kept.exists():
        runs = json.loads(kept.read_text("utf-8"))
    else:
        runs = [_run(script, variant) for variant in VARIANTS]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(runs), "utf-8")
    return together(*runs)


@cache
def _stamp() -> str:
    """Truths of another hook or another Python are not this one's."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{version}-{hashlib.sha256(HOOK.read_bytes()).hexdigest()[:12]}"


@cache
def _alone() -> tuple[str, ...]:
    """A command that takes the network away, where the machine allows it; the hook refuses it anyway."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    works = subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode == 0
    return (unshare, "-n") if works else ()


def _run(script: Candidate, variant: str) -> dict[str, Any]:
    root = script.package.root
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.json"
        command = [sys.executable, "-I", "-S", str(HOOK), str(root / script.path), str(root)]
        command += [script.module or "-", variant, str(out), scratch]
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        try:
            done = subprocess.run(
                [*_alone(), *command], env=environment, capture_output=True, timeout=SECONDS, check=False
            )
            end = f"ended with {done.returncode}: {done.stderr[-200:].decode(errors='replace')}"
        except subprocess.TimeoutExpired:
            end = f"took more than {SECONDS} s"
        if out.exists():
            told: dict[str, Any] = json.loads(out.read_text("utf-8"))
            return told
    return {"records": [], "end": end, "broken": [], "escaped": False, "absent": []}


def together(first: Mapping[str, Any], second: Mapping[str, Any]) -> Truth:
    """One truth of two runs: what differs between them is unknown, what only one of them has is conditional."""
    left, right = _arguments(first), _arguments(second)
    if not left or not right:
        run = second if left else first
        return Truth((), run["end"] if not run["records"] else "no arguments")
    for path, why, adds_arguments in (*first["broken"], *second["broken"]):
        if adds_arguments:
            return Truth((), f"a module of its own could not be imported: {path}: {why}")
    made = [_merged(one, right.get(key)) for key, one in left.items()]
    made += [_merged(one, None) for key, one in right.items() if key not in left]
    return Truth(tuple(made), _cut_short(first) or _cut_short(second), tuple(first["absent"]))


def _cut_short(run: Mapping[str, Any]) -> str:
    """Why a script that looked at its command line was not seen to have looked at all of it."""
    end: str = run["end"]
    return "" if end in ("parsed", "returned", "SystemExit: 0", "SystemExit: None") else end


def _arguments(run: Mapping[str, Any]) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for record in run["records"]:
        times: Counter[Any] = Counter()
        for one in record["parameters"]:
            excludes = [_shown(other) for other in record["parameters"] if _exclusive(one, other)]
            more = {"excludes": sorted(excludes), "printed_help": _printed(one)}
            name = (*one["subcommand"], "\0", *(one["flags"] or [str(one["dest"])]))
            times[name] += 1  # several positionals may have one name
            found[(*name, times[name])] = {"deprecated": False, **one, **more}
    return found


def _exclusive(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two arguments cannot be given together."""
    same_parser = one["subcommand"] == other["subcommand"]
    return same_parser and one is not other and one["mutex"] is not None and one["mutex"] == other["mutex"]


def _printed(one: Mapping[str, Any]) -> Any:
    return None if one["help"] in (None, "") else one["help_printed"]


def _shown(fields: Mapping[str, Any]) -> str:
    """An argument by its subcommand and its last flag, or its name."""
    return " ".join((*fields["subcommand"], (fields["flags"] or [str(fields["dest"])])[-1]))


def _merged(one: dict[str, Any], other: dict[str, Any] | None) -> Argument:
    unknown = {name for name in FIELDS if one[name] == {"unknown": True}}
    if other is not None:
        unknown |= {name for name in FIELDS if one[name] != other[name]}
    return Argument(one, frozenset(unknown), other is None)
