"""What runs measured stands on the module's page: its own runs, for those whom GitLab shows their pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.experiment import read_experiment
from bot.domain.runs import KeptRun, Model, Record
from sandbox.gitlab import Sandbox
from tests.browsing.shop import Shop, open_shop

EXPERIMENT = read_experiment(b'{"0": {"acc": 0.5}, "1": {"acc": 0.75}}')


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(tmp_path / "gitlab") as gitlab:
        yield open_shop(gitlab, tmp_path, ("public", "private"))


def keep(shop: Shop, kind: str, job: int, module: str, model: Model | None = None) -> None:
    """A run in the project of that kind, in the newest of its pipelines that is there."""
    project = shop.projects[kind]
    owner = shop.gitlab.state.users[project.owner_id]
    sha = shop.gitlab.commit(
        project.id, owner, {".gitlab-ci.yml": f"train:\n  script: echo {job}\n"}, f"Run {job}"
    )
    pipeline = shop.gitlab.pipelines(project.id, sha)[0]
    record = Record(module, "1.1.0", model=model)
    url = f"{shop.gitlab.url}/job/{job}"
    shop.store.keep_run(
        KeptRun(project.id, job, pipeline.id, "main", sha, "train", url, record, EXPERIMENT, 1e9 + job)
    )


def test_the_modules_own_runs_are_shown_the_newest_first_with_their_models(shop: Shop) -> None:
    keep(shop, "public", 1, "")
    keep(shop, "public", 2, "group/somebody-elses")
    package = f"https://gitlab.example.com/api/v4/projects/{shop.projects['public'].id}/packages/generic/m-model/1/m.pkl"
    keep(shop, "public", 3, "group/public", Model("m.pkl", package, "a" * 64, 7))
    shown = shop.browser().module("group/public", shop.people["developer"])
    assert shown is not None
    assert [one.web_url.rpartition("/")[2] for one in shown.runs] == ["3", "1"]
    assert [one.model for one in shown.runs] == [f"{package}#sha256={'a' * 64}", ""]
    assert shown.runs[0].experiment == EXPERIMENT


def test_runs_in_other_projects_are_shown_on_no_module_page(shop: Shop) -> None:
    keep(shop, "private", 1, "group/public")
    for person in shop.people.values():
        shown = shop.browser().module("group/public", person)
        assert shown is not None
        assert shown.runs == ()


def test_runs_of_a_project_are_shown_to_nobody_who_may_not_see_it(shop: Shop) -> None:
    keep(shop, "private", 1, "group/private")
    seen = {who: shop.browser().module("group/private", person) for who, person in shop.people.items()}
    assert seen["anonymous"] is None
    assert seen["stranger"] is None
    developer = seen["developer"]
    assert developer is not None
    assert len(developer.runs) == 1
