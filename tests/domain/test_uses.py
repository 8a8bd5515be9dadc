"""Which modules a project uses, as its CI files and data pipelines say; whatever else they hold."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.uses import (
    MAX_USES,
    NEWEST,
    PIPELINE_FILE,
    Use,
    is_only_user,
    read_component,
    read_included,
    read_pipeline_uses,
    read_uses,
    uses_of,
)
from parser.model import Report
from parser.read import read
from parser.source import Entry, Source

NOISE = Use("group/add-noise", "add-noise", "1.2.0")


def of(path: str, ref: str) -> Use:
    return Use(path, path.rpartition("/")[2], ref)


@pytest.mark.parametrize(
    "address",
    [
        "$CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0",
        "${CI_SERVER_FQDN}/group/add-noise/add-noise@1.2.0",
        "$CI_SERVER_HOST/Group/Add-Noise/add-noise@1.2.0",
        "gitlab.example.com/group/add-noise/add-noise@1.2.0",
        "GitLab.Example.com/group/add-noise/add-noise@1.2.0",
    ],
)
def test_a_component_of_this_gitlab_is_a_use_however_its_host_is_written(address: str) -> None:
    assert read_component(address, ("gitlab.example.com",)) == NOISE


@pytest.mark.parametrize(
    "address",
    [
        "gitlab.com/components/sast/sast@1",
        "$CI_SERVER_FQDN/group/add-noise/add-noise",
        "$CI_SERVER_FQDN/add-noise@1.2.0",
        "$CI_SERVER_FQDN/group/add-noise/@1.2.0",
        "$CI_SERVER_FQDN/../../etc/passwd@1",
        "$CI_SERVER_FQDN/group/add noise/add-noise@1",
        "$CI_SERVER_FQDN/group/add-noise/add-noise@",
        "$CI_SERVER_FQDN/group/add-noise/add-noise@1\n2",
        f"$CI_SERVER_FQDN/group/{'a' * 2000}/b@1",
        "",
        "@",
    ],
)
def test_others_gitlabs_components_and_none_at_all_are_no_uses(address: str) -> None:
    found = read_component(address, ("gitlab.example.com",))
    assert found is None or ".." in found.path.split("/")


def test_every_way_to_include_a_component_is_seen() -> None:
    text = b"""
spec: {inputs: {mode: {default: speckle}}}
---
.shared: &shared
  component: $CI_SERVER_FQDN/group/shared/shared@~latest
include:
  - component: $CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0
    inputs:
      mode: $[[ inputs.mode ]]
  - component: $CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0
  - local: ci/more.yml
  - <<: *shared
child:
  trigger:
    include: {component: $CI_SERVER_FQDN/group/edges/edges@2}
