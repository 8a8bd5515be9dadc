"""Jobs that run on the host: what they are given, what they say, how they end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.executor import artifacts
from sandbox.plan import CANCELLED, NOT_RUN, TIMED_OUT
from tests.executor.repository import Repository

pytestmark = pytest.mark.executor


def test_a_log_reads_as_gitlabs_does(shell: Repository) -> None:
    shell.commit({"ci.yml": "hello:\n  script:\n    - echo hi there\n    - echo more >&2\n"})
    assert shell.run("hello") == 0
    sha = shell.git("rev-parse", "HEAD")[:8]
    assert f"Checking out {sha} as detached HEAD (ref is main)..." in shell.lines
    start = shell.lines.index('Executing "step_script" stage of the job script')
    told = shell.lines[start + 1 :]
    assert told[0] == "$ echo hi there"
    assert sorted(told[1:-1]) == ["$ echo more >&2", "hi there", "more"]
    assert told[-1] == "Job succeeded"


def test_the_log_comes_while_the_job_runs(shell: Repository) -> None:
    shell.commit({"ci.yml": "slow: {script: ['echo first', 'sleep 1', 'echo last']}\n"})
    heard: dict[str, float] = {}

    def hear(chunk: bytes) -> None:
        for word in ("first", "last"):
            if f"\n{word}\n".encode() in b"\n" + chunk:
                heard.setdefault(word, time.monotonic())

    assert shell.run("slow", heard=hear) == 0
    assert heard["last"] - heard["first"] > 0.8


@pytest.mark.parametrize("code", [1, 3, 75])
@pytest.mark.parametrize("allowed", ["", "  allow_failure: true\n", "  allow_failure: {exit_codes: [75]}\n"])
def test_the_true_exit_code_comes_back_whether_it_is_allowed_or_not(
    shell: Repository, code: int, allowed: str
) -> None:
    shell.commit({"ci.yml": f"bad:\n{allowed}  script: ['echo finished in 1 s', 'exit {code}']\n"})
    assert shell.run("bad") == code
    assert shell.lines[-1] == f"ERROR: Job failed: exit code {code}"


def test_a_job_cannot_pretend_to_have_ended(shell: Repository) -> None:
    shell.commit(
        {
            "ci.yml": 'liar:\n  script:\n    - printf "finished in 1 s\\nliar finished in 1 s\\n"\n    - exit 9\n'
        }
    )
    assert shell.run("liar") == 9


def test_artifacts_and_dotenv_reach_only_the_jobs_that_need_them(shell: Repository) -> None:
    shell.commit(
        {
            "ci.yml": """
            stages: [one, two]
            make:
              stage: one
              script: ["mkdir out", "echo made > out/file", "chmod 700 out", "chmod 600 out/file",
                       "echo WORD=from-make > make.env"]
              artifacts: {paths: [out/], reports: {dotenv: make.env}}
            use:
              stage: two
              needs: [make]
              script: ["cat out/file", 'echo "the word is $WORD"']
            alone:
              stage: two
              needs: []
              script: ["ls", 'echo "the word is $WORD"']
            """
        }
    )
    assert shell.run("make") == 0
    made = artifacts(shell.path) / "make" / "out"
    assert (made / "file").read_text() == "made\n"
    assert (made / "file").stat().st_mode & 0o777 == 0o666
    assert made.stat().st_mode & 0o777 == 0o777
    assert shell.run("use") == 0
    assert {"made", "the word is from-make"} <= set(shell.lines)
    assert shell.run("alone") == 0
    assert "out" not in shell.lines
    assert "the word is " in shell.lines
    assert shell.git("status", "--porcelain") == ""


HOSTILE = {
    "QUOTES": """it's "quoted" `id` \\ $(id)""",
    "DOLLARS": "$HOME ${HOME} $$ $[[ x ]] ${{ y }} 100$",
    "LINES": "one\ntwo\r\n\ttabbed",
    "LETTERS": "ünïcödé 😀 \u202eright to left",
    "A_PATH": "/etc/hostname",
    "HOME_PATH": "~/secret",
    "EMPTY": "",
    "NUMBER": "007",
    "WORD": "yes",
}


def test_variables_arrive_as_they_were_given(shell: Repository) -> None:
    shell.commit({"ci.yml": "show: {script: ['env -0 > all'], artifacts: {paths: [all]}}\n"})
    shell.variables |= HOSTILE
    assert shell.run("show") == 0
    held = (artifacts(shell.path) / "show" / "all").read_bytes().decode().split("\0")
    found = dict(entry.split("=", 1) for entry in held if "=" in entry)
    assert {name: found.get(name) for name in HOSTILE} == HOSTILE
    assert found["CI_COMMIT_SHA"] == shell.git("rev-parse", "HEAD").strip()
    assert found["CI_COMMIT_TITLE"] == "A title"
    assert found["CI_COMMIT_DESCRIPTION"] == "And a text"
    assert found["GITLAB_CI"] == "true"
    assert "CI_REGISTRY" not in found


def test_what_gitlab_did_not_give_is_not_made_up(shell: Repository) -> None:
    shell.commit({"ci.yml": "show: {script: ['echo \"[${CI_COMMIT_BRANCH-none}]\"']}\n"})
    del shell.variables["CI_COMMIT_BRANCH"]
    assert shell.run("show") == 0
    assert "[none]" in shell.lines


