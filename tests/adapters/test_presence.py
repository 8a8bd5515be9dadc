"""A worker's place among the others: taken by one, given back as often as anybody likes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.adapters.presence import open_presence
from bot.errors import OperatorError, TryAgain


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/bot-jobs.db"


def test_a_place_that_is_given_back_twice_or_was_never_taken_is_free(url: str) -> None:
    first, second = open_presence(url), open_presence(url)
    second.give_back()
    first.take()
    first.give_back()
    first.give_back()
    second.take()
    with pytest.raises(OperatorError, match="another worker"):
        first.take()
    second.give_back()


def test_a_job_begun_before_the_place_was_given_back_may_not_write_any_more(url: str) -> None:
    presence = open_presence(url)
    presence.take()
    presence.begin()
    presence.check()
    presence.give_back()
    with pytest.raises(TryAgain):
        presence.check()
