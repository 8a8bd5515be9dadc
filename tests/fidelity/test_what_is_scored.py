"""Beyond the plain fields: order, exclusion, printed help, conditions, faults; and what each miss is put down to."""

from dataclasses import replace
from typing import Any

from fidelity.compare import Outcome, Score, compare
from fidelity.obstacles import SILENT, kind_of, of_missed, of_unknown
from fidelity.readers import Reading, faults
from fidelity.truth import Truth, together
from parser.problems import problem as catalogued


def held(flag: str, **fields: Any) -> dict[str, Any]:
    """One argument as the hook writes it down."""
    plain: dict[str, Any] = {
        "flags": [flag],
        "dest": flag.strip("-"),
        "type": "str",
        "default": None,
        "default_given": None,
        "required": False,
        "choices": None,
        "nargs": None,
        "action": "store",
        "const": None,
        "metavar": None,
        "help": None,
        "help_printed": None,
        "group": None,
        "mutex": None,
        "subcommand": [],
    }
    return {**plain, **fields}


def truth_of(*arguments: dict[str, Any]) -> Truth:
    run = {"records": [{"parameters": list(arguments)}], "end": "parsed", "broken": [], "absent": []}
    return together(run, run)


def told(flag: str, **fields: Any) -> dict[str, Any]:
    """One parameter as `describe` prints it."""
    plain = {**held(flag), "name": flag.strip("-"), "excludes": [], "printed_help": None, "unknown": []}
    return {**plain, "condition": None, "deprecated": False, **fields}


def wrong(outcome: Outcome) -> set[tuple[str, str]]:
    return {(one.parameter, one.field) for one in outcome.wrong}


def test_an_argument_out_of_its_place_is_wrong_in_its_order_alone() -> None:
    truth = truth_of(held("--a"), held("--b"), held("--c"))
    outcome = compare(truth, [told("--a"), told("--c"), told("--b")])
    assert [field for _, field in wrong(outcome)] == ["order"]
    assert outcome.score.right["order"] == 2


def test_arguments_that_exclude_each_other_are_compared_by_which_they_are() -> None:
    truth = truth_of(held("--a", mutex=0), held("--b", mutex=0), held("--c", mutex=1), held("--d"))
    right = [told("--a", excludes=["b"]), told("--b", excludes=["a"]), told("--c"), told("--d")]
    assert wrong(compare(truth, right)) == set()
    assert wrong(compare(truth, [*right[:2], told("--c", excludes=["d"]), right[3]])) == {("--c", "excludes")}


def test_what_excludes_a_missed_argument_is_not_scored_again() -> None:
    truth = truth_of(held("--a", mutex=0), held("--b", mutex=0))
    outcome = compare(truth, [told("--a")])
    assert outcome.missed == ("--b",)
    assert wrong(outcome) == set()


def test_help_is_compared_as_it_is_printed_too() -> None:
    truth = truth_of(held("--a", default=3, help="x (%(default)s)", help_printed="x (3)"))
    read = told("--a", default=3, help="x (%(default)s)", printed_help="x (None)")
    assert wrong(compare(truth, [read])) == {("--a", "printed_help")}


def test_a_conditional_parameter_that_is_not_there_counts_neither_way_but_is_shown() -> None:
    outcome = compare(truth_of(held("--a")), [told("--a"), told("--b", condition="x > 1")])
    assert outcome.invented == ()
    assert outcome.score.precision == 1
    assert outcome.score.strict_precision == 0.5


def test_a_reader_that_says_it_is_at_fault_has_crashed() -> None:
    stumbled = catalogued(
        "file-unfollowed", None, file="run.py", why="the reader itself is at fault (KeyError)"
    )
    too_long = catalogued("file-unfollowed", None, file="run.py", why="it takes more than 9 steps")
    assert faults([{"message": stumbled.message}, {"message": too_long.message}]) == [stumbled.message]
    assert compare(truth_of(held("--a")), None).score.crashes == 1


def problem(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


LOOP = problem(
    "argument-not-followed", "This argument could not be read: its flag changes with `for x in y`."
)
READING = Reading([], (problem("no-requirements", "-"), LOOP))


def test_a_missed_argument_is_put_down_to_what_the_reading_names() -> None:
    outcome = Outcome(Score(), missed=("--a", "--b"))
    costs = of_missed([("one", outcome, READING), ("two", outcome, READING)])
    assert [(one.code, one.kind, one.scripts, one.count) for one in costs] == [
        ("argument-not-followed", "a loop over what is not known", 2, 4)
    ]


def test_a_miss_without_a_word_is_named_as_such() -> None:
    outcome = Outcome(Score(), missed=("--a",))
    silent = of_missed([("one", outcome, replace(READING, problems=()))])
    assert [one.kind for one in silent] == [SILENT]


def test_an_unknown_field_is_put_down_to_its_reason() -> None:
    message = "The default of 'a' is not known without running the script: `X` is read from the environment."
    truth = truth_of(held("--a", default="/x"))
    outcome = compare(truth, [told("--a", unknown=["default"])])
    costs = of_unknown([("one", outcome, Reading([], (problem("value-not-static", message),)))])
    assert [(one.code, one.kind, one.count) for one in costs] == [("default", "the environment", 1)]


def test_reasons_are_sorted_without_what_is_different_in_each_script() -> None:
    assert kind_of("`a()` is computed by a()") == kind_of("`b()` is computed by b.c()")


def test_positionals_of_one_name_are_told_apart() -> None:
    unnamed = {"flags": [], "dest": "x"}
    truth = truth_of(held("x", **unnamed), held("--a"), held("x", **unnamed, nargs="?"))
    read = [told("x", **unnamed), told("--a"), told("x", **unnamed, nargs="?")]
    outcome = compare(truth, read)
    assert (outcome.score.found, outcome.missed, outcome.invented, outcome.wrong) == (3, (), (), ())
