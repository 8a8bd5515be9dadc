"""Environments: their form in mlreef.yml, which is short and comes back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from values import ENVIRONMENT

from bot.domain.environments import PLATFORMS, Environment, environment_to_data, read_environment

words = st.text(max_size=20)
environments = st.builds(
    Environment,
    name=words,
    title=words,
    image=words,
    python=st.sampled_from(["3.9", "3.12"]),
    env=st.dictionaries(words, words, max_size=3),
    asked=st.booleans(),
    executable=st.sampled_from(["", "/usr/bin/python3", "/opt/conda/bin/python3.11"]),
    platforms=st.lists(st.sampled_from(PLATFORMS), min_size=1, unique=True).map(tuple),
    wheel_platform=st.sampled_from(["manylinux_2_28", "manylinux_2_17", "musllinux_1_2"]),
    gpu=st.booleans(),
    cuda=st.sampled_from([None, "11.8", "12.4"]),
    bytecode=st.booleans(),
    wish=words,
)


def _as_yaml_gives_it(data: dict[str, object]) -> dict[str, object]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(environments)
def test_an_environment_comes_back_as_it_was_written(environment: Environment) -> None:
    assert read_environment(_as_yaml_gives_it(environment_to_data(environment))) == environment


def test_what_nobody_has_changed_is_not_written() -> None:
    told = replace(ENVIRONMENT, description="For most modules")
    assert list(environment_to_data(told)) == ["name", "title", "image", "python", "env", "asked"]


def test_python_is_where_its_own_images_have_it_unless_the_operator_says_otherwise() -> None:
    assert ENVIRONMENT.executable == "/usr/local/bin/python3.12"
    assert replace(ENVIRONMENT, executable="/usr/bin/python3").executable == "/usr/bin/python3"


def test_an_image_is_pinned_by_its_digest_alone() -> None:
    assert not ENVIRONMENT.pinned
    assert replace(ENVIRONMENT, image="python@sha256:" + "a" * 64).pinned


@pytest.mark.parametrize(
    "spoilt",
    [
        {"python": "3.12; id"},
        {"executable": "/usr/../bin/python"},
        {"executable": "python"},
        {"wheel_platform": "win_amd64"},
        {"cuda": "new"},
        {"platforms": ["windows/amd64"]},
        {"platforms": []},
        {"env": {"A": 1}},
        {"title": None},
    ],
)
def test_what_no_operator_may_set_is_no_environment(spoilt: dict[str, object]) -> None:
    written = _as_yaml_gives_it(environment_to_data(ENVIRONMENT))
    with pytest.raises(ValueError, match="its "):
        read_environment({**written, **spoilt})
