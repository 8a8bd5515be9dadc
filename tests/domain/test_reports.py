"""The words an author reads are complete. That they are harmless is shown in test_harmless.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import published_words, reports
from bot.domain.gitlab import Pipeline
from bot.domain.usage import usage
from tests.domain.gitlab_rules import assert_harmless
from tests.domain.values import HEAD, module, parameter, problem

PIPELINE = Pipeline(31, HEAD, "master", "failed", "push", "https://gitlab.example.com/g/p/-/pipelines/31")
PUBLISHED = published_words.Published(
    "registry.example.com/group/add-noise", f"sha256:{'d' * 64}", 3, ("master-3", "latest")
)


def test_a_refusal_says_where_what_and_what_to_do() -> None:
    body = reports.refused_note(HEAD, (problem("There is no `--input-path`.", line=4),))
    assert "`main.py:4`" in body
    assert "`--input-path`" in body
    assert "Mend it" in body
    assert "One thing stands in the way" in body


def test_many_problems_are_shown_up_to_a_limit_and_the_rest_is_counted() -> None:
    many = tuple(problem(f"Number {n}", line=n) for n in range(1, 81))
    body = reports.refused_note(HEAD, many)
    assert "Number 50" in body
    assert "Number 51" not in body
    assert "30 more" in body


def test_a_publication_names_the_image_by_digest_and_how_to_run_it() -> None:
    body = published_words.published_note(module(), (), PUBLISHED, PIPELINE)
    image = f"registry.example.com/group/add-noise@sha256:{'d' * 64}"
    assert f"docker run --rm \\\n  {image} --help" in body
    assert "is published as `master-3`" in body
    assert "`master-3`, `latest`" in body
    assert "2 parameters" in body


def test_a_parameters_help_is_told_as_the_script_prints_it() -> None:
    one = parameter("width", help="pixels (%(default)s)", printed_help="pixels (64)")
    body = published_words.published_note(module(one), (), PUBLISHED, PIPELINE)
    assert "pixels (64)" in body
    assert "default)s" not in body


def test_statuses_fit_into_gitlabs_255_characters() -> None:
    long = problem("x" * 400)
    assert len(reports.refused_status((long, long))) <= 255
    assert len(reports.unstarted_status("y" * 400)) <= 255
    assert len(published_words.published_status(PUBLISHED)) <= 255


def test_a_note_says_what_is_known_of_vulnerabilities_and_believes_no_markup_in_it() -> None:
    said = "Known vulnerabilities: 1 of 3 packages affected (high), 0 unknown."
    body = published_words.published_note(module(), (), replace(PUBLISHED, vulnerabilities=said), PIPELINE)
    assert "| Known vulnerabilities | `1 of 3 packages affected (high), 0 unknown.` |" in body
    assert "vulnerabilities" not in published_words.published_note(module(), (), PUBLISHED, PIPELINE)
    foreign = "Known vulnerabilities: none | @all\n/merge <b>"
    assert_harmless(
        published_words.published_note(module(), (), replace(PUBLISHED, vulnerabilities=foreign), PIPELINE)
    )


def test_the_version_is_told_where_there_is_one() -> None:
    known = replace(PUBLISHED, version="1.2.0")
    assert "**`Add Noise` is published as version 1.2.0.**" in published_words.published_note(
        module(), (), known, PIPELINE
    )
    assert published_words.published_status(known).startswith("Published version 1.2.0 as master-3 (sha256:")


def test_what_has_no_version_is_told_by_its_tag_for_a_bare_number_is_a_tag_of_others() -> None:
    body = published_words.published_note(module(), (), replace(PUBLISHED, tags=("stable-1",)), PIPELINE)
    assert "**`Add Noise` is published as `stable-1`.**" in body
    status = published_words.published_status(replace(PUBLISHED, tags=("stable-1",)))
    assert status.startswith("Published stable-1 (sha256:")


def test_how_to_run_it_names_what_must_be_given() -> None:
    made = module(
        parameter("input-path", required=True), parameter("seed"), parameter("file", flags=(), required=True)
    )
    body = published_words.published_note(made, (), PUBLISHED, PIPELINE)
    image = f"registry.example.com/group/add-noise@sha256:{'d' * 64}"
    assert f'-v "$PWD/data:/data" \\\n  {image} \\\n  --input-path INPUT_PATH FILE\n' in body


@pytest.mark.parametrize("name", ["a;reboot", "$(reboot)", "`x`", "a b", "-x", "é", "a" * 100, ""])
def test_no_name_reaches_a_shell_that_reads_more_than_a_name_in_it(name: str) -> None:
    for made in (parameter(name, required=True), parameter(name, flags=(), required=True)):
        assert len(usage(module(made), "image@sha256:0")) == 3
    assert len(usage(module(parameter("ok", required=True, subcommand=("train",))), "image@sha256:0")) == 3
