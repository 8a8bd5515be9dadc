"""What the configuration says, as values that the parts take: Config → rules, policy, keys."""

from __future__ import annotations

from bot.config import Config
from bot.domain.engines import Building
from bot.domain.guards import Guards
from bot.domain.manner import Experiments, Manner
from bot.domain.offer import Components
from bot.domain.pipeline import OUR_JOBS, Environment
from bot.domain.policy import Policy
from bot.domain.proof import Keys, derive_token
from bot.domain.reconcile import Enrolment, Rhythm
from bot.domain.routing import Rules
from bot.errors import OperatorError
from bot.logs import set_up
from parser.limits import Limits


def start_logs(config: Config) -> None:
    """Send logs where the configuration says, without any of its secrets."""
    set_up(config.log.format, config.log.level, config.secrets())


def read_rules(config: Config) -> Rules:
    """What decides which events ask for work."""
    return Rules(config.publish.branches, OUR_JOBS, others=config.publish.other_branches)


def read_policy(config: Config) -> Policy:
    """The operator's part of every publication."""
    return Policy(
        environments=tuple(
            Environment(**{**each.model_dump(), "title": each.title or each.name})
            for each in config.environments
        ),
        default_environment=config.environment_by_default,
        builder_image=config.builder.image,
        docs_url=config.docs_url,
        building=read_building(config),
        branches=config.publish.branches,
        other_branches=config.publish.other_branches,
        keep_versions=config.publish.keep_versions,
        grace_seconds=config.pipeline.grace_seconds,
        watch_seconds=config.pipeline.watch_seconds,
        guards=Guards(commits_per_hour=config.publish.commits_per_hour),
        review=Manner(**config.review.model_dump()),
        wizard=config.wizard.open,
        experiments=Experiments(**config.experiments.model_dump()),
        component=Components(**config.component.model_dump()),
        limits=Limits(config.reading.file_bytes, config.reading.steps, config.reading.depth),
    )


def read_building(config: Config) -> Building:
    """How images are built and vouched for."""
    builder = config.builder
    return Building(
        engines=builder.engines,
        shared_layers=builder.shared_layers,
        index_url=builder.index_url,
        attest=builder.attest,
        signing_key=builder.signing_key,
        advisories=builder.advisories,
        advisories_url=builder.advisories_url,
        block_from=builder.block_from,
    )


def read_enrolment(config: Config) -> Enrolment:
    """Which projects the sweep looks after."""
    return Enrolment(frozenset(config.reconcile.projects), config.reconcile.groups)


def read_rhythm(config: Config) -> Rhythm:
    """How often the sweep comes by; a publication is stale when its own look should have been twice."""
    return Rhythm(
        config.reconcile.interval_seconds,
        config.reconcile.complete_seconds,
        2 * config.pipeline.watch_seconds,
    )


def read_keys(config: Config) -> Keys:
    """What proves that a delivery is GitLab's."""
    door = config.webhook
    return Keys(
        secrets=tuple(secret.get_secret_value() for secret in door.secrets),
        signing_tokens=tuple(token.get_secret_value() for token in door.signing_tokens),
        masters=tuple(master.get_secret_value() for master in door.master_secret),
        tolerance_seconds=door.tolerance_seconds,
    )


def derive_project_token(config: Config, project_id: int) -> str:
    """The secret token for the hooks of one project. Raises OperatorError without a master secret."""
    if not config.webhook.master_secret:
        raise OperatorError(
            "webhook.master_secret_file is not configured, and projects' tokens are derived from it",
            "write the output of `openssl rand -hex 32` into a file and name it there",
        )
    return derive_token(config.webhook.master_secret[0].get_secret_value(), project_id)
