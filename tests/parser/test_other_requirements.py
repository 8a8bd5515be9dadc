"""Packages listed by other tools than pip: read, and told to be no requirements.txt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import source

from parser.requirements import read_requirements
from parser.requirements.public import PYPI
from parser.requirements.versions import conda_parts, conda_specifier, poetry_specifier


def read(file: str, text: str, **beside: str):
    """Items as text, and the problems, of a repository with this file and no requirements.txt."""
    found, problems = read_requirements(source({"requirements.txt": None, file: text, **beside}), None)
    items = [
        f"{one.name}{list(one.extras) or ''}{one.specifier}{one.url or ''}"
        + (f";{one.marker}" if one.marker else "")
        for one in (found.items if found else ())
    ]
    return items, problems, found


ENVIRONMENT = """\
name: seg
channels: [conda-forge]
dependencies:
  - python=3.10
  - pytorch::pytorch=2.1
  - numpy>=1.22,<2
  - scikit-image 0.22.*
  - pillow=10.0.1=py310h29da1c1_1
  - cudatoolkit=11.8
  - pip
  - pip:
      - timm==0.9.2
      - -e .
      - numpy=1
"""


def test_an_environment_yml_is_read_with_its_pip_part() -> None:
    items, problems, found = read("environment.yml", ENVIRONMENT)
    assert items == [
        "torch==2.1.*",
        "numpy<2,>=1.22",
        "scikit-image==0.22.*",
        "pillow==10.0.1",
        "cudatoolkit==11.8.*",
        "timm==0.9.2",
    ]
    assert (found.manager, found.file) == ("conda", "environment.yml")
    assert [(one.code, one.place.line) for one in problems] == [
        ("requirements-taken", 1),
        ("requirement-local", 13),
        ("requirement-invalid", 14),
    ]


PYPROJECT = """\
[project]
name = "seg"
dependencies = [
    "numpy>=2",
    "tomli; python_version < '3.11'",
    "nonsense=1",
]

[project.optional-dependencies]
test = ["pytest"]
"""


def test_a_pyproject_is_read_without_its_extras() -> None:
    items, problems, found = read("pyproject.toml", PYPROJECT)
    assert items == ["numpy>=2", 'tomli;python_version < "3.11"']
    assert [(one.code, one.place.line) for one in problems] == [
        ("requirements-taken", 1),
        ("requirement-invalid", 6),
    ]
    assert [one.place.line for one in found.items] == [4, 5]


def test_a_pyproject_may_keep_its_dependencies_in_files() -> None:
    text = '[tool.setuptools.dynamic]\ndependencies = {file = ["requirements/base.txt"]}\n'
    assert read("pyproject.toml", text, **{"requirements/base.txt": "numpy\n"})[0] == ["numpy"]


POETRY = """\
[tool.poetry.dependencies]
python = "^3.10"
numpy = "^1.22"
torch = {version = "~2.1", extras = ["opt"], markers = "sys_platform == 'linux'"}
tool = {git = "https://example.org/tool.git", tag = "v1"}
local = {path = "../local"}
extra = {version = "*", optional = true}
"""


def test_poetrys_own_table_is_read() -> None:
    items, problems, found = read("pyproject.toml", POETRY)
    assert items == [
        "numpy<2,>=1.22",
        "torch['opt']<2.2,>=2.1;sys_platform == 'linux'",
        "toolgit+https://example.org/tool.git@v1",
    ]
    assert found.manager == "poetry"
    assert [one.code for one in problems] == ["requirements-taken", "requirement-invalid"]
    assert "poetry export" in problems[0].hint


UV = """\
version = 1

[[package]]
name = "colorama"
version = "0.4.6"
source = { registry = "https://packages.example.com/simple" }

