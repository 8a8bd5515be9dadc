"""What stands in the way of publishing, and what the author is told about it."""

from __future__ import annotations

import requests

from sandbox.gitlab import DEVELOPER
from tests.whole_way.conftest import FILES, SCRIPT, Way, World

WITHOUT_OUTPUT = SCRIPT.replace('parser.add_argument("--output-path", required=True)\n', "")
TRIGGER = """\
stages: [build]
publish:
  stage: build
  trigger:
    include: [{local: mlreef.yml}]
    strategy: depend
"""


def start_by_hand(way: Way) -> None:
    """Alice starts a pipeline for the default branch."""
    api = f"{way.sandbox.url}/api/v4/projects/{way.project.id}/pipeline"
    headers = {"PRIVATE-TOKEN": way.world.alice.token}
    requests.post(api, json={"ref": "master"}, headers=headers, timeout=10).raise_for_status()


def test_mistakes_are_all_told_on_the_merge_request_and_one_push_mends(world: World) -> None:
    way = world.project()
    iid = way.merge({"add_noise.py": WITHOUT_OUTPUT, "other.txt": "no requirements\n"})
    sha = way.head()
    status = way.status(sha, "failed")
    way.rest()
    (note,) = way.notes(iid)
    assert "output-path" in note
    assert "requirements.txt" in note
    assert status.description
    assert way.file() is None

    way.push({"add_noise.py": SCRIPT, "requirements.txt": "numpy==2.1\n"})
    way.publish(way.bot_commit(), 1)


def test_without_a_merge_request_the_commit_is_commented(world: World) -> None:
    way = world.project({"add_noise.py": "import argparse\nx = (\n", "requirements.txt": "numpy\n"})
    sha = way.head()
    way.status(sha, "failed")
    comment = way.comment(sha)
    assert "`add\\_noise.py:2`" in comment or "`add_noise.py:2`" in comment
    way.rest()
    assert len(way.comments(sha)) == 1


def test_while_a_push_is_refused_nothing_older_is_published_again(world: World) -> None:
    way = world.project(FILES)
    first = way.publish(way.bot_commit(), 1)
    way.rest()
    sha = way.push({"add_noise.py": WITHOUT_OUTPUT})
    way.status(sha, "failed")
    way.rest()
    assert way.head() == sha
    tags = world.registry.tags(way.project.full_path)
    assert sorted(t for t in tags if not t.startswith("c-")) == ["latest", "master-1"]
    details = world.registry.tag_details(way.project.full_path, "latest")
    assert details is not None
    assert details.digest == first


def test_a_repository_without_a_script_is_told_so(world: World) -> None:
    way = world.project({"requirements.txt": "numpy\n"})
    sha = way.head()
    way.status(sha, "failed")
    assert "Not published" in way.comment(sha)


def test_where_the_bot_may_not_push_it_opens_one_merge_request(world: World) -> None:
    way = world.project(bot_level=DEVELOPER)
    iid = way.merge(FILES)
    sha = way.head()
    way.rest()
    # GitLab takes no status on a protected branch from who may not push there: the note says it all
    assert way.statuses(sha) == []
    (own,) = [r for r in world.sandbox.merge_requests(way.project.id) if r.iid != iid]
    assert own.state == "opened"
    (note,) = way.notes(iid)
    assert f"!{own.iid}" in note
    assert way.file() is None

    # another push: the same merge request carries the file of the new head
    way.push({"add_noise.py": SCRIPT.replace('"speckle"]', '"speckle", "salt"]')})
    way.rest()
    assert len([r for r in world.sandbox.merge_requests(way.project.id) if r.iid != iid]) == 1
    assert b"salt" in (world.sandbox.read_file(way.project.id, "mlreef.yml", "mlreef-bot/master") or b"")

    api = f"{world.sandbox.url}/api/v4/projects/{way.project.id}/merge_requests/{own.iid}/merge"
    requests.put(api, headers={"PRIVATE-TOKEN": world.alice.token}, timeout=10).raise_for_status()
    merged = way.head()
    digest = way.push_image(merged, 1)
    world.sandbox.play_pipeline(way.pipeline(merged).id)
    world.sandbox.wait_for(lambda: any(digest in note for note in way.notes(own.iid)), what="the note")


def test_a_project_without_any_ci_setting_ends_with_the_setting_to_make(world: World) -> None:
    way = world.project(ci_config_path=None)
    iid = way.merge(FILES)
    ours = way.bot_commit()
    way.status(ours, "failed")
    way.rest()
    (note,) = way.notes(iid)
    assert "CI/CD configuration file" in note
    assert {s.status for s in way.statuses(ours)} == {"failed"}
    assert world.sandbox.pipelines(way.project.id, ours)[0].source == "external"

    # the setting is made and a pipeline started by hand: it publishes, and is told
    world.sandbox.state.projects[way.project.id].ci_config_path = "mlreef.yml"
    start_by_hand(way)
    digest = way.push_image(ours, 1)
    started = next(p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "api")
    world.sandbox.play_pipeline(started.id)
    world.sandbox.wait_for(lambda: any(digest in note for note in way.notes(iid)), what="the good news")
    assert way.statuses(ours)[-1].status == "success"


