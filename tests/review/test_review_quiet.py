"""How quiet the bot is on merge requests: whose word counts, and what is then still said."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bot.config import Config
from bot.config_advice import advise
from bot.config_file import ConfigError, load_config
from bot.domain.manner import Notes, begins_note, needs_target, plan_notes
from parser.model import QUIETS, Quiet
from parser.settings_file import read_settings_file
from parser.source import Entry, Source

NOTES: tuple[Notes, ...] = get_args(Notes)
ENVIRON = {
    "MLREEF_GITLAB__URL": "https://gitlab.example.com/",
    "MLREEF_GITLAB__TOKEN": "glpat-token",
    "MLREEF_WEBHOOK__SECRETS": "a-long-secret",
    "MLREEF_BUILDER__IMAGE": "registry.example.com/mlreef-bot:1",
}


def settings_of(text: str) -> tuple[Quiet, list[str]]:
    entry = Entry(".mlreef.yaml", "file", "1")
    settings, problems = read_settings_file(Source({entry.path: entry}, {entry.path: text.encode()}))
    return settings.quiet, [f"{found.code}: {found.message} {found.hint}" for found in problems]


@pytest.mark.parametrize(
    ("written", "quiet"),
    [
        ("name: Noise", "no"),
        ("quiet: false", "no"),
        ("quiet: no", "no"),
        ("quiet: true", "problems"),
        ("quiet: problems", "problems"),
        ("quiet: Everything", "everything"),
    ],
)
def test_a_repository_says_how_quiet_the_bot_is_to_be(written: str, quiet: Quiet) -> None:
    assert settings_of(written) == (quiet, [])


def test_another_word_is_refused_with_the_one_that_is_meant() -> None:
    quiet, [told] = settings_of("quiet: problem")
    assert (quiet, told.startswith("settings-value:")) == ("no", True)
    assert "Is `problems` meant?" in told
    _, [told] = settings_of("quiet: [1]")
    assert told.startswith("settings-value:")


@pytest.mark.parametrize(("operator", "head", "target"), list(product(NOTES, QUIETS, QUIETS)))
def test_the_stricter_one_counts_and_a_head_alone_silences_nothing(
    operator: Notes, head: Quiet, target: Quiet
) -> None:
    planned = plan_notes(operator, head, target)
    assert NOTES.index(planned) >= NOTES.index(operator)
    if planned != operator:
        assert QUIETS.index(head) >= NOTES.index(planned) <= QUIETS.index(target)
    assert plan_notes(operator, head) == operator
    if not needs_target(operator, head):
        assert planned == operator


def test_notes_begin_for_what_the_mode_is_about() -> None:
    kinds = [(True, True), (True, False), (False, False)]
    assert [[begins_note(mode, worth, problems) for worth, problems in kinds] for mode in NOTES] == [
        [True, True, False],
        [True, False, False],
        [False, False, False],
    ]


def config_of(**review: object) -> Config:
    Path("config.yaml").write_text(yaml.safe_dump({"review": review}))
    return load_config(None, ENVIRON)


@pytest.mark.parametrize(
    ("written", "notes"), [("all", "all"), ("problems", "problems"), ("off", "off"), (False, "off")]
)
def test_the_operator_says_it_too_and_a_bare_off_is_understood(
    written: object, notes: Notes, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("config"))
    assert config_of(notes=written).review.notes == notes


@pytest.mark.parametrize(
    ("review", "advised"),
    [
        ({}, False),
        ({"may_block": True}, False),
        ({"may_block": True, "notes": "problems"}, False),
        ({"may_block": True, "notes": "off"}, True),
        ({"may_block": True, "max_discussions": 0}, True),
        ({"may_block": True, "enabled": False}, True),
        ({"enabled": False, "notes": "off"}, False),
    ],
)
def test_a_setting_that_has_no_effect_is_pointed_out(
    review: dict[str, object],
    advised: bool,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("config"))
    assert ("review.may_block" in [fault.where for fault in advise(config_of(**review))]) is advised


def test_what_the_operator_cannot_mean_is_told_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("config"))
    with pytest.raises(ConfigError) as refusal:
        config_of(notes="loud", max_discussions=101)
    assert [fault.where for fault in refusal.value.faults] == ["review.notes", "review.max_discussions"]
