"""What this machine can run: without an engine, a browser, PostgreSQL …, their tests are left out, loudly."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sandbox import postgres
from tests.figures import FIGURES

ENGINE_ANSWER_SECONDS = 10
"""A Docker engine that does not answer in this time counts as missing."""

LONGEST = ("tests/whole_way/", "tests/chaos/", "tests/demo/", "tests/fidelity/")
"""Folders whose files take minutes. They begin first, so that the last process does not work on one of them alone."""

LEFT_OUT = pytest.StashKey[dict[str, int]]()


@cache
def missing(marker: str) -> str | None:
    """Why tests with this marker cannot run here, or None when they can."""
    if marker == "engine":
        try:
            subprocess.run(
                ["docker", "version", "--format", "{{.Server.Version}}"],
                check=True,
                capture_output=True,
                timeout=ENGINE_ANSWER_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return "no Docker engine answers (scripts/ci-machine.sh installs and starts one on Debian)"
    if marker == "browser" and not all(map(shutil.which, ("chromium", "chromedriver"))):
        return "Chromium and its driver are not installed (Debian: apt-get install chromium chromium-driver)"
    if marker == "cosign" and shutil.which("cosign") is None:
        return "cosign, which checks signatures, is not there (scripts/ci-machine.sh unpacks it)"
    if marker == "readers" and not all(map(shutil.which, ("skopeo", "umoci"))):
        return "skopeo and umoci, which read images, are not both installed (Debian: apt-get install skopeo umoci)"
    if marker == "executor" and shutil.which("rsync") is None:
        return "rsync, which the CI executor needs, is not installed (Debian: apt-get install rsync)"
    if marker == "systemd" and shutil.which("systemd-analyze") is None:
        return "systemd-analyze, which checks units, is not installed (Debian: apt-get install systemd)"
    if marker == "postgres" and postgres.programs() is None:
        return "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
    return None


def strict() -> bool:
    """In CI nothing may be left out."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


# How fast a machine draws examples says nothing of the code; tests have a time-out each.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# In CI the same examples every time: what lands must not hang on a draw. New ones are looked for at the desk.
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("ci" if strict() else "desk")
    # A developer's own MLREEF_… variables would change what the tests see.
    for name in [
        name for name in os.environ if name.startswith("MLREEF_") and not name.startswith("MLREEF_TEST_")
    ]:
        del os.environ[name]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    if strict():
        return
    kept, dropped, reasons = [], [], {}
    for item in items:
        needed = [
            name
            for name in ("browser", "cosign", "engine", "executor", "postgres", "readers", "systemd")
            if item.get_closest_marker(name)
        ]
        why = next(filter(None, map(missing, needed)), None)
        if why is None:
            kept.append(item)
        else:
            dropped.append(item)
            reasons[why] = reasons.get(why, 0) + 1
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept
    config.stash[LEFT_OUT] = reasons


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of several processes ended: what it has to say at the end of the run is said by the one in front."""
    said = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT] = said.get("left out", {})
    FIGURES.extend(said.get("figures", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in FIGURES:
        terminalreporter.write_line(line)
    for why, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"LEFT OUT: {count} tests, because {why}", yellow=True)
    if strict() and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("FAILED: a test was skipped, and in CI nothing may be", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output |= {"left out": session.config.stash.get(LEFT_OUT, {}), "figures": FIGURES}
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if strict() and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server for the whole run; tests that use it carry the marker `postgres`."""
    running = postgres.Cluster()
    yield running
    running.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/er/bot.db"
        return
    cluster: postgres.Cluster = request.getfixturevalue("cluster")
    url = cluster.create_database()
    yield url
    cluster.drop_database(url)
