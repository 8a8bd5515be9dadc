"""Requirements files read by us and by pip's own parser: the same items, and a problem wherever pip stops."""

import importlib.metadata
import os
import string
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pip._internal.exceptions import PipError
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements
from pip._internal.utils.logging import indent_log  # noqa: F401  # loads pip's logger class, which its parser needs

from parser.model import Severity
from parser.requirements import read_requirements
from parser.requirements.options import split_line
from parser.source import Entry, Source


class OldVersion(Exception):
    """A version that only old versions of pip know."""


OURS = frozenset(
    (
        # What we refuse and pip's parser does not, because it would fail only later, or only in the image.
        *("requirement-local", "requirement-outside", "requirement-credentials", "requirement-constraint"),
        *("requirement-hash", "requirement-contradiction", "requirement-cycle"),
    )
)
STOPS = (PipError, OldVersion, ValueError, LookupError, AttributeError, OSError, AssertionError)
"""What pip's parser raises: its own errors, and those of what it calls (no session is there to fetch with)."""

TOLD = frozenset(("requirement-pip-version", "requirement-variable"))
"""What we do not refuse though this pip stops: other versions do not, or the environment may set the variable."""


@dataclass(frozen=True)
class Item:
    """What matters of a requirement."""

    name: str | None
    specifier: frozenset[str]
    extras: frozenset[str]
    marker: str | None
    url: str | None
    editable: bool
    constraint: bool
    hashes: frozenset[str]


@dataclass(frozen=True)
class Refused:
    """pip stops."""

    why: str


