"""`mlreef-bot init --create`: the project is made once, with all files, and nobody else's is touched."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from bot.__main__ import main
from bot.local.beginning import load_template
from pictures.serving import served
from sandbox.gitlab import DEVELOPER, MAINTAINER, REPORTER, Asked, Project, Sandbox, User
from tests.sandbox.described import Described


class Mood(Described):
    """In a good mood as GitLab describes itself, until it is told to lose the answers of some requests."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = ""

    def on_request(self, asked: Asked, answer: Callable[[], Response]) -> Response:
        given = super().on_request(asked, answer)
        if self.lose and f"{asked.method} {asked.route}" == self.lose:
            self.lose = ""
            return Response("the connection broke", 502)
        return given


@dataclass
class Place:
    """A GitLab with people in it, and a folder for what is begun."""

    gitlab: Sandbox
    mood: Mood
    alice: User
    folder: Path

    def init(self, *words: str, template: str = "operation") -> int:
        return main(
            [
                "init",
                "--template",
                template,
                "--create",
                "--gitlab",
                self.gitlab.url,
                *words,
                str(self.folder),
            ]
        )

    def project(self, path: str) -> Project:
        found = self.gitlab.state.project_by(path)
        assert found is not None, list(self.gitlab.state.project_ids)
        return found

    def files(self, path: str) -> dict[str, bytes | None]:
        """What the project's newest commit holds of the files that are in the folder."""
        number = self.project(path).id
        return {name: self.gitlab.read_file(number, name) for name in local(self.folder)}


