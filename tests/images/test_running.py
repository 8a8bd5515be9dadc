"""A command of an image runs cut off from the machine, by an engine or in namespaces: what it sees and may do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.registry import Registry
from sandbox.images.running import (
    INSIDE,
    USER,
    CannotRun,
    Engine,
    Namespaces,
    Order,
    engine_version,
    find_way,
    namespaces_refused,
)
from sandbox.registry import RegistryServer
from tests.images.tiny import push, shell_layer

CONFIG = {
    "Entrypoint": ["sh", "-c", 'echo "entry point: $0 $1 in $PWD as $NAME"'],
    "Env": ["PATH=/bin", "NAME=noise"],
    "WorkingDir": "/home/module",
}


@pytest.fixture(scope="module")
def image(server: RegistryServer) -> str:
    with Registry(server.address) as client:
        digest = push(client, "lab/shell", [shell_layer()], CONFIG)
    return f"{server.address}/lab/shell@{digest}"


@pytest.fixture(params=["namespaces", pytest.param("engine", marks=pytest.mark.engine)])
def way(request: pytest.FixtureRequest, tmp_path: Path, image: str) -> Iterator[Namespaces | Engine]:
    if request.param == "namespaces":
        yield Namespaces(tmp_path / "images")
        return
    yield Engine(engine_version() or "?", tmp_path / "images")
    subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)


def outcome(way: Namespaces | Engine, order: Order, tmp_path: Path) -> tuple[int, str]:
    log = tmp_path / "log"
    with log.open("wb") as written, way.running(order, written) as process:
        code = process.wait(timeout=60)
    return code, log.read_text()


def shell(image: str, script: str, **more: object) -> Order:
    return Order(image, command=("sh", "-c", script), **more)  # type: ignore[arg-type] # passed through


def test_the_entry_point_runs_with_its_variables_where_the_image_says(
    way: Namespaces | Engine, image: str, tmp_path: Path
) -> None:
    code, said = outcome(way, Order(image, arguments=("one", "two")), tmp_path)
    assert (code, said) == (0, "entry point: one two in /home/module as noise\n")


def test_a_command_has_the_jobs_variables_and_folder_and_gives_its_exit_code(
    way: Namespaces | Engine, image: str, tmp_path: Path, open_folder: Path
) -> None:
    order = shell(
        image,
        'echo "$NAME $MORE" > made; pwd; exit 7',
        variables={"NAME": "other", "MORE": "two words"},
        binds=((open_folder, "/builds", True),),
        folder="/builds",
    )
    assert outcome(way, order, tmp_path) == (7, "/builds\n")
    assert (open_folder / "made").read_text() == "other two words\n"


def test_what_is_bound_for_reading_cannot_be_written(
    way: Namespaces | Engine, image: str, tmp_path: Path, open_folder: Path
) -> None:
    (open_folder / "picture").write_text("harbour")
    order = shell(image, "cat /data/picture; touch /data/x", binds=((open_folder, "/data", False),))
    code, said = outcome(way, order, tmp_path)
    assert code != 0
    # An engine hands on what goes to stdout and to stderr in either order.
    assert "harbour" in said
    assert not (open_folder / "x").exists()


def test_there_is_no_network_but_ones_own(way: Namespaces | Engine, image: str, tmp_path: Path) -> None:
    code, said = outcome(way, shell(image, "ls /sys/class/net || cat /proc/net/dev"), tmp_path)
    assert code == 0
    assert "eth" not in said


def test_in_namespaces_it_is_an_ordinary_user_who_sees_only_itself_and_changes_nothing(
    image: str, tmp_path: Path
) -> None:
    way = Namespaces(tmp_path / "images")
    script = "id -u; cat /proc/self/status; ls -d /proc/[0-9]*; ls /; touch /new; touch /tmp/mine; echo done"
    code, said = outcome(way, shell(image, script), tmp_path)
    assert code == 0, said
    assert said.startswith(f"{USER}\n")
    rights = [line for line in said.splitlines() if line.startswith(("CapEff:", "CapPrm:", "NoNewPrivs:"))]
    assert [line.split()[-1].lstrip("0") for line in rights] == ["", "", "1"]
    assert f"/proc/{os.getpid()}\n" not in said
    assert "/new" in said
    assert said.count("Read-only file system") == 1


def test_what_it_leaves_in_memory_is_gone_with_it(image: str, tmp_path: Path) -> None:
    way = Namespaces(tmp_path / "images")
    assert outcome(way, shell(image, "touch /tmp/a /home/module/b; ls /tmp /home/module"), tmp_path)[0] == 0
    _, said = outcome(way, shell(image, "ls /tmp /home/module"), tmp_path)
    assert "a\n" not in said
    assert "b\n" not in said


def test_it_ends_with_all_its_processes_when_it_is_told_to(
    way: Namespaces | Engine, image: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    order = shell(image, "echo up; sleep 4321 & sleep 4321")
    with log.open("wb") as written, way.running(order, written) as process:
        until = time.monotonic() + 20
        while b"up" not in log.read_bytes():
            assert time.monotonic() < until
            time.sleep(0.02)
    alive = subprocess.run(["pgrep", "-f", "sleep 4321$"], capture_output=True, check=False)
    assert alive.stdout == b""
    assert process.returncode not in (0, None)


def test_an_image_is_unpacked_once(image: str, tmp_path: Path) -> None:
    way = Namespaces(tmp_path / "images")
    outcome(way, shell(image, "true"), tmp_path)
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "images" / "unpacked").iterdir()}
    outcome(way, shell(image, "true"), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "images" / "unpacked").iterdir()} == first


def test_an_image_that_cannot_be_had_is_told(way: Namespaces | Engine, image: str, tmp_path: Path) -> None:
    missing = f"{image.partition('@')[0]}@sha256:{'0' * 64}"
    with pytest.raises(CannotRun, match="lab/shell"):
        outcome(way, shell(missing, "true"), tmp_path)


def test_an_image_without_its_digest_is_refused_and_the_others_stay(image: str, tmp_path: Path) -> None:
    way = Namespaces(tmp_path / "images")
    assert outcome(way, Order(image), tmp_path)[0] == 0
    with pytest.raises(CannotRun, match="not named by its digest"):
        outcome(way, Order(image.partition("@")[0] + ":latest"), tmp_path)
    assert outcome(way, Order(image), tmp_path)[0] == 0


def test_a_link_of_the_image_is_no_place_to_mount_on(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "data").symlink_to(outside)
    order = {
        "root": str(root),
        "folder": "/",
        "scratch": [],
        "variables": {},
        "user": USER,
        "binds": [[str(tmp_path), "/data/deeper", False]],
        "command": ["true"],
    }
    done = subprocess.run(
        [sys.executable, "-I", str(INSIDE)],
        input=json.dumps(order).encode(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"something else than a folder" in done.stderr) == (125, True)
    assert list(outside.iterdir()) == []


def test_an_ordinary_user_runs_it_in_a_namespace_of_its_own() -> None:
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    somebody_else = become if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        place.chmod(0o777)
        program = place / "inside.py"
        program.write_bytes(INSIDE.read_bytes())
        program.chmod(0o644)
        (place / "layer.tar").write_bytes(shell_layer())
        order = {
            "root": str(place / "root"),
            "folder": "/tmp",
            "scratch": [],
            "variables": {"PATH": "/bin"},
            "binds": [],
            "user": USER,
            "command": ["sh", "-c", "id -u; touch /x || touch y && ls"],
        }
        (place / "order.json").write_text(json.dumps(order))
        script = (
            f"mkdir root && tar -x --no-same-owner -C root -f layer.tar && {_system_python()} -I inside.py"
        )
        done = subprocess.run(
            [*somebody_else, "sh", "-c", f"{script} < order.json"],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 125:
        # Some distributions let nobody but root do it; then the demo says so.
        assert "not permitted" in done.stderr or "denied" in done.stderr
    else:
        assert done.stdout == f"{USER}\ny\n", done.stderr


def _system_python() -> str:
    """A Python that another user may run; the tests' own may be in a home of root's."""
    return next(path for path in ("/usr/bin/python3", shutil.which("python3") or "") if Path(path).exists())


def test_the_engine_is_taken_where_one_answers_and_namespaces_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert engine_version() is None
    found = find_way(tmp_path)
    if namespaces_refused() is None:
        assert isinstance(found, Namespaces)
        assert "namespace" in found.words
    else:
        assert found is None


@pytest.mark.engine
def test_an_engine_is_named_with_its_version(tmp_path: Path) -> None:
    found = find_way(tmp_path)
    assert isinstance(found, Engine)
    assert found.version in found.words
