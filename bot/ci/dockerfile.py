"""The Dockerfile of a module: the template with its holes filled by instructions whose words cannot get out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from bot.domain.image_start import RUNTIME
from ci_templates import read_template
from parser.env import env_form_fault

WORKDIR = "/app"
"""Where the repository's files are in the image, and where the script runs."""

USER = "10001:10001"
"""Numeric, so that a cluster can see that it is not root."""

REQUIREMENTS_DIR = "/opt/mlreef/requirements"
"""Where the files that pip reads are in the image, apart from the sources."""

OWN_FOLDER = "own"
"""The folder of the context that holds files of ours."""

# Python, not a shell, and apt is told to take names for names only: some other words it would take for patterns.
_INSTALL = """\
import os, shutil, subprocess, sys
apt = ["apt-get", "-q", "-o", "APT::Cmd::Pattern-Only=true", "-o", "Dpkg::Use-Pty=0"]
env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
for words in (["update"], ["install", "-y", "--no-install-recommends", "--", *sys.argv[1:]]):
    code = subprocess.run([*apt, *words], env=env).returncode
    if code:
        sys.exit(code)
for folder in ("/var/lib/apt/lists", "/var/cache/apt", "/var/log/apt"):
    shutil.rmtree(folder, ignore_errors=True)
"""

COPY_OWN = f"COPY --chown=0:0 {OWN_FOLDER}/ {RUNTIME}/\n"
"""The instruction that brings files of ours into the image."""

_HOLE = re.compile(r"^<([a-z-]+)>$", re.MULTILINE)


def render_dockerfile(
    start: Sequence[str],
    base_env: Mapping[str, str],
    module_env: Mapping[str, str],
    requirements: str | None,
    apt: Sequence[str] = (),
    own: bool = False,
) -> str:
    """The Dockerfile. `start`: the words behind Python that start the module. `requirements`: path of the file that
    pip installs. `apt`: Debian packages. `own`: whether the context has files of ours.

    `base_env` is set before pip runs, `module_env` after. ValueError: a word that cannot stand in a Dockerfile.
    """
    holes = {
        "packages": _packages(apt),
        "requirements": _requirements(requirements),
        "base-environment": _environment(base_env),
        "module-environment": _environment(module_env),
        "entry-point": (COPY_OWN if own else "") + f"ENTRYPOINT {_json(['python', *start])}",
    }
    return _HOLE.sub(lambda hole: holes[hole[1]], read_template("module.Dockerfile"))


def _packages(names: Sequence[str]) -> str:
    return f"RUN {_json(['python', '-c', _INSTALL, *names])}" if names else ""


def _requirements(path: str | None) -> str:
    if path is None:
        return ""
    words = ["python", "-m", "pip", "install", "--no-cache-dir", "-r", f"{REQUIREMENTS_DIR}/{path}"]
    return f"COPY requirements/ {REQUIREMENTS_DIR}/\nRUN {_json(words)}"


def _environment(env: Mapping[str, str]) -> str:
    for name, value in env.items():
        fault = env_form_fault(name, value)
        if fault:
            raise ValueError(f"The environment variable {name} {fault}.")
    return "\n".join(f'ENV {name}="{_escaped(value)}"' for name, value in env.items())


def _json(words: list[str]) -> str:
    # All ASCII: no character that a builder might take for the end of a line.
    return json.dumps(words)


def _escaped(value: str) -> str:
    return re.sub(r'(["$\\])', r"\\\1", value)
