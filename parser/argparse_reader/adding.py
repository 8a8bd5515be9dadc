"""What add_argument makes of its arguments, and what happens when a flag is there already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parser.argparse_reader.actions import (
    ACTION_CLASSES,
    SUPPRESS,
    Clash,
    Made,
    OwnAction,
    Wrong,
    made_action,
    with_negation,
)
from parser.argparse_reader.checks import ACTIONS, check, check_metavar, optional, positional
from parser.argparse_reader.mends import action_mend
from parser.argparse_reader.objects import HELP, Action, Argument, Group, Parser, action_of
from parser.argparse_reader.words import NO_VALUE
from parser.interpreter.calls import call_value
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import (
    MISSING,
    Class,
    External,
    Function,
    Method,
    Modelled,
    Unknown,
    why_unknown,
)
from parser.interpreter.ways import surely_equal
from parser.problems import problem


def add(machine: Machine, parser: Parser, call: Call, group: Group | None) -> Any:
    """`add_argument(…)` on a parser or on one of its groups: the action that it gives back."""
    try:
        argument = made_argument(machine, parser, call, group)
        if argument is None:
            return Unknown("is an argument that could not be read")
        argument.exclusive = group.excluding if group else None
        if argument.exclusive is not None and argument.required is True:
            raise Wrong("mutually exclusive arguments must be optional")
        override = own_method(group or parser, "_add_action")
        if override is not None:
            return call_value(machine, override, Call(call.node, call.script, [action_of(argument)], {}))
        standard = None if group else _standard_group(machine, parser, call)
        if standard is not None:
            # What the group makes of the action is kept; the caller gets the action as it was.
            call_value(machine, standard, Call(call.node, call.script, [action_of(argument)], {}))
            return action_of(argument)
        put(parser, argument)
    except Wrong as wrong:
        machine.fail("ArgumentError" if isinstance(wrong, Clash) else "ValueError")
        place, why = call.at(wrong.keyword), str(wrong)
        machine.problems.append(problem("argument-refused", place, edits=wrong.edits, why=why))
        return Unknown("is an argument that argparse refuses")
    return action_of(argument)


def own_method(model: Modelled, name: str) -> Method | None:
    """The method by which a script's own class replaces argparse's; None while that runs, or when there is none."""
    member = model.cls.member(name) if model.cls else MISSING
    return Method(model, name, member) if isinstance(member, Function) else None


def _standard_group(machine: Machine, parser: Parser, call: Call) -> Method | None:
    """`add_action` of the group for all options, where the script's own parser makes groups of its own class."""
    make = own_method(parser, "add_argument_group")
    if make is None:
        return None
    if parser.standard is None:
        group = call_value(machine, make, Call(call.node, call.script, ["options"], {}))
        parser.standard = group if isinstance(group, Group) else Group(parser, None)
        parser.standard.title = None
    return own_method(parser.standard, "_add_action")


def made_argument(machine: Machine, parser: Parser, call: Call, group: Group | None) -> Argument | None:
    """The argument that argparse makes of the call; None (and a problem) when its flags are not known."""
    if call.args and isinstance(call.args[0], Action) and not call.keywords:
        return call.args[0].argument
    keywords = dict(call.keywords)
    unknown_flag = next((arg for arg in call.args if not isinstance(arg, str)), MISSING)
    if call.args_unknown or unknown_flag is not MISSING:
        why = call.args_unknown or _flag_reason(unknown_flag, call)
        machine.tell("argument-not-followed", call.place, why=why)
        return None
    if not call.args and call.keywords_unknown and "dest" not in keywords:
        machine.tell("argument-not-followed", call.place, why=call.keywords_unknown)
        return None
    flags = tuple(dict.fromkeys(call.args))
    action = keywords.get("action", "store")
    if action is None:
        action = "store"
    if isinstance(action, str):
        action = parser.actions.get(action, action)
    if isinstance(action, External):
        action = ACTION_CLASSES.get(action.name, action)
    if isinstance(keywords.get("type"), str) and keywords["type"] in parser.types:
        keywords["type"] = parser.types[keywords["type"]]
    if isinstance(action, str) and action not in ACTIONS:
        raise Wrong(f"unknown action {action!r}", "action", action_mend(call, action, ACTIONS))
    nargs = keywords.get("nargs")
    default: Any = keywords.get("default", MISSING)
    if not call.args or (len(call.args) == 1 and (not flags[0] or flags[0][0] not in parser.prefix_chars)):
        flags, dest, required = (), *positional(call.args, keywords, nargs)
    else:
        dest, required = optional(flags, keywords, parser.prefix_chars), keywords.get("required", False)
    if call.keywords_unknown and "required" not in keywords and flags:
        required = Unknown(call.keywords_unknown)
    if default is MISSING:
        default = parser.defaults.get(dest, parser.argument_default) if isinstance(dest, str) else None
        if dest not in parser.defaults and parser.further_defaults:
            default = Unknown(parser.further_defaults)
        elif dest not in parser.defaults and parser.argument_default is None:
            default = MISSING
    if action == "store_true" and default is MISSING:
        default = False
    elif action == "store_false" and default is MISSING:
        default = True
    check(action, keywords, nargs, call, group is not None, flags)
    if _is_boolean_optional(action):
        flags = tuple(part for flag in flags for part in with_negation(flag))
    if isinstance(action, str) and action in NO_VALUE | {"store_false"}:
        nargs = 0
        if action == "help" or action == "version":
            default = SUPPRESS if default is MISSING else default
    elif _is_boolean_optional(action):
        nargs = 0
    if isinstance(action, Class):
        made = made_action(machine, action, keywords, Made(flags, dest, default, required, nargs, {}), call)
        if made is not None:
            keywords, flags, dest, nargs, required = (
                made.keywords,
                made.flags,
                made.dest,
                made.nargs,
                made.required,
            )
            default = made.default
            check_metavar(keywords.get("metavar"), nargs, group is not None)
    sources = {name: (call, name) for name, value in keywords.items() if not _plain(value)}
    return Argument(
        flags,
        dest,
        action,
        keywords,
        _given_or_none(default, call),
        required,
        nargs,
        call.place,
        sources,
        call.keywords_unknown,
        group.shown_title if group else None,
        tuple(machine.conditions),
        tuple(machine.assumed),
        machine.supposing > 0,
        call=call,
    )


