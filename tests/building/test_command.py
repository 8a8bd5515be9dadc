"""`mlreef-bot build` as people use it: what it says, what it compares, whose password it takes."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from bot.adapters.credentials import Account, find_login
from bot.adapters.registry import Registry
from bot.domain.image_start import RUNTIME
from bot.errors import OperatorError
from tests.building.command import build, document
from tests.building.golden import push_base
from tests.building.site import Site
from tests.ci.several import LAUNCHED


def ground(base: str) -> tuple[str, ...]:
    return ("--base", base, "--python", "3.12")


def test_what_was_sent_is_told_to_programs(site: Site, base: str) -> None:
    folder = site.repository()
    name = f"{site.server.address}/group/noise:v1"
    cold = document(build(site, folder, *ground(base), "--push", name, "--format", "json"))
    assert cold["image"] == f"{site.server.address}/group/noise@{cold['digest']}"
    assert (cold["warm"], cold["unchanged"]) == (False, False)
    (folder / "main.py").write_text((folder / "main.py").read_text() + "# changed\n")
    site.forget()
    warm = document(build(site, folder, *ground(base), "--push", name, "--format", "json"))
    assert warm["warm"]
    assert warm["requests"] == len(site.asked) <= 8
    assert warm["sent_bytes"] - warm["sources_bytes"] < 10_000
    again = document(build(site, folder, *ground(base), "--push", name, "--format", "json"))
    assert (again["unchanged"], again["digest"]) == (True, warm["digest"])


HEAVY = {"pydantic", "requests", "structlog", "dbos", "docker", "flask", "gitlab", "sqlalchemy"}
"""What the rest of the bot is made with, and a changed script has no time for."""


def test_a_changed_script_waits_for_nothing_that_only_others_need(site: Site, base: str) -> None:
    folder = site.repository()
    words = (*ground(base), "--push", f"{site.server.address}/group/noise:v1")
    assert build(site, folder, *words).returncode == 0
    (folder / "main.py").write_text((folder / "main.py").read_text() + "# changed\n")
    done = build(site, folder, *words, PYTHONPROFILEIMPORTTIME="1")
    assert "only the sources are new" in done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "bot.building" in loaded
    assert not loaded & {*HEAVY, "bot.layers.preparing", "bot.layers.resolve", "bot.config"}


def test_without_a_place_to_go_nothing_is_sent_and_it_says_so(site: Site, base: str) -> None:
    done = build(site, site.repository(), *ground(base))
    assert done.returncode == 0
    assert done.stdout.startswith("mlreef/noise@sha256:")
    assert "Nothing was sent" in done.stderr
    assert not any(line.split()[0] in {"PUT", "POST"} for line in site.asked)


@pytest.mark.parametrize("wish", ["--load", "--run"])
def test_without_an_engine_nothing_is_built_for_one(site: Site, base: str, wish: str) -> None:
    done = build(site, site.repository(), *ground(base), wish, DOCKER_HOST="tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert "No Docker engine answers here" in done.stderr
    assert "or --push or --output the image" in done.stderr
    assert site.asked == []


def test_a_script_stands_for_its_folder_and_what_is_nowhere_is_told(site: Site, base: str) -> None:
    folder = site.repository()
    whole, script = (build(site, path, *ground(base)) for path in (folder, folder / "main.py"))
    assert (script.returncode, script.stdout) == (0, whole.stdout), script.stderr
    done = build(site, folder / "gone", *ground(base))
    assert done.returncode == 2
    assert "there is no such folder" in done.stderr


def test_the_same_image_is_found_the_same(site: Site, base: str) -> None:
    folder = site.repository({"data/table.csv": "1,2\n", ".mlreef.yaml": "env: {LEVEL: high}\n"})
    name = f"{site.server.address}/group/noise:v1"
    assert build(site, folder, *ground(base), "--push", name).returncode == 0
    done = build(site, folder, "--verify", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The same: ")


@pytest.mark.parametrize("kind", LAUNCHED)
def test_an_image_that_starts_with_files_of_ours_is_found_the_same(site: Site, base: str, kind: str) -> None:
    folder = site.repository(LAUNCHED[kind])
    name = f"{site.server.address}/group/noise:v1"
    assert build(site, folder, *ground(base), "--push", name).returncode == 0
    assert site.config("group/noise", "v1")["config"]["Entrypoint"][1].startswith(f"{RUNTIME}/")
    done = build(site, folder, "--verify", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The same: ")


def test_the_folder_need_not_have_the_projects_name(site: Site, base: str, tmp_path: Path) -> None:
    folder = site.repository()
    name = f"{site.server.address}/group/noise:v1"
    assert build(site, folder, *ground(base), "--push", name).returncode == 0
    elsewhere = folder.rename(tmp_path / "elsewhere")
    assert build(site, elsewhere, "--verify", name).returncode == 0


def test_a_full_disk_is_told_and_no_tag_is_there(site: Site, base: str) -> None:
    folder = site.repository({"large.bin": os.urandom(3_000_000)})
    words = (*ground(base), "--push", f"{site.server.address}/group/noise:v1")
    done = build(site, folder, *words, limit=1_000_000)
    assert done.returncode == 2
    assert "There is no room left on the disk" in done.stderr
    assert site.manifest("group/noise", "v1") is None


def test_another_image_is_told_file_by_file(site: Site, base: str) -> None:
    folder = site.repository({"data/table.csv": "1,2\n", "old.txt": "x"})
    name = f"{site.server.address}/group/noise:v1"
    assert build(site, folder, *ground(base), "--push", name).returncode == 0
    (folder / "old.txt").unlink()
    (folder / "new.txt").write_text("y")
    (folder / "data" / "table.csv").write_text("1,3\n")
    (folder / "main.py").chmod(0o755)
    (folder / ".mlreef.yaml").write_text("env: {LEVEL: high}\n")
    done = build(site, folder, "--verify", name)
    assert done.returncode == 1
    told = [line.strip() for line in done.stdout.splitlines()]
    assert told[0].startswith("Another: ")
    assert any(
        line.startswith("added    app/new.txt: file, mode 644, owner 10001:10001, 1 bytes") for line in told
    )
    assert any(line.startswith("removed  app/old.txt: ") for line in told)
    assert any(line.startswith("changed  app/data/table.csv: ") for line in told)
    assert any("app/main.py: file, mode 644" in line and "→ file, mode 755" in line for line in told)
    assert any(line.startswith("config config.Env: ") and "LEVEL=high" in line for line in told)
    assert not any("environment and lock" in line for line in told)


def test_what_differs_in_a_long_label_is_shown(site: Site, base: str) -> None:
    folder = site.repository()
    name = f"{site.server.address}/group/noise:v1"
    assert build(site, folder, *ground(base), "--push", name).returncode == 0
    main = folder / "main.py"
    main.write_text(main.read_text().replace("--amount", "--quantity"))
    done = build(site, folder, "--verify", name)
    [line] = [one for one in done.stdout.splitlines() if "io.mlreef.module" in one]
    before, _, after = line.partition(" became ")
    assert "amount" in before
    assert "quantity" in after
    assert len(line) < 600


def test_a_log_names_the_version_of_every_package(site: Site, base: str) -> None:
    site.add_wheel("calm", "1.0")
    site.add_wheel("calm", "1.1")
    folder = site.repository({"requirements.txt": "calm\n"})
    done = build(site, folder, *ground(base))
    assert "calm==1.1" in done.stderr.split()


def test_who_builds_sources_is_told_where_no_job_does(site: Site, base: str) -> None:
    site.index.add_sources("old", "1.0")
    folder = site.repository({"requirements.txt": "old==1.0\n", ".mlreef.yaml": "build_sdists: [old]\n"})
    done = build(site, folder, *ground(base))
    assert done.returncode == 1
    assert "pip wheel --no-deps --wheel-dir .mlreef/wheels" in done.stderr


def test_what_only_a_pipeline_heeds_is_told(site: Site, base: str) -> None:
    wishes = "environment: gpu\napt: [ffmpeg]\n"
    done = build(site, site.repository({".mlreef.yaml": wishes}), *ground(base))
    assert done.returncode == 0
    assert "The environment gpu of .mlreef.yaml is not heeded" in done.stderr
    assert "(ffmpeg) are not in it" in done.stderr
    done = build(site, site.repository({"Dockerfile": "FROM scratch\n"}, "own"), *ground(base))
    assert "Dockerfile is not used" in done.stderr
    wanted = {"Dockerfile": "FROM scratch\n", ".mlreef.yaml": "engine: layers\n"}
    done = build(site, site.repository(wanted, "layers"), *ground(base))
    assert done.returncode == 0
    assert "is not used" not in done.stderr


def test_a_base_that_cannot_be_asked_for_is_named(site: Site) -> None:
    away = "127.0.0.1:9/bases/python:3.12"
    done = build(site, site.repository(), "--base", away)
    assert done.returncode == 2
    assert f"The base image {away} cannot be looked up" in done.stderr
    assert "--base IMAGE" in done.stderr


def test_an_image_of_others_is_not_compared(site: Site, base: str) -> None:
    done = build(site, site.repository(), "--verify", f"{site.server.address}/bases/python:3.12")
    assert done.returncode == 2
    assert "was not built by the engine `layers`" in done.stderr


def test_a_repository_that_would_be_refused_is_not_built(site: Site, base: str) -> None:
    folder = site.repository({"main.py": "print('no parser')\n"})
    done = build(site, folder, *ground(base), "--push", f"{site.server.address}/group/noise:v1")
    assert done.returncode == 1
    assert "[no-entry-point]" in done.stderr
    assert site.manifest("group/noise", "v1") is None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--environment", "gpu"), "Environments are named in a configuration."),
        (("--base", "registry.example.com/own:1"), "Which Python registry.example.com/own:1 has"),
        (("--push", "a.example.com/b@sha256:" + "0" * 64), "cannot be pushed to a digest"),
        (("--", "--amount", "1"), "Add --run"),
        (("--output", "x.tar", "--push", "a.example.com/b"), "two ways to one image"),
        (("--output", "/no/such/folder/x.tar"), "There is no folder for /no/such/folder/x.tar"),
        (("--push", "a.example.com/b", "--attest", "--sign", "no.pem"), "--sign: there is no file no.pem"),
        (("--push", "a.example.com/b", "--attest", "--advisories", "no.zip"), "there is no no.zip"),
    ],
)
def test_what_cannot_be_meant_is_told(site: Site, words: tuple[str, ...], why: str) -> None:
    done = build(site, site.repository(), *words)
    assert done.returncode == 2
    assert why in done.stderr


def test_a_base_for_another_machine_is_refused(site: Site) -> None:
    with Registry(site.server.address, pauses=()) as registry:
        digest = push_base(registry, "bases/arm", "1", architecture="arm64")
    named = f"{site.server.address}/bases/arm@{digest}"
    done = build(site, site.repository(), *ground(named), "--platform", "linux/amd64")
    assert done.returncode == 2
    assert "arm64" in done.stderr


def login(folder: Path, document: object) -> dict[str, str]:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(document))
    return {"DOCKER_CONFIG": str(folder)}


def test_passwords_are_those_of_docker(tmp_path: Path) -> None:
    secret = base64.b64encode(b"ada:pass:word").decode()
    variables = login(
        tmp_path / "docker",
        {
            "auths": {
                "registry.example.com": {"auth": secret},
                "https://index.docker.io/v1/": {"auth": secret},
            }
        },
    )
    assert find_login("registry.example.com", variables) == Account("ada", "pass:word")
    assert find_login("registry-1.docker.io", variables) == Account("ada", "pass:word")
    assert find_login("other.example.com", variables) is None
    own = {**variables, "MLREEF_REGISTRY_USERNAME": "bob", "MLREEF_REGISTRY_PASSWORD": "own"}
    assert find_login("registry.example.com", own, ours=True) == Account("bob", "own")
    assert find_login("other.example.com", own) is None, "it is for the registry that is pushed to"


def test_a_helper_for_passwords_is_never_started(tmp_path: Path) -> None:
    variables = login(tmp_path / "docker", {"auths": {"registry.example.com": {}}, "credsStore": "desktop"})
    with pytest.raises(OperatorError, match="docker-credential-desktop, which is not started"):
        find_login("registry.example.com", variables)


def test_a_broken_list_of_passwords_is_told(tmp_path: Path) -> None:
    variables = login(tmp_path / "docker", {"auths": {"registry.example.com": {"auth": "no base64!"}}})
    with pytest.raises(OperatorError, match="not in the form"):
        find_login("registry.example.com", variables)
    assert find_login("a.example.com", {"DOCKER_AUTH_CONFIG": '{"auths": {}}', "HOME": "/nowhere"}) is None
