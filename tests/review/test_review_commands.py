"""Which first lines of comments are commands, and which are talk: nothing but the exact words is ever a command."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import replies
from bot.domain.codes import near_codes, read_code
from bot.domain.commands import (
    ARGUMENTS,
    MAX_ARGUMENT,
    Command,
    Misused,
    Name,
    Unknown,
    read_command,
    usage,
)
from bot.domain.gitlab import DEVELOPER, EVERYBODY
from bot.domain.jobs import Answer
from bot.domain.payloads import read_event
from bot.domain.plan import State
from bot.domain.routing import Rules, route
from bot.domain.standing import Standing, standing_reply, state_words
from parser.examples import EXAMPLES

BOT = "mlreef-bot"
RULES = Rules((), ())
ALONE = [name for name in Name if name not in ARGUMENTS]
PIECES = (
    "/mlreef",
    "/MLreef",
    "@mlreef-bot",
    " ",
    "\t",
    "\n",
    "\r",
    "publish",
    "help",
    "> ",
    "`",
    "```",
    "x",
    ":",
)
NEARLY = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)


def note(body: str, target: str = "MergeRequest", **about: object) -> dict[str, object]:
    """A Note Hook of a person's new comment on merge request 3."""
    return {
        "object_kind": "note",
        "project": {"id": 42},
        "object_attributes": {
            "id": 7,
            "note": body,
            "noteable_type": target,
            "action": "create",
            "author_id": 5,
            "system": False,
            **about,
        },
        "merge_request": {"iid": 3},
        "issue": {"iid": 4},
    }


def is_answered(body: str, target: str = "MergeRequest", **about: object) -> bool:
    """Whether a comment leads to a job that does something."""
    job = route(read_event(note(body, target, **about)), RULES, 99, BOT)
    return isinstance(job, Answer) and read_command(job.line, BOT) is not None


@pytest.mark.parametrize("name", Name)
def test_every_command_is_read_as_help_writes_it(name: Name) -> None:
    argument = {"CODE": "no-input", "VERSION": "1.2.0", "FILE": "a b/train.py", "NAME": "cuda 12"}
    given_name = argument.get(ARGUMENTS.get(name, ""), "")
    line = f"/mlreef {name} {given_name}".strip()
    assert read_command(line, BOT) == Command(name, given_name)
    assert read_command(f"@{BOT} {name} {given_name}", BOT) == Command(name, given_name)
    assert read_command(f"@{BOT} {line}", BOT) == Command(name, given_name)
    assert read_command(f"/MLReef  {name.upper()}  {given_name} ", BOT) == Command(name, given_name)
    assert is_answered(line)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/mlreef", Command(Name.HELP)),
        ("/mlreef entrypoint `train.py`", Command(Name.ENTRYPOINT, "train.py")),
        ('/mlreef environment "cuda"', Command(Name.ENVIRONMENT, "cuda")),
        ("@mlreef-bot: status", Command(Name.STATUS)),
        ("@MLReef-Bot, /mlreef status", Command(Name.STATUS)),
        ("/mlreef init", Command(Name.INIT)),
        ("/mlreef init Argparse", Command(Name.INIT, "argparse")),
        ("/mlreef init flask", Misused(Name.INIT, "flask")),
        ("/mlreef publish master-3", Misused(Name.PUBLISH, "master-3")),
        ("/mlreef unpublish", Misused(Name.UNPUBLISH, "")),
        ("/mlreef unpublish 3 4", Misused(Name.UNPUBLISH, "3 4")),
        (f"/mlreef explain {'x' * (MAX_ARGUMENT + 1)}", Misused(Name.EXPLAIN, "x" * (MAX_ARGUMENT + 1))),
        ("/mlreef pubish", Unknown("pubish", Name.PUBLISH)),
        ("/mlreef rebuild", Unknown("rebuild", Name.RETRY)),
        ("/mlreef Deploy now", Unknown("Deploy", Name.PUBLISH)),
        ("/mlreef xyzzy", Unknown("xyzzy", None)),
    ],
)
def test_what_is_nearly_a_command_is_understood_or_answered_with_how_to_write_it(
    line: str, command: Command | Misused | Unknown
) -> None:
    assert read_command(line, BOT) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Please /mlreef publish",
        " /mlreef publish",
        "    /mlreef publish",
        "\t/mlreef publish",
        "> /mlreef publish",
        "- /mlreef publish",
        "`/mlreef publish`",
        "```\n/mlreef publish\n```",
        "~~~\n/mlreef publish\n~~~",
        "\n/mlreef publish",
        "Done.\n/mlreef publish",
        "Done.\r/mlreef publish",
        "\u200b/mlreef publish",
        "\ufeff/mlreef publish",
        "/\u200bmlreef publish",
        "/mlreefpublish",
        "/mlreef-publish",
        "//mlreef publish",
        "\\/mlreef publish",
        "<!-- x --> /mlreef publish",
        "/mlreef\u00a0publish",
        "@mlreef-bot thanks, that was quick!",
        "@mlreef-bot check this out please",
        "@mlreef-bot",
        "@mlreef-bot-2 publish",
        "@somebody publish",
        "mlreef publish",
        "/mlreef help" + " " * 500,
    ],
)
def test_talk_quotes_code_and_what_only_looks_like_a_command_are_none(body: str) -> None:
    assert not is_answered(body)
    assert not is_answered(body, "Commit", commit_id="7c3d" * 10)


