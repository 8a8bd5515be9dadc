"""Size and time to come: only what follows from what is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.current import Current
from bot.domain.prediction import Prediction, predict
from bot.domain.requirement_changes import RequirementChange
from tests.domain import values

CURRENT = Current("r.example.com/p", "sha256:1", 3, None, values.module(), 1000, 20.0, environment="python")
MOVED = RequirementChange("numpy", "moved", "==1", "==2")


def test_code_alone_weighs_what_is_published_weighs() -> None:
    found = predict(CURRENT, (), "python")
    assert (found.size, found.seconds) == (1000, 20.0)
    assert found.why == "As what is published now: only code changes."


def test_packages_in_other_versions_are_said_to_differ() -> None:
    found = predict(CURRENT, (MOVED,), "python")
    assert (found.size, found.seconds) == (1000, 20.0)
    assert "may differ" in found.why


@pytest.mark.parametrize("kind", ["added", "removed"])
def test_nothing_is_foretold_when_packages_come_or_go(kind: str) -> None:
    change = replace(MOVED, kind=kind)
    found = predict(CURRENT, (MOVED, change), "python")
    assert (found.size, found.seconds) == (None, None)


def test_nothing_is_foretold_of_another_environment() -> None:
    found = predict(CURRENT, (), "gpu")
    assert (found.size, found.seconds) == (None, None)
    assert found.why.startswith("The environment changes")


def test_an_environment_that_is_not_known_is_not_said_to_change() -> None:
    assert predict(replace(CURRENT, environment=""), (), "gpu").size == 1000


@pytest.mark.parametrize("current", [None, replace(CURRENT, digest="")])
def test_nothing_is_foretold_where_nothing_is_published(current: Current | None) -> None:
    assert predict(current, (MOVED,), "python") == Prediction(None, None, "Nothing is published to go by.")


def test_what_is_not_known_of_the_image_of_now_is_not_foretold() -> None:
    found = predict(replace(CURRENT, size=None, seconds=None), (), "python")
    assert (found.size, found.seconds) == (None, None)
