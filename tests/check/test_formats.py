"""Problems for other programs."""

from __future__ import annotations

import json
from xml.etree import ElementTree as Xml

import jsonschema
import pytest

from bot.check.formats import formatted
from bot.domain.fingerprints import fingerprints
from parser.model import Edit, Place, Problem, Report, Settings, Severity

PLACE = Place("tools/rün me.py", 3, 4, 3, 9)
PROBLEMS = (
    Problem("type-bool", Severity.WARNING, "It is wrong \x1b \ud800.", "Mend it.", PLACE),
    Problem(
        "default-differs",
        Severity.ERROR,
        "Both <differ> & \0.",
        "Mend it.",
        PLACE,
        (Place("b.py", 1, 2),),
        (Edit(PLACE, "64"), Edit(Place("b.py", 1, 0, 1, 0), "x\n")),
    ),
    Problem("module-defaults", Severity.INFO, "Nothing is given.", ""),
    Problem("type-bool", Severity.WARNING, "It is wrong \x1b \ud800.", "Mend it.", PLACE),
)
REPORT = Report(None, Settings(), PROBLEMS)
GOOD = Report(None, Settings(), ())

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
REGION = {
    "type": "object",
    "required": ["startLine"],
    "additionalProperties": False,
    "properties": {
        name: {"type": "integer", "minimum": 1}
        for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
}
ARTIFACT = {
    "type": "object",
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"}},
}
LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "properties": {"artifactLocation": ARTIFACT, "region": REGION},
        }
    },
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId"],
    "properties": {
        "message": TEXT,
        "level": {"enum": ["none", "note", "warning", "error"]},
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "items": LOCATION},
        "fixes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["artifactChanges"],
                "properties": {
                    "description": TEXT,
                    "artifactChanges": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["artifactLocation", "replacements"],
                            "properties": {
                                "artifactLocation": ARTIFACT,
                                "replacements": {
                                    "type": "array",
                                    "minItems": 1,
                                    "items": {
                                        "type": "object",
                                        "required": ["deletedRegion"],
                                        "properties": {"deletedRegion": REGION},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {"driver": {"type": "object", "required": ["name"]}},
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}
"""The parts of the standard's schema that this log uses."""

CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {"lines": {"type": "object", "required": ["begin"]}},
            },
        },
    },
}
"""What GitLab requires of a Code Quality report."""


def test_sarif_holds_place_other_place_and_mend() -> None:
    log = json.loads(formatted("sarif", REPORT))
    jsonschema.validate(log, SARIF)
    run = log["runs"][0]
    result = run["results"][1]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "default-differs"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tools/r%C3%BCn%20me.py"
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 10}
    assert len(result["fixes"][0]["artifactChanges"]) == 2
    assert [one["level"] for one in run["results"]] == ["warning", "error", "note", "warning"]


def test_code_quality_is_what_gitlab_reads() -> None:
    found = json.loads(formatted("codequality", REPORT))
    jsonschema.validate(found, CODE_QUALITY)
    assert [one["severity"] for one in found] == ["minor", "major", "info", "minor"]
    assert len({one["fingerprint"] for one in found}) == len(found)


def test_a_fingerprint_stays_when_lines_move() -> None:
    moved = [
        Problem(p.code, p.severity, p.message, p.hint, p.place and Place(p.place.file, 99)) for p in PROBLEMS
    ]
    assert fingerprints(moved) == fingerprints(PROBLEMS)


def suite_of(report: Report) -> Xml.Element:
    return Xml.fromstring(formatted("junit", report)).find("testsuite")  # noqa: S314 -- our own writing


def test_in_junit_only_errors_fail() -> None:
    suite = suite_of(REPORT)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "3")
    assert [case.find("failure") is not None for case in suite] == [False, True, False, False]
    nothing = suite_of(GOOD)
    assert (nothing.get("tests"), len(nothing)) == ("1", 1)


@pytest.mark.parametrize("form", ["json", "sarif", "codequality", "junit"])
def test_every_form_can_be_written_as_utf_8(form: str) -> None:
    for report in (REPORT, GOOD):
        assert formatted(form, report).encode()


def test_json_is_the_contracts_problems() -> None:
    found = json.loads(formatted("json", REPORT))
    assert found["refused"] is True
    assert found["problems"][1]["edits"][0] == {
        "place": {"file": "tools/rün me.py", "line": 3, "column": 4, "end_line": 3, "end_column": 9},
        "text": "64",
    }
