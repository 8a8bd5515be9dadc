"""Properties: whatever click or absl accept, they hold what was read; whatever they refuse is told."""

import contextlib
from typing import Any

import click
import pytest
from absl import flags
from hypothesis import given, reject
from hypothesis import strategies as st
from repositories import report

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.sampled_from([0.5, "a", "3", "0.5", "", "many", "true"])
)
LISTS = st.lists(st.integers(0, 3) | st.sampled_from(["a", "b"]), max_size=2)
TYPES = (
    "int",
    "float",
    "str",
    "bool",
    "click.INT",
    "click.Path()",
    "click.Choice(['a', 'b'])",
    "click.IntRange(0, 5)",
)
FLAGS = (
    "'--one'",
    "'-o', '--one'",
    "'--one', 'other'",
    "'--one-two'",
    "'--one/--no-one'",
    "'-o/-O'",
    "'one'",
    "'--o/--o'",
)
WORDS = {
    "text": "str",
    "integer": "int",
    "float": "float",
    "boolean": "bool",
    "choice": "str",
    "path": "Path",
    "integer range": "int",
}


@st.composite
def click_options(draw: st.DrawFn) -> str:
    """The words between the brackets of one `@click.option(…)`."""
    words = [draw(st.sampled_from(FLAGS))]
    if draw(st.booleans()):
        words.append(f"type={draw(st.sampled_from(TYPES))}")
    if draw(st.booleans()):
        words.append(f"default={draw(VALUES | LISTS)!r}")
    for keyword in ("is_flag", "multiple", "count", "required", "hidden"):
        if draw(st.integers(0, 3)) == 0:
            words.append(f"{keyword}={draw(st.booleans())}")
    plain = not any(one.startswith(("is_flag", "count")) or "/" in one for one in words)
    if plain and draw(st.integers(0, 4)) == 0:
        words.append(f"nargs={draw(st.sampled_from([1, 2, -1]))}")
    elif draw(st.integers(0, 4)) == 0:
        words.append(f"flag_value={draw(st.sampled_from([True, False, 'up', 3]))!r}")
    return ", ".join(words)


def held_by_click(words: str) -> dict[str, Any] | None:
    """What click itself holds of the option; None when it refuses to make it or to use its default."""
    try:
        # The words are made above.
        option = eval(f"click.option({words})(lambda: None).__click_params__[0]", {"click": click})  # noqa: S307
        context = click.Context(click.Command("x", params=[option]))
        default = option.get_default(context)
        default = None if "UNSET" in repr(default) else default
        if default is not None:
            default = option.type_cast_value(context, default)
        elif option.multiple and not option.required:
            default = ()
    except AttributeError:
        # Some versions of click take 0 and 1 for a flag's default, others trip over them.
        reject()
    except (TypeError, ValueError, click.UsageError):
        return None
    return {
        "flags": (*option.opts, *option.secondary_opts),
        "dest": option.name,
        "type": WORDS[option.type.name],
        "default": tuple(default) if isinstance(default, list) else default,
        "required": option.required,
    }


@given(click_options())
def test_an_option_is_read_as_click_holds_it(words: str) -> None:
    script = f"import click\n@click.command()\n@click.option({words})\ndef main(**kw): pass\nmain()\n"
    found = report({"run.py": script}, entry_point="run.py")
    held = held_by_click(words)
    mine = [one for one in found.module.parameters if one.place.line == 3]
    if held is None:
        told = ("flag-refused", "default-not-convertible", "default-not-in-choices", "default-out-of-range")
        assert not mine or [one for one in found.problems if one.code in told] or mine[0].unknown
        return
    (one,) = mine
    said = {field: getattr(one, field) for field in held}
    for field in one.unknown:
        said.pop(field, None)
        held.pop(field, None)
    assert said == held


KINDS = (
    "string",
    "integer",
    "float",
    "bool",
    "list",
    "multi_string",
    "multi_integer",
    "multi_float",
    "spaceseplist",
)


@given(st.sampled_from(KINDS), VALUES | LISTS, st.booleans(), st.sampled_from(["one", "o-n", "a b", "", "v"]))
def test_a_flag_is_read_as_absl_holds_it(kind: str, default: Any, required: bool, name: str) -> None:
    more = ", required=True" if required else ""
    script = f"from absl import app, flags\nflags.DEFINE_{kind}({name!r}, {default!r}, 'h'{more})\napp.run(print)\n"
    values = flags.FlagValues()
    held = None
    with contextlib.suppress(flags.Error, ValueError, TypeError, AttributeError):
        if name == "v":
            raise flags.Error
        getattr(flags, f"DEFINE_{kind}")(name, default, "h", flag_values=values, required=required)
        held = values[name]
    found = report({"run.py": script}, entry_point="run.py")
    parameters = found.module.parameters if found.module else ()
    if held is None:
        assert not parameters
        assert [one for one in found.problems if one.code == "flag-refused"]
        return
    (one,) = parameters
    value = tuple(held.default) if isinstance(held.default, list) else held.default
    assert (one.name, one.default, type(one.default)) == (held.name, value, type(value))
    assert one.required is required


@pytest.mark.parametrize(
    "script", ["import click\n", "from absl import flags\n", "import click, absl.flags\n"]
)
@given(text=st.text(alphabet="abcd@().,='\"\n :[]*", max_size=120))
def test_any_text_behind_the_import_ends_in_a_report(script: str, text: str) -> None:
    report({"run.py": script + text}, entry_point="run.py")