def _given_or_none(default: Any, call: Call) -> Any:
    if default is not MISSING:
        return default
    return Unknown(call.keywords_unknown) if call.keywords_unknown else None


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | type(None))


def _flag_reason(flag: Any, call: Call) -> str:
    if isinstance(flag, Unknown | External):
        return f"its flag `{call.script.source(call.node)}` {why_unknown(flag)}"
    return "its flag is not text"


def _is_boolean_optional(action: Any) -> bool:
    return isinstance(action, External) and action.name == "argparse.BooleanOptionalAction"


def put(parser: Parser, argument: Argument) -> None:
    """Adds the argument, minding others with the same flags."""
    if not parser.arguments and not parser.by_flag and parser.add_help is True:
        for flag in parser.help_flags:
            parser.by_flag.setdefault(flag, HELP)
    for flag in argument.flags:
        older = parser.by_flag.get(flag)
        if older is None:
            continue
        if older is not HELP and older.flags == argument.flags and older.supposed is not argument.supposed:
            if not older.supposed:
                return
            # What holds when nothing is given says what it is.
            parser.arguments.remove(older)
            continue
        if older is not HELP and (older.conditions or argument.conditions) and older.flags == argument.flags:
            _unite(older, argument)
            return
        if older is not HELP and _apart(older.conditions, argument.conditions):
            continue
        if not parser.resolves:
            raise Clash(f"conflicting option string {flag}: it is added twice")
        if older is not HELP:
            older.flags = tuple(one for one in older.flags if one != flag)
            if not older.flags:
                # argparse takes it from where it was added last, which a parent may share with other parsers
                holder = older.holder or parser
                if older in holder.arguments:
                    holder.arguments.remove(older)
    parser.arguments.append(argument)
    argument.holder = parser
    parser.by_flag.update(dict.fromkeys(argument.flags, argument))


def _apart(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two ways through the script exclude each other."""
    return any(f"not ({one})" in right for one in left) or any(f"not ({one})" in left for one in right)


def _unite(older: Argument, newer: Argument) -> None:
    """One argument added in several branches: what they do not agree on is not known."""
    for name in ("dest", "action", "default", "required", "nargs", "group"):
        if not surely_equal(getattr(older, name), getattr(newer, name)):
            setattr(older, name, Unknown("depends on a condition not known"))
    for name in {*older.keywords, *newer.keywords}:
        if not surely_equal(older.keywords.get(name), newer.keywords.get(name)):
            older.keywords[name] = Unknown("depends on a condition not known")
    if older.conditions and newer.conditions:
        *common, last = older.conditions
        if (*common, f"not ({last})") == newer.conditions:
            older.conditions = tuple(common)
    elif not newer.conditions:
        older.conditions = ()


def add_action(machine: Machine, call: Call, owner: Parser | Group) -> Any:
    """`_add_action(action)`: by a script's own parser or group, for an action that it made or was given."""
    parser = owner.parser if isinstance(owner, Group) else owner
    action = call.args[0] if call.args else None
    if isinstance(action, OwnAction):
        argument = _argument_of(machine, action, call)
        if argument is not None:
            action.argument = argument
    else:
        argument = action.argument if isinstance(action, Action) else None
    if argument is None:
        machine.tell("argument-not-followed", call.place, why="it is made by the script's own action class")
        return Unknown()
    if isinstance(owner, Group):
        argument.group, argument.exclusive = owner.shown_title, owner.excluding
    try:
        put(parser, argument)
    except Wrong as wrong:
        machine.tell("argument-refused", call.place, why=str(wrong))
    return action_of(argument)


def _argument_of(machine: Machine, action: OwnAction, call: Call) -> Argument | None:
    """The argument that an action object made by the script stands for."""
    held = action.attributes
    flags = held.get("option_strings")
    if (
        not action.ready
        or not isinstance(flags, list | tuple)
        or not all(isinstance(one, str) for one in flags)
    ):
        return None
    words = {
        name: held[name]
        for name in ("const", "type", "choices", "help", "metavar")
        if held.get(name) is not None
    }
    kind = ACTION_CLASSES.get(action.base, "store") if action.cls is None else action.cls
    values = (held.get("default"), held.get("required"), held.get("nargs"))
    return Argument(
        tuple(flags), held.get("dest"), kind, words, *values, call.place, conditions=tuple(machine.conditions)
    )
