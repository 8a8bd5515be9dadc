"""Repositories to begin with: each can be published as it is, and is somebody's own by what they asked for."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from glob import glob
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.__main__ import main
from bot.domain.templates import (
    MAX_DESCRIPTION_CHARS,
    MAX_NAME_CHARS,
    TEMPLATES,
    VISIBILITIES,
    TemplateWish,
    faults_of,
    fill,
    name_of_folder,
    path_of_name,
    plan_files,
)
from bot.local.beginning import load_template
from bot.options import TEMPLATE_NAMES
from bot.options import VISIBILITIES as OFFERED_VISIBILITIES
from parser.annotations import DATA_TYPES
from parser.model import Module
from parser.read import read
from parser.source import Entry, Source

KINDS = {
    "model": "ALGORITHM",
    "operation": "OPERATION",
    "visualization": "VISUALIZATION",
    "mlopen": "ALGORITHM",
    "blank": "OPERATION",
}
ROLES = {"model": ["train", "infer"], "mlopen": ["train", "run"]}
"""Entry points of those templates that have several."""

OLDEST = (3, 8)
"""The oldest Python that operators offer."""

every_template = pytest.mark.parametrize("template", TEMPLATES)


def published(files: dict[str, bytes]) -> Module:
    """What a repository with these files publishes, when it is read without any word about it."""
    source = Source({path: Entry(path, "file") for path in files}, files)
    report = read(source, "folder")
    assert [(one.code, one.message) for one in report.problems] == []
    assert report.module is not None
    return report.module


def test_the_command_offers_every_template_and_every_visibility() -> None:
    assert tuple(TEMPLATES) == TEMPLATE_NAMES
    assert VISIBILITIES == OFFERED_VISIBILITIES


@every_template
def test_a_template_says_of_itself_what_its_files_say(template: str) -> None:
    module, told = published(load_template(template)), TEMPLATES[template]
    assert (module.name, module.description) == (told.name, told.description)
    assert (module.input_type, module.output_type) == (told.input_type, told.output_type)
    assert module.kind.value == KINDS[template]
    roles = [point.role for point in module.entry_points]
    assert roles == ROLES.get(template, ["main"])
    for role in roles:
        assert {"input-path", "output-path"} <= {one.name for one in module.parameters_of(role)}


def test_what_a_model_tells_of_new_data_is_data_of_the_kind_that_is_wanted() -> None:
    wish = TemplateWish("model", input_type="TIME_SERIES")
    module = published(fill(load_template("model"), wish))
    assert module.types_of("train") == ("TIME_SERIES", "MODEL")
    assert module.types_of("infer") == ("TIME_SERIES", "TABULAR")


@every_template
def test_a_template_has_all_that_a_repository_begins_with(template: str) -> None:
    files = load_template(template)
    assert {
        "README.md",
        "requirements.txt",
        ".mlreef.yaml",
        ".gitignore",
        "tests/__init__.py",
    } <= files.keys()
    assert any(path.startswith("data/") for path in files)
    assert any(path.startswith("tests/test_") for path in files)
    for path, content in files.items():
        if path.endswith(".py"):
            ast.parse(content, feature_version=OLDEST)


@every_template
def test_it_is_written_and_can_be_published(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my-first_module"
    assert main(["init", "--template", template, str(folder)]) == 0
    assert "It can be published as it is" in capsys.readouterr().err
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert there == load_template(template).keys()
    assert main(["check", str(folder)]) == 0
    assert published({path: (folder / path).read_bytes() for path in there}).name == "My First Module"


def test_its_own_test_and_its_script_run_where_nothing_is_installed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    assert main(["init", "--template", "blank", str(folder)]) == 0
    for words in (
        ("-m", "unittest", "discover", "-s", "tests", "-t", "."),
        ("main.py", "--input-path", "data", "--output-path", "out"),
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-X", "utf8", *words] if words[0] != "-m" else [sys.executable, *words],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (folder / "out" / "files.json").is_file()


NAMES = st.text(min_size=1, max_size=MAX_NAME_CHARS).filter(
    lambda text: not faults_of(TemplateWish("blank", name=text))
)
DESCRIPTIONS = st.text(min_size=1, max_size=MAX_DESCRIPTION_CHARS).filter(
    lambda text: not faults_of(TemplateWish("blank", description=text)) and text.strip() == text
)


@given(
    st.sampled_from(sorted(TEMPLATES)),
    NAMES,
    DESCRIPTIONS,
    st.sampled_from(DATA_TYPES),
    st.sampled_from(DATA_TYPES),
    st.sampled_from(VISIBILITIES),
)
def test_whatever_is_wanted_is_what_is_read_back(
    template: str, name: str, description: str, reads: str, writes: str, seen: str
) -> None:
    visibility = next(one for one in VISIBILITIES if one == seen)
    wish = TemplateWish(template, name, description, reads, writes, visibility)
    files = fill(load_template(template), wish)
    source = Source({path: Entry(path, "file") for path in files}, files)
    report = read(source, "folder")
    module = report.module
    assert module is not None, report.problems
    assert (module.name, module.description) == (name, description)
    assert (module.input_type, module.output_type) == (reads, writes)
    assert files["README.md"].decode().startswith(f"# {name}\n\n{description}\n")
    as_it_is = published(load_template(template))
    assert module.parameters == as_it_is.parameters


@given(st.text(max_size=80))
def test_a_folders_name_gives_a_name_that_can_be_one_or_none(folder: str) -> None:
    name = name_of_folder(folder)
    assert faults_of(TemplateWish("blank", name=name)) == ()
    path = path_of_name(name)
    assert path == "" or path.strip("-") == path


@pytest.mark.parametrize(
    ("folder", "name"),
    [("my-first_model", "My First Model"), ("k-NN", "K NN"), ("zwölf", "Zwölf"), ("---", ""), ("", "")],
)
def test_a_folders_name_is_told_in_words(folder: str, name: str) -> None:
    assert name_of_folder(folder) == name


@pytest.mark.parametrize(
    "wish",
    [
        TemplateWish("blank", name="-dash"),
        TemplateWish("blank", name="a\nb"),
        TemplateWish("blank", name="a<b>"),
        TemplateWish("blank", name="x" * (MAX_NAME_CHARS + 1)),
        TemplateWish("blank", name="blank at the end "),
        TemplateWish("blank", description="two\nlines"),
        TemplateWish("blank", description="%(prog)s"),
        TemplateWish("blank", description="\ud800"),
        TemplateWish("blank", description="x" * (MAX_DESCRIPTION_CHARS + 1)),
        TemplateWish("blank", input_type="PICTURES"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_before_anything_is_done(wish: TemplateWish) -> None:
    assert len(faults_of(wish)) == 1


def test_topics_are_the_kind_and_the_types_of_data() -> None:
    assert TemplateWish("visualization").topics == ("mlreef", "visualization", "tabular", "image")
    assert TemplateWish("operation", output_type="TIME_SERIES").topics == (
        *("mlreef", "operation", "tabular", "time-series"),
    )
    assert TemplateWish("blank").topics == ("mlreef",)


PATHS = st.sampled_from(["a", "b/c", "b/d"])
CONTENTS = st.sampled_from([b"1", b"2"])


@given(
    st.dictionaries(PATHS, CONTENTS),
    st.dictionaries(PATHS, st.one_of(CONTENTS, st.none())),
)
def test_every_file_is_either_missing_or_in_the_way_or_as_wanted(
    files: dict[str, bytes], there: dict[str, bytes | None]
) -> None:
    begun = plan_files(files, there)
    same = {path for path in files if there.get(path) == files[path]}
    assert set(begun.missing) | set(begun.otherwise) | same == files.keys()
    assert not set(begun.missing) & there.keys()
    assert all(there[path] != files[path] for path in begun.otherwise)


def test_an_installed_bot_has_every_file_of_every_template() -> None:
    root = Path(__file__).parents[2]
    packaging = configparser.ConfigParser()
    packaging.read(root / "setup.cfg", "utf-8")
    patterns = packaging["options.package_data"]["repository_templates"].split(", ")
    folder = root / "repository_templates"
    # as setuptools does it; Path.glob finds hidden files as well
    packed = {found for pattern in patterns for found in glob(pattern, root_dir=folder)}  # noqa: PTH207
    wanted = {f"{template}/{path}" for template in TEMPLATES for path in load_template(template)}
    assert wanted <= packed
