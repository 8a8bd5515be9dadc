"""What is known to be wrong with packages: OSV's advisories, read from a file, a folder or an archive of them.

Three answers, never two: affected, not affected, and unknown. What a source does not say, or cannot be asked, is
unknown and never counts as clean.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packaging.version import InvalidVersion, Version

from bot.layers.lock import Lock

MAX_ENTRY_BYTES = 4 * 1024 * 1024
MAX_REPORT_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 200_000
"""Advisories that are read of one source; those of all of PyPI are some 20,000."""

Severity = Literal["low", "medium", "high", "critical", "unknown"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

State = Literal["affected", "not affected", "unknown"]

_WORDS: Mapping[str, Severity] = {"moderate": "medium", **{word: word for word in SEVERITIES}}


@dataclass(frozen=True, slots=True)
class Finding:
    """An advisory that is about a package at its version. `fixed`: the version that is said to be good."""

    id: str
    severity: Severity
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one package; `why` for the unknown."""

    name: str
    version: str
    state: State
    findings: tuple[Finding, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Advisories:
    """A source, read. `trouble`: why it, or a part of it, could not be; empty when all of it was."""

    origin: str
    entries: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    told: Mapping[str, Judged] | None = None
    trouble: str = ""


def load_advisories(path: Path, origin: str = "", about: Collection[str] | None = None) -> Advisories:
    """A JSON file, a folder or a ZIP of OSV's advisories, or pip-audit's report. Never raises: see `trouble`.

    `about`: names of packages; what is said of others is read and not kept.
    """
    origin = origin or path.name
    entries: dict[str, list[Mapping[str, Any]]] = {}
    read, named, trouble = 0, 0, ""
    try:
        for name, content in _documents(path):
            value = _json(content)
            if isinstance(value, dict) and isinstance(value.get("dependencies"), list):
                return Advisories(origin, told=_report(value["dependencies"]))
            listed = value.get("vulns", [value]) if isinstance(value, dict) else value
            if not isinstance(listed, list) or not all(_is_advisory(one) for one in listed):
                trouble = trouble or f"{name} holds no advisory"
                continue
            read += len(listed)
            if read > MAX_ENTRIES:
                return Advisories(origin, trouble=f"it holds more than {MAX_ENTRIES} advisories")
            for entry in map(_needed, listed):
                packages = {package for one in entry["affected"] if (package := _package(one))}
                named += len(packages)
                for package in packages if about is None else packages.intersection(about):
                    entries.setdefault(package, []).append(entry)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        return Advisories(origin, trouble=f"it cannot be read ({type(error).__name__})")
    if not named and not trouble:
        trouble = "it says nothing about any package of PyPI"
    return Advisories(origin, {name: tuple(found) for name, found in entries.items()}, trouble=trouble)


def judge(lock: Lock, advisories: Advisories) -> tuple[Judged, ...]:
    """What the source says of each package of a lock."""
    judged = [_judge(wheel.name, wheel.version, advisories) for wheel in lock.wheels]
    why = "the source is about packages of PyPI"
    return (*judged, *(Judged(one.name, one.version, "unknown", why=why) for one in lock.conda))


def worst(judged: tuple[Judged, ...]) -> tuple[Severity, ...]:
    """The severities of all findings, worst first; one that nobody graded counts as the worst."""
    found = {finding.severity for one in judged for finding in one.findings}
    return tuple(word for word in ("unknown", *reversed(SEVERITIES)) if word in found)


def blocks(judged: tuple[Judged, ...], at: Severity) -> tuple[Judged, ...]:
    """The packages with a finding of severity `at` or worse; what nobody graded is not taken for harmless."""
    bad = {*SEVERITIES[SEVERITIES.index(at) :], "unknown"}
    return tuple(one for one in judged if any(finding.severity in bad for finding in one.findings))


def _judge(name: str, version: str, advisories: Advisories) -> Judged:
    if advisories.told is not None:
        told = advisories.told.get(name)
        if told is None or told.version != version:
            return Judged(name, version, "unknown", why="the report does not name it at this version")
        return told
    about = advisories.entries.get(name, ())
    hit = [(entry, match) for entry in about if (match := _is_affected(entry, name, version)) is not False]
    findings = _merged([entry for entry, match in hit if match], name)
    if findings:
        return Judged(name, version, "affected", findings)
    if any(match is None for _, match in hit):
        return Judged(
            name, version, "unknown", why="an advisory does not say clearly which versions it is about"
        )
    if advisories.trouble:
        return Judged(name, version, "unknown", why=advisories.trouble)
    return Judged(name, version, "not affected")


def _is_affected(entry: Mapping[str, Any], name: str, version: str) -> bool | None:
    """Whether an advisory is about this version; None when it does not say so that it can be worked out."""
    try:
        ours = Version(version)
    except InvalidVersion:
        return None
    unclear = False
    for affected in entry["affected"]:
        if _package(affected) != name:
            continue
        listed, ranges = affected.get("versions"), affected.get("ranges")
        if isinstance(listed, list) and any(_same(str(one), ours) for one in listed):
            return True
        ordered = [one for one in ranges or () if isinstance(one, dict) and one.get("type") != "GIT"]
        verdicts = [_in_range(one.get("events"), ours) for one in ordered]
        if True in verdicts:
            return True
        unclear = unclear or None in verdicts or not (ordered or isinstance(listed, list))
    return None if unclear else False


def _in_range(events: object, ours: Version) -> bool | None:
    """OSV's rule: the last event at or below our version decides."""
    if not isinstance(events, list) or not events:
        return None
    inside, marks = False, []
    try:
        for event in events:
            ((kind, told),) = event.items()
            if kind not in {"introduced", "fixed", "last_affected", "limit"}:
                return None
            first = kind == "introduced" and told == "0"
            marks.append((Version("0.dev0" if first else str(told)), kind))
    except (InvalidVersion, ValueError, AttributeError):
        return None
    for at, kind in sorted(marks, key=lambda mark: (mark[0], mark[1] != "introduced")):
        if kind == "introduced" and at <= ours:
            inside = True
        if (kind in {"fixed", "limit"} and at <= ours) or (kind == "last_affected" and at < ours):
            inside = False
    return inside


def _merged(entries: list[Mapping[str, Any]], name: str) -> tuple[Finding, ...]:
    """One finding for what several advisories tell under several names, with the worst of their grades."""
    groups: list[tuple[set[str], list[Mapping[str, Any]]]] = []
    for entry in entries:
        names = {str(entry["id"]), *(str(alias) for alias in entry.get("aliases") or ())}
        joined = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append(
            (names.union(*(one[0] for one in joined)), [*(e for one in joined for e in one[1]), entry])
        )
    found = []
    for _, same in groups:
        grades = [grade for entry in same if (grade := severity_of(entry)) != "unknown"]
        grade = max(grades, key=SEVERITIES.index, default="unknown")
        fixed = sorted({version for entry in same for version in _fixed(entry, name)}, key=Version)
        found.append(Finding(min(str(entry["id"]) for entry in same), grade, fixed[-1] if fixed else ""))
    return tuple(sorted(found, key=lambda one: one.id))


def severity_of(entry: Mapping[str, Any]) -> Severity:
    """The grade of an advisory: in its publisher's word, else by its CVSS vector."""
    own = entry.get("database_specific")
    word = _WORDS.get(str(own.get("severity", "")).lower(), "unknown") if isinstance(own, dict) else "unknown"
    if word != "unknown":
        return word
    grades: list[Severity] = []
    for told in entry.get("severity") or ():
        score = _score(str(told.get("score", ""))) if isinstance(told, dict) else None
        if score is not None:
            limits: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"))
            grades.append(next((name for limit, name in limits if score >= limit), "low"))
    return max(grades, key=SEVERITIES.index, default="unknown")


def _score(vector: str) -> float | None:
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    kinds = {"CVSS:3": CVSS3, "CVSS:4": CVSS4}
    try:
        return float(kinds.get(vector[:6], CVSS2)(vector).base_score)
    except (CVSSError, ValueError, TypeError):
        return None


def _report(dependencies: list[Any]) -> dict[str, Judged]:
    """pip-audit's report; it prints `No known vulnerabilities` over packages that it skipped."""
    told = {}
    for one in dependencies:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            continue
        name, version = _normal(one["name"]), str(one.get("version") or "")
        findings = tuple(
            Finding(str(vuln.get("id")), "unknown", str((vuln.get("fix_versions") or [""])[-1]))
            for vuln in one.get("vulns") or ()
            if isinstance(vuln, dict)
        )
        if "skip_reason" in one or not isinstance(one.get("vulns"), list):
            told[name] = Judged(
                name, version, "unknown", why=f"the source skipped it: {one.get('skip_reason')}"
            )
        else:
            told[name] = Judged(name, version, "affected" if findings else "not affected", findings)
    return told


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield file.name, _bounded(file, MAX_ENTRY_BYTES)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".json"):
                    with archive.open(member) as stream:
                        yield member.filename, stream.read(MAX_ENTRY_BYTES)
    else:
        yield path.name, _bounded(path, MAX_REPORT_BYTES)