def local(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    mood = Mood()
    with Sandbox(tmp_path / "gitlab", moods=mood) as gitlab:
        alice = gitlab.create_user("alice")
        for name in ("GITLAB_TOKEN", "GITLAB_URL", "CI_SERVER_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MLREEF_TOKEN", alice.token)
        yield Place(gitlab, mood, alice, tmp_path / "clean-tables")
        assert gitlab.complaints == []
        assert mood.faults == set()


def test_a_project_is_made_with_all_that_was_said_of_it(place: Place) -> None:
    said = ("--description", "Cleans.", "--output-type", "time_series", "--internal")
    assert place.init("--name", "Clean Tables", *said) == 0
    project = place.project("alice/clean-tables")
    assert (project.name, project.description, project.visibility) == ("Clean Tables", "Cleans.", "internal")
    assert project.topics == ("mlreef", "operation", "tabular", "time-series")
    assert project.ci_config_path == "mlreef.yml"
    assert place.files("alice/clean-tables") == local(place.folder)
    assert local(place.folder).keys() == load_template("operation").keys()
    head = place.gitlab.head(project.id, "main")
    assert head is not None
    commit = place.gitlab.core.git(project).commit(head)
    assert commit is not None
    assert commit.parents == ()


def test_a_project_is_private_unless_somebody_says_otherwise(place: Place) -> None:
    assert place.init() == 0
    assert place.project("alice/clean-tables").visibility == "private"


def test_it_may_be_made_in_a_group(place: Place) -> None:
    place.gitlab.add_group_member("Lab/Tables", place.alice, DEVELOPER)
    assert place.init("--project", "lab/tables/cleaner") == 0
    assert place.project("Lab/Tables/cleaner").full_path == "Lab/Tables/cleaner"


@pytest.mark.parametrize(
    ("level", "told"), [(0, "shows alice no group lab"), (REPORTER, "refused the project")]
)
def test_a_group_that_one_may_not_is_told_and_nothing_is_made(
    place: Place, level: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if level:
        place.gitlab.add_group_member("lab", place.alice, level)
    assert place.init("--project", "lab/cleaner") == 1
    assert told in capsys.readouterr().err
    assert place.gitlab.state.projects == {}


@pytest.mark.parametrize(
    "lost",
    ["POST /projects", "POST /projects/:id/repository/commits", "GET /projects/:id"],
)
def test_a_run_that_broke_off_is_finished_by_the_next(
    place: Place, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.mood.lose = lost
    assert place.init() == 1
    assert "502" in capsys.readouterr().err
    assert place.init("--internal") == 0
    project = place.project("alice/clean-tables")
    assert len(place.gitlab.state.projects) == 1
    assert place.files("alice/clean-tables") == local(place.folder)
    written = [one for one in place.gitlab.requests if one.route == "/projects/:id/repository/commits"]
    assert [one.method for one in written] == ["POST"]
    assert project.default_branch == "main"
    assert project.visibility == ("private" if lost.endswith("/commits") else "internal")


def test_settings_whose_answer_was_lost_are_written_by_the_next_run(place: Place) -> None:
    place.mood.lose = "POST /projects"
    assert place.init() == 1
    place.project("alice/clean-tables").default_branch = "trunk"
    place.mood.lose = "PUT /projects/:id"
    assert place.init("--internal") == 1
    assert place.init("--internal") == 0
    project = place.project("alice/clean-tables")
    assert (project.visibility, project.default_branch) == ("internal", "main")
    assert place.files("alice/clean-tables") == local(place.folder)


def test_a_second_run_changes_nothing(place: Place) -> None:
    assert place.init() == 0
    place.gitlab.clear_log()
    assert place.init() == 0
    assert {one.method for one in place.gitlab.requests} == {"GET"}


def test_an_answer_of_another_first_branch_is_put_right(place: Place) -> None:
    """As GitLab is where an administrator chose another name for first branches."""
    place.mood.lose = "POST /projects"
    assert place.init() == 1
    place.project("alice/clean-tables").default_branch = "trunk"
    assert place.init() == 0
    assert place.project("alice/clean-tables").default_branch == "main"


def test_a_role_that_may_make_projects_and_not_push_to_them_is_told_and_the_rest_done_later(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.gitlab.add_group_member("lab", place.alice, DEVELOPER)
    place.mood.lose = "POST /projects"
    assert place.init("--project", "lab/cleaner") == 1
    members = place.project("lab/cleaner").members
    members[place.alice.id] = DEVELOPER
    # the settings are a Maintainer's, too
    assert place.init("--project", "lab/cleaner") == 1
    assert "Ask for a higher role there" in capsys.readouterr().err
    members[place.alice.id] = MAINTAINER
    assert place.init("--project", "lab/cleaner") == 0
    assert place.files("lab/cleaner") == local(place.folder)


@pytest.mark.parametrize("empty", [True, False])
def test_a_project_of_somebody_elses_is_never_touched(
    place: Place, empty: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    bob = place.gitlab.create_user("bob")
    place.gitlab.add_group_member("lab", place.alice, DEVELOPER)
    files = None if empty else {"theirs.py": "print()\n"}
    theirs = place.gitlab.create_project("lab/cleaner", bob, files=files)
    head = place.gitlab.head(theirs.id)
    assert place.init("--project", "lab/cleaner", "--public") == 1
    told = capsys.readouterr().err
    assert "Nothing was written" in told
    assert "--project" in told
    assert not place.folder.exists()
    assert (place.gitlab.head(theirs.id), theirs.visibility) == (head, "private")
    assert {one.method for one in place.gitlab.requests} == {"GET"}


def test_a_project_of_ones_own_with_other_files_is_left_alone(place: Place) -> None:
    made = place.gitlab.create_project("alice/clean-tables", place.alice, files={"README.md": "mine\n"})
    assert place.init() == 1
    assert place.gitlab.read_file(made.id, "README.md") == b"mine\n"


def test_files_in_the_way_keep_the_project_from_being_made(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.folder.mkdir()
    (place.folder / "README.md").write_text("mine\n")
    (place.folder / "data").write_text("a file where a folder is to be\n")
    (place.folder / "clean.py").symlink_to("elsewhere.py")
    before = sorted(place.folder.iterdir())
    assert place.init() == 1
    told = capsys.readouterr().err
    assert [line.strip() for line in told.splitlines() if line.startswith("  ")] == [
        *("README.md", "clean.py", "data/weather.csv")
    ]
    assert sorted(place.folder.iterdir()) == before
    assert (place.folder / "README.md").read_text() == "mine\n"
    assert place.gitlab.requests == []


@pytest.mark.parametrize("path", ["alice/x y", "a--b", "lab/-x", "x.git", "lab/..", "x" * 256])
def test_a_path_that_gitlab_would_not_take_is_told_before_anything_is_done(
    place: Place, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.init("--project", path) == 2
    assert "can be no project's path" in capsys.readouterr().err
    assert not place.folder.exists()
    assert place.gitlab.requests == []


def test_a_group_that_is_not_there_is_told_to_an_administrator_too(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLREEF_TOKEN", place.gitlab.create_user("root", admin=True).token)
    assert place.init("--project", "no/such/group/cleaner") == 1
    assert "shows root no group no/such/group" in capsys.readouterr().err
    assert not place.folder.exists()


@pytest.mark.parametrize("answer", [(404, "no such page"), (200, "[]"), (200, '{"id": "one"}')])
def test_what_answers_and_is_no_gitlab_is_told(
    place: Place, answer: tuple[int, str], capsys: pytest.CaptureFixture[str]
) -> None:
    app = Flask("somebody else")
    status, body = answer
    app.add_url_rule("/api/v4/user", view_func=lambda: (body, status, {"Content-Type": "application/json"}))
    with served(app) as address:
        assert place.init("--gitlab", address) == 2
    assert "no GitLab" in capsys.readouterr().err
    assert not place.folder.exists()


def shell(folder: Path, lines: str, token: str) -> None:
    """Runs lines that somebody was told, as they would: git asks for no password where it is given one."""
    login = base64.b64encode(f"alice:{token}".encode()).decode()
    options = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {login}",
    }
    command = ["bash", "-euc", lines]
    subprocess.run(command, cwd=folder, env={**os.environ, **options}, check=True, timeout=60)


def test_the_lines_that_are_told_make_the_folder_the_projects_own(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.folder = place.folder.with_name("it's clean; tables")
    assert place.init("--project", "cleaner") == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  ")]
    shell(place.folder.parent, "\n".join(told), place.alice.token)
    assert git(place.folder, "status", "--short", "--branch") == "## main...origin/main"
    (place.folder / "README.md").write_text("mine\n")
    shell(
        place.folder,
        "git -c user.name=a -c user.email=a@b commit -qam Mine && git push -q",
        place.alice.token,
    )
    assert place.gitlab.read_file(place.project("alice/cleaner").id, "README.md") == b"mine\n"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_token_that_is_missing_refused_or_shown_to_a_network_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLREEF_TOKEN", "glpat-wrong")
    assert place.init() == 2
    assert "MLREEF_TOKEN" in capsys.readouterr().err
    reader = place.gitlab.create_token(place.alice, ("read_api",))
    monkeypatch.setenv("MLREEF_TOKEN", reader.value)
    assert place.init() == 2
    assert "scope" in capsys.readouterr().err
    assert place.init("--gitlab", "http://gitlab.example.com") == 2
    assert "unencrypted" in capsys.readouterr().err
    monkeypatch.delenv("MLREEF_TOKEN")
    assert place.init() == 2
    assert "there is no token" in capsys.readouterr().err
    assert place.gitlab.state.projects == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--name", "Mine"), "--template"),
        (("--public",), "--public goes with a template"),
        (("--template", "blank", "--project", "a/b"), "--create"),
        (("--template", "blank", "--entry-point", "a.py"), "--entry-point"),
        (("--template", "blank", "--create"), "where GitLab is"),
        (("--template", "blank", "--name", "<b>"), "--name: it may hold"),
        (("--template", "blank", "--input-type", "pictures"), "IMAGE"),
    ],
)
def test_options_that_do_not_go_together_are_told(
    words: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("GITLAB_URL", "CI_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["init", *words, str(tmp_path / "new")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
