"""What is told about an image: bill of materials, provenance, and what is known to be wrong with its packages."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.layers.lock import Lock, LockedConda, LockedWheel
from bot.layers.trust.advisories import Advisories, blocks, judge, load_advisories, severity_of, worst
from bot.layers.trust.advisory_source import fetch_advisories
from bot.layers.trust.attest import assess, tell
from bot.layers.trust.facts import Facts
from bot.layers.trust.provenance import write_provenance
from bot.layers.trust.sbom import write_sbom
from tests.ci.world import Answer
from tests.ci.world import server as http_server

DIGEST = "sha256:" + "d" * 64
FACTS = Facts(
    image="registry.example.com/vision/add-noise",
    digest=DIGEST,
    commit="a" * 40,
    project="https://gitlab.example.com/vision/add-noise",
    branch="main",
    pipeline="https://gitlab.example.com/vision/add-noise/-/pipelines/7",
    builder="registry.example.com/bot@sha256:" + "b" * 64,
    version="0.1.0",
    base="registry.example.com/python@sha256:" + "c" * 64,
    base_digest="sha256:" + "c" * 64,
    engine="layers",
    created="2026-01-02T03:04:05+01:00",
)


def wheel(name: str, version: str) -> LockedWheel:
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return LockedWheel(name, version, filename, "e" * 64, 10, f"https://files.example.com/{filename}")


LOCK = Lock(
    "3.12",
    "linux/amd64",
    (wheel("numpy", "2.1.0"), wheel("pillow", "9.0.0"), wheel("scikit-image", "0.25.0")),
)
CONDA = LockedConda(
    "gdal",
    "3.9.0",
    "h1",
    "linux-64",
    "gdal-3.9.0-h1.conda",
    "f" * 64,
    9,
    "https://conda.example.com/gdal.conda",
)

PILLOW: dict[str, Any] = {
    "id": "PYSEC-2023-1",
    "aliases": ["CVE-2023-1", "GHSA-aaaa"],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Pillow"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.3.0"}]}],
        }
    ],
}
SAME = {**PILLOW, "id": "GHSA-aaaa", "aliases": ["CVE-2023-1"], "database_specific": {"severity": "HIGH"}}


def advisory(package: str = "numpy", **affected: Any) -> dict[str, Any]:
    return {"id": "X-1", "affected": [{"package": {"ecosystem": "PyPI", "name": package}, **affected}]}


def states(path: Path, lock: Lock = LOCK) -> dict[str, str]:
    return {one.name: one.state for one in judge(lock, load_advisories(path))}


def written(folder: Path, *entries: object) -> Path:
    path = folder / "advisories.json"
    path.write_text(json.dumps(list(entries)))
    return path


def test_a_bill_of_materials_is_valid_and_names_every_package() -> None:
    content = write_sbom(replace(LOCK, conda=(CONDA,)), FACTS)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    bill = json.loads(content)
    by_name = {one["name"]: one for one in bill["components"]}
    assert set(by_name) == {"numpy", "pillow", "scikit-image", "gdal", "registry.example.com/python"}
    assert by_name["pillow"]["purl"] == "pkg:pypi/pillow@9.0.0?file_name=pillow-9.0.0-py3-none-any.whl"
    assert by_name["pillow"]["hashes"] == [{"alg": "SHA-256", "content": "e" * 64}]
    assert by_name["gdal"]["purl"] == "pkg:conda/gdal@3.9.0?build=h1&subdir=linux-64"
    assert bill["metadata"]["component"]["version"] == DIGEST
    assert bill["metadata"]["timestamp"] == "2026-01-02T02:04:05+00:00"
    (of_image,) = (one for one in bill["dependencies"] if one["ref"] == "image")
    assert len(of_image["dependsOn"]) == 5


def test_a_bill_of_materials_is_the_same_for_the_same_image() -> None:
    other_order = replace(LOCK, wheels=LOCK.wheels[::-1])
    assert write_sbom(LOCK, FACTS) == write_sbom(other_order, FACTS)
    first, second = (
        json.loads(write_sbom(LOCK, replace(FACTS, digest=f"sha256:{n * 64}")))["serialNumber"] for n in "12"
    )
    assert first != second


def test_provenance_says_from_what_and_by_whom() -> None:
    statement = json.loads(write_provenance(FACTS, f"sha256:{'9' * 64}"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": FACTS.image, "digest": {"sha256": "d" * 64}}]
    predicate = statement["predicate"]
    materials = {
        one.get("name", "source"): one["digest"]
        for one in predicate["buildDefinition"]["resolvedDependencies"]
    }
    assert materials == {
        "source": {"gitCommit": "a" * 40},
        "base": {"sha256": "c" * 64},
        "lock": {"sha256": "9" * 64},
    }
    assert predicate["runDetails"]["builder"] == {"id": FACTS.builder, "version": {"mlreef-bot": "0.1.0"}}
    assert predicate["runDetails"]["metadata"] == {"invocationId": FACTS.pipeline}


def test_packages_are_affected_or_not(tmp_path: Path) -> None:
    path = written(tmp_path, PILLOW, SAME)
    judged = judge(LOCK, load_advisories(path))
    assert [one.state for one in judged] == ["not affected", "affected", "not affected"]
    (finding,) = judged[1].findings
    assert (finding.id, finding.severity, finding.fixed) == ("GHSA-aaaa", "high", "9.3.0")
    assert worst(judged) == ("high",)
    assert [one.name for one in blocks(judged, "high")] == ["pillow"]
    assert blocks(judged, "critical") == ()


@pytest.mark.parametrize("form", ["folder", "archive", "one file"])
def test_advisories_come_in_any_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(PILLOW))
    if form == "archive":
        path = tmp_path / "all.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "one.json", "PYSEC-2023-1.json")
    assert states(tmp_path if form == "folder" else path)["pillow"] == "affected"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'[{"id": 1}]', b"[" * 100_000, b"PK\x03\x04 broken", b'{"vulns": []}'],
)
def test_a_source_that_says_nothing_leaves_everything_unknown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "advisories.json"
    path.write_bytes(content)
    assert set(states(path).values()) == {"unknown"}
    assert "unknown, because" in assess(LOCK, load_advisories(path), "high").summary


def test_a_source_that_is_not_there_leaves_everything_unknown(tmp_path: Path) -> None:
    assert set(states(tmp_path / "absent.json").values()) == {"unknown"}
    assert set(states(tmp_path).values()) == {"unknown"}


def test_a_part_that_cannot_be_read_leaves_the_rest_unknown_and_never_clean(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(PILLOW))
    (tmp_path / "b.json").write_text("{")
    assert states(tmp_path) == {"numpy": "unknown", "pillow": "affected", "scikit-image": "unknown"}


def test_what_a_source_skipped_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    told = [
        {"name": "numpy", "version": "2.1.0", "skip_reason": "not on the index"},
        {"name": "Pillow", "version": "9.0.0", "vulns": [{"id": "CVE-1", "fix_versions": ["9.3.0"]}]},
        {"name": "scikit_image", "version": "0.24.0", "vulns": []},
    ]
    path.write_text(json.dumps({"dependencies": told}))
    assert states(path) == {"numpy": "unknown", "pillow": "affected", "scikit-image": "unknown"}
    told[2]["version"] = "0.25.0"
    path.write_text(json.dumps({"dependencies": told}))
    assert states(path)["scikit-image"] == "not affected"


@pytest.mark.parametrize(
    ("affected", "state"),
    [
        ({"versions": ["2.1"]}, "affected"),
        ({"versions": ["2.0.9", "what"]}, "not affected"),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}]}]}, "affected"),
        (
            {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "2.1.0"}]}]},
            "affected",
        ),
        (
            {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1"}, {"last_affected": "2.0"}]}]},
            "not affected",
        ),
        (
            {
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [
                            {"fixed": "1.5"},
                            {"introduced": "0"},
                            {"introduced": "2.0"},
                            {"fixed": "2.2"},
                        ],
                    }
                ]
            },
            "affected",
        ),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, "unknown"),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "yesterday"}]}]}, "unknown"),
        ({"ranges": [{"type": "ECOSYSTEM", "events": []}]}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_versions_are_compared_as_the_advisories_mean_it(
    tmp_path: Path, affected: dict[str, Any], state: str
) -> None:
    assert states(written(tmp_path, advisory(**affected)))["numpy"] == state


def test_withdrawn_advisories_and_other_ecosystems_do_not_count(tmp_path: Path) -> None:
    withdrawn = {**advisory(versions=["2.1.0"]), "withdrawn": "2026-01-01T00:00:00Z"}
    other = {
        "id": "X-2",
        "affected": [{"package": {"ecosystem": "npm", "name": "numpy"}, "versions": ["2.1.0"]}],
    }
    assert states(written(tmp_path, withdrawn, other, PILLOW))["numpy"] == "not affected"


def test_what_is_said_of_others_is_read_and_not_kept(tmp_path: Path) -> None:
    path = written(tmp_path, PILLOW, advisory("other", versions=["1"]))
    kept = load_advisories(path, about={"pillow"})
    assert set(kept.entries) == {"pillow"}
    nothing = load_advisories(path, about={"numpy"})
    assert (nothing.entries, nothing.trouble) == ({}, "")


def test_packages_of_conda_are_unknown_to_a_source_of_pypi(tmp_path: Path) -> None:
    assert states(written(tmp_path, PILLOW), replace(LOCK, conda=(CONDA,)))["gdal"] == "unknown"


@pytest.mark.parametrize(
    ("entry", "grade"),
    [
        ({}, "unknown"),
        ({"database_specific": {"severity": "MODERATE"}}, "medium"),
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},
            "critical",
        ),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}, "high"),
        (
            {
                "severity": [
                    {
                        "type": "CVSS_V4",
                        "score": "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N",
                    }
                ]
            },
            "low",
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/what"}, 7]}, "unknown"),
    ],
)
def test_an_advisory_is_graded(entry: dict[str, Any], grade: str) -> None:
    assert severity_of(entry) == grade


def test_what_nobody_graded_is_not_taken_for_harmless(tmp_path: Path) -> None:
    judged = judge(LOCK, load_advisories(written(tmp_path, PILLOW)))
    assert [one.name for one in blocks(judged, "critical")] == ["pillow"]


def test_the_log_says_what_to_do(tmp_path: Path) -> None:
    assessed = assess(LOCK, load_advisories(written(tmp_path, SAME)), None)
    assert assessed.blocked == ()
    assert tell(assessed) == (
        "Known vulnerabilities: 1 of 3 packages affected (high), 0 unknown.",
        "pillow 9.0.0: GHSA-aaaa (high); version 9.3.0 is said to be good",
    )
    without = assess(None, load_advisories(written(tmp_path, SAME)), None)
    assert without.summary == "Known vulnerabilities: unknown, because it was not made from a lock."
    empty = assess(replace(LOCK, wheels=()), load_advisories(written(tmp_path, SAME)), None)
    assert empty.summary == "Known vulnerabilities: 0 of 0 packages affected, 0 unknown."


def test_advisories_are_fetched_over_https_or_loopback_and_else_unknown(tmp_path: Path) -> None:
    content = json.dumps([PILLOW]).encode()
    with http_server(lambda _: Answer(200, content)) as (url, _):
        assert fetch_advisories(f"{url}/all.json?token=secret").origin == f"{url}/all.json"
        assert fetch_advisories(f"{url}/all.json").trouble == ""
        assert "pillow" in fetch_advisories(f"{url}/all.json").entries
    assert "cannot be fetched" in fetch_advisories(url).trouble
    for answer, why in [
        (Answer(503), "HTTP 503"),
        (Answer(302, headers={"Location": "http://example.com/x"}), "not https"),
        (Answer(302, headers={"Location": "/again"}), "for ever"),
    ]:
        with http_server(lambda _, answer=answer: answer) as (url, _):  # type: ignore[misc]
            assert why in fetch_advisories(url).trouble
    assert set(states(tmp_path / "none").values()) == {"unknown"}


VERSIONS = st.builds(
    lambda parts: ".".join(map(str, parts)), st.lists(st.integers(0, 5), min_size=1, max_size=3)
)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_version_is_affected_from_the_introduction_to_the_mend(ours: str, one: str, other: str) -> None:
    since, until = sorted((one, other), key=Version)
    lock = Lock("3.12", "linux/amd64", (wheel("numpy", ours),))
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": since}, {"fixed": until}]}]
    advisories = Advisories("here", {"numpy": (advisory(ranges=ranges),)})
    expected = Version(since) <= Version(ours) < Version(until)
    assert judge(lock, advisories)[0].state == ("affected" if expected else "not affected")
