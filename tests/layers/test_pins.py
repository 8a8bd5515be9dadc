"""Imports become versions that work together today; what stands in the way of the others is named and left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.environments import Environment
from bot.domain.wizard_files import Pins
from bot.layers.pins import MAX_PACKAGES, pin
from parser.model import Needed
from sandbox.demo.children import free_port
from tests.layers.package_index import PackageIndex, served

CPU = Environment("cpu", "CPU", "python@sha256:" + "1" * 64, "3.12")


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    with served(PackageIndex()) as found:
        found.add("numpy", "1.26.0")
        found.add("numpy", "2.3.1")
        found.add("old", "1.0", requires=["numpy<2"])
        yield found


def pinned(index: PackageIndex, cache: Path, *packages: str, seconds: float = 60.0) -> Pins:
    needed = tuple(Needed(package, package) for package in packages)
    variables = {"UV_CACHE_DIR": str(cache), "UV_HTTP_RETRIES": "0", "SECRET": "x"}
    return pin(needed, CPU, variables, index.simple, seconds)


def versions(pins: Pins) -> dict[str, str]:
    return {one.package: one.version for one in pins.pins}


def test_versions_are_current_ones_that_work_together(index: PackageIndex, tmp_path: Path) -> None:
    assert versions(pinned(index, tmp_path, "numpy")) == {"numpy": "2.3.1"}
    assert versions(pinned(index, tmp_path, "numpy", "old")) == {"numpy": "1.26.0", "old": "1.0"}


def test_what_no_index_has_or_has_no_wheel_is_left_out_with_the_reason(
    index: PackageIndex, tmp_path: Path
) -> None:
    index.add_sources("sourceful", "1.0")
    found = pinned(index, tmp_path, "numpy", "nothere", "sourceful")
    assert versions(found) == {"numpy": "2.3.1", "nothere": "", "sourceful": ""}
    assert all(one.why for one in found.pins if one.package != "numpy")
    assert found.trouble == ""


def test_a_name_that_no_package_can_have_is_never_asked_for(index: PackageIndex, tmp_path: Path) -> None:
    found = pinned(index, tmp_path, "numpy", "-r", "день", "a b", "x;y", "--index-url")
    assert [one.package for one in found.pins if one.version] == ["numpy"]
    assert {one.why for one in found.pins if not one.version} == {"no package can be called so"}
    assert all("numpy" in path or "pip" in path for _, path, _ in index.requests)


def test_an_index_that_is_away_is_told_and_nothing_is_guessed(tmp_path: Path) -> None:
    gone = PackageIndex(url=f"http://127.0.0.1:{free_port()}")
    found = pinned(gone, tmp_path, "numpy")
    assert versions(found) == {"numpy": ""}
    assert found.trouble


def test_no_more_time_is_taken_than_there_is(index: PackageIndex, tmp_path: Path) -> None:
    found = pinned(index, tmp_path, "numpy", seconds=0.0)
    assert versions(found) == {"numpy": ""}
    assert "in time" in found.trouble


def test_a_list_that_no_person_wrote_is_not_looked_up(index: PackageIndex, tmp_path: Path) -> None:
    found = pinned(index, tmp_path, *(f"p{n}" for n in range(MAX_PACKAGES + 1)))
    assert found.trouble == "too many packages to look up"
    assert index.requests == []
