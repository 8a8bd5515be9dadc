"""Lines for the resolver are written anew; nothing of a repository's file can be more than one requirement."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.layers.indexes import Indexes, plan_indexes
from bot.layers.wanted import Line, applies, limit_text, plan_line
from bot.layers.wheel_tags import Target
from parser.model import Problem
from parser.requirements import read_requirements
from parser.source import Entry, Source

TARGET = Target("3.12", "linux/amd64", "manylinux_2_28")
PIECES = st.sampled_from(
    [
        *(
            "numpy",
            "==1.0",
            " ",
            "\n",
            "\\\n",
            "\r",
            "-e .",
            "--index-url https://evil.example/",
            "-r /etc/passwd",
        ),
        *(
            " @ ",
            "https://x.example/numpy-1.0-py3-none-any.whl",
            "file:///etc/passwd",
            "#egg=x",
            "#sha256=00",
            ";",
        ),
        *(
            "python_version>'3'",
            "platform_release == '${UV_DEFAULT_INDEX}'",
            "${HOME}",
            "[a]",
            "--hash=sha256:00",
        ),
        *(
            "git+https://x.example/a.git",
            "./folder",
            "~/x.whl",
            "\x0c",
            "\u2028",
            "\x85",
            "é",
            "'",
            '"',
            "--pre",
            "-c x",
        ),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_stands_in_a_file_a_line_is_one_plain_requirement(text: str) -> None:
    source = Source(
        {"requirements.txt": Entry("requirements.txt", "file")}, {"requirements.txt": text.encode()}
    )
    asked, _ = read_requirements(source, None)
    if asked is None:
        return
    indexes, _ = plan_indexes(asked, {"HOME": "/root"})
    planned = [plan_line(item, TARGET, indexes, {"HOME": "/root"}, {}, frozenset()) for item in asked.items]
    written = [one.text for one in planned if isinstance(one, Line)] + [
        limit for item in asked.constraints if (limit := limit_text(item))
    ]
    for line in written:
        assert len(line.splitlines()) == 1
        assert line.isascii()
        assert line[0] not in "-/.~"
        assert "file:" not in line
        assert "${" not in line
        assert " -" not in line
        assert not line.startswith("git+")


def test_what_can_only_be_built_is_told_unless_a_job_did() -> None:
    text = "a @ git+https://x.example/a.git\nb @ https://x.example/b-1.tar.gz\nc\n"
    source = Source(
        {"requirements.txt": Entry("requirements.txt", "file")}, {"requirements.txt": text.encode()}
    )
    asked, _ = read_requirements(source, None)
    assert asked is not None
    planned = [plan_line(item, TARGET, Indexes(), {}, {}, frozenset()) for item in asked.items]
    assert [one.code if isinstance(one, Problem) else "" for one in planned] == [
        "requirement-sources",
        "requirement-sources",
        "",
    ]


def test_conditions_are_those_of_the_environment_and_not_of_this_machine() -> None:
    assert applies("python_version == '3.12' and sys_platform == 'linux'", TARGET)
    assert not applies("python_version < '3.12'", TARGET)
    assert applies("platform_machine == 'aarch64'", Target("3.12", "linux/arm64", "manylinux_2_28"))
    assert not applies("extra == 'dev'", TARGET)
    assert applies(None, TARGET)
