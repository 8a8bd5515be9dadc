"""`include`: components, other projects' files and local ones, with inputs, as far as the pipeline's user may read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.component_file import Released, component_path, render_component
from parser.read import read
from parser.source import load_source
from sandbox.gitlab import MAINTAINER, REPORTER, Project, Sandbox, User
from sandbox.gitlab.git import run_git
from sandbox.gitlab.including import whole_config
from sandbox.gitlab.inputs import interpolated
from sandbox.gitlab.rules import Invalid
from sandbox.gitlab.values import Pipeline
from sandbox.gitlab.variables import pipeline_variables

SAMPLE = Path(__file__).parents[2] / "samples" / "add-noise"
COMPONENT = """\
spec:
  component: [name, version]
  inputs:
    job-name: {default: noise, description: the job's name}
    mode: {options: [salt, pepper], default: salt}
    variance: {type: number, default: 0.5}
    clip: {type: boolean, default: true}
    needs: {type: array, default: []}
    note: {default: "", regex: '^[^\\x00-\\x1f]*$'}
    who: {}
---
"$[[ inputs.job-name ]]":
  stage: test
  needs: $[[ inputs.needs ]]
  variables:
    MODE: {value: "$[[ inputs.mode ]]", expand: false}
    NOTE:
      value: |-
        =$[[ inputs.note ]]
      expand: false
    NUMBERS: '$[[ inputs.variance ]] $[[ inputs.clip ]] $[[ inputs.who ]]'
    OF: $[[ component.name ]] $[[ component.version ]]
  script: [run]
"""


@pytest.fixture
def module(sandbox: Sandbox, alice: User) -> Project:
    """A project with a component at a tag."""
    project = sandbox.create_project(
        "lab/tools/noise", alice, visibility="public", files={"templates/noise.yml": COMPONENT}
    )
    tag(sandbox, project, "1.2.0")
    return project


def tag(sandbox: Sandbox, project: Project, version: str) -> None:
    run_git(sandbox.core.git(project).directory, "tag", version)


@pytest.fixture
def user_of_it(sandbox: Sandbox) -> tuple[Project, User]:
    bob = sandbox.create_user("bob")
    return sandbox.create_project("studio/pictures", bob), bob


def include(sandbox: Sandbox, at: str = "lab/tools/noise/noise@1.2.0", **inputs: Any) -> str:
    listed = [{"component": f"$CI_SERVER_FQDN/{at}", "inputs": inputs}]
    return yaml.safe_dump({"include": listed, "extra": {"script": ["true"]}})


def pipeline(sandbox: Sandbox, place: tuple[Project, User], content: str, **files: str) -> Pipeline:
    project, user = place
    sha = sandbox.commit(project.id, user, {".gitlab-ci.yml": content, **files})
    (made,) = sandbox.pipelines(project.id, sha)
    return made


def whole(sandbox: Sandbox, of: Pipeline, content: str) -> Mapping[str, Any]:
    """What GitLab made of a file."""
    variables = pipeline_variables(sandbox.core, of)
    found: Mapping[str, Any] = yaml.safe_load(whole_config(sandbox.core, of, content.encode(), variables))
    return found


def test_a_component_brings_its_job_with_the_values_given(
    sandbox: Sandbox, module: Project, user_of_it: tuple[Project, User]
) -> None:
    content = include(
        sandbox, who="me", mode="pepper", needs=["extra"], variance=-1e-3, note='it\'s "$HOME" #'
    )
    made = pipeline(sandbox, user_of_it, content)
    assert made.yaml_errors is None
    assert {job.name: job.needs for job in sandbox.jobs(made.id)} == {"noise": ("extra",), "extra": None}
    job = whole(sandbox, made, content)["noise"]
    assert job["variables"] == {
        "MODE": {"value": "pepper", "expand": False},
        "NOTE": {"value": '=it\'s "$HOME" #', "expand": False},
        "NUMBERS": "-0.001 true me",
        "OF": "noise 1.2.0",
    }


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "`who` input: required value has not been provided"),
        (
            {"who": "me", "mode": "sugar"},
            "`sugar` cannot be used because it is not in the list of allowed options",
        ),
        ({"who": "me", "variance": "half"}, "`variance` input: provided value is not a number"),
        ({"who": "me", "variance": True}, "`variance` input: provided value is not a number"),
        ({"who": "me", "clip": "yes"}, "`clip` input: provided value is not a boolean"),
        ({"who": "me", "needs": "extra"}, "`needs` input: provided value is not an array"),
        ({"who": "me", "note": "a\nb"}, "`note` input: provided value does not match required RegEx pattern"),
        ({"who": "me", "wo": "me"}, "unknown input arguments: wo"),
    ],
)
def test_a_wrong_value_makes_a_failed_pipeline_that_says_why(
    sandbox: Sandbox,
    module: Project,
    user_of_it: tuple[Project, User],
    inputs: dict[str, Any],
    words: str,
) -> None:
    made = pipeline(sandbox, user_of_it, include(sandbox, **inputs))
    assert made.status == "failed"
    assert sandbox.jobs(made.id) == []
    assert made.yaml_errors is not None
    assert words in made.yaml_errors
    assert made.yaml_errors.startswith(f"`{sandbox.url.split('://')[1]}/lab/tools/noise/noise@1.2.0`: ")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("lab/tools/noise/noise@9.9.9", "content not found"),
        ("lab/tools/noise/other@1.2.0", "content not found"),
        ("lab/tools/none/noise@1.2.0", "content not found"),
        ("lab/tools/noise/noise@~latest", "The ~latest version reference is not supported"),
        ("lab/tools/noise/noise@1", "content not found"),
    ],
)
def test_a_component_that_is_not_there_is_told(
    sandbox: Sandbox, module: Project, user_of_it: tuple[Project, User], at: str, words: str
) -> None:
    made = pipeline(sandbox, user_of_it, include(sandbox, at, who="me"))
    assert made.yaml_errors is not None
    assert made.yaml_errors.startswith(f"Component '{sandbox.url.split('://')[1]}/{at}' - ")
    assert words in made.yaml_errors


def test_in_the_catalog_the_newest_version_that_fits_is_taken(
    sandbox: Sandbox, alice: User, module: Project, user_of_it: tuple[Project, User]
) -> None:
    module.in_catalog = True
    for version in ("1.10.0", "2.0.0"):
        sandbox.commit(module.id, alice, {"templates/noise.yml": COMPONENT.replace("noise,", f"v{version},")})
        tag(sandbox, module, version)
    for asked, version in (("1", "1.10.0"), ("1.2", "1.2.0"), ("~latest", "2.0.0")):
        made = pipeline(sandbox, user_of_it, include(sandbox, f"lab/tools/noise/noise@{asked}", who="me"))
        names = {job.name for job in sandbox.jobs(made.id)}
        assert names == {"extra", "noise" if version == "1.2.0" else f"v{version}"}


def test_a_private_projects_component_is_for_those_who_may_read_its_code(
    sandbox: Sandbox, alice: User, user_of_it: tuple[Project, User]
) -> None:
    hidden = sandbox.create_project(
        "lab/hidden", alice, visibility="private", files={"templates/noise.yml": COMPONENT}
    )
    tag(sandbox, hidden, "1.0.0")
    content = include(sandbox, "lab/hidden/noise@1.0.0", who="me")
    refused = pipeline(sandbox, user_of_it, content)
    assert "project does not exist or you don't have sufficient permissions" in str(refused.yaml_errors)
    sandbox.add_member(hidden.id, user_of_it[1], REPORTER)
    assert pipeline(sandbox, user_of_it, content + "# again\n").yaml_errors is None


def test_a_component_may_include_files_of_its_own_and_rules_decide_what_comes_in(
    sandbox: Sandbox, alice: User, user_of_it: tuple[Project, User]
) -> None:
    parts = sandbox.create_project(
        "lab/parts",
        alice,
        files={
            "templates/all/template.yml": "include: [{local: /shared.yml}]\nown: {extends: .shared}\n",
            "shared.yml": ".shared: {script: [from the component]}\n",
            "loose.yml": "loose: {script: [loose]}\n",
        },
    )
    sandbox.add_member(parts.id, user_of_it[1], MAINTAINER)
    content = (
        "include:\n"
        "  - component: $CI_SERVER_FQDN/lab/parts/all@main\n"
        "  - {project: lab/parts, file: loose.yml, rules: [{if: $CI_COMMIT_BRANCH == 'other'}]}\n"
        "  - local: here.yml\n"
        "own: {stage: deploy}\n"
    )
    made = pipeline(sandbox, user_of_it, content, **{"here.yml": "here: {script: [here]}\n"})
    assert {(job.name, job.stage) for job in sandbox.jobs(made.id)} == {("own", "deploy"), ("here", "test")}
    missing = pipeline(sandbox, user_of_it, "include: gone.yml\n")
    assert missing.yaml_errors == "Local file `gone.yml` does not exist!"
    stranger = pipeline(sandbox, user_of_it, "include: {project: lab/none, file: x.yml}\n")
    assert "not found or access denied" in str(stranger.yaml_errors)


@pytest.mark.parametrize(
    ("spec", "value", "good"),
    [
        (r"\A[a-z]+\z", "ab", True),
        (r"\A[a-z]+\z", "ab\n", False),
        (r"^[a-z]+$", "ab\n", False),
        (r"^[^\x{2028}\x{85}]*$", "a\u2028b", False),
        (r"^[$\]]+$", "$]", True),
    ],
)
def test_a_regular_expression_means_what_it_means_in_re2(spec: str, value: str, good: bool) -> None:
    text = yaml.safe_dump({"spec": {"inputs": {"x": {"regex": spec}}}}) + "---\nx: '$[[ inputs.x ]]'\n"
    if good:
        assert interpolated(text, {"x": value}, {}) == f"x: '{value}'\n"
    else:
        with pytest.raises(Invalid, match="does not match required RegEx pattern"):
            interpolated(text, {"x": value}, {})


@pytest.mark.parametrize(
    ("kind", "value", "put_in"),
    [
        ("string", 3, "3"),
        ("string", True, "true"),
        ("number", "3", "3"),
        ("number", -1e-7, "-1e-07"),
        ("boolean", "false", "false"),
        ("array", ["a", "b c"], '["a", "b c"]'),
        ("array", "[]", "[]"),
    ],
)
def test_values_of_another_type_become_what_is_asked_for(kind: str, value: Any, put_in: str) -> None:
    text = yaml.safe_dump({"spec": {"inputs": {"x": {"type": kind}}}}) + "---\nx: $[[ inputs.x ]]\n"
    assert interpolated(text, {"x": value}, {}) == f"x: {put_in}\n"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("inputs: {x: {type: text}}", "type unknown value: text"),
        ("inputs: {x: {defualt: 1}}", "unknown keys: defualt"),
        ("inputs: {x: {type: number, regex: a}}", "RegEx validation can only be used with string inputs"),
        (
            "inputs: {x: {type: boolean, options: [true]}}",
            "Options can only be used with string and number inputs",
        ),
        ("inputs: {x: {type: number, default: a}}", "default value is not a number"),
        ("inputs: {x: {default: a, regex: '['}}", "invalid regular expression"),
        (f"inputs: {{x: {{options: {list(range(51))}, type: number}}}}", "more than 50 options"),
        ("inputs: {y: {default: a}}", "unknown interpolation key: `x`"),
    ],
)
def test_a_wrong_header_is_told(header: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        interpolated(f"spec: {{{header}}}\n---\njob: $[[ inputs.x ]]\n", {}, {})
    assert words in str(refused.value) or "required value" in str(refused.value)


def test_the_component_of_a_module_becomes_a_job(sandbox: Sandbox, alice: User) -> None:
    read_again = read(load_source(SAMPLE), "add-noise").module
    assert read_again is not None
    released = Released("lab/add-noise", "1.0.0", "r/lab/add-noise@sha256:0", "sha256:0", ("python", "x.py"))
    files = {component_path(read_again): render_component(read_again, released)}
    module = sandbox.create_project("lab/add-noise", alice, visibility="public", files=files)
    tag(sandbox, module, "1.0.0")
    bob = sandbox.create_user("bob")
    values = {
        "input-path": "a",
        "mode": "s&p",
        "job-needs": ["before"],
        "job-tags": ["gpu"],
        "job-name": "noisy",
    }
    component = {"component": "$CI_SERVER_FQDN/lab/add-noise/add-noise@1.0.0", "inputs": values}
    content = yaml.safe_dump({"include": [component], "before": {"script": ["true"]}})
    project = sandbox.create_project("studio/pictures", bob)
    made = pipeline(sandbox, (project, bob), content)
    assert made.yaml_errors is None
    assert sandbox.job(made.id, "noisy").needs == ("before",)
    job = whole(sandbox, made, content)["noisy"]
    assert (job["tags"], job["image"]["name"]) == (["gpu"], "r/lab/add-noise@sha256:0")
    given = [each["value"] for each in job["variables"].values() if isinstance(each, dict)]
    assert "=s&p" in given