[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://packages.example.com/simple" }

[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://packages.example.com/simple" }

[[package]]
name = "seg"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "numpy" }, { name = "tqdm" }, { name = "tool" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "tool"
version = "1.0"
source = { git = "https://example.org/tool.git?rev=v1#0123abcd" }

[[package]]
name = "tqdm"
version = "4.67.0"
source = { registry = "https://packages.example.com/simple" }
dependencies = [{ name = "colorama", marker = "sys_platform == 'win32'" }]
"""


def test_a_uv_lock_gives_what_the_project_itself_needs_and_when() -> None:
    items, problems, found = read("uv.lock", UV, **{"pyproject.toml": PYPROJECT})
    assert items == [
        "colorama==0.4.6;sys_platform == 'win32'",
        "numpy==2.1.0",
        "toolgit+https://example.org/tool.git@0123abcd",
        "tqdm==4.67.0",
    ]
    assert found.items[1].place.line == 9
    assert "uv export" in problems[0].hint


@pytest.mark.parametrize(
    ("file", "text", "items"),
    [
        (
            "poetry.lock",
            '[[package]]\nname = "numpy"\nversion = "2.1"\noptional = false\ngroups = ["main", "dev"]\n'
            '[[package]]\nname = "pytest"\nversion = "8"\noptional = false\ngroups = ["dev"]\n'
            '[[package]]\nname = "tomli"\nversion = "2"\noptional = false\ngroups = ["main"]\n'
            "markers = \"python_version < '3.11'\"\n",
            ["numpy==2.1", "tomli==2;python_version < '3.11'"],
        ),
        (
            "poetry.lock",
            '[[package]]\nname = "old"\nversion = "1"\ncategory = "dev"\noptional = false\n'
            '[[package]]\nname = "numpy"\nversion = "2.1"\ncategory = "main"\noptional = false\n',
            ["numpy==2.1"],
        ),
        ("pdm.lock", '[[package]]\nname = "numpy"\nversion = "2.1"\ngroups = ["default"]\n', ["numpy==2.1"]),
        ("pylock.toml", '[[packages]]\nname = "numpy"\nversion = "2.1"\n', ["numpy==2.1"]),
        (
            "Pipfile.lock",
            '{"default": {"numpy": {"version": "==2.1", "hashes": ["sha256:ab"]}, "a": {"path": "."},'
            ' "tool": {"git": "https://example.org/t.git", "ref": "abc"}}, "develop": {"pytest": {"version": "==8"}}}',
            ["numpy==2.1", "toolgit+https://example.org/t.git@abc"],
        ),
        ("Pipfile", '[packages]\nnumpy = "*"\nscipy = {version = ">=1"}\n', ["numpy", "scipy>=1"]),
    ],
)
def test_lock_files_are_read(file: str, text: str, items: list[str]) -> None:
    found, problems, _ = read(file, text)
    assert found == items
    assert [one.code for one in problems] == ["requirements-taken"]


def test_the_file_that_the_settings_name_may_be_of_another_tool() -> None:
    files = {"requirements.txt": "numpy\n", "env/environment.yml": ENVIRONMENT}
    found, problems = read_requirements(source(files), "env/environment.yml")
    assert found.manager == "conda"
    assert problems[0].code == "requirements-taken"


def test_a_requirements_txt_is_enough_whatever_else_there_is() -> None:
    files = {"requirements.txt": "numpy==2.1\n", "environment.yml": "][", "pyproject.toml": "]["}
    found, problems = read_requirements(source(files), None)
    assert found.manager == "pip"
    assert problems == ()


def test_a_password_in_a_lock_file_is_told_and_not_repeated() -> None:
    text = (
        '[[package]]\nname = "a"\nversion = "1"\nsource = { git = "https://me:pass1234@example.org/a.git" }\n'
    )
    text += '[[package]]\nname = "p"\nsource = { virtual = "." }\ndependencies = [{ name = "a" }]\n'
    project = '[project]\ndependencies = ["a @ https://me:pass1234@example.org/a.zip", "b ~ https://me:pass1234@c"]\n'
    for file, content in {"uv.lock": text, "pyproject.toml": project}.items():
        found, problems = read_requirements(source({"requirements.txt": None, file: content}), None)
        assert "requirement-credentials" in [one.code for one in problems]
        assert "pass1234" not in str((found, problems))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("numpy", ("numpy", "")), ("numpy=1.2", ("numpy", "==1.2.*")), ("numpy==1.2", ("numpy", "==1.2"))),
        *(
            ("numpy 1.2", ("numpy", "==1.2")),
            ("numpy >=1.2,<2", ("numpy", "<2,>=1.2")),
            ("c::a=1=b", ("a", "==1")),
        ),
        *(
            ("numpy=1.2.*", ("numpy", "==1.2.*")),
            ("numpy[version='>=1']", ("numpy", ">=1")),
            ("a ~=1.2", ("a", "~=1.2")),
        ),
        *(
            ("numpy 1.2 py310_0", ("numpy", "==1.2")),
            ("numpy==1.2=py_0", ("numpy", "==1.2")),
            ("a=1.2|1.3", ("a", None)),
        ),
        *(("A_b!=1", ("a_b", "!=1")), ("numpy *", ("numpy", ""))),
    ],
)
def test_condas_versions_become_pips(text: str, expected: tuple[str, str | None]) -> None:
    name, versions = conda_parts(text)
    assert (name, conda_specifier(versions)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("^1.2.3", "<2,>=1.2.3"),
            ("^0.2.3", "<0.3,>=0.2.3"),
            ("^0.0.3", "<0.0.4,>=0.0.3"),
            ("^0.0", "<0.1,>=0.0"),
        ),
        *(("^0", "<1,>=0"), ("~1.2.3", "<1.3,>=1.2.3"), ("~1", "<2,>=1"), ("*", ""), ("1.2.*", "==1.2.*")),
        *(
            ("1.2", "==1.2"),
            (">=1,<2", "<2,>=1"),
            (">=1 <2", "<2,>=1"),
            ("~=1.2", "~=1.2"),
            ("^1 || ^2", None),
        ),
    ],
)
def test_poetrys_versions_become_pips(text: str, expected: str | None) -> None:
    assert poetry_specifier(text) == expected


FILES = (
    "environment.yml",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "Pipfile",
    "pylock.toml",
)
SCRAPS = (
    "[[package]]\n",
    "[project]\n",
    "dependencies",
    ":",
    " - ",
    "= [",
    '"a"',
    "{",
    "}",
    "]",
    "\n",
    "numpy=1",
    "^",
)


@given(
    st.sampled_from(FILES), st.one_of(st.text(max_size=100), st.lists(st.sampled_from(SCRAPS)).map("".join))
)
def test_no_text_at_all_makes_a_reader_raise(file: str, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    read_requirements(source({"requirements.txt": None, file: content}), None)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{" * 100_000, "a = " + "[" * 90_000, '{"default": 1}', "a: &a [*a]", "package = 1"],
)
def test_a_hostile_file_of_another_tool_is_only_a_problem(file: str, text: str) -> None:
    found, problems = read_requirements(source({"requirements.txt": None, file: text}), None)
    assert problems
    assert found is None or found.items == ()


def test_hashes_of_lock_files_are_kept() -> None:
    files = {
        "uv.lock": '[[package]]\nname = "a"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "b" }]\n[[package]]\nname = "b"\nversion = "1"\n'
        'source = { registry = "https://x.example" }\n'
        'sdist = { url = "https://x.example/b.tar.gz", hash = "sha256:11" }\n'
        'wheels = [{ url = "https://x.example/b.whl", hash = "sha256:22" }]\n',
        "poetry.lock": '[[package]]\nname = "b"\nversion = "1"\nfiles = [{ file = "b.whl", hash = "sha256:33" }]\n',
        "pylock.toml": '[[packages]]\nname = "b"\nversion = "1"\n[[packages.wheels]]\nhashes = { sha256 = "44" }\n',
    }
    kept = []
    for name, text in files.items():
        found, _ = read_requirements(source({name: text}), name)
        assert found is not None
        kept.append(found.items[0].hashes)
    assert kept == [("sha256:22", "sha256:11"), ("sha256:33",), ("sha256:44",)]


def test_indexes_that_lock_files_name_are_kept_besides_the_usual_one() -> None:
    files = {
        "uv.lock": '[[package]]\nname = "a"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "b" }, { name = "c" }]\n'
        '[[package]]\nname = "b"\nversion = "1"\nsource = { registry = "' + PYPI + '" }\n'
        '[[package]]\nname = "c"\nversion = "1"\nsource = { registry = "https://x.example/simple" }\n'
        '[[package]]\nname = "d"\nversion = "1"\nsource = { registry = "https://unused.example/simple" }\n',
        "poetry.lock": '[[package]]\nname = "b"\nversion = "1"\n'
        '[package.source]\ntype = "legacy"\nurl = "https://x.example/simple"\nreference = "x"\n',
        "Pipfile.lock": '{"_meta": {"sources": [{"url": "'
        + PYPI
        + '/"}, {"url": "https://x.example/simple"}]},'
        ' "default": {"b": {"version": "==1"}}}',
    }
    for name, text in files.items():
        found, _ = read_requirements(source({name: text}), name)
        assert found is not None
        assert found.options == ("--extra-index-url https://x.example/simple",)


def test_a_password_in_a_lock_files_index_is_told_and_not_repeated() -> None:
    text = '{"_meta": {"sources": [{"url": "https://me:pass1234@x.example/"}]}, "default": {"b": {"version": "==1"}}}'
    found, problems = read_requirements(source({"Pipfile.lock": text}), "Pipfile.lock")
    assert found is None
    assert [one.code for one in problems] == ["requirement-credentials"]
    assert "pass1234" not in str(problems)
