"""A pipeline planned from its YAML alone: stages, needs and simple rules, enough to play its jobs by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from sandbox.gitlab.rules import Invalid, expand, first_rule, merge
from sandbox.plan import JobPlan, PipelinePlan, access_of, release_of

DEFAULT_STAGES = ("build", "test", "deploy")
NOT_JOBS = {
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "default",
    "workflow",
    "spec",
    "pages:deploy",
}
INHERITED = ("image", "before_script", "after_script")
"""What stands for all jobs that do not say it themselves."""

MAX_EXTENDS = 11


class _Loader(yaml.SafeLoader):
    pass


def _reference(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    return None


_Loader.add_constructor("!reference", _reference)


def quick_plan(content: bytes, variables: Mapping[str, str]) -> PipelinePlan:
    """The jobs that a CI file gives for these variables."""
    try:
        return _plan(content, variables)
    except Invalid as failure:
        return PipelinePlan((), (), (str(failure),))


def job_spec(content: bytes, name: str) -> dict[str, Any]:
    """What a CI file says of one job, `extends` and `default` taken in, with all variables. Raises Invalid."""
    document = _load(content)
    default = document.get("default") or {}
    usual = {key: value for key, value in {**document, **default}.items() if key in INHERITED}
    spec = {**usual, **_extended(document, document[name])}
    return {
        **spec,
        "variables": {**_variables(document.get("variables")), **_variables(spec.get("variables"))},
    }


def _plan(content: bytes, variables: Mapping[str, str]) -> PipelinePlan:
    document = _load(content)
    known = {**_variables(document.get("variables")), **variables}
    workflow = document.get("workflow") or {}
    auto_cancel = str((workflow.get("auto_cancel") or {}).get("on_new_commit", "conservative"))
    if "rules" in workflow:
        chosen = first_rule(workflow["rules"], known)
        if chosen is None or chosen.get("when") == "never":
            return PipelinePlan((), (), (), auto_cancel)
    stages = (".pre", *map(str, document.get("stages") or DEFAULT_STAGES), ".post")
    default = document.get("default") or {}
    raw = {
        name: value
        for name, value in document.items()
        if name not in NOT_JOBS and not str(name).startswith(".")
    }
    if not raw:
        raise Invalid("jobs config should contain at least one visible job")
    jobs = []
    for name, value in raw.items():
        if not isinstance(value, dict):
            raise Invalid(f"jobs:{name} config should be a hash")
        spec = _extended(document, value)
        spec = {**{key: default[key] for key in ("interruptible",) if key in default}, **spec}
        _check(str(name), spec, stages)
        job = _job(str(name), spec, known)
        if job is not None:
            jobs.append(job)
    _check_needs(jobs, {str(name) for name in raw}, {str(name): value for name, value in raw.items()})
    order = {stage: number for number, stage in enumerate(stages)}
    jobs.sort(key=lambda job: order[job.stage])
    used = tuple(stage for stage in stages if any(job.stage == stage for job in jobs))
    return PipelinePlan(tuple(jobs), used, (), auto_cancel)


def _load(content: bytes) -> dict[str, Any]:
    try:
        documents = list(yaml.load_all(content, _Loader))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as failure:
        raise Invalid(f"Invalid configuration format: {str(failure).splitlines()[0]}") from failure
    document = documents[-1] if documents else None
    if not isinstance(document, dict):
        raise Invalid("Invalid configuration format")
    return {str(key): value for key, value in document.items()}


def _variables(section: Any) -> dict[str, str]:
    if not isinstance(section, dict):
        return {}
    return {
        str(key): str(value.get("value", "") if isinstance(value, dict) else value)
        for key, value in section.items()
    }


def _extended(document: Mapping[str, Any], spec: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    parents = spec.get("extends") or []
    merged: dict[str, Any] = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        base = document.get(parent)
        if not isinstance(base, dict) or depth > MAX_EXTENDS:
            raise Invalid(f"unknown keys in `extends` ({parent})")
        merged = merge(merged, _extended(document, base, depth + 1))
    return merge(merged, {key: value for key, value in spec.items() if key != "extends"})


def _check(name: str, spec: Mapping[str, Any], stages: tuple[str, ...]) -> None:
    if not {"script", "run", "trigger"} & spec.keys():
        raise Invalid(f"jobs:{name} config should implement the script:, run:, or trigger: keyword")
    stage = str(spec.get("stage", "test"))
    if stage not in stages:
        raise Invalid(
            f"{name} job: chosen stage {stage} does not exist; available stages are {', '.join(stages)}"
        )


def _check_needs(jobs: list[JobPlan], names: set[str], raw: Mapping[str, Any]) -> None:
    present = {job.name for job in jobs}
    for job in jobs:
        optional = {
            str(need.get("job"))
            for need in raw[job.name].get("needs") or []
            if isinstance(need, dict) and need.get("optional")
        }
        for need in set(job.needs or ()) - optional:
            if need not in names:
                raise Invalid(f"{job.name} job: undefined need: {need}")
            if need not in present:
                raise Invalid(
                    f"'{job.name}' job needs '{need}' job, but '{need}' does not exist in the pipeline"
                )


def _job(name: str, spec: Mapping[str, Any], variables: Mapping[str, str]) -> JobPlan | None:
    known = {**variables, **_variables(spec.get("variables"))}
    when, allow_failure = str(spec.get("when", "on_success")), spec.get("allow_failure")
    if "rules" in spec:
        rule = first_rule(spec["rules"], known)
        if rule is None:
            return None
        when = str(rule.get("when", when))
        allow_failure = rule.get("allow_failure", allow_failure)
        known |= _variables(rule.get("variables"))
    if when == "never":
        return None
    codes: tuple[int, ...] = ()
    if isinstance(allow_failure, dict):
        wanted = allow_failure.get("exit_codes", ())
        codes = tuple(wanted) if isinstance(wanted, list) else (int(wanted),)
        allow_failure = False
    if allow_failure is None:
        allow_failure = when == "manual" and "rules" not in spec
    environment = spec.get("environment")
    if isinstance(environment, dict):
        environment = environment.get("name")
    trigger = spec.get("trigger")
    if isinstance(trigger, str):
        trigger = {"project": trigger}
    group = spec.get("resource_group")
    return JobPlan(
        name=name,
        stage=str(spec.get("stage", "test")),
        needs=_needs(spec["needs"]) if "needs" in spec else None,
        when=when,
        allow_failure=bool(allow_failure),
        allow_failure_exit_codes=codes,
        interruptible=bool(spec.get("interruptible", False)),
        resource_group=None if group is None else expand(str(group), known),
        environment=None if environment is None else expand(str(environment), known),
        trigger=trigger,
        variables={} if trigger is None else _variables(spec.get("variables")),
        artifacts_name=expand(str((spec.get("artifacts") or {}).get("name", "artifacts")), known),
        artifacts_access=access_of(spec),
        release=release_of(spec, lambda text: expand(text, known)),
    )


def _needs(section: Any) -> tuple[str, ...]:
    found = []
    for need in section or []:
        if isinstance(need, dict):
            if "job" in need and "pipeline" not in need and "project" not in need:
                found.append(str(need["job"]))
        else:
            found.append(str(need))
    return tuple(found)
