"""An image with several entry points on a real engine: each runs by its role, also on an author's own Dockerfile."""

from __future__ import annotations

import json

import pytest

from tests.ci.samples import dotenv
from tests.ci.several import LAUNCHED
from tests.ci.test_build import Workshop, docker, workshop

pytestmark = pytest.mark.engine
__all__ = ["workshop"]

FILES: dict[str, str | bytes] = {**LAUNCHED["two entry points"]}
GIVEN = ("--input-path", "i", "--output-path", "o")


def test_each_entry_point_of_one_image_runs_by_its_role(workshop: Workshop) -> None:
    code, log = workshop.build(workshop.commit(FILES))
    assert code == 0, log
    steps = ("Copying the sources", "Adding what starts it")
    assert [log.count(step) for step in steps] == [1, 1], log
    candidate = dotenv(workshop.repository.path, "build.env")["MLREEF_CANDIDATE"]
    assert docker("run", "--rm", candidate, "train", *GIVEN, "--epochs", "9") == "trained i o 9 sgd\n"
    assert docker("run", "--rm", candidate, "infer", *GIVEN, "--model=m") == "inferred i o m 0.5\n"
    overview = docker("run", "--rm", candidate, "--help")
    assert "train  /app/tools/train.py  Learns from a table, and writes what it learnt." in overview
    assert docker("run", "--rm", candidate, "infer", "--help").startswith("usage: infer.py")
    owners = docker("run", "--rm", "--entrypoint", "stat", candidate, "-c", "%u %a", "/opt/mlreef/entry.py")
    assert owners.split() == ["0", "644"], "nobody in the container can change what starts it"
    labels = workshop.inspect(candidate)["Labels"]
    assert isinstance(labels, dict)
    assert json.loads(labels["io.mlreef.module"])["entry_points"] == {
        "infer": "infer.py",
        "train": "tools/train.py",
    }


def test_a_dockerfile_without_an_entry_point_gets_what_starts_each_of_them(workshop: Workshop) -> None:
    own = f"FROM {workshop.base}\nWORKDIR /srv/tool\nCOPY . .\n"
    sha = workshop.commit({**FILES, "Dockerfile": own})
    code, log = workshop.build(sha)
    assert code == 0, log
    assert "It had no entry point, and has this one now: python /opt/mlreef/entry.py train=" in log
    candidate = dotenv(workshop.repository.path, "build.env")["MLREEF_CANDIDATE"]
    assert docker("run", "--rm", candidate, "train", *GIVEN) == "trained i o 3 sgd\n"
    assert docker("run", "--rm", candidate, "infer", *GIVEN, "--model=m") == "inferred i o m 0.5\n"
    plan = json.loads((workshop.repository.path / ".mlreef/smoke/plan.json").read_text())
    assert [part["script"] for part in plan["parts"]] == [
        ["python", "/srv/tool/infer.py"]
        if part["role"] == "infer"
        else ["python", "/srv/tool/tools/train.py"]
        for part in plan["parts"]
    ]
    assert all(part["stated"] for part in plan["parts"]), "their parsers are asked from inside"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ENTRYPOINT python infer.py", "is a line for a shell, which hands no parameter on. "),
        (
            'ENTRYPOINT ["python", "infer.py"]',
            "runs infer.py and nothing else, and the first word is to select one of train, infer. ",
        ),
        (
            'ENTRYPOINT ["python", "-u", "/srv/tool/tools/train.py"]',
            "runs tools/train.py and nothing else, and the first word is to select one of train, infer. ",
        ),
    ],
)
def test_an_entry_point_that_cannot_start_each_of_them_is_refused_with_what_does(
    workshop: Workshop, line: str, why: str
) -> None:
    own = f"FROM {workshop.base}\nWORKDIR /srv/tool\nCOPY . .\n{line}\n"
    code, log = workshop.build(workshop.commit({**FILES, "Dockerfile": own}))
    assert code == 1
    leave_out = "Leave it out: then the image gets one that starts each of its entry points."
    assert f"the entry point of Dockerfile {why}{leave_out}" in log
