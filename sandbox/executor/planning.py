"""gitlab-ci-local's reading of a CI file → PipelinePlan."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.executor.workplace import Workplace, WorkplaceError, git_environment, read_config
from sandbox.node import Tools
from sandbox.plan import JobPlan, PipelinePlan, access_of, release_of

PLAN_SECONDS = 60
"""Time to read one CI file."""

ERROR_LIMIT = 2000
"""Characters of the tool's complaint that are passed on."""

STRICTER_THAN_GITLAB = tuple(
    word
    for path in ("#/definitions/tags/minItems", "#/additionalProperties")
    for word in ("--ignore-schema-paths", path)
)
"""Rules of the editor's schema that GitLab itself does not keep to: it takes a job with an empty list of tags."""

KEYWORDS = frozenset(
    {
        *(
            "after_script",
            "allow_failure",
            "artifacts",
            "before_script",
            "cache",
            "coverage",
            "dast_configuration",
        ),
        *(
            "dependencies",
            "environment",
            "except",
            "extends",
            "hooks",
            "id_tokens",
            "identity",
            "image",
            "inherit",
        ),
        *("inputs", "interruptible", "manual_confirmation", "needs", "only", "pages", "parallel", "publish"),
        *("release", "resource_group", "retry", "rules", "run", "script", "secrets", "services", "stage"),
        *("start_in", "tags", "timeout", "trigger", "type", "variables", "when"),
    }
)
"""What may stand in a job; GitLab refuses a file with anything else."""

WORKFLOW_PROBE = "sandbox workflow probe"
"""A job whose rules are the workflow's: the tool itself ignores `workflow: rules`, but not a job's."""

# What the tool always says, and what belongs to its own code rather than to the CI file.
NOISE = re.compile(
    r"^(Unable to retrieve default remote branch|Using fallback|Command failed with exit code|fatal: |\s+at "
    r"|parsing and downloads finished|json schema validated|Error: $|\s*$|\s+Command failed)"
)


