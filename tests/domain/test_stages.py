"""Stages of a repository's own: child pipelines that can stop a publication, and change nothing of ours."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from values import ENVIRONMENT, module

from bot.domain.pipeline import (
    BUILD,
    OUR_JOBS,
    PROMOTE,
    SMOKE,
    STAGE_JOB,
    VERIFY,
    WHEELS,
    PipelineSettings,
    read_pipeline_settings,
    render,
)
from parser.model import ENGINES, Engine, Stages

STAGES = Stages(("ci/lint.yml",), ("ci/scan.yml", ".gitlab/slow.yaml"))
parts = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,8}", fullmatch=True)
ci_files = st.lists(parts, min_size=1, max_size=3).map(lambda path: "/".join(path) + ".yml")


def chosen(engine: Engine = "layers", stages: Stages = STAGES) -> PipelineSettings:
    return PipelineSettings("registry.example.com/bot:1", engine, ENVIRONMENT, "", stages=stages)


def jobs(made: PipelineSettings) -> dict[str, Any]:
    whole = yaml.safe_load(render(module(), made, "main"))
    return {name: job for name, job in whole.items() if name != ".mlreef"}


@cache
def validator() -> jsonschema.Draft7Validator:
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/gitlab-ci.json").read_text("utf-8")
    return jsonschema.Draft7Validator(json.loads(schema))


@pytest.mark.parametrize("engine", ENGINES)
def test_stages_run_before_the_build_and_before_the_promotion(engine: Engine) -> None:
    made = jobs(chosen(engine))
    assert [error.message for error in validator().iter_errors(made)] == []
    stages = made["stages"]
    assert stages.index("verify") < stages.index("before") < stages.index("build")
    assert stages.index("smoke") < stages.index("after") < stages.index("promote")
    assert made["mlreef-before-1"]["needs"] == [VERIFY]
    first = next(name for name in OUR_JOBS[1:] if name in made)
    assert "mlreef-before-1" in made[first]["needs"]
    assert SMOKE in made["mlreef-after-1"]["needs"]
    assert {"mlreef-after-1", "mlreef-after-2", SMOKE} <= set(made[PROMOTE]["needs"])


def test_a_stage_is_a_child_pipeline_that_is_waited_for_and_is_handed_the_candidate() -> None:
    job = jobs(chosen())["mlreef-after-2"]
    assert job["trigger"]["include"] == [{"local": "/.gitlab/slow.yaml"}]
    assert job["trigger"]["strategy"] == "depend"
    assert job["variables"]["MLREEF_CANDIDATE"] == "$MLREEF_CANDIDATE"
    assert job["variables"]["MLREEF_DIGEST"] == "$MLREEF_DIGEST"
    assert not {"allow_failure", "when", "rules"} & set(job)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(ENGINES),
    st.lists(ci_files, max_size=3, unique=True),
    st.lists(ci_files, max_size=3, unique=True),
)
def test_whatever_stages_there_are_our_jobs_only_wait_for_them(
    engine: Engine, before: list[str], after: list[str]
) -> None:
    made = chosen(engine, Stages(tuple(before), tuple(after)))
    with_stages, without = jobs(made), jobs(chosen(engine, Stages()))
    assert next(validator().iter_errors(with_stages), None) is None
    for name, job in without.items():
        if name == "stages":
            continue
        waits = with_stages[name]
        if isinstance(job, dict) and "needs" in job:
            added = set(waits["needs"]) - set(job["needs"])
            assert all(STAGE_JOB.match(need) for need in added)
            waits = {**waits, "needs": [need for need in waits["needs"] if need not in added]}
        assert waits == job
    assert all(STAGE_JOB.match(name) for name in set(with_stages) - set(without))
    assert read_pipeline_settings(render(module(), made, "main")) == made


@pytest.mark.parametrize(
    "path", ["../x.yml", "a/../../x.yml", "$HOME/x.yml", "a*.yml", "x.txt", "a b.yml", "a/./b.yml"]
)
def test_a_file_with_other_paths_was_not_written_here(path: str) -> None:
    content = render(module(), chosen(), "main").replace(b"ci/lint.yml", path.encode())
    with pytest.raises(ValueError, match="stages"):
        read_pipeline_settings(content)


def test_names_of_stage_jobs_tell_where_they_belong() -> None:
    names = [name for name in jobs(chosen()) if STAGE_JOB.match(name)]
    assert names == ["mlreef-before-1", "mlreef-after-1", "mlreef-after-2"]
    assert not any(re.match(STAGE_JOB, name) for name in OUR_JOBS)


def test_the_job_that_makes_wheels_stands_between_verify_and_build_and_behind_the_first_stages() -> None:
    wished = replace(chosen(), wheels=True)
    made = jobs(wished)
    assert [error.message for error in validator().iter_errors(made)] == []
    assert made["stages"][:4] == ["verify", "before", "wheels", "build"]
    assert made[WHEELS]["needs"] == [VERIFY, "mlreef-before-1"]
    assert made[WHEELS]["image"] == {"name": ENVIRONMENT.image, "entrypoint": [""]}
    assert WHEELS in made[BUILD]["needs"]
    assert set(OUR_JOBS) >= {
        name for name in made if name.startswith("mlreef-") and not STAGE_JOB.match(name)
    }
    assert read_pipeline_settings(render(module(), wished, "main")) == wished
