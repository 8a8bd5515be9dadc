"""What changed of an interface, and how much that asks of those who use the module."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.interface import Change, Level, compare
from bot.domain.interface_values import KINDS
from parser.model import EntryPoint, Kind, Metric, Module, Parameter, Place


def option(name: str = "mode", **fields: Any) -> Parameter:
    usual = Parameter(
        name, (f"--{name}",), name, "str", None, False, None, None, "store", None, Place("main.py", 3)
    )
    return replace(usual, **fields)


def by_place(name: str, **fields: Any) -> Parameter:
    return option(name, **({"flags": (), "required": True} | fields))


def module(*parameters: Parameter, **fields: Any) -> Module:
    usual = Module(
        *("Add Noise", "add-noise", Kind.OPERATION, "IMAGE", "IMAGE", None, None, None),
        (EntryPoint("main", "main.py"),),
        parameters,
        None,
    )
    return replace(usual, **fields)


def only(before: Module, after: Module) -> Change:
    found = compare(before, after).changes
    assert len(found) == 1, found
    return found[0]


def of_option(before: dict[str, Any], after: dict[str, Any]) -> Change:
    return only(module(option(**before)), module(option(**after)))


@pytest.mark.parametrize(
    ("before", "after", "kind", "level", "words"),
    [
        ({}, {"type": "int"}, "retyped", Level.MAJOR, ("str", "int")),
        ({"default": "a"}, {"default": "b"}, "default", Level.MINOR, ("a", "b")),
        ({"default": 1}, {"default": True}, "default", Level.MINOR, ("1", "true")),
        ({"default": None}, {"default": ""}, "default", Level.MINOR, ("none", '""')),
        ({}, {"required": True}, "required", Level.MAJOR, ("optional", "required")),
        ({"required": True}, {}, "optional", Level.MINOR, ("required", "optional")),
        ({"choices": ("a", "b")}, {"choices": ("a",)}, "narrowed", Level.MAJOR, ("a, b", "a")),
        ({"choices": ("a",)}, {"choices": ("a", "b")}, "widened", Level.MINOR, ("a", "a, b")),
        ({"choices": ("a", "b")}, {"choices": ("c", "b")}, "narrowed", Level.MAJOR, ("a, b", "b, c")),
        ({}, {"choices": ("a",)}, "narrowed", Level.MAJOR, ("any", "a")),
        ({"choices": ("a",)}, {}, "widened", Level.MINOR, ("a", "any")),
        ({}, {"nargs": "+"}, "widened", Level.MINOR, ("one value", "1 or more values")),
        ({"nargs": "*"}, {"nargs": "+"}, "narrowed", Level.MAJOR, ("0 or more values", "1 or more values")),
        ({"nargs": 2}, {"nargs": 3}, "narrowed", Level.MAJOR, ("2 values", "3 values")),
        ({"nargs": "?"}, {"nargs": None}, "narrowed", Level.MAJOR, ("0 to 1 values", "one value")),
        ({}, {"flags": ("-m", "--mode")}, "flags", Level.MINOR, ("--mode", "--mode, -m")),
        ({"flags": ("-m", "--mode")}, {}, "flags", Level.MAJOR, ("--mode, -m", "--mode")),
        ({}, {"action": "append"}, "action", Level.MINOR, ("store", "append")),
        ({"action": "append"}, {}, "action", Level.MAJOR, ("append", "store")),
        ({"action": "store_true"}, {}, "action", Level.MAJOR, ("store_true", "store")),
        ({}, {"action": "store_true"}, "action", Level.MAJOR, ("store", "store_true")),
        ({}, {"deprecated": True}, "deprecated", Level.MINOR, ("in use", "deprecated")),
        ({}, {"condition": "FAST"}, "narrowed", Level.MAJOR, ("always", "FAST")),
        ({"condition": "FAST"}, {}, "widened", Level.MINOR, ("FAST", "always")),
        ({"condition": "FAST"}, {"condition": "SLOW"}, "unknown", Level.MAJOR, ("FAST", "SLOW")),
        ({"nargs": "?", "const": "a"}, {"nargs": "?", "const": "b"}, "default", Level.MINOR, ("a", "b")),
    ],
)
def test_each_change_of_a_parameter_has_its_kind_and_level(
    before: dict[str, Any], after: dict[str, Any], kind: str, level: Level, words: tuple[str, str]
) -> None:
    found = of_option(before, after)
    assert (found.kind, found.level, (found.before, found.after)) == (kind, level, words)
    assert found.parameter == "--mode"
    assert found.place == Place("main.py", 3)


@pytest.mark.parametrize(
    "after",
    [
        {"help": "Say more"},
        {"place": Place("other.py", 9)},
        {"group": "Ways"},
        {"metavar": "M"},
        {"dest": "way"},
        {"choices": ("b", "a")},
        {"nargs": 1},
    ],
)
def test_what_only_tells_people_something_is_no_change(after: dict[str, Any]) -> None:
    before: dict[str, Any] = {"choices": ("a", "b")}
    assert compare(module(option(**before)), module(option(**(before | after)))).changes == ()


def test_a_new_optional_parameter_asks_nothing_of_anybody() -> None:
    found = only(module(), module(option("seed", type="int", default=3)))
    assert (found.kind, found.parameter, found.after) == ("added", "--seed", "int, default 3")
    assert (found.before, found.level, found.consequence) == ("", Level.MINOR, "Nobody has to give it.")


def test_a_new_required_parameter_breaks_every_use() -> None:
    assert only(module(), module(option("seed", required=True))).level is Level.MAJOR


def test_one_more_way_of_a_choice_that_had_to_be_made_already_breaks_nobody() -> None:
    here = option("mode", one_required=True)
    both = (replace(here, excludes=("way",)), option("way", one_required=True, excludes=("mode",)))
    found = only(module(here), module(*both))
    assert (found.kind, found.parameter, found.level) == ("added", "--way", Level.MINOR)
    assert {one.level for one in compare(module(), module(*both)).changes} == {Level.MAJOR}


def test_a_removed_parameter_breaks_whoever_gives_it() -> None:
    found = only(module(option()), module())
    assert (found.kind, found.level, found.place, found.after) == ("removed", Level.MAJOR, None, "")


def test_a_parameter_with_the_same_help_and_ways_is_renamed() -> None:
    before, after = option("mode", help="How it is done"), option("way", help="How it is done")
    found = only(module(before), module(after))
    assert (found.kind, found.before, found.after, found.level) == ("renamed", "--mode", "--way", Level.MAJOR)


def test_a_parameter_that_is_kept_under_the_same_destination_is_renamed() -> None:
    assert only(module(option("mode")), module(option("way", dest="mode"))).kind == "renamed"


@pytest.mark.parametrize(
    "after",
    [
        (option("way"),),
        (option("way", help="How it is done"), option("kind", help="How it is done")),
        (option("way", help="How it is done", type="int"),),
        (by_place("way", help="How it is done", required=False),),
        (option("way", help="How it is done", subcommand=("run",)),),
    ],
)
def test_what_is_not_certainly_renamed_is_removed_and_added(after: tuple[Parameter, ...]) -> None:
    found = compare(module(option("mode", help="How it is done")), module(*after)).changes
    assert sorted(one.kind for one in found) == [*["added"] * len(after), "removed"]


def test_another_long_name_beside_the_short_one_is_the_same_parameter() -> None:
    before, after = option("m", flags=("-m",)), option("mode", flags=("-m", "--mode"))
    found = only(module(before), module(after))
    assert (found.kind, found.parameter, found.level) == ("flags", "--mode", Level.MINOR)


def test_a_flag_that_another_parameter_takes_over_is_no_new_name_of_the_first() -> None:
    before = option("mode", flags=("-m", "--mode"))
    after = (option("mode"), option("model", flags=("-m", "--model")))
    assert {(one.kind, one.parameter) for one in compare(module(before), module(*after)).changes} == {
        ("flags", "--mode"),
        ("added", "--model"),
    }


def test_thousands_of_parameters_are_compared_in_a_moment() -> None:
    before = module(*(option(f"a{number}", help=f"Help {number}", nargs=None) for number in range(3000)))
    after = module(*(option(f"b{number}", help=f"Help {number % 1500}", nargs="+") for number in range(3000)))
    begun = time.process_time()
    assert len(compare(before, after).changes) == 6000
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    "shape",
    [
        {"flags": tuple(f"-{number}" for number in range(60))},
        {"one_required": True, "excludes": tuple(f"z{number}" for number in range(60))},
        {"flags": (), "nargs": "?", "required": False},
    ],
    ids=["sharing their flags", "of one group", "given by place"],
)
def test_parameters_made_to_be_compared_with_each_other_take_a_moment(shape: dict[str, Any]) -> None:
    before, after = (
        module(*(option(f"{name}{number}", **shape) for number in range(1500))) for name in ("a", "b")
    )
    begun = time.process_time()
    assert len(compare(before, after).changes) == 3000
    assert time.process_time() - begun < 5


def test_options_that_take_more_are_no_reason_to_look_at_all_the_others_for_each() -> None:
    before, after = (
        module(*(option(f"a{number}", nargs=nargs) for number in range(4000))) for nargs in (None, "+")
    )
    begun = time.process_time()
    assert {one.kind for one in compare(before, after).changes} == {"widened"}
    assert time.process_time() - begun < 5


def test_arguments_by_place_that_change_their_places_break_every_use() -> None:
    found = only(module(by_place("a"), by_place("b")), module(by_place("b"), by_place("a")))
    assert (found.kind, found.before, found.after, found.level) == ("order", "a, b", "b, a", Level.MAJOR)


@pytest.mark.parametrize(("at_the_end", "level"), [(True, Level.MINOR), (False, Level.MAJOR)])
def test_a_new_argument_by_place_is_harmless_only_at_the_end(at_the_end: bool, level: Level) -> None:
    new, old = by_place("b", nargs="?", required=False), by_place("a")
    assert only(module(old), module(*((old, new) if at_the_end else (new, old)))).level is level


def test_the_order_of_options_says_nothing() -> None:
    assert compare(module(option("a"), option("b")), module(option("b"), option("a"))).changes == ()


def test_an_option_that_takes_more_would_eat_what_stands_behind_it() -> None:
    place = by_place("image")
    found = only(module(option(), place), module(option(nargs="+"), place))
    assert (found.kind, found.level) == ("narrowed", Level.MAJOR)


def test_an_option_that_can_be_switched_off_besides_breaks_nobody() -> None:
    before = option("fast", action="store_true", default=False)
    after = replace(before, action="BooleanOptionalAction", flags=("--fast", "--no-fast"))
    found = only(module(before), module(after))
    assert (found.kind, found.level) == ("action", Level.MINOR)
    assert compare(module(after), module(before)).level is Level.MAJOR


def test_what_counted_and_is_a_switch_now_is_told_in_one_row() -> None:
    before = option("verbose", action="count", type="int", default=0)
    after = option("verbose", action="store_true", type="bool", default=False, const=True)
    assert only(module(before), module(after)).kind == "action"
    assert (
        only(module(option("verbose", default="x")), module(after)).consequence
        == "It takes no value any more."
    )


@pytest.mark.parametrize(("before", "after"), [("int", "float"), ("int", "str"), ("Path", "str")])
def test_what_is_still_accepted_under_another_type_is_not_said_to_be_refused(before: str, after: str) -> None:
    found = of_option({"type": before}, {"type": after})
    assert (found.kind, found.level) == ("retyped", Level.MAJOR)
    assert found.consequence.startswith("What was good is still accepted")
    assert "may be refused" in of_option({"type": after}, {"type": before}).consequence


def test_an_option_that_is_given_by_place_now_is_told_once() -> None:
    found = only(module(option()), module(by_place("mode")))
    assert (found.kind, found.level, found.before) == ("form", Level.MAJOR, "--mode")


@pytest.mark.parametrize(
    ("field", "level"),
    [
        *(("type", Level.MAJOR), ("choices", Level.MAJOR), ("required", Level.MAJOR), ("nargs", Level.MAJOR)),
        *(
            ("action", Level.MAJOR),
            ("default", Level.MINOR),
            ("const", Level.MINOR),
            ("excludes", Level.MAJOR),
        ),
    ],
)
@pytest.mark.parametrize("now", [True, False])
def test_what_is_unknown_on_one_side_counts_as_the_worst_it_can_be(
    field: str, level: Level, now: bool
) -> None:
    fields: dict[str, Any] = {field: None, "unknown": (field,)}
    known, unknown = module(option()), module(option(**fields))
    if field == "excludes":
        unknown = module(option(unknown=("excludes",)))
    found = only(*((known, unknown) if now else (unknown, known)))
    assert (found.kind, found.level) == ("unknown", level)
    assert "known only at run time" in found.consequence
    assert "known only at run time" in (found.after if now else found.before)


def test_what_is_unknown_on_both_sides_is_not_guessed_to_have_changed() -> None:
    unknown = module(option(default=None, unknown=("default",)))
    assert compare(unknown, unknown).changes == ()


def test_a_parameter_in_several_forms_is_not_guessed_about() -> None:
    forms = [option(type="int", condition="FAST"), option(condition="not FAST")]
    assert compare(module(*forms), module(*reversed(forms))).changes == ()
    found = only(module(*forms), module(forms[0]))
    assert (found.kind, found.level) == ("unknown", Level.MAJOR)


def test_subcommands_have_parameters_of_their_own() -> None:
    found = only(module(option()), module(option(), option(subcommand=("run", "fast"))))
    assert (found.kind, found.parameter) == ("added", "run fast --mode")


def test_a_partner_that_is_new_or_gone_excludes_nothing_that_was_possible() -> None:
    alone, excluding = option(), option(excludes=("way",))
    way = option("way", excludes=("mode",))
    assert only(module(alone), module(excluding, way)).kind == "added"
    assert only(module(excluding, way), module(alone)).kind == "removed"
    found = compare(module(alone, option("way")), module(excluding, way))
    assert [(one.kind, one.parameter) for one in found.changes] == [
        ("narrowed", "--mode"),
        ("narrowed", "--way"),
    ]


@pytest.mark.parametrize(
    ("after", "kind", "level"),
    [
        ({"input_type": "TABULAR"}, "input_type", Level.MAJOR),
        ({"output_type": "TABULAR"}, "output_type", Level.MAJOR),
        ({"kind": Kind.ALGORITHM}, "kind", Level.MAJOR),
        ({"framework": "click"}, "framework", Level.MAJOR),
        ({"name": "Add More Noise"}, "title", Level.PATCH),
        ({"metrics": (Metric("f1", "truth", None, Place("main.py")),)}, "metric", Level.MINOR),
        (
            {"entry_points": (EntryPoint("main", "main.py"), EntryPoint("train", "t.py"))},
            "entry_point",
            Level.MAJOR,  # a word comes before those that there were
        ),
    ],
)
def test_changes_of_the_whole_module_count_too(after: dict[str, Any], kind: str, level: Level) -> None:
    found = only(module(), module(**after))
    assert (found.kind, found.level, found.parameter if kind not in ("metric", "entry_point") else "") == (
        *(kind, level),
        "",
    )


def test_requirements_descriptions_and_moved_scripts_are_no_change_of_the_interface() -> None:
    after = module(description="More", author="Me", entry_points=(EntryPoint("main", "src/main.py"),))
    assert compare(module(), after).changes == ()


FEW = 60
"""Examples of each property of two modules: drawing one takes as long as comparing some hundred."""

_VALUES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]) | st.floats(0, 1)
_UNKNOWN = ("type", "default", "required", "choices", "nargs", "action", "const", "dest", "excludes")


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    name = draw(st.sampled_from("abcdef"))
    place = draw(st.booleans()) and draw(st.booleans())
    flags = (
        () if place else tuple(draw(st.lists(st.sampled_from([f"--{name}", f"-{name}", "-x"]), min_size=1)))
    )
    return Parameter(
        name=name,
        flags=flags,
        dest=draw(st.sampled_from("abc")),
        type=draw(st.sampled_from(["str", "int", None])),
        default=draw(_VALUES),
        required=draw(st.sampled_from([True, False, None])),
        choices=draw(st.none() | st.lists(_VALUES, max_size=3).map(tuple)),
        nargs=draw(st.sampled_from([None, "?", "*", "+", 1, 2, "..."])),
        action=draw(st.sampled_from(["store", "append", "store_true", "BooleanOptionalAction", "Own", None])),
        help=draw(st.sampled_from([None, "One", "Two"])),
        place=Place("main.py", draw(st.integers(1, 99))),
        subcommand=draw(st.sampled_from([(), (), ("run",)])),
        unknown=tuple(draw(st.lists(st.sampled_from(_UNKNOWN), max_size=2, unique=True))),
        condition=draw(st.sampled_from([None, None, "FAST"])),
        const=draw(_VALUES),
        excludes=draw(st.sampled_from([(), ("a",), ("b", "c")])),
        one_required=draw(st.booleans()),
        deprecated=draw(st.booleans()),
    )


_LISTS = st.lists(parameters(), max_size=6)
_MODULES = _LISTS.map(lambda made: module(*made))


@given(_MODULES)
def test_a_module_is_the_same_as_itself(made: Module) -> None:
    assert compare(made, made) == compare(module(), module())
    assert compare(made, made).level is Level.NONE


@settings(max_examples=FEW)
@given(_MODULES, _MODULES)
def test_the_level_of_the_whole_is_that_of_its_greatest_change(before: Module, after: Module) -> None:
    found = compare(before, after)
    assert found.level == max((one.level for one in found.changes), default=Level.NONE)
    assert all(one.kind in KINDS and one.level > Level.NONE and one.consequence for one in found.changes)
    assert [one.level for one in found.changes] == sorted((one.level for one in found.changes), reverse=True)


@settings(max_examples=FEW)
@given(_MODULES, _MODULES)
def test_what_is_added_one_way_is_removed_the_other_way(one: Module, other: Module) -> None:
    there, back = compare(one, other).changes, compare(other, one).changes

    def of(kind: str, changes: tuple[Change, ...]) -> list[str]:
        return sorted(change.parameter for change in changes if change.kind == kind)

    assert of("added", there) == of("removed", back)
    assert of("removed", there) == of("added", back)
    forth = sorted((change.before, change.after) for change in there if change.kind == "renamed")
    assert forth == sorted((change.after, change.before) for change in back if change.kind == "renamed")


@settings(max_examples=FEW)
@given(_LISTS, _LISTS, st.randoms(use_true_random=False))
def test_the_order_of_options_never_matters(
    before: list[Parameter], after: list[Parameter], chance: Random
) -> None:
    def mixed(made: list[Parameter]) -> Module:
        options = [one for one in made if one.flags]
        chance.shuffle(options)
        return module(*(options.pop() if one.flags else one for one in made))

    def said(found: Module, other: Module) -> list[tuple[str, ...]]:
        return [(c.kind, c.parameter, c.before, c.after, c.level.name) for c in compare(found, other).changes]

    assert said(mixed(before), mixed(after)) == said(module(*before), module(*after))


@settings(max_examples=FEW)
@given(_LISTS, parameters())
def test_a_parameter_that_cannot_be_known_never_makes_a_change_smaller(
    before: list[Parameter], changed: Parameter
) -> None:
    """Whatever an unknown default, type or choice turns out to be, the level that was said covers it."""
    known = replace(changed, unknown=(), name="z", flags=("--z",), dest="z")
    was = replace(known, default="other", type="float", choices=("q",), required=True)
    hidden = replace(known, default=None, type=None, choices=None, required=None)
    hidden = replace(hidden, unknown=("default", "type", "choices", "required"))
    others = [one for one in before if "-x" not in one.flags]
    told, real = (compare(module(*others, was), module(*others, one)).level for one in (hidden, known))
    assert told >= real