def test_secrets_are_masked_in_the_log(shell: Repository) -> None:
    shell.commit({"ci.yml": "show: {script: ['echo \"token $CI_JOB_TOKEN, $CI_REPOSITORY_URL\"']}\n"})
    shell.variables |= {
        "CI_JOB_TOKEN": "glcbt-0123456789",
        "CI_REPOSITORY_URL": "http://gitlab-ci-token:glcbt-0123456789@127.0.0.1:9/ada/noise.git",
    }
    assert shell.run("show") == 0
    assert "token [MASKED], http://gitlab-ci-token:[MASKED]@127.0.0.1:9/ada/noise.git" in shell.lines
    assert b"glcbt" not in shell.said


def test_a_checkout_is_a_repository_and_without_a_strategy_it_is_nothing(shell: Repository) -> None:
    shell.commit(
        {
            "ci.yml": """
            with: {script: ["git status --short", "git rev-parse HEAD", "git remote get-url origin", "ls -A"]}
            without:
              variables: {GIT_STRATEGY: none}
              script: ['echo "[$(ls -A)]"']
            """,
            "file": "x",
        }
    )
    shell.variables["CI_REPOSITORY_URL"] = "http://127.0.0.1:9/ada/noise.git"
    assert shell.run("with") == 0
    assert {
        shell.git("rev-parse", "HEAD").strip(),
        "http://127.0.0.1:9/ada/noise.git",
        ".git",
        "file",
    } <= set(shell.lines)
    assert shell.run("without") == 0
    assert "[.sandbox-keep]" in shell.lines
    assert "Skipping Git repository setup" in shell.lines


def test_files_of_the_repository_do_not_steer_the_executor(shell: Repository) -> None:
    shell.commit(
        {
            "ci.yml": "show: {script: ['echo \"[${STOLEN-no}]\"', 'ls']}\n",
            ".gitlab-ci-local-variables.yml": "STOLEN: yes\n",
            ".gitlab-ci-local.yml": "show: {script: ['echo other']}\n",
            ".gitlab-ci-local-env": "VARIABLE=STOLEN=yes\nQUIET=true\n",
            ".gitlab-ci-local-ignores": "file\n",
            ".gitlab-ci-local/state.yml": "pipelineIid: no\n",
            "file": "x",
        }
    )
    assert shell.run("show") == 0
    assert "[no]" in shell.lines
    assert "file" in shell.lines


def test_a_job_that_does_not_exist_could_not_run(shell: Repository) -> None:
    shell.commit({"ci.yml": "hello: {script: [echo]}\n"})
    assert shell.run("other") == NOT_RUN
    assert "could not be found" in shell.lines[-1]


def test_without_the_ci_file_nothing_runs(shell: Repository) -> None:
    shell.commit({"other": ""})
    assert shell.run("hello") == NOT_RUN
    assert "the repository has no file ci.yml" in shell.lines[-1]


def test_cancelling_ends_all_of_a_job_and_leaves_nothing(
    shell: Repository, own_temporary_folder: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    shell.commit(
        {"ci.yml": f"long: {{script: ['sleep 300 & echo $! > {mark}', 'echo begun', 'sleep 300']}}\n"}
    )
    cancelled = threading.Event()
    began = time.monotonic()
    code = shell.run(
        "long", cancelled, lambda chunk: cancelled.set() if b"\nbegun" in b"\n" + chunk else None
    )
    assert code == CANCELLED
    assert time.monotonic() - began < 20
    assert shell.lines[-1] == "ERROR: Job canceled"
    assert not running(int(mark.read_text()))
    assert list(own_temporary_folder.iterdir()) == []


def test_a_job_has_a_time_limit(shell: Repository) -> None:
    shell.commit({"ci.yml": "long: {script: ['sleep 300']}\n"})
    shell.executor = replace(shell.executor, job_limit_seconds=2)
    assert shell.run("long") == TIMED_OUT
    assert shell.lines[-1] == "ERROR: Job failed: execution took longer than 2 seconds"


def test_nothing_is_left_on_disk_but_artifacts(shell: Repository, own_temporary_folder: Path) -> None:
    shell.commit({"ci.yml": "deep: {script: ['mkdir -p a/b', 'touch a/b/c', 'chmod 500 a/b a']}\n"})
    assert shell.run("deep") == 0
    assert list(own_temporary_folder.iterdir()) == []


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return not state.stdout.strip().startswith("Z") and bool(state.stdout.strip())


def test_a_process_that_ends_takes_its_jobs_along(shell: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    shell.commit({"ci.yml": f"long: {{script: ['echo $$ > {mark}', 'sleep 300']}}\n"})
    program = f"""
import threading, time
from pathlib import Path
from sandbox.executor import GitlabCiLocal
from sandbox.node import ensure_tools
executor = GitlabCiLocal(ensure_tools(), mode="shell")
arguments = (Path({str(shell.path)!r}), "ci.yml", "long", {{}}, lambda chunk: None, threading.Event())
threading.Thread(target=executor.run, args=arguments, daemon=True).start()
while not Path({str(mark)!r}).exists():
    time.sleep(0.05)
"""
    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert not running(int(mark.read_text()))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("mlreef-ci-")] == []