def read_plan(place: Workplace, tools: Tools, config_file: str, variables: Mapping[str, str]) -> PipelinePlan:
    """Ask the tool for the jobs of `config_file` under these variables; what is wrong is in `errors`."""
    _add_workflow_probe(place.clone, config_file)
    try:
        done = subprocess.run(
            [*tools.command, *place.options(config_file, variables), *STRICTER_THAN_GITLAB, "--list-json"],
            cwd=place.clone,
            env=git_environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PLAN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return PipelinePlan((), (), (f"reading {config_file} took longer than {PLAN_SECONDS} s",))
    if done.returncode != 0:
        return PipelinePlan((), (), (complaint(done.stderr),))
    try:
        listed = json.loads(done.stdout)
    except ValueError:
        return PipelinePlan((), (), (complaint(done.stderr + done.stdout),))
    expanded = _mapping(yaml.safe_load((place.state / "expanded-gitlab-ci.yml").read_bytes()))
    return _plan(listed, expanded, variables)


def complaint(said: bytes) -> str:
    """The tool's own words about what is wrong, without its stack."""
    lines = [line.rstrip() for line in said.decode("utf-8", "replace").splitlines() if not NOISE.match(line)]
    return "\n".join(lines)[:ERROR_LIMIT] or "the CI file could not be read"


def strategy_of(checkout: Path, config_file: str, job: str) -> str:
    """The GIT_STRATEGY that the file gives a job, by itself or for all jobs."""
    try:
        document = _as_yaml(read_config(checkout, config_file))
    except (OSError, WorkplaceError):
        document = {}
    for holder in (_mapping(document.get(job)), document):
        value = _mapping(holder.get("variables")).get("GIT_STRATEGY")
        if value is not None:
            return str(value)
    return "fetch"


def _plan(
    listed: list[dict[str, Any]], expanded: dict[str, Any], variables: Mapping[str, str]
) -> PipelinePlan:
    by_name = {entry["name"]: entry for entry in listed}
    probe = by_name.pop(WORKFLOW_PROBE, None)
    stages = tuple(str(stage) for stage in expanded.get("stages") or ())
    workflow = _mapping(_mapping(expanded.get("workflow")).get("auto_cancel")).get(
        "on_new_commit", "conservative"
    )
    if probe is not None and probe["when"] == "never":
        return PipelinePlan((), stages, (), str(workflow))
    if not by_name:
        return PipelinePlan(
            (), stages, ("jobs config should contain at least one visible job",), str(workflow)
        )
    strange = tuple(
        f"jobs:{name} config contains unknown keys: {', '.join(sorted(unknown))}"
        for name in by_name
        if (unknown := {key for key in _mapping(expanded.get(name)) if not key.startswith("gcl")} - KEYWORDS)
    )
    if strange:
        return PipelinePlan((), stages, strange, str(workflow))
    running = {name: entry for name, entry in by_name.items() if entry["when"] != "never"}
    errors = tuple(
        f"'{name}' job needs '{need['job']}' job, but '{need['job']}' does not exist in the pipeline"
        for name, entry in running.items()
        for need in entry.get("needs") or ()
        if need["job"] not in running and not need.get("optional")
    )
    if errors:
        return PipelinePlan((), stages, errors, str(workflow))
    jobs = [_job(entry, expanded, variables, running.keys()) for entry in running.values()]
    order = {stage: position for position, stage in enumerate(stages)}
    return PipelinePlan(tuple(sorted(jobs, key=lambda job: order[job.stage])), stages, (), str(workflow))


def _job(
    entry: Mapping[str, Any], expanded: Mapping[str, Any], variables: Mapping[str, str], present: Any
) -> JobPlan:
    name = entry["name"]
    written = _mapping(expanded.get(name))
    known = {**_texts(expanded.get("variables")), **_texts(written.get("variables")), **variables}
    allowed = entry["allow_failure"]
    codes = allowed.get("exit_codes", ()) if isinstance(allowed, dict) else ()
    default = _mapping(expanded.get("default"))
    environment = written.get("environment")
    named = environment.get("name") if isinstance(environment, dict) else environment
    group = written.get("resource_group")
    manual_by_itself = entry["when"] == "manual" and "rules" not in written and "allow_failure" not in written
    return JobPlan(
        name=name,
        stage=entry["stage"],
        needs=(
            None
            if entry.get("needs") is None
            else tuple(need["job"] for need in entry["needs"] if need["job"] in present)
        ),
        when=entry["when"],
        allow_failure=allowed is True or manual_by_itself,
        allow_failure_exit_codes=tuple(codes) if isinstance(codes, list | tuple) else (codes,),
        interruptible=bool(written.get("interruptible", default.get("interruptible", False))),
        resource_group=None if group is None else expand(str(group), known),
        environment=None if named is None else expand(str(named), known),
        trigger=_mapping(written["trigger"]) if written.get("trigger") else None,
        variables=_texts(written.get("variables")) if written.get("trigger") else {},
        artifacts_name=expand(str(_mapping(written.get("artifacts")).get("name", "artifacts")), known),
        artifacts_access=access_of(written),
        release=release_of(written, lambda text: expand(text, known)),
    )


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced by their values, unknown ones by nothing."""
    return re.sub(
        r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))",
        lambda found: variables.get(found[1] or found[2], ""),
        text,
        flags=re.A,
    )


def _add_workflow_probe(clone: Path, config_file: str) -> None:
    rules = _mapping(_read_yaml(clone / config_file).get("workflow")).get("rules")
    if isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules):
        kept = [
            {key: rule[key] for key in rule if key in ("if", "when", "changes", "exists")} for rule in rules
        ]
        probe = {WORKFLOW_PROBE: {"stage": ".pre", "script": [":"], "rules": kept}}
        (clone / ".gitlab-ci-local.yml").write_text(json.dumps(probe), encoding="utf-8")


class _Tolerant(yaml.SafeLoader):
    """Reads GitLab's own tags (!reference) as nothing: only plain keys are looked at here."""


_Tolerant.add_multi_constructor("!", lambda loader, suffix, node: None)


def _read_yaml(path: Path) -> dict[str, Any]:
    """The file as plain data; nothing when it is none: telling what is wrong is the tool's part."""
    try:
        return _as_yaml(path.read_bytes())
    except OSError:
        return {}


def _as_yaml(content: bytes) -> dict[str, Any]:
    try:
        return _mapping(yaml.load(content, Loader=_Tolerant))  # noqa: S506 - built on SafeLoader
    except yaml.YAMLError:
        return {}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {
        str(name): str(entry.get("value", "")) if isinstance(entry, dict) else str(entry)
        for name, entry in _mapping(value).items()
    }