def _bounded(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _is_advisory(entry: object) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return False
    affected = entry.get("affected")
    if entry.get("withdrawn"):
        entry["affected"] = []
        return True
    return isinstance(affected, list) and all(isinstance(one, dict) for one in affected)


def _needed(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of an advisory what is asked of it here; its prose and links are most of it, and there are thousands."""
    told = entry.get("database_specific")
    grade = {"severity": told.get("severity")} if isinstance(told, dict) else None
    kept = {name: entry[name] for name in ("id", "aliases", "severity") if name in entry}
    affected = [
        {name: one[name] for name in ("package", "versions", "ranges") if name in one}
        for one in entry["affected"]
        if _package(one) is not None
    ]
    return {**kept, "affected": affected, "database_specific": grade}


def _package(affected: Mapping[str, Any]) -> str | None:
    package = affected.get("package")
    if not isinstance(package, dict) or not str(package.get("ecosystem", "")).startswith("PyPI"):
        return None
    return _normal(str(package.get("name", "")))


def _fixed(entry: Mapping[str, Any], name: str) -> Iterator[str]:
    for affected in entry["affected"]:
        if _package(affected) == name:
            for one in affected.get("ranges") or ():
                for event in (
                    one.get("events") or () if isinstance(one, dict) and one.get("type") != "GIT" else ()
                ):
                    if isinstance(event, dict) and _is_version(str(event.get("fixed", ""))):
                        yield str(event["fixed"])


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _same(told: str, ours: Version) -> bool:
    return _is_version(told) and Version(told) == ours


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
