"""`.mlreef.yaml`: what it says about building, read strictly, for each word ends up in a job or a Dockerfile."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parser.model import Report, Stages
from parser.read import read
from parser.source import Entry, Source

SCRIPT = """\
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--input-path")
parser.add_argument("--output-path")
if __name__ == "__main__":
    parser.parse_args()
"""


def report(settings: object, *beside: str, links: tuple[str, ...] = ()) -> Report:
    files = {"run.py": SCRIPT, "requirements.txt": "", ".mlreef.yaml": json.dumps(settings)}
    files |= dict.fromkeys((*beside, *links), "")
    entries = {path: Entry(path, "symlink" if path in links else "file") for path in files}
    return read(Source(entries, {path: text.encode() for path, text in files.items()}), "project")


def codes(made: Report) -> list[str]:
    return [problem.code for problem in made.problems if problem.severity == "error"]


def test_all_of_it_is_read() -> None:
    wishes = {
        "engine": "docker",
        "apt": ["libgl1", "ffmpeg=7:5.1.6-0+deb12u1", "libgl1"],
        "stages": {"before": ["ci/lint.yml"], "after": ["/ci/scan.yaml"]},
    }
    made = report(wishes, "ci/lint.yml", "ci/scan.yaml")
    assert codes(made) == []
    assert made.settings.engine == "docker"
    assert made.settings.apt == ("ffmpeg=7:5.1.6-0+deb12u1", "libgl1")
    assert made.settings.stages == Stages(("ci/lint.yml",), ("ci/scan.yaml",))
    assert made.dockerfile is None


def test_the_dockerfile_is_the_one_that_is_named_else_the_one_in_the_root() -> None:
    assert report({}, "Dockerfile", "docker/Dockerfile").dockerfile == "Dockerfile"
    assert report({}, "docker/Dockerfile").dockerfile is None
    assert (
        report({"dockerfile": "docker/Dockerfile"}, "Dockerfile", "docker/Dockerfile").dockerfile
        == "docker/Dockerfile"
    )
    assert report({}, links=("Dockerfile",)).dockerfile is None


@pytest.mark.parametrize(
    "wishes", [{"dockerfile": "docker/Dockerfile"}, {"stages": {"before": ["ci/lint.yml"]}}]
)
@pytest.mark.parametrize("links", [(), ("docker/Dockerfile", "ci/lint.yml")])
def test_a_file_that_is_named_must_be_one_of_the_commit(wishes: object, links: tuple[str, ...]) -> None:
    assert codes(report(wishes, links=links)) == ["own-file-missing"]


@pytest.mark.parametrize(
    "package",
    [
        "-y",
        "--allow-unauthenticated",
        "curl-",
        "a",
        "A",
        "",
        "libgl1;id",
        "$(id)",
        "libgl1 curl",
        "./x.deb",
        "/x.deb",
        "libgl1/bookworm",
        "libgl1=",
        "libgl1=1 2",
        "lib*",
        "libgl1:arm64",
        "libgl1\n",
        "ü",
    ],
)
def test_a_name_that_apt_would_take_for_something_else_is_refused(package: str) -> None:
    wrong = report({"apt": [package]})
    assert codes(wrong) == ([] if package.strip() == "libgl1" else ["settings-value"])
    assert set(wrong.settings.apt) <= {"libgl1"}


@given(st.text(max_size=12))
def test_whatever_stands_there_a_package_is_a_plain_word_or_nothing(text: str) -> None:
    for name in report({"apt": [text]}).settings.apt:
        assert name[0].isalnum()
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-=:~")
        assert not name.partition("=")[0].endswith("-")


@pytest.mark.parametrize(
    "path",
    [
        "../lint.yml",
        "ci/../../lint.yml",
        "$HOME/lint.yml",
        "ci/*.yml",
        "lint.sh",
        "",
        "a b.yml",
        "https://x/y.yml",
        "mlreef.yml",
        "/mlreef.yml",
        "./lint.yml",
        "ci//lint.yml",
    ],
)
def test_a_path_that_gitlab_would_expand_or_follow_elsewhere_is_refused(path: str) -> None:
    made = report({"stages": {"after": [path]}}, path)
    assert codes(made) == ["settings-value"]
    assert made.settings.stages == Stages()


@pytest.mark.parametrize(
    "wishes",
    [
        {"stages": ["ci/lint.yml"]},
        {"stages": {"during": ["ci/lint.yml"]}},
        {"stages": {"before": "ci/lint.yml"}},
        {"stages": {"before": ["ci/lint.yml"], "after": ["ci/lint.yml"]}},
        {"stages": {"before": [f"ci/{number}.yml" for number in range(11)]}},
        {"apt": "libgl1"},
        {"apt": ["libgl1"] * 101},
        {"engine": "podman"},
        {"dockerfile": "../Dockerfile"},
        {"dockerfile": "/Dockerfile"},
        {"dockerfile": ""},
    ],
)
def test_another_form_is_refused_with_what_to_write(wishes: object) -> None:
    assert codes(report(wishes, "ci/lint.yml")) == ["settings-value"]


def test_packages_beside_a_dockerfile_are_told_to_have_no_effect() -> None:
    assert codes(report({"apt": ["libgl1"]}, "Dockerfile")) == ["apt-beside-dockerfile"]
    assert codes(report({"engine": "dockr"})) == ["settings-value"]


def test_packages_to_build_are_names_with_or_without_a_version() -> None:
    made = report({"build_sdists": ["gym==0.21.0", "antlr4-python3-runtime", "gym==0.21.0"]})
    assert codes(made) == []
    assert made.settings.build_sdists == ("antlr4-python3-runtime", "gym==0.21.0")


@pytest.mark.parametrize(
    "name", ["-e .", "--index-url=x", "gym>=1", "gym @ https://x/y", "gym\n-e .", "", "../gym"]
)
def test_what_could_be_more_than_a_name_is_not_built(name: str) -> None:
    made = report({"build_sdists": [name]})
    assert codes(made) == ["settings-value"]
    assert made.settings.build_sdists == ()