@given(st.text() | NEARLY)
@example("/mlreef publish")
@example("/MLREEF")
def test_no_other_text_is_ever_a_command(text: str) -> None:
    first = re.split(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", text)[0].replace("\t", " ")
    written = re.match(r"(?i:/mlreef)( |$)|(?i:@mlreef-bot)[:,]* ", first)
    if is_answered(text):
        assert written is not None
    assert not is_answered(f"x{text}")
    assert not is_answered(f"> {text}")
    assert not is_answered(f"```\n{text}")
    assert not is_answered(f"    {text}")


@given(st.text(), st.sampled_from(ALONE))
def test_what_follows_the_first_line_changes_nothing(text: str, name: Name) -> None:
    event = read_event(note(f"/mlreef {name}\n{text}"))
    job = route(event, RULES, 99, BOT)
    assert isinstance(job, Answer)
    assert read_command(job.line, BOT) == Command(name)


@given(st.text(min_size=1))
def test_no_line_makes_reading_fail_and_every_answer_can_be_written(text: str) -> None:
    found = read_command(f"/mlreef {text}", BOT)
    assert found is not None
    if isinstance(found, Unknown):
        assert "I know no command" in replies.unknown_reply(found)
    if isinstance(found, Misused):
        assert usage(found.name) in replies.misused_reply(found)


@pytest.mark.parametrize(
    "about",
    [
        {"action": "update"},
        {"system": True},
        {"internal": True},
        {"author_id": 99},
        {"author_id": None},
        {"id": None},
        {"noteable_type": "Snippet"},
        {"action": None, "created_at": "1", "updated_at": "2"},
    ],
)
def test_edited_internal_own_and_unreadable_comments_ask_for_nothing(about: dict[str, object]) -> None:
    assert is_answered("/mlreef publish")
    assert not is_answered("/mlreef publish", **about)


def test_on_issues_only_who_mentions_the_bot_is_answered() -> None:
    assert not is_answered("/mlreef status", "Issue")
    assert not is_answered("@mlreef-bot2 /mlreef status", "Issue")
    assert is_answered("/mlreef status\n\n@mlreef-bot, how is it?", "Issue")
    assert is_answered("@MLReef-bot status", "Issue")


def test_who_may_what() -> None:
    levels = {name: Command(name).level for name in Name}
    assert {name for name, level in levels.items() if level == EVERYBODY} == {
        Name.HELP,
        Name.STATUS,
        Name.EXPLAIN,
    }
    assert set(levels.values()) == {EVERYBODY, DEVELOPER}


def test_help_lists_every_command_and_who_may() -> None:
    said = replies.help_reply("https://docs.example.com")
    for name in Name:
        assert f"`{usage(name)}`" in said
    assert (
        "| `/mlreef unpublish VERSION` | Maintainers and above, and Developers for what they pushed |" in said
    )
    assert "| `/mlreef status` | everybody |" in said
    assert "https://docs.example.com" in said


@pytest.mark.parametrize("code", sorted(EXAMPLES)[::7])
def test_explain_says_what_a_problem_means_with_its_example(code: str) -> None:
    said = replies.explain_reply(code.upper())
    assert said.startswith(f"**{code}** (")
    assert (EXAMPLES[code].text.strip() == "") or "For example, in" in said


def test_explain_of_a_code_that_there_is_not_offers_those_like_it() -> None:
    assert read_code("no-such-thing-at-all") is None
    known = sorted(EXAMPLES)[0]
    assert known in near_codes(known[:-1])
    assert f"`{known}`" in replies.explain_reply(known[:-1])


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("published", "nothing has failed; it is published."),
        ("running", "nothing has failed; it is being built."),
        ("failed", "`/mlreef publish` publishes it now."),
        ("", "`/mlreef publish` publishes it now."),
    ],
)
def test_where_nothing_can_run_again_it_is_said_what_can_be_done(state: str, told: str) -> None:
    assert replies.nothing_failed_reply("master", state).endswith(told)


def test_what_is_missing_behind_a_command_is_named() -> None:
    said = replies.misused_reply(Misused(Name.UNPUBLISH, ""))
    assert (
        said == "That was not done: `VERSION` is missing. Write `/mlreef unpublish VERSION` in a new comment."
    )


def test_the_standing_is_one_small_table() -> None:
    nothing = standing_reply(Standing("master"))
    assert "| Published now | nothing |" in nothing
    whole = standing_reply(
        Standing(
            "master",
            image="r.example.com/lab/noise",
            digest="sha256:" + "ab" * 32,
            number=3,
            version="1.2.0",
            state="failed",
            sha="7c3d" * 10,
            pipeline_id=31,
            pipeline_url="https://gitlab.example.com/p/-/pipelines/31",
            iid=3,
            checked="1f0e" * 10,
            check="failed",
            check_words="add_noise.py:4: no output (and 2 more)",
        )
    )
    assert "| Published now | version `1.2.0` as `r.example.com/lab/noise` (`sha256:abababababab`) |" in whole
    assert "| Newest publication | `7c3d7c3d` failed, [pipeline 31]" in whole
    assert "| Check | `1f0e1f0e` is not good. `add_noise.py:4:` no output (and 2 more) |" in whole
    assert len(whole.splitlines()) == 7
    assert "the registry does not tell me" in standing_reply(Standing("master", unread=True))


def test_every_state_of_a_publication_has_words_and_one_of_a_later_version_its_name() -> None:
    assert len({state_words(state) for state in State}) == len(State)
    assert not any("in the state" in state_words(state) for state in State)
    assert "on-hold" in state_words("on-hold")
