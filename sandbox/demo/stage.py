"""Everything that must be up before the story begins: registry, GitLab, executor, the bot."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.adapters.registry import Registry
from bot.domain.environments import Environment
from parser.model import Engine
from sandbox.demo import images
from sandbox.demo.children import DemoError, free_port, running, tail, wait_until_ready
from sandbox.gitlab import Sandbox
from sandbox.images.host_base import Layout
from sandbox.registry import RegistryServer

READY_SECONDS = 30.0
"""Time that the bot may take until its door answers."""

BRANCH = "main"
BOT = "mlreef-bot"
AUTHOR = "alice"
USER = "bob"
OPERATOR = "operator"
BASES = "environments/python"
"""The project whose registry holds the base image where no engine does."""


@dataclass(frozen=True, slots=True)
class Images:
    """What jobs run in: the bot's image, and the base that modules are built on, with its Python (`3.12`).

    `engine` is the one that modules are built with; `executable` the base's Python, where it is not the usual one.
    """

    bot: str
    base: str
    python: str
    engine: Engine = "docker"
    executable: str = ""


def ensure_images(tell: Callable[[str], None]) -> Images:
    """Build or find the images on the local engine."""
    base = images.ensure_base(tell)
    return Images(images.ensure_bot_image(base, tell), base, images.python_of(base))


def bring_base(registry: RegistryServer, layout: Layout) -> Images:
    """Put the base image into a registry that no GitLab guards yet; `open_bases` lets people have it then."""
    with Registry(registry.address) as client:
        layout.push(client, BASES)
    base = f"{registry.address}/{BASES}@{layout.manifest.digest}"
    return Images(images.BOT_IMAGE, base, layout.python, "layers", layout.executable)


def open_bases(sandbox: Sandbox) -> None:
    """Make the public project whose registry holds the base image, as anybody would who offers environments."""
    sandbox.create_project(BASES, sandbox.create_user(OPERATOR), visibility="public")


def environment(made: Images) -> Environment:
    """The one base that modules of the demo can choose."""
    return Environment(
        f"python-{made.python}",
        f"Python {made.python}",
        made.base,
        made.python,
        executable=made.executable,
    )


@dataclass(frozen=True, slots=True)
class SignIn:
    """The catalogue's address, and the application in GitLab by which people sign in there."""

    url: str
    client_id: str
    client_secret: str


def open_catalogue(sandbox: Sandbox) -> SignIn:
    """Make the application, as an operator would."""
    url = f"http://127.0.0.1:{free_port()}"
    made = sandbox.create_application("Catalogue", f"{url}/sign-in/callback")
    return SignIn(url, made.client_id, made.secret)


def bot_config(
    gitlab_url: str, listen: str, folder: Path, made: Images, catalogue: SignIn | None = None
) -> Mapping[str, Any]:
    """The bot's configuration for one demo; secrets are in files of `folder`."""
    base = environment(made)
    return {
        "gitlab": {"url": gitlab_url, "token_file": str(folder / "token")},
        "webhook": {"listen": listen, "secrets_file": str(folder / "webhook-secret"), "processes": 1},
        # who plays with it pushes as often as they like
        "publish": {"commits_per_hour": 10_000},
        # the demo ends with the refusal, and nobody would see the merge request
        "wizard": {"open": "never"},
        "database": {"url": f"sqlite:///{folder / 'bot.db'}"},
        "environments": [
            {
                "name": base.name,
                "title": base.title,
                "image": base.image,
                "python": base.python,
                "executable": base.executable,
            }
        ],
        "builder": {"image": made.bot, "engines": [made.engine]},
        # any image will do: the sandbox makes the release itself when the job has ended well
        "component": {"release_image": made.bot},
        "catalogue": _catalogue(catalogue, folder) if catalogue else {"enabled": False},
        "pipeline": {"grace_seconds": 20},
        "log": {"format": "json", "level": "INFO"},
    }


def _catalogue(catalogue: SignIn, folder: Path) -> Mapping[str, Any]:
    return {
        "enabled": True,
        "listen": catalogue.url.removeprefix("http://"),
        "url": catalogue.url,
        "client_id": catalogue.client_id,
        "client_secret_file": str(folder / "catalogue-client-secret"),
        "session_secret_file": str(folder / "catalogue-session-secret"),
        "processes": 1,
    }


@dataclass(frozen=True, slots=True)
class RunningBot:
    """The bot's door, and a look whether it lives."""

    hook_url: str
    hook_secret: str
    log: Path
    config: Path
    still_alive: Callable[[], None]


@contextlib.contextmanager
def running_bot(
    gitlab_url: str, token: str, folder: Path, made: Images, catalogue: SignIn | None = None
) -> Iterator[RunningBot]:
    """`mlreef-bot serve`, door and worker, and the catalogue if there is to be one, as long as the block runs."""
    listen = f"127.0.0.1:{free_port()}"
    secret = secrets.token_urlsafe(24)
    folder.mkdir(parents=True, exist_ok=True)
    _write_secret(folder / "token", token)
    _write_secret(folder / "webhook-secret", secret)
    if catalogue is not None:
        _write_secret(folder / "catalogue-client-secret", catalogue.client_secret)
        _write_secret(folder / "catalogue-session-secret", secrets.token_hex(32))
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump(dict(bot_config(gitlab_url, listen, folder, made, catalogue)), sort_keys=False),
        "utf-8",
    )
    log = folder / "bot.log"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLREEF_")}
    command = [str(Path(sys.executable).with_name("mlreef-bot")), "serve", "--config", str(config)]
    with running(command, log, env=environ, cwd=folder) as child:
        wait_until_ready(f"http://{listen}/readyz", child, log, READY_SECONDS)

        def still_alive() -> None:
            if child.poll() is not None:
                raise DemoError(f"the bot ended with exit code {child.returncode}:\n{tail(log)}")

        yield RunningBot(f"http://{listen}/webhooks/gitlab", secret, log, config, still_alive)


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")
