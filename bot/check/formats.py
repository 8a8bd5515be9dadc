"""Problems in the forms that other programs read: JSON, GitLab's Code Quality, JUnit and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.check.terminal import harmless
from bot.domain.fingerprints import fingerprints
from parser.catalogue import CATALOGUE
from parser.model import SCHEMA, Edit, Place, Problem, Report, Severity
from parser.wire import report_to_dict

FORMATS = ("text", "json", "codequality", "junit", "sarif")

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_CODE_QUALITY: Mapping[Severity, str] = {
    Severity.ERROR: "major",
    Severity.WARNING: "minor",
    Severity.INFO: "info",
}
_SARIF_LEVEL: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


def formatted(form: str, report: Report) -> str:
    """The report's problems in one of FORMATS but `text`."""
    match form:
        case "codequality":
            return _json(_code_quality(report.problems))
        case "junit":
            return _junit(report)
        case "sarif":
            return _json(_sarif(report.problems))
        case _:
            problems = report_to_dict(report)["problems"]
            return _json({"schema": SCHEMA, "refused": report.refused, "problems": problems})


def _json(value: Any) -> str:
    # ASCII only: a lone surrogate in a message cannot be written as UTF-8.
    return json.dumps(value, indent=2, ensure_ascii=True)


def _code_quality(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """GitLab's form of a Code Quality report; a problem of the whole repository is told of its first file."""
    return [
        {
            "description": _sentences(problem),
            "check_name": problem.code,
            "fingerprint": fingerprint,
            "severity": _CODE_QUALITY[problem.severity],
            "location": _location(problem.place or _REPOSITORY),
        }
        for problem, fingerprint in zip(problems, fingerprints(problems), strict=True)
    ]


_REPOSITORY = Place(".mlreef.yaml")
"""Where a problem of the repository as a whole is shown: the file in which its author can mend it."""


def _location(place: Place) -> dict[str, Any]:
    lines = {"begin": place.line, **({"end": place.end_line} if place.end_line else {})}
    return {"path": place.file, "lines": lines}


def _sentences(problem: Problem) -> str:
    return " ".join(part for part in (harmless(problem.message), harmless(problem.hint)) if part)


def _junit(report: Report) -> str:
    """One case for each problem; only what refuses the publication fails, the rest is shown as skipped."""
    from xml.etree import ElementTree as Xml

    problems = report.problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    counts = {"tests": str(max(1, len(problems))), "failures": str(errors), "errors": "0"}
    root = Xml.Element("testsuites", {"name": "mlreef-bot check", **counts})
    suite = Xml.SubElement(root, "testsuite", {"name": "mlreef-bot check", **counts})
    suite.set("skipped", str(len(problems) - errors))
    for problem in problems:
        place = problem.place
        where = f"{place.file}:{place.line}:{place.column + 1}" if place else "the repository"
        case = Xml.SubElement(suite, "testcase", classname=problem.code, name=harmless(where))
        if place:
            case.set("file", harmless(place.file))
            case.set("line", str(place.line))
        kind = "failure" if problem.severity is Severity.ERROR else "skipped"
        told = Xml.SubElement(case, kind, message=harmless(problem.message), type=problem.severity.value)
        told.text = _sentences(problem)
    if not problems:
        Xml.SubElement(suite, "testcase", classname="mlreef-bot", name="nothing is wrong")
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode")


def _sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """A SARIF log with one run; columns count characters, from 1."""
    from importlib.metadata import PackageNotFoundError, version

    codes = list(dict.fromkeys(problem.code for problem in problems))
    driver: dict[str, Any] = {"name": "mlreef-bot", "rules": [_rule(code) for code in codes]}
    try:
        driver["semanticVersion"] = version("mlreef-bot")
    except PackageNotFoundError:
        # run from a folder of sources; the log is as good without a version
        driver["semanticVersion"] = "0.0.0"
    results = []
    for problem, fingerprint in zip(problems, fingerprints(problems), strict=True):
        result: dict[str, Any] = {
            "ruleId": problem.code,
            "ruleIndex": codes.index(problem.code),
            "level": _SARIF_LEVEL[problem.severity],
            "message": {"text": _sentences(problem)},
            "partialFingerprints": {"mlreefBot/v1": fingerprint},
            "locations": [{"physicalLocation": _physical(problem.place)}] if problem.place else [],
        }
        if problem.also:
            result["relatedLocations"] = [
                {"id": number, "physicalLocation": _physical(place)}
                for number, place in enumerate(problem.also, 1)
            ]
        if problem.edits:
            result["fixes"] = [_sarif_fix(problem)]
        results.append(result)
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    from parser.examples import EXAMPLES

    rule: dict[str, Any] = {"id": code, "name": "".join(word.capitalize() for word in code.split("-"))}
    if code in CATALOGUE:
        rule["defaultConfiguration"] = {"level": _SARIF_LEVEL[CATALOGUE[code].severity]}
    if code in EXAMPLES:
        rule["fullDescription"] = {"text": EXAMPLES[code].why}
    return rule


def _physical(place: Place) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(place.file)}, "region": _region(place)}


def _uri(path: str) -> str:
    # a colon in a first segment would be taken for a scheme
    return quote(path, safe="/!$&'()*+,;=@~")


def _region(place: Place) -> dict[str, int]:
    region = {"startLine": place.line, "startColumn": place.column + 1}
    if place.end_line is not None and place.end_column is not None:
        region |= {"endLine": place.end_line, "endColumn": place.end_column + 1}
    return region


def _sarif_fix(problem: Problem) -> dict[str, Any]:
    files: dict[str, list[Edit]] = {}
    for edit in problem.edits:
        files.setdefault(edit.place.file, []).append(edit)
    changes = [
        {
            "artifactLocation": {"uri": _uri(file)},
            "replacements": [
                {"deletedRegion": _region(edit.place), "insertedContent": {"text": edit.text}}
                for edit in edits
            ],
        }
        for file, edits in files.items()
    ]
    return {"description": {"text": harmless(problem.hint)}, "artifactChanges": changes}
