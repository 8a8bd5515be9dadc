"""The variables that GitLab predefines for pipelines and their jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.gitlab.values import Job, Pipeline

if TYPE_CHECKING:
    from sandbox.gitlab.core import Core

SLUG_BYTES = 63


def slug(text: str) -> str:
    """GitLab's CI_COMMIT_REF_SLUG: lower case, letters, digits and single dashes kept as they are, 63 bytes."""
    return re.sub(r"[^a-z0-9]", "-", text.lower())[:SLUG_BYTES].strip("-")


def pipeline_variables(core: Core, pipeline: Pipeline) -> dict[str, str]:
    """What is known before any job exists; rules are decided with these."""
    project = core.state.projects[pipeline.project_id]
    user = core.state.user(pipeline.user_id)
    commit = core.git(project).commit(pipeline.sha)
    address = urlsplit(core.url)
    title, _, description = (commit.message if commit is not None else "").partition("\n\n")
    found = {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_SERVER": "yes",
        "CI_SERVER_NAME": "GitLab",
        "CI_SERVER_URL": core.url,
        "CI_SERVER_HOST": core.host,
        "CI_SERVER_FQDN": address.netloc,
        "CI_SERVER_PORT": str(address.port or 80),
        "CI_SERVER_PROTOCOL": address.scheme,
        "CI_SERVER_VERSION": core.version,
        "CI_API_V4_URL": f"{core.url}/api/v4",
        "CI_API_GRAPHQL_URL": f"{core.url}/api/graphql",
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_NAME": project.path,
        "CI_PROJECT_TITLE": project.name,
        "CI_PROJECT_PATH": project.full_path,
        "CI_PROJECT_PATH_SLUG": slug(project.full_path),
        "CI_PROJECT_NAMESPACE": project.namespace,
        "CI_PROJECT_ROOT_NAMESPACE": project.namespace.split("/")[0],
        "CI_PROJECT_URL": core.web_url(project),
        "CI_PROJECT_VISIBILITY": project.visibility,
        "CI_DEFAULT_BRANCH": project.default_branch,
        "CI_CONFIG_PATH": pipeline.config_path,
        "CI_COMMIT_SHA": pipeline.sha,
        "CI_COMMIT_SHORT_SHA": pipeline.sha[:8],
        "CI_COMMIT_BEFORE_SHA": pipeline.before_sha,
        "CI_COMMIT_REF_NAME": pipeline.ref,
        "CI_COMMIT_REF_SLUG": slug(pipeline.ref),
        "CI_COMMIT_REF_PROTECTED": "true" if core.state.protections_of(project, pipeline.ref) else "false",
        "CI_COMMIT_MESSAGE": commit.message if commit is not None else "",
        "CI_COMMIT_TITLE": title,
        "CI_COMMIT_DESCRIPTION": description,
        "CI_COMMIT_TIMESTAMP": commit.committer.at.isoformat(timespec="seconds")
        if commit is not None
        else "",
        "CI_COMMIT_AUTHOR": f"{commit.author.name} <{commit.author.email}>" if commit is not None else "",
        "CI_PIPELINE_SOURCE": pipeline.source,
        "GITLAB_USER_ID": str(user.id),
        "GITLAB_USER_LOGIN": user.username,
        "GITLAB_USER_NAME": user.name,
        "GITLAB_USER_EMAIL": user.email,
    }
    found["CI_COMMIT_TAG" if pipeline.tag else "CI_COMMIT_BRANCH"] = pipeline.ref
    if core.registry_host and project.registry_access != "disabled":
        found |= {"CI_REGISTRY": core.registry_host, "CI_REGISTRY_IMAGE": core.registry_image(project)}
    return {**found, **project.variables, **pipeline.variables}


def job_variables(core: Core, job: Job, token: str) -> dict[str, str]:
    """What one job sees: the pipeline's variables, its own, and its token."""
    pipeline = core.state.pipelines[job.pipeline_id]
    project = core.state.projects[job.project_id]
    url = core.web_url(project)
    scheme, rest = url.split("://", 1)
    found = {
        "CI_PIPELINE_ID": str(pipeline.id),
        "CI_PIPELINE_IID": str(pipeline.iid),
        "CI_PIPELINE_URL": f"{url}/-/pipelines/{pipeline.id}",
        "CI_PIPELINE_CREATED_AT": pipeline.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "CI_JOB_ID": str(job.id),
        "CI_JOB_NAME": job.name,
        "CI_JOB_STAGE": job.stage,
        "CI_JOB_URL": f"{url}/-/jobs/{job.id}",
        "CI_JOB_TOKEN": token,
        "CI_JOB_STARTED_AT": job.started_at.strftime("%Y-%m-%dT%H:%M:%SZ") if job.started_at else "",
        "CI_REPOSITORY_URL": f"{scheme}://gitlab-ci-token:{token}@{rest}.git",
    }
    if core.registry_host and project.registry_access != "disabled":
        found |= {"CI_REGISTRY_USER": "gitlab-ci-token", "CI_REGISTRY_PASSWORD": token}
    if job.environment:
        found |= {"CI_ENVIRONMENT_NAME": job.environment, "CI_ENVIRONMENT_SLUG": slug(job.environment)}
    return {**pipeline_variables(core, pipeline), **found}
