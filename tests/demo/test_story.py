"""The demo's words: values in, lines out."""

from __future__ import annotations

import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from parser.model import Severity
from sandbox.demo import story
from sandbox.demo.outcome import Ending, Outcome, to_line
from sandbox.demo.terminal import Line, Style, Terminal, harmless

MODULE = {
    "name": "Add Noise",
    "kind": "OPERATION",
    "input_type": "IMAGE",
    "output_type": "IMAGE",
    "entry_points": {"main": "im_add_noise.py"},
    "requirements": {
        "file": "requirements.txt",
        "items": [{"name": "numpy"}, {"name": None, "url": "git+x"}],
    },
    "parameters": [
        {
            "name": "input-path",
            "type": "str",
            "required": True,
            "default": None,
            "choices": None,
            "help": "in",
        },
        {
            "name": "mode",
            "type": "str",
            "required": False,
            "default": "gaussian",
            "choices": ["gaussian", "speckle"],
            "help": "noise\nto add (%(default)s)",
            "printed_help": "noise\nto add (gaussian)",
        },
        {
            "name": "seed",
            "type": None,
            "required": False,
            "default": None,
            "choices": None,
            "unknown": ["default"],
        },
    ],
}


def texts(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def test_the_parameters_are_told_as_a_table() -> None:
    told = texts(story.parsed(MODULE))
    assert "Add Noise: OPERATION, IMAGE → IMAGE, run by im_add_noise.py" in told
    assert "requirements: numpy, git+x (requirements.txt)" in told
    rows = [line for line in told.splitlines() if line.startswith("    ")]
    assert rows[0].split() == ["parameter", "type", "default", "choices", "help"]
    assert rows[2].split() == ["input-path", "str", "required", "in"]
    assert rows[3].endswith("gaussian, speckle  noise to add (gaussian)")
    assert rows[4].split() == ["seed", "computed"]


def test_a_webhook_is_told_by_what_was_answered() -> None:
    assert story.delivery("Push Hook", 202, 0.0042).text == (
        "  ✓ webhook Push Hook: accepted and stored (202) in 4 ms"
    )
    assert "nothing to do" in story.delivery("Note Hook", 200, 0.001).text
    assert story.delivery("Push Hook", 401, 0.001).style is Style.BAD
    assert story.delivery("Push Hook", None, 10.0).style is Style.BAD


def test_each_severity_has_a_mark_of_its_own() -> None:
    found = {"code": "x", "message": "m", "hint": "", "place": None}
    told = [story.problem({**found, "severity": one.value})[0] for one in Severity]
    assert [line.text.split()[0] for line in told] == ["✗", "!", "·"]
    assert len({line.style for line in told}) == 3


def test_a_problem_is_told_with_its_place_and_what_to_do() -> None:
    found = {
        "severity": "error",
        "message": "No parameter is called output-path",
        "hint": "Add one",
        "place": {"file": "a/main.py", "line": 7, "column": 0},
    }
    told = texts(story.problem(found))
    assert "✗ a/main.py:7: No parameter is called output-path" in told
    assert "Add one" in told


def test_of_an_images_build_only_the_steps_are_told() -> None:
    lines = [
        "#9 [ 5/11] RUN pip install .",
        "#9 3.274 Processing /opt",
        "Step 2/11 : ARG BASE",
        " ---> 08956f",
        "#9 DONE",
    ]
    assert [story.build_step(line) for line in lines] == [True, False, True, False, False]


def test_of_a_long_diff_both_ends_are_told_and_the_rest_counted() -> None:
    told = story.diff("mlreef.yml", "@@ -0,0 +1,5 @@\n+a\n+b\n+c\n+d", longest=3)
    assert [line.text.strip() for line in told] == [
        "mlreef.yml",
        "@@ -0,0 +1,5 @@",
        "… 2 lines …",
        "+c",
        "+d",
    ]
    assert told[3].style is Style.GOOD


@given(st.lists(st.sampled_from(["+a", "-b", " c"])), st.integers(min_value=1, max_value=9))
def test_a_diff_never_tells_more_lines_than_it_may(lines: list[str], longest: int) -> None:
    told = story.diff("mlreef.yml", "\n".join(lines), longest=longest)
    assert len(told) <= longest + 2
    if len(lines) <= longest:
        assert [line.text[4:] for line in told[1:]] == lines


def test_the_outcome_is_one_line_with_the_contracts_keys() -> None:
    line = to_line(
        Outcome(Ending.REFUSED, problems=({"code": "x", "message": "ü\nz"},), seconds={"total": 1.23456})
    )
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {
        "outcome": "refused",
        "image": None,
        "version": None,
        "statuses": [],
        "notes": [],
        "seconds": {"total": 1.23},
        "problems": [{"code": "x", "message": "ü\nz"}],
    }


def test_a_comment_is_told_as_a_browser_shows_it() -> None:
    told = story.note(
        "merge request !1", "mlreef-bot", "<!-- marker -->\n**Not** published: a\\_b\\.\u2060txt\n\n`c\\d`"
    )
    assert [line.text.strip() for line in told] == [
        "mlreef-bot on merge request !1:",
        "┃ **Not** published: a_b.txt",
        "┃",
        "┃ `c\\d`",
    ]


def test_colours_are_for_terminals_only() -> None:
    out = io.StringIO()
    Terminal(out).tell(Line("well", Style.GOOD), "plain")
    assert out.getvalue() == "well\nplain\n"


@given(st.text())
def test_nothing_that_others_wrote_can_steer_the_terminal(text: str) -> None:
    shown = harmless(text + "\x1b[2J\x1b]0;title\x07\r\x9b31m\u202e")
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for sign in shown)


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"])))
def test_ordinary_words_are_told_as_they_are(text: str) -> None:
    assert harmless(text) == text


@given(st.text(), st.text(), st.text())
def test_every_line_of_the_story_is_one_line(name: str, text: str, body: str) -> None:
    lines = [
        story.job_line(name, text),
        story.status(name, text, body),
        *story.note(name, text, body),
        *story.diff(name, body),
        *story.problem({"severity": "error", "message": text, "hint": body, "place": None}),
    ]
    assert not [line for line in lines if len(line.text.splitlines()) > 1]


def test_what_a_comment_folds_is_folded_in_the_story() -> None:
    inner = "<details><summary>All 3 parameters</summary>\n\n| a |\n|---|\n| b |\n\n</details>"
    outer = f"<details><summary>What I said before</summary>\n\nMore.\n\n{inner}\n\nStill more.\n\n</details>"
    told = shown(story.note("merge request !1", "mlreef-bot", f"Seen.\n\n{inner}\n\n{outer}\n\nBye."))
    assert [line for line in told if line.strip(" ┃")][1:] == [
        "    ┃ Seen.",
        "    ┃ ▸ All 3 parameters",
        "    ┃ ▸ What I said before",
        "    ┃ Bye.",
    ]


def test_of_an_edited_comment_the_new_lines_are_told() -> None:
    told = shown(
        story.edited("merge request !1", "mlreef-bot", "Two things.\n\nSame.", "One thing.\n\nSame.")
    )
    assert told == ["  mlreef-bot edits its note on merge request !1:", "    ┃ One thing."]


def shown(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]
