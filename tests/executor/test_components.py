"""Components in real pipelines: gitlab-ci-local resolves them by itself, over git, and the second executor is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.executor import GitlabCiLocal
from sandbox.gitlab import REPORTER
from sandbox.gitlab.git import run_git
from sandbox.gitlab.sandbox import Sandbox
from sandbox.node import ensure_tools

pytestmark = pytest.mark.executor

MINUTES = 120.0
COMPONENT = """\
spec:
  component: [reference]
  inputs:
    job-name: {default: tell}
    text: {regex: '^[^\\x00-\\x1f]*$'}
    count: {type: number, default: 1}
    needs: {type: array, default: []}
---
"$[[ inputs.job-name ]]":
  stage: test
  needs: $[[ inputs.needs ]]
  variables:
    GIT_STRATEGY: none
    TEXT:
      value: |-
        =$[[ inputs.text ]]
      expand: false
    COUNT: "$[[ inputs.count ]]"
  script:
    - printf '%s\\n' "said $TEXT $COUNT $[[ component.reference ]]" | tee "$CI_JOB_NAME.txt"
    - ls
  artifacts: {paths: ["*.txt"]}
"""

HOSTILE = """it's "$HOME" `id` $(id) $[[ inputs.count ]] ${CI_JOB_TOKEN} \\ : # é 日本"""


def test_a_private_component_runs_with_its_values_as_they_were_given(tmp_path: Path) -> None:
    executor = GitlabCiLocal(ensure_tools(), mode="shell")
    with Sandbox(tmp_path / "gitlab", executor=executor) as gitlab:
        ada, bob = gitlab.create_user("ada"), gitlab.create_user("bob")
        module = gitlab.create_project("lab/sub/noise", ada, files={"templates/noise.yml": COMPONENT})
        run_git(gitlab.core.git(module).directory, "tag", "1.2.0")
        gitlab.add_member(module.id, bob, REPORTER)
        place = "$CI_SERVER_FQDN/lab/sub/noise/noise@1.2.0"
        included: list[Mapping[str, Any]] = [
            {"component": place, "inputs": {"text": HOSTILE}},
            {
                "component": place,
                "inputs": {"text": "two", "job-name": "second", "needs": ["tell"], "count": -3},
            },
        ]
        project = gitlab.create_project("studio/pictures", bob)
        sha = gitlab.commit(project.id, bob, {".gitlab-ci.yml": yaml.safe_dump({"include": included})})
        (pipeline,) = gitlab.wait_for(lambda: gitlab.pipelines(project.id, sha), MINUTES)
        ended = gitlab.wait_pipeline(pipeline.id, MINUTES)
        assert ended.yaml_errors is None
        first, second = gitlab.job(pipeline.id, "tell"), gitlab.job(pipeline.id, "second")
        assert ended.status == "success", first.trace.decode()
        assert f"said ={HOSTILE} 1 1.2.0" in first.trace.decode().splitlines()
        assert "said =two -3 1.2.0" in second.trace.decode().splitlines()
        assert "tell.txt" in second.trace.decode().splitlines()
        assert gitlab.complaints == []