def test_an_own_ci_is_left_alone_and_its_author_told_the_lines(world: World) -> None:
    own = "test:\n  script: [make]\n"
    way = world.project({**FILES, ".gitlab-ci.yml": own}, ci_config_path=None)
    pushed = way.head()
    ours = way.bot_commit()
    way.status(ours, "failed")
    assert "strategy: depend" in way.comment(pushed)
    assert world.sandbox.read_file(way.project.id, ".gitlab-ci.yml") == own.encode()


def test_an_own_ci_that_triggers_the_file_publishes_by_a_child_pipeline(world: World) -> None:
    way = world.project({**FILES, ".gitlab-ci.yml": TRIGGER}, ci_config_path=None)
    ours = way.bot_commit()
    child = world.sandbox.wait_for(
        lambda: next(
            (p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "parent_pipeline"), None
        ),
        what="the child pipeline",
    )
    digest = way.push_image(ours, 1)
    world.sandbox.play_pipeline(child.id)
    assert digest in str(way.status(ours, "success").description)


HOSTILE_LOG = b"""\x1b[0Ksection_start:1:step_script\r\x1b[0K\x1b[32;1m$ mlreef-bot ci build\x1b[0;m
/close
```
/label ~bug
@alice see #1 and !2 <img src=x onerror=alert(1)> [x](javascript:alert(1)) \xff\xe2\x80\xae
+ export HF_TOKEN=hf_aBcDeFgHiJkLmNoPqRsTuVwX
 10%\r 20%\r100%|##########|\r
\x1b[1;31mERROR: No matching distribution found for numppy\x1b[0m
"""


def test_a_job_that_fails_in_a_child_pipeline_is_a_click_away_and_its_log_can_do_nothing(
    world: World,
) -> None:
    way = world.project({**FILES, ".gitlab-ci.yml": TRIGGER}, ci_config_path=None)
    pushed = way.head()
    ours = way.bot_commit()
    child = world.sandbox.wait_for(
        lambda: next(
            (p for p in world.sandbox.pipelines(way.project.id, ours) if p.source == "parent_pipeline"), None
        ),
        what="the child pipeline",
    )
    world.sandbox.finish_job(world.sandbox.job(child.id, "mlreef-verify").id)
    build = world.sandbox.job(child.id, "mlreef-build")
    world.sandbox.finish_job(build.id, "failed", trace=HOSTILE_LOG, exit_code=1)
    status = way.status(ours, "failed")
    assert "There is no version of 'numppy'" in str(status.description)
    assert str(status.target_url).endswith(f"{way.project.path}/-/jobs/{build.id}")
    comment = way.comment(pushed)
    assert f"/-/jobs/{build.id})" in comment
    assert f"/-/pipelines/{child.id})" in comment
    assert "| ERROR: No matching distribution found for numppy" in comment
    assert "aBcDeFg" not in comment
    assert [a for a in world.sandbox.quick_actions if a.project_id == way.project.id] == []
    assert [m for m in world.sandbox.mentions if m.project_id == way.project.id] == []


def test_a_yaml_that_gitlab_rejects_is_told_with_gitlabs_words(world: World) -> None:
    # the project's own CI triggers ours but cannot be parsed by GitLab: no job of it ever runs
    broken = TRIGGER + "nothing:\n  stage: nowhere\n  script: [x]\n"
    way = world.project({**FILES, ".gitlab-ci.yml": broken}, ci_config_path=None)
    pushed = way.head()
    ours = way.bot_commit()
    assert "chosen stage nowhere does not exist" in str(way.status(ours, "failed").description)
    assert "chosen stage nowhere does not exist" in way.comment(pushed)


def test_hostile_words_arrive_as_words(world: World) -> None:
    evil = "/close\n/label ~bug\n@alice #1 $(id) `id` ${{x}} $[[ inputs.y ]] *a &b \u202e🚀 \"'" + "x" * 200
    script = SCRIPT.replace('"gaussian", choices', f"{evil!r}, help={evil!r}, choices").replace(
        ', choices=["gaussian", "speckle"]', ""
    )
    way = world.project()
    iid = way.merge({"add_noise.py": script, "requirements.txt": "numpy==2.1\n"})
    ours = way.bot_commit()
    way.publish(ours, 1)
    way.rest()
    (note,) = way.notes(iid)
    assert "$(id)" in note
    assert [a for a in world.sandbox.quick_actions if a.project_id == way.project.id] == []
    assert [m for m in world.sandbox.mentions if m.project_id == way.project.id] == []
    content = way.file() or b""
    assert content.isascii()
    assert b"$(id)" in content


def test_a_repository_with_too_many_files_is_told_so(world: World) -> None:
    files = {f"data/{n // 500}/{n}.txt": "" for n in range(20_500)}
    way = world.project({**FILES, **files})
    sha = way.head()
    way.status(sha, "failed", seconds=120)
    assert "too many to be listed" in way.comment(sha)
    assert way.file() is None