def by_pip(folder: Path, files: dict[str, bytes]) -> list[Item] | Refused:
    """pip's own answer."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content)
    before = Path.cwd()
    os.chdir(folder)
    try:
        found = []
        for parsed in parse_requirements("requirements.txt", session=None):
            made = install_req_from_parsed_requirement(parsed)
            found.append(_item(made, bool(parsed.constraint)))
        return found
    except STOPS as error:
        return Refused(f"{type(error).__name__}: {error}")
    finally:
        os.chdir(before)


def _item(made, constraint: bool) -> Item:
    link = made.link
    specifier = frozenset(str(one) for one in made.req.specifier) if made.req else frozenset()
    if made.req and any(type(one).__name__ == "LegacySpecifier" for one in made.req.specifier):
        raise OldVersion
    return Item(
        made.req.name.lower() if made.req else None,
        specifier,
        frozenset(extra.lower() for extra in made.extras),
        str(made.markers) if made.markers else None,
        link.url if link else None,
        made.editable,
        constraint,
        frozenset(f"{kind}:{value}" for kind, values in made.hash_options.items() for value in values),
    )


def by_us(files: dict[str, bytes]) -> tuple[list[Item], set[str], set[str]]:
    """Our answer: the items, the codes of the errors, and all codes."""
    source = Source({name: Entry(name, "file") for name in files}, files)
    found, problems = read_requirements(source, None)
    items = [
        Item(
            one.name.lower() if one.name else None,
            frozenset(filter(None, one.specifier.split(","))),
            frozenset(extra.lower() for extra in one.extras),
            one.marker,
            one.url,
            one.editable,
            constraint,
            frozenset(one.hashes),
        )
        for ones, constraint in (((found.items, False), (found.constraints, True)) if found else ())
        for one in ones
    ]
    errors = {one.code for one in problems if one.severity is Severity.ERROR}
    return items, errors, {one.code for one in problems}


def agree(folder: Path, files: dict[str, bytes]) -> None:
    """Asserts that both say the same of these files."""
    truth = by_pip(folder, files)
    if isinstance(truth, Refused):
        _, errors, codes = by_us(files)
        assert errors or codes & TOLD, truth.why
        return
    if any(one.url and "://" not in one.url for one in truth):
        # Newer versions take any word for an address, and fail when they fetch it.
        return
    items, errors, _ = by_us(files)
    assert errors <= OURS, errors
    if not errors & {"requirement-local", "requirement-outside", "requirement-credentials"}:
        if "requirement-constraint" in errors:
            truth = [one for one in truth if not one.constraint]
            items = [one for one in items if not one.constraint]
        # pip reads a file that is included twice twice.
        assert set(items) == set(truth)


ADDRESS = "https://a.org"
HASH = "--hash=sha256:" + "ab" * 32
CORPUS = [
    *(
        "numpy",
        "NumPy",
        "num_py",
        "zope.interface",
        "a",
        "A1",
        "a.b-c_d",
        "-numpy",
        "numpy-",
        "_numpy",
        "nümpy",
    ),
    *(
        "numpy==2.1",
        "numpy == 2.1",
        "numpy==2.1.*",
        "numpy>=1,<2",
        "numpy >=1 , <2",
        "numpy~=1.4",
        "numpy!=1.5",
    ),
    *(
        "numpy===1.0-weird",
        "numpy(>=1)",
        "numpy (>=1,<2)",
        "numpy==2.1,",
        "numpy==",
        "numpy>=",
        "==1",
        "numpy=1",
    ),
    *(
        "numpy 1.2",
        "numpy=>1",
        "numpy>=1 <2",
        "numpy==1.x",
        "numpy>=1.*",
        "numpy==1!2.0",
        "numpy==1.0+local.1",
    ),
    *(
        "numpy==1.0a1",
        "numpy==1.0.post1.dev2",
        "numpy==v1.0",
        "numpy>1.0+local",
        "numpy<>1",
        "numpy^1",
        "numpy~1",
    ),
    *("requests[socks]", "requests[socks,security]>=2", "requests [socks]", "requests[]", "requests[so cks]"),
    *("requests>=2[socks]", "requests[socks", "requests]", "requests[,]", "requests[a][b]"),
    *(
        "tomli; python_version<'3.11'",
        'tomli ;python_version < "3.11" and os_name=="posix"',
        "tomli;",
        "tomli ; ",
    ),
    *(
        "tomli; extra == 'x'",
        "tomli; nonsense",
        "tomli; python_version",
        "tomli;python_version<'3.11';",
        ";x",
    ),
    *(
        "tomli; (python_version<'3' or sys_platform=='win32') and os_name!='nt'",
        "tomli; 'linux' in sys_platform",
    ),
    *("tomli; python_version not in '2.7, 3.0'", "tomli; platform_python_implementation=='CPython'"),
    *(
        "# a comment",
        "numpy # a comment",
        "numpy #",
        "numpy#no-comment",
        "numpy\t# comment",
        "   # x",
        "#",
        "",
    ),
    *(
        "numpy \\\n  >=1",
        "numpy\\\n>=1",
        "numpy \\",
        "numpy \\\n# comment\nscipy",
        "# comment \\\nnumpy",
        "\\\nnumpy",
    ),
    *(
        "numpy \\\n\nscipy",
        "numpy\\\\\n>=1",
        "numpy \\ \nscipy",
        "numpy \\\n \\\n >=1",
        "numpy>=1, \\\n  <2  # why",
    ),
    *(
        "numpy \\\n    # comment \\\nscipy",
        "a\x0cb",
        "a\x0bb",
        "a\u2028b",
        "a\u0085b",
        "a\rb",
        "a\r\nb",
        "\x1cnumpy",
    ),
    f"numpy==1 {HASH}",
    f"numpy==1 \\\n  {HASH} \\\n  {HASH[:-1]}0",
    f"numpy==1 {HASH} # comment",
    f"numpy==1\t{HASH}",
    f"{HASH}",
    f"numpy==1; python_version>'3' {HASH}",
    "numpy==1 --hash sha256:ab",
    *(
        "numpy==1 --hash=md5:ab",
        "numpy==1 --hash=ab",
        "numpy==1 --hash",
        "numpy==1 --hash=sha512:",
        "numpy==1 --has sha256:a",
    ),
    *(
        "numpy --config-settings=a=b",
        "numpy --config-settings a=b",
        "numpy -C a=b",
        "numpy -Ca=b",
        "numpy -C a",
    ),
    *(
        "numpy --pre",
        "numpy --no-such",
        "numpy -i https://a.org",
        "numpy -x",
        "numpy --index-url",
        "numpy -- x",
    ),
    *("numpy -r other.txt", "numpy -e git+https://a.org/b#egg=c", "numpy '--pre", "numpy -", "numpy - x"),
    *(
        "-i https://a.org/simple",
        f"--index-url {ADDRESS}",
        f"--index-url={ADDRESS}",
        "--pypi-url https://a.org",
    ),
    *("--index https://a.org", "--ind https://a.org", "-i", "-ihttps://a.org", "-i=https://a.org", "-i ''"),
    *(
        f"--extra-index-url {ADDRESS}",
        "--extra https://a.org",
        "--no-index",
        "--no-index=1",
        "--no-i",
        "--no",
    ),
    *(
        "-f https://a.org",
        "--find-links=wheels",
        "-f wheels",
        "--pre",
        "--prefer-binary",
        "--prefer",
        "--pr",
        "--pre x",
    ),
    *(
        "--require-hashes",
        "--require",
        "--requirements other.txt",
        "--req other.txt",
        "--requirement=other.txt",
    ),
    *(
        "--no-binary :all:",
        "--no-binary=numpy,scipy",
        "--only-binary :none:",
        "--no-binary",
        "--no-binary -x",
    ),
    *("--trusted-host a.org", "--use-feature fast-deps", "--use-feature=fast-deps", "--use-feature nothing"),
    *(
        "--pre --no-index",
        "--pre -i https://a.org --no-index",
        "--always-unzip",
        "-Z",
        "--install-option=x",
        "-h",
    ),
    *(
        "--help",
        "--version",
        "-v",
        "--upgrade",
        "-U numpy",
        "--no-deps",
        "--user",
        "--",
        "-- numpy",
        "-",
        "- numpy",
    ),
    *(
        "-r other.txt",
        "-rother.txt",
        "-r other.txt # why",
        "-r 'other.txt'",
        "-r other.txt -c limits.txt",
        "-r=other.txt",
    ),
    *(
        "-r other.txt --pre",
        "-r",
        "-r gone.txt",
        "-c limits.txt",
        "--constraint limits.txt",
        "-climits.txt",
        "-c",
    ),
    *(
        "-c limits.txt -r other.txt",
        "-r nested/deep.txt",
        "-r ./other.txt",
        "-r nested/../other.txt",
        "-r other.txt other",
    ),
    *("-r https://127.0.0.1:9/x.txt", "-r file:///nowhere.txt", "-r ../x.txt", "-r /nowhere.txt"),
    *(
        "-e .",
        "-e ./x",
        "-e x",
        "-e git+https://a.org/b.git#egg=c",
        "-e git+https://a.org/b.git",
        "-e git:a/b#egg=c",
    ),
    *(
        "-e https://a.org/b.zip#egg=c",
        "-e c @ git+https://a.org/b.git",
        "-e git+https://a.org/b@v1#egg=c[x]",
        "-e",
    ),
    *(
        "-e git+ssh://git@a.org/b.git#egg=c&subdirectory=d",
        "--editable=git+https://a.org/b#egg=c",
        "-e file:///x#egg=x",
    ),
    *(
        "-e git+https://a.org/b#egg=c --pre",
        "-e svn+http://a.org/b#egg=c",
        "-e hg+https://a.org/b#egg=a b",
        "-e nope+x:y",
    ),
    *(
        "git+https://a.org/b.git",
        "git+https://a.org/b.git@v1.0#egg=c",
        "git+ssh://git@a.org/b.git",
        "git+git://a.org/b",
    ),
    *(
        "git+https://a.org/b.git#egg=c[x]",
        "git+https://a.org/b.git#egg=c==1",
        "git+https://a.org/b#subdirectory=d&egg=c",
    ),
    *("git+https://a.org/b.git#egg=", "git+file:///x", "git://a.org/b", "bzr+lp:x", "git+nope://a.org/b"),
    *(
        "https://a.org/c-1.0.tar.gz",
        "https://a.org/c-1.0-py3-none-any.whl",
        "https://a.org/c.whl",
        "HTTPS://a.org/c.zip",
    ),
    *(
        "https://a.org/c-1.0-py3-none-any.whl#sha256=ab",
        "https://a.org/c-1.0-py3-none-any.whl ; python_version>'3'",
    ),
    *(
        "https://a.org/c.zip; python_version>'3'",
        "https://a.org/c.zip;python_version>'3'",
        "https://a.org/c.zip#egg=c",
    ),
    *(
        "http://a.org/c_d-1.0_1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "ftp://a.org/c.zip",
    ),
    *("https://a.org/c%2B-1.0-py3-none-any.whl", "https://[::1/c.zip", "https://", "c @ https://a.org/c.zip"),
    *(
        "c@https://a.org/c.zip",
        "c[x] @ https://a.org/c.zip ; python_version>'3'",
        "c @ https://a.org/c.zip;python_version>'3'",
    ),
    *(
        "c @ git+https://a.org/b.git@v1",
        "c @ file:///x",
        "c @ ./x",
        "c @ x",
        "c @",
        "c @ https://a.org/c.zip#egg=d",
        "@ x",
    ),
    *("c>=1 @ https://a.org/c.zip", "c @ https://a.org/a b.zip", "c @https://a.org/c-1-py3-none-any.whl"),
    *(
        ".",
        "./c",
        "../c",
        "/c",
        "c/d",
        "c.zip",
        "c.whl",
        "c-1.0-py3-none-any.whl",
        "c.tar.gz",
        "c.tar.gz[x]",
        "c.tgz==1",
    ),
    *(
        "numpy==1.zip",
        "./c.zip",
        "c.egg",
        "file:c",
        "file:///c.zip",
        "FILE:///c.zip",
        "c:d",
        "c:\\d",
        "~/c",
        "$(id)",
        "`id`",
    ),
    *(
        "numpy==${NO_SUCH_VARIABLE}",
        "c @ https://${NO_SUCH_VARIABLE}@a.org/c.zip",
        "${NO_SUCH_VARIABLE}",
        "numpy$x",
    ),
    *("-i https://${NO_SUCH_VARIABLE}:${NO_SUCH_WORD}@a.org/simple", "-r ${NO_SUCH_VARIABLE}.txt"),
    *(
        "import numpy",
        "pip install numpy",
        '"numpy"',
        "numpy,scipy",
        "numpy scipy",
        "numpy;scipy",
        "[numpy]",
        "name = numpy",
    ),
    *(
        "numpy>=1.0,<2.0 scipy",
        "*",
        "numpy*",
        "numpy==*",
        "numpy>=2.0.0rc1",
        "numpy @ 1.0",
        "numpy==1.0=py_0",
        "--- x",
    ),
]
BESIDE = {
    "other.txt": b"scipy>=1\n-r nested/deep.txt\n",
    "limits.txt": b"pandas<3\n",
    "nested/deep.txt": b"attrs\n",
}


@pytest.mark.parametrize("text", CORPUS)
def test_each_form_of_a_line_is_read_as_by_pip(text: str, tmp_path: Path) -> None:
    agree(tmp_path, {**BESIDE, "requirements.txt": f"{text}\n".encode()})


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"\xef\xbb\xbfnumpy\n",
            "numpy\nscipy\n".encode("utf-16"),
            b"\xfe\xff" + "numpy".encode("utf-16-be"),
        ),
        *(b"# -*- coding: latin-1 -*-\n# \xe9\nnumpy\n", b"# \xe9\nnumpy\n", b"# coding: nonsense\nnumpy\n"),
        *(
            b"numpy\n# coding: utf-16\n",
            b"# one\n# two\n# coding: nonsense\nnumpy\n",
            b"# coding=rot13\nnumpy\n",
        ),
        *(
            b"\xef\xbb\xbf# coding: latin-1\nnumpy\n",
            b" # coding: nonsense\nnumpy\n",
            b"numpy\0\n",
            b"\xff\xffnumpy",
        ),
        *(b"numpy\r\nscipy\r\n", b"numpy\rscipy", b"", b"\n\n", "# größer\nnumpy".encode()),
    ],
)
def test_bytes_become_text_as_in_pip(content: bytes, tmp_path: Path) -> None:
    agree(tmp_path, {"requirements.txt": content})


def test_what_installed_packages_require_is_read_as_by_pip(tmp_path: Path) -> None:
    lines = sorted({line for found in importlib.metadata.distributions() for line in found.requires or ()})
    assert len(lines) > 100
    agree(tmp_path, {"requirements.txt": "\n".join(lines).encode()})


NAMES = st.sampled_from(["numpy", "Scikit_Learn", "a.b", "c-d", "é", "x y", ""])
VERSIONS = st.sampled_from(
    ["", "==1", ">=1,<2", "~=1.4", "=1", "== 1.*", ">=1.*", "[x]", "[x]>=1", ">=1[x]", "!=1,", "(>1)"]
)
BEHIND = st.sampled_from(
    ["", "; python_version>'3'", ";os_name=='nt'", "; no", " # c", "#c", " \\", "\\", " --pre", f" {HASH}"]
)
LINES = st.one_of(
    st.tuples(NAMES, VERSIONS, BEHIND).map("".join),
    st.sampled_from(CORPUS),
    st.tuples(st.sampled_from(CORPUS), BEHIND).map("".join),
    st.text(alphabet=string.ascii_letters + string.digits + "-=<>~!@#;:/\\[](),.'\" \t\r\f", max_size=25),
    st.text(max_size=10),
)


@example(["-r other.txt # c \\", "numpy"])
@example(["numpy # \0", "#\0", "scipy"])
@example(["numpy", "sci\0py"])
@example([f"-e git+https://a.org/b#egg=c {HASH}", "numpy"])
@example(["git+https://a.org/b.git#egg=c[x];os_name=='nt'"])
@given(st.lists(LINES, max_size=6))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_at_all_is_read_as_by_pip(tmp_path: Path, lines: list[str]) -> None:
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    agree(tmp_path, {**BESIDE, "requirements.txt": text})


@given(st.text(alphabet="-abc =\t\"'", max_size=30))
def test_requirement_and_options_are_parted_without_loss(line: str) -> None:
    text, options = split_line(line)
    assert " ".join(filter(None, (text, options))).split() == line.split()
