"""requirements.txt as pip reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import source

from parser.edits import apply
from parser.requirements import read_requirements


def read(text: str | bytes, named: str | None = None, **more: str):
    """The items and the problems' codes."""
    files = {
        "requirements.txt": text,
        **{name.replace("__", "/") + ".txt": body for name, body in more.items()},
    }
    found, problems = read_requirements(source(files), named)
    return (found.items if found else None), [problem.code for problem in problems]


def test_names_versions_extras_markers_and_comments() -> None:
    text = (
        "# what we need\n\nnumpy==2.1  # exactly\nscikit_image[data, optional] >= 0.24, <1\n"
        "tomli; python_version < '3.11'\nname#not-a-comment\n"
    )
    items, codes = read(text)
    assert codes == ["requirement-invalid", "requirement-unpinned"]
    assert [(one.name, one.specifier, one.extras) for one in items] == [
        ("numpy", "==2.1", ()),
        ("scikit_image", "<1,>=0.24", ("data", "optional")),
        ("tomli", "", ()),
    ]
    assert items[2].marker == 'python_version < "3.11"'
    assert [one.place.line for one in items] == [3, 4, 5]


def test_lines_joined_by_backslashes_and_hashes() -> None:
    items, codes = read("numpy==2.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nscipy\\\n>=1\n")
    assert codes == ["requirement-hash"]
    assert items[0].hashes == ("sha256:aa", "sha256:bb")
    assert [(one.name, one.specifier, one.place.line) for one in items] == [
        ("numpy", "==2.1", 1),
        ("scipy", ">=1", 4),
    ]


def test_addresses_keep_their_name_where_it_is_known() -> None:
    items, codes = read(
        "pkg @ https://example.org/pkg-1.zip\nhttps://example.org/x-1.0-py3-none-any.whl\n"
        "https://example.org/y.zip\ngit+https://example.org/a/b.git@v1#egg=thing[more]\n-e git+https://example.org/c.git#egg=other\n"
    )
    assert codes == ["requirement-tool", "requirement-pip-version", "requirement-tool"]
    assert [one.name for one in items] == ["pkg", "x", None, "thing", "other"]
    assert items[1].specifier == "==1.0"
    assert items[3].extras == ("more",)
    assert [one.editable for one in items] == [False, False, False, False, True]


def test_included_files_of_the_repository_are_read_and_constraints_add_nothing() -> None:
    items, codes = read(
        "-r requirements/base.txt\n-c constraints.txt\n",
        requirements__base="numpy\n",
        constraints="scipy<2\n",
    )
    assert codes == ["requirement-unpinned"]
    assert [(one.name, one.place.file) for one in items] == [("numpy", "requirements/base.txt")]


def test_all_files_that_pip_opens_are_known_in_its_order() -> None:
    files = {
        "requirements.txt": "-r req/base.txt\n-c constraints.txt\nnumpy\n",
        "req/base.txt": "--requirement=more.txt  # comment\n--constraint ../constraints.txt\n",
        "req/more.txt": "-rlast.txt\r\n",
        "req/last.txt": "-r 'with blank.txt'\n",
        "req/with blank.txt": "scipy\n",
        "constraints.txt": "numpy<3\n",
        "other.txt": "",
    }
    found, _ = read_requirements(source(files), None)
    assert found.files == (
        *("requirements.txt", "req/base.txt", "req/more.txt", "req/last.txt", "req/with blank.txt"),
        "constraints.txt",
    )
    assert [(one.normalized, one.specifier) for one in found.constraints] == [("numpy", "<3")]


def test_files_that_include_each_other_in_a_circle_are_an_error() -> None:
    assert read("-r requirements/a.txt\n", requirements__a="-r ../requirements.txt\n")[1] == [
        "requirement-cycle"
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("numpy=1.2", "requirement-invalid"),
        ("numpy 1.2", "requirement-invalid"),
        ("==1.2", "requirement-invalid"),
        ("$(id)", "requirement-invalid"),
        ("numpy==", "requirement-invalid"),
        ("-r 'open", "requirement-invalid"),
        ("-r", "requirement-invalid"),
        ("-r gone.txt", "requirement-file-missing"),
        ("-r ../outside.txt", "requirement-outside"),
        ("-r /etc/passwd", "requirement-outside"),
        ("--requirement=https://example.org/r.txt", "requirement-outside"),
        ("-e .", "requirement-local"),
        (".", "requirement-local"),
        ("./package", "requirement-local"),
        ("file:///package", "requirement-local"),
        ("wheels/a-1-py3-none-any.whl", "requirement-local"),
        ("pkg @ file:///package", "requirement-local"),
        ("--no-such-option", "requirement-option"),
        ("numpy --no-such-option", "requirement-option"),
        ("--index-url https://user:word@example.org/simple", "requirement-credentials"),
        ("--index-url https://${TOKEN}@example.org/simple", "requirement-variable"),
        ("--index-url", "requirement-invalid"),
    ],
)
def test_a_faulty_line_is_told(line: str, code: str) -> None:
    assert read(line + "\n")[1] == [code]


