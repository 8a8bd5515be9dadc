"""Forms for parameters of every type, and what people type into them."""

from __future__ import annotations

from functools import cache

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.access import ANONYMOUS
from bot.domain.component import component_inputs
from bot.domain.input_values import component_values
from bot.domain.snippets import component_snippet
from bot.web.app import create_web
from bot.web.fields import PREFIX
from parser.model import Module
from pictures.catalogue import Nobody, Sample, written
from tests.web.conftest import SETTINGS
from tests.web.forms import Form

PATH = "types/every"
EVERY = r"""
parser.add_argument("place", help="by its place")
parser.add_argument("--count", type=int, default=3)
parser.add_argument("--rate", type=float, default=-1.5e-3)
parser.add_argument("--text", default="it's \"quoted\" <b>$HOME</b>")
parser.add_argument("--pick", choices=["plain", "it's", "\"both\"", "a b", "<i>", "$(id)", "-1"], default="plain")
parser.add_argument("--depth", type=int, choices=[-1, 18, 34], default=18)
parser.add_argument("--step", type=float, choices=[1e-05, 0.5], default=0.5)
parser.add_argument("--names", nargs="+")
parser.add_argument("--pair", nargs=2, type=float)
parser.add_argument("--add", action="append")
parser.add_argument("--quiet", action="store_true")
parser.add_argument("--keep", action="store_false")
parser.add_argument("--cache", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--maybe", nargs="?", const="yes")
parser.add_argument("-v", "--verbose", action="count", default=0)
parser.add_argument("--seed", type=int, default=__import__("random").randrange(9))
group = parser.add_argument_group("Only now and then")
group.add_argument("--rarely", default="never", help="100%% rare")
"""


@cache
def made() -> tuple[FlaskClient, Module]:
    shelf = Sample()
    shelf.add(
        PATH, {"1.0.0": written("Every", "OPERATION", "ANY", "ANY", "Takes everything.", EVERY)}, days=1
    )
    view = shelf.module(PATH, ANONYMOUS)
    assert view is not None
    assert view.shown is not None
    assert view.shown.module is not None
    return create_web(shelf, Nobody(), SETTINGS).test_client(), view.shown.module


@pytest.fixture
def every() -> tuple[FlaskClient, Module]:
    return made()


def filled(client: FlaskClient, values: dict[str, str]) -> Form:
    return Form(
        client.get(
            f"/modules/{PATH}", query_string={PREFIX + name: text for name, text in values.items()}
        ).text
    )


def test_choices_and_switches_are_chosen_all_else_is_typed(every: tuple[FlaskClient, Module]) -> None:
    client, module = every
    form = filled(client, {})
    for one in component_inputs(module):
        chosen = one.type == "boolean" or bool(one.options)
        assert form.controls[one.name].tag == ("select" if chosen else "input"), one.name
    assert form.controls["pick"].options[1:] == ("plain", "it's", '"both"', "a b", "<i>", "$(id)", "-1")
    assert form.controls["depth"].options[1:] == ("-1", "18", "34")
    assert form.controls["quiet"].options[1:] == ("true", "false")


@pytest.mark.parametrize(
    ("name", "typed", "handed"),
    [
        ("count", "-7", -7),
        ("rate", "1e-9", 1e-9),
        (
            "text",
            "'single' \"double\" `tick` $HOME # no: comment",
            "'single' \"double\" `tick` $HOME # no: comment",
        ),
        ("text", "- [a]: {b}", "- [a]: {b}"),
        ("text", "null", "null"),
        ("text", "1.0", "1.0"),
        ("text", " blanks  around ", " blanks  around "),
        ("pick", '"both"', '"both"'),
        ("pick", "$(id)", "$(id)"),
        ("depth", "-1", -1),
        ("step", "1e-05", 1e-05),
        ("names", "'a b' c \"d'e\"", "'a b' c \"d'e\""),
        ("pair", "1 -2.5", "1 -2.5"),
        ("quiet", "true", True),
        ("cache", "false", False),
        ("seed", "4", "4"),
    ],
)
def test_what_is_typed_is_what_the_component_gets(
    every: tuple[FlaskClient, Module], name: str, typed: str, handed: object
) -> None:
    form = filled(every[0], {"place": "x", name: typed})
    assert form.controls[name].value == typed
    assert form.inputs == {"place": "x", name: handed}


def test_words_that_no_shell_could_split_are_refused_at_their_field(
    every: tuple[FlaskClient, Module],
) -> None:
    page = every[0].get(f"/modules/{PATH}", query_string={"p.place": "x", "p.names": "'open"}).text
    assert "<code>&#39;open</code>" in page
    assert page.count('aria-invalid="true"') == 1
    assert "names" not in Form(page).inputs


@given(
    st.dictionaries(
        st.sampled_from(["place", "text", "names", "rarely", "maybe", "job-name", "job-needs"]),
        st.text(min_size=1, max_size=30),
    )
)
@settings(max_examples=60)
def test_whatever_is_typed_the_page_says_what_the_component_says(values: dict[str, str]) -> None:
    client, module = made()
    # a browser sends no half of a character, and ends lines in its own way
    values = {
        name: text.encode("utf-8", "replace").decode().replace("\r\n", "\n") for name, text in values.items()
    }
    form = filled(client, values)
    given_, _ = component_values(module, values)
    wrong = {one.field for one in component_snippet(module, PATH, "1.0.0", values).problems}
    assert form.inputs == {name: one for name, one in given_.items() if name not in wrong}
    for name, text in values.items():
        assert form.controls[name].value == text
