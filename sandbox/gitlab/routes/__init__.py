"""The REST API, room by room; together with what lies `OUTSIDE` of it they are all that this GitLab answers."""

from sandbox.gitlab.routes import (
    commits,
    deployments,
    files,
    graphql,
    hooks,
    jobs,
    merge_requests,
    model_experiments,
    namespaces,
    notes,
    oauth,
    packages,
    people,
    pipelines,
    projects,
    registry,
    releases,
    repository,
    suggestions,
)

ROOMS = (
    people.routes,
    projects.routes,
    namespaces.routes,
    hooks.routes,
    repository.routes,
    releases.routes,
    files.routes,
    commits.routes,
    pipelines.routes,
    jobs.routes,
    deployments.routes,
    merge_requests.routes,
    notes.routes,
    suggestions.routes,
    registry.routes,
    packages.routes,
    model_experiments.routes,
)
OUTSIDE = (graphql.routes, registry.outside, oauth.outside)