@pytest.mark.parametrize(
    "line", ["--pre", "--index-url https://example.org/simple", "-i https://a.org", "--no-binary :all:"]
)
def test_pips_options_are_accepted(line: str) -> None:
    assert read(line + "\n") == ((), [])


def test_a_password_is_never_repeated() -> None:
    _, problems = read_requirements(
        source({"requirements.txt": "--index-url https://me:pass1234@example.org/s\n"}), None
    )
    assert "pass1234" not in str(problems)


def test_the_same_package_twice_is_a_warning_and_two_pins_are_an_error() -> None:
    _, problems = read_requirements(source({"requirements.txt": "Num_Py>1\nnum-py<3\na==1\na==2\n"}), None)
    assert [(one.code, one.severity) for one in problems] == [
        ("requirement-twice", "warning"),
        ("requirement-contradiction", "error"),
    ]


@pytest.mark.parametrize("content", [b"numpy\0", b"\xff\xff", b"# coding: nonsense\n"])
def test_an_unreadable_file_is_an_error(content: bytes) -> None:
    assert read(content) == (None, ["file-unreadable"])


def test_a_byte_order_mark_and_windows_line_ends_are_no_trouble() -> None:
    assert [one.name for one in read(b"\xef\xbb\xbfnumpy\r\nscipy\r\n")[0]] == ["numpy", "scipy"]


def test_without_the_file_the_hint_knows_where_the_packages_are() -> None:
    _, problems = read_requirements(source({"requirements.txt": None, "environment.yml": "x"}), None)
    assert problems[0].code == "no-requirements"
    assert "environment.yml" in problems[0].hint


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirement.txt", "Rename requirement.txt"),
        ("Requirements.txt", "Rename Requirements.txt"),
        ("requirements-gpu.txt", "`requirements_file: requirements-gpu.txt`"),
        ("README.txt", "Add one that lists"),
    ],
)
def test_a_file_of_nearly_that_name_is_offered(name: str, wanted: str) -> None:
    _, problems = read_requirements(source({"requirements.txt": None, name: "numpy\n"}), None)
    assert wanted in problems[0].hint


@pytest.mark.parametrize(
    ("line", "elsewhere"),
    [
        ("absl-py @ file:///home/conda/feedstock_root/absl_1/work", True),
        ("/home/me/a-1-py3-none-any.whl", True),
        ("-e /home/me/project", True),
        ("./package", False),
        ("-e .", False),
    ],
)
def test_a_path_of_the_authors_machine_is_not_taken_for_one_of_the_repository(
    line: str, elsewhere: bool
) -> None:
    _, problems = read_requirements(source({"requirements.txt": line}), None)
    assert [one.code for one in problems] == ["requirement-local"]
    assert ("the machine that it was written on" in problems[0].message) == elsewhere


def test_another_file_can_be_named() -> None:
    items, _ = read("", "requirements/gpu.txt", requirements__gpu="torch\n")
    assert [one.name for one in items] == ["torch"]


@given(st.text(max_size=200))
def test_any_text_at_all_gives_items_and_problems(text: str) -> None:
    items, _ = read(text.encode("utf-8", "surrogatepass"))
    assert items is None or all(one.name is None or one.name.isascii() for one in items)


@pytest.mark.parametrize(
    ("lines", "mended"), [("a>1\nb\nA>1  # again\n", "a>1\nb\n  # again\n"), ("a>1\na>=1\n", None)]
)
def test_a_requirement_said_twice_in_the_same_words_can_go(lines: str, mended: str | None) -> None:
    _, problems = read_requirements(source({"requirements.txt": lines}), None)
    (told,) = [one for one in problems if one.code == "requirement-twice"]
    assert (apply(lines, told.edits) if told.edits else None) == mended


def test_packages_without_an_exact_version_are_one_warning_and_a_constraint_can_give_it() -> None:
    text = "numpy>=2\npandas\nscipy==1.*\ntorch==2.1\ntqdm\nx @ https://example.org/x.zip\n-c limits.txt\n"
    files = {"requirements.txt": text, "limits.txt": "tqdm==4.66\n"}
    _, problems = read_requirements(source(files), None)
    (told,) = problems
    assert (told.code, told.severity, told.place.line) == ("requirement-unpinned", "warning", 1)
    assert "numpy, pandas, scipy:" in told.message
    assert [place.line for place in told.also] == [2, 3]


@pytest.mark.parametrize(
    ("name", "severity"), [("MLREEF_INDEX_TOKEN", "info"), ("CI_JOB_TOKEN", "info"), ("TOKEN", "warning")]
)
def test_a_variable_that_is_offered_is_only_mentioned(name: str, severity: str) -> None:
    text = f"--index-url https://me:${{{name}}}@packages.example/simple\n"
    _, problems = read_requirements(source({"requirements.txt": text}), None)
    assert [(one.code, one.severity) for one in problems] == [("requirement-variable", severity)]
