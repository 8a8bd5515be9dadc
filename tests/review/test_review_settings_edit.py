"""Setting one value of `.mlreef.yaml`: it is set, all else stays, and what cannot be done is said with what can."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.environments import Environment
from bot.domain.settings_edit import (
    CannotEdit,
    Edited,
    edit_entry_point,
    edit_environment,
    scalar,
    set_value,
)
from parser.settings_file import read_settings_file
from parser.source import Entry, Source

ENVIRONMENTS = (
    Environment("python-3.12", "Python 3.12", "python:3.12", "3.12"),
    Environment("cuda-12", "CUDA 12", "cuda:12", "3.12", gpu=True, cuda="12.4"),
)


def tree(*paths: str, **kinds: str) -> Source:
    return Source({path: Entry(path, "file") for path in paths}, {})


def edited(content: str | None, keys: tuple[str, ...], value: str) -> str:
    found = set_value(None if content is None else content.encode(), keys, value)
    assert isinstance(found, Edited), found
    return found.content.decode()


def refused(found: Edited | CannotEdit) -> CannotEdit:
    assert isinstance(found, CannotEdit), found
    return found


MAIN, BASE = ("entry_points", "main"), ("environment",)


@pytest.mark.parametrize(
    ("before", "keys", "value", "after"),
    [
        (None, BASE, "cuda-12", "environment: cuda-12\n"),
        (None, MAIN, "src/train.py", "entry_points:\n  main: src/train.py\n"),
        ("", BASE, "cuda-12", "environment: cuda-12\n"),
        ("# nothing yet\n", BASE, "cuda-12", "# nothing yet\nenvironment: cuda-12\n"),
        ("name: Noise  # ours\n", BASE, "cuda-12", "name: Noise  # ours\nenvironment: cuda-12\n"),
        ("name: Noise", BASE, "cuda-12", "name: Noise\nenvironment: cuda-12\n"),
        (
            "# first\nenvironment: old  # why\n# last\n",
            BASE,
            "cuda-12",
            "# first\nenvironment: cuda-12  # why\n# last\n",
        ),
        ("environment: 'old'\r\nname: x\r\n", BASE, "cuda-12", "environment: cuda-12\r\nname: x\r\n"),
        ("name: x\r\n", MAIN, "a.py", "name: x\r\nentry_points:\r\n  main: a.py\r\n"),
        ("environment:\nname: x\n", BASE, "cuda-12", "environment: cuda-12\nname: x\n"),
        ("environment: >\n  old\nname: x\n", BASE, "cuda-12", "environment: cuda-12\nname: x\n"),
        ("{name: x}\n", BASE, "cuda-12", "{environment: cuda-12, name: x}\n"),
        ("{}\n", MAIN, "a.py", "{entry_points: {main: a.py}}\n"),
        (
            "entry_points:\n  # roles\n  test: t.py\nname: x\n",
            MAIN,
            "a.py",
            "entry_points:\n  # roles\n  main: a.py\n  test: t.py\nname: x\n",
        ),
        ("entry_points: {test: t.py}\n", MAIN, "a.py", "entry_points: {main: a.py, test: t.py}\n"),
        ("entry_points:\n  main: old.py # ?\n", MAIN, "a.py", "entry_points:\n  main: a.py # ?\n"),
        ("entry_points: old.py\n", MAIN, "a.py", "entry_points: {main: a.py}\n"),
        ("entry_points:\n", MAIN, "a.py", "entry_points: {main: a.py}\n"),
        ("name: x\n...\n", BASE, "cuda-12", "environment: cuda-12\nname: x\n...\n"),
        ("environment: 1.10\n", BASE, "1.20", "environment: '1.20'\n"),
    ],
)
def test_one_value_is_set_and_the_rest_stays_as_it_was(
    before: str | None, keys: tuple[str, ...], value: str, after: str
) -> None:
    assert edited(before, keys, value) == after


def test_what_the_file_says_already_changes_nothing() -> None:
    found = set_value(b"environment: cuda-12 # yes\n", BASE, "cuda-12")
    assert isinstance(found, Edited)
    assert (found.changed, found.content) == (False, b"environment: cuda-12 # yes\n")


def test_a_byte_order_mark_stays() -> None:
    found = set_value(b"\xef\xbb\xbfname: x\n", BASE, "cuda-12")
    assert isinstance(found, Edited)
    assert found.content == b"\xef\xbb\xbfname: x\nenvironment: cuda-12\n"


@pytest.mark.parametrize(
    "content",
    [
        b"- a list\n",
        b"name: [broken\n",
        b"name: a\nname: b\n",
        b"\xff\xfe\x00",
        b"a: b\n---\nc: d\n",
        b"# " + b"x" * 70_000,
        b"environment: &anchor old\nname: *anchor\n",
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(content: bytes) -> None:
    assert refused(set_value(content, BASE, "cuda-12")).mend


def test_a_script_that_is_not_there_is_refused_with_those_that_are() -> None:
    found = refused(edit_entry_point(None, "trian.py", tree("train.py", "eval.py", "README.md")))
    assert "`trian.py`" in found.why
    assert "Is `train.py` meant?" in found.mend
    assert "`eval.py`" in found.mend
    assert "README" not in found.mend


def test_the_only_one_that_there_is_is_named_once() -> None:
    only = refused(edit_entry_point(None, "trian.py", tree("train.py")))
    assert only.mend == "There is only `train.py`."


def test_what_is_no_script_is_refused() -> None:
    assert "no Python script" in refused(edit_entry_point(None, "README.md", tree("README.md"))).why
    linked = Source({"a.py": Entry("a.py", "symlink")}, {})
    assert "add one first" in refused(edit_entry_point(None, "a.py", linked)).mend
    assert refused(edit_entry_point(None, "", tree("a.py"))).mend
    assert refused(edit_entry_point(None, "../a.py", tree("a.py"))).mend


def test_a_script_may_be_named_as_a_shell_would() -> None:
    found = edit_entry_point(None, " ./src//a.py ", tree("src/a.py"))
    assert isinstance(found, Edited)
    assert found.lines == "entry_points:\n  main: src/a.py\n"


def test_an_environment_that_is_not_there_is_refused_with_those_that_are() -> None:
    found = refused(edit_environment(None, "cuda", ENVIRONMENTS))
    assert "`python-3.12`, `cuda-12`" in found.mend
    assert isinstance(edit_environment(None, "cuda-12", ENVIRONMENTS), Edited)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)
KEYS = st.sampled_from(
    ["name", "description", "requirements_file", "dockerfile", "entry_points", "environment"]
)
STYLES = st.sampled_from([None, '"', "'", "|", ">"])


@given(TEXTS)
def test_any_text_reads_back_as_itself(text: str) -> None:
    assert "\n" not in scalar(text)
    assert yaml.safe_load(f"key: {scalar(text)}\n") == {"key": text}
    assert yaml.safe_load(f"{{key: {scalar(text)}, more: 1}}\n") == {"key": text, "more": 1}


@given(
    st.dictionaries(KEYS, st.one_of(TEXTS, st.none(), st.dictionaries(st.sampled_from("abc"), TEXTS))),
    STYLES,
    st.sampled_from([True, False, None]),
    st.sampled_from([MAIN, BASE]),
    TEXTS,
)
def test_whatever_the_file_an_edit_sets_the_value_and_nothing_else(
    data: dict[str, object], style: str | None, flow: bool | None, keys: tuple[str, ...], value: str
) -> None:
    written = yaml.safe_dump(data, default_style=style, default_flow_style=flow, allow_unicode=True)
    found = set_value(written.encode(), keys, value)
    if isinstance(found, CannotEdit):
        return
    before, after = yaml.safe_load(written), yaml.safe_load(found.content)
    kept = before.pop(keys[0], None), after.pop(keys[0])
    assert before == after
    if len(keys) == 1:
        assert kept[1] == value
    else:
        inner = kept[0] if isinstance(kept[0], dict) else {}
        assert {str(k): v for k, v in kept[1].items()} == {**inner, keys[1]: value}


@given(st.text(st.sampled_from("abc: #-{}[]\"'|>&*!%@?,\n\t\r\u2028~environmtyp_s"), max_size=60), TEXTS)
def test_no_content_makes_an_edit_lose_or_invent_anything(content: str, value: str) -> None:
    found = set_value(content.encode(), BASE, value)
    if isinstance(found, Edited):
        source = Source({".mlreef.yaml": Entry(".mlreef.yaml", "file")}, {".mlreef.yaml": found.content})
        assert read_settings_file(source)[0].environment == value


def test_a_module_with_roles_of_its_own_gets_no_further_one() -> None:
    content = b"entry_points: {train: train.py, infer: infer.py}\n"
    source = Source(
        {path: Entry(path, "file") for path in (".mlreef.yaml", "new.py")}, {".mlreef.yaml": content}
    )
    refused = edit_entry_point(content, "new.py", source)
    assert isinstance(refused, CannotEdit)
    assert refused.why == "`.mlreef.yaml` gives entry points of its own names: `train`, `infer`."
    assert isinstance(edit_entry_point(None, "new.py", tree("new.py")), Edited)
