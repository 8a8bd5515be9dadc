"""Only packages that are named are built of their sources, and only their wheels are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.layers.built import load_built, names_to_build, wheel_requirements
from parser.requirements import read_requirements
from parser.source import Entry, Source

REQUIREMENTS = f"""\
--index-url https://me:${{MLREEF_INDEX_PASSWORD}}@packages.example/simple
--find-links ./folder
--trusted-host packages.example
numpy==2.1
gym==0.21.0 --hash=sha256:{"a" * 64}
Tool_Box @ git+https://git.example/tool-box.git@v1 ; python_version > "3.8"
-e git+https://git.example/other.git#egg=other
-c limits.txt
"""


def lines(*build_sdists: str) -> list[str]:
    files = {"requirements.txt": REQUIREMENTS, "limits.txt": "inner==4.9.3\n"}
    entries = {path: Entry(path, "file") for path in files}
    asked, _ = read_requirements(Source(entries, {path: text.encode() for path, text in files.items()}), None)
    return wheel_requirements(asked, build_sdists).splitlines()


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ("gym", f"gym==0.21.0 --hash=sha256:{'a' * 64}"),
        ("tool.box", 'Tool_Box @ git+https://git.example/tool-box.git@v1 ; python_version > "3.8"'),
        ("other", "other @ git+https://git.example/other.git#egg=other"),
        ("inner", "inner==4.9.3"),
        ("deeper==1.0", "deeper==1.0"),
        ("deeper", "deeper"),
    ],
)
def test_what_is_named_is_built_as_the_requirements_say_and_nothing_else(named: str, line: str) -> None:
    index = "--index-url https://me:${MLREEF_INDEX_PASSWORD}@packages.example/simple"
    assert lines(named) == [index, line]


def test_nothing_named_is_nothing_to_build() -> None:
    assert lines()[1:] == []
    assert wheel_requirements(None, ["gym"]) == ""


def test_names_are_compared_as_indexes_do() -> None:
    assert names_to_build(["Tool_Box==1.0", "gym"]) == {"tool-box", "gym"}


def test_of_a_folder_only_whole_wheels_of_named_packages_are_taken(tmp_path: Path) -> None:
    for name in ("gym-1.0-py3-none-any.whl", "evil-1.0-py3-none-any.whl", "gym.whl", "gym-1.0.tar.gz"):
        (tmp_path / name).write_bytes(b"content")
    (tmp_path / "linked-1.0-py3-none-any.whl").symlink_to("/etc/hostname")
    found = load_built(tmp_path, ["gym", "linked"])
    assert [wheel.filename for wheel in found.values()] == ["gym-1.0-py3-none-any.whl"]
    assert found["gym"].url == ".mlreef/wheels/gym-1.0-py3-none-any.whl"
    assert load_built(tmp_path / "nothing", ["gym"]) == {}
    (tmp_path / "link").symlink_to(tmp_path)
    assert load_built(tmp_path / "link", ["gym"]) == {}