"""
    assert read_uses(text) == (NOISE, of("group/edges", "2"), of("group/shared", "~latest"))
    single = b"include: {component: $CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0}"
    assert read_uses(single) == (NOISE,)


@pytest.mark.parametrize(
    "include",
    [
        "{project: group/add-noise, ref: 1.2.0, file: templates/add-noise.yml}",
        "{project: Group/Add-Noise, ref: '1.2.0', file: [/templates/add-noise.yml, README.md]}",
        "{project: group/add-noise, ref: 1.2.0, file: templates/add-noise/template.yml}",
        "[{local: ci/a.yml}, {project: group/add-noise, ref: 1.2.0, file: templates/add-noise.yml, inputs: {a: 1}}]",
    ],
)
def test_the_file_of_a_component_is_a_use_as_well(include: str) -> None:
    assert read_uses(f"include: {include}".encode()) == (NOISE,)


@pytest.mark.parametrize(
    "include",
    [
        "{project: group/add-noise, file: templates/add-noise.yml}",
        "{project: group/add-noise, ref: 1.2.0}",
        "{project: group/add-noise, ref: 1.2.0, file: ci/add-noise.yml}",
        "{project: group/add-noise, ref: 1.2.0, file: templates/deep/er/template.yml}",
        "{project: group/add-noise, ref: 1.2.0, file: {a: b}}",
        "{project: $GROUP/add-noise, ref: 1.2.0, file: templates/add-noise.yml}",
        "{ref: 1.2.0, file: templates/add-noise.yml}",
    ],
)
def test_other_files_of_projects_are_no_uses(include: str) -> None:
    assert read_uses(f"include: {include}".encode()) == ()


def test_further_files_of_the_repository_are_named() -> None:
    text = (
        b"include:\n- /ci/a.yml\n- local: ci/b.yml\n- local: ci/*.yml\n- local: ../c.yml\n- local: ci/a.yml\n"
    )
    assert read_included(text) == ("ci/a.yml", "ci/b.yml")


def test_steps_of_a_data_pipeline_are_uses_and_without_a_version_they_mean_the_newest() -> None:
    steps = (
        *(
            b"module: group/add-noise@1.2.0",
            b"{module: Group/Edges, with: {a: 1}}",
            b"{module: group/x@latest}",
        ),
        *(b"group/shrink@1", b"{}", b"7"),
    )
    text = b"steps:\n" + b"".join(b"- " + step + b"\n" for step in steps)
    meant = [("edges", NEWEST), ("shrink", "1"), ("x", NEWEST)]
    assert read_pipeline_uses(text) == (NOISE, *(of(f"group/{name}", ref) for name, ref in meant))


@pytest.mark.parametrize(
    "text",
    [b"", b"[", b"\xff\xfe", b"include: 7", b"include: [[[]]]", b"include: null", b"a: &a [*a]", b"- x"],
)
def test_whatever_a_file_holds_reading_it_ends_well(text: bytes) -> None:
    assert read_uses(text) == read_pipeline_uses(text) == read_included(text) == ()


@given(st.binary(max_size=60).map(lambda noise: b"include:\n- component: " + noise))
def test_no_bytes_at_all_break_reading(text: bytes) -> None:
    assert all("\n" not in use.ref and use.path == use.path.lower() for use in read_uses(text))


def test_a_file_that_includes_thousands_is_read_up_to_a_limit() -> None:
    jobs = "\n".join(
        f"j{n}: {{trigger: {{include: [{{component: $CI_SERVER_FQDN/g/m{n}/m@1}}]}}}}" for n in range(900)
    )
    assert len(read_uses(f"x: include\n{jobs}".encode())) == MAX_USES


def test_uses_of_all_files_count_once() -> None:
    ci = b"include: {component: $CI_SERVER_FQDN/group/add-noise/add-noise@1.2.0}"
    contents = {"a.yml": ci, "b.yml": ci, "c.yml": ci, PIPELINE_FILE: b"steps: [{module: group/edges@1}]"}
    assert uses_of(contents, ("a.yml", "b.yml", "missing.yml"), ()) == (NOISE, of("group/edges", "1"))


def read_files(files: Mapping[str, str]) -> tuple[Report, dict[str, bytes]]:
    contents = {name: text.encode() for name, text in files.items()}
    return read(Source({name: Entry(name, "file") for name in contents}, contents), "p"), contents


def test_a_project_that_uses_modules_and_has_no_script_is_only_a_user() -> None:
    report, contents = read_files({"README.md": "Our pictures\n"})
    assert is_only_user(report, contents, (NOISE,))
    assert not is_only_user(report, contents, ())
    # a script that reads no command line is nobody's module, either
    report, contents = read_files({"plots.py": "if __name__ == '__main__': print(1)\n"})
    assert is_only_user(report, contents, (NOISE,))
    report, contents = read_files({PIPELINE_FILE: "steps: nonsense\n"})
    assert is_only_user(report, contents, ())


@pytest.mark.parametrize(
    "files",
    [
        {"run.py": "import argparse\nargparse.(\n"},
        dict.fromkeys(("a.py", "b.py"), "import argparse\nargparse.ArgumentParser().parse_args()\n"),
        {"run.py": "import argparse\nargparse.ArgumentParser().parse_args()\n"},
        {".mlreef.yaml": "kind: OPERATION\n"},
        {"mlreef.yml": "jobs\n"},
    ],
)
def test_who_has_a_script_or_was_set_up_is_a_module_of_which_is_told_what_is_wrong(
    files: dict[str, str],
) -> None:
    report, contents = read_files(files)
    assert not is_only_user(report, contents, (NOISE,))
