"""HfArgumentParser by heart: an ArgumentParser whose arguments are made of the fields of dataclasses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parser.argparse_reader.objects import Parser
from parser.argparse_reader.parsers import Registry
from parser.interpreter.calls import call_value
from parser.interpreter.containers import items_of
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Class, EnumMember, External, Scope, Unknown, known, why_unknown

CLASSES = ("transformers.HfArgumentParser", "transformers.hf_argparser.HfArgumentParser", "trl.TrlParser")
"""Dotted names of the class and its own subclasses."""

KEYWORDS = frozenset(
    {"HfArgumentParser", "TrlParser", "parse_args_into_dataclasses", "parse_args_and_config"}
)
"""Names that make code worth following."""

MAX_HINT = 20
"""Levels of a type hint."""

_FIELD = frozenset({"dataclasses.field", "transformers.HfArg", "transformers.hf_argparser.HfArg"})
_WRAPPERS = frozenset({"Annotated", "Final", "Required", "NotRequired"})
_SKIPPED = frozenset({"ClassVar"})
_TO_BOOL = External("transformers.hf_argparser.string_to_bool")


class DataclassParser(Parser):
    """One HfArgumentParser; it parses into dataclasses and otherwise is an ArgumentParser."""

    def methods(self) -> Mapping[str, Any]:
        return {
            **super().methods(),
            "__init__": _init,
            "parse_args_into_dataclasses": _parse,
            "parse_args_and_config": _parse,
            "parse_dict": _parse_other,
            "parse_json_file": _parse_other,
            "parse_yaml_file": _parse_other,
        }


def _parse(machine: Machine, call: Call, parser: Parser) -> Any:
    parser.call(machine, "parse_args", Call(call.node, call.script, [], {}))
    return Unknown("is given on the command line")


def _parse_other(machine: Machine, call: Call, parser: Parser) -> Any:
    return Unknown("is read from a file")


def maker(registry: Registry) -> Callable[[Machine, Call], Parser]:
    """The model of the class: makes the parser and adds what the dataclasses say."""

    def make(machine: Machine, call: Call) -> Parser:
        keywords = {name: value for name, value in call.keywords.items() if name != "dataclass_types"}
        parser = DataclassParser(call.place, keywords)
        registry.parsers.append(parser)
        _add_classes(machine, parser, call)
        return parser

    return make


def _init(machine: Machine, call: Call, parser: Parser) -> None:
    """`super().__init__(dataclass_types, …)` in the script's own subclass."""
    keywords = {name: value for name, value in call.keywords.items() if name != "dataclass_types"}
    parser.configure({**parser.keywords, **keywords})
    _add_classes(machine, parser, call)


def _add_classes(machine: Machine, parser: Parser, call: Call) -> None:
    """Adds the arguments of the dataclasses that a constructor is given."""
    given = call.args[0] if call.args else call.keywords.get("dataclass_types", MISSING)
    if given is MISSING:
        return
    types = items_of(machine, given) if isinstance(given, list | tuple) else [given]
    if types is None:
        types = [Unknown()]
    written = _written(call, len(types))
    for one, node in zip(types, written, strict=True):
        _add_class(machine, parser, one, call, node)


def _written(call: Call, count: int) -> list[ast.AST]:
    """Where each of the classes is written; the whole call, if they do not stand there one by one."""
    first = call.node.args[0] if isinstance(call.node, ast.Call) and call.node.args else None
    if isinstance(first, ast.Tuple | ast.List) and len(first.elts) == count:
        return list(first.elts)
    return [call.node] * count


def _add_class(machine: Machine, parser: Parser, given: Any, call: Call, written: ast.AST) -> None:
    if not isinstance(given, Class):
        machine.tell(
            "parser-fields-unknown",
            call.script.place(written),
            source=call.script.source(written),
            why=why_unknown(given),
        )
        return
    fields: dict[str, _Field] = {}
    for one in reversed(given.ancestry()):
        if isinstance(one, Class):
            # A field that is declared again keeps its place.
            fields |= _fields(one)
        elif isinstance(one, External) and not one.name.startswith(("builtins.", "typing.", "abc.")):
            machine.tell("parser-fields-unknown", call.place, source=given.name, why=_inherits(one))
    target: Any = parser
    title = given.member("_argument_group_name")
    if isinstance(title, str):
        group_call = Call(call.node, call.script, [title], {})
        target = parser.call(machine, "add_argument_group", group_call)
    for name, field in fields.items():
        _add_field(machine, target, name, field)


def _inherits(base: External) -> str:
    return f"inherits from {base.name}, which is not in this repository"


@dataclass(frozen=True, slots=True)
class _Field:
    node: ast.AnnAssign
    scope: Scope


def _fields(cls: Class) -> dict[str, _Field]:
    """The annotated names of one class body, in order."""
    script = cls.scope.script
    found = [node for node in script.nodes if isinstance(node, ast.ClassDef) and node.name == cls.name]
    scope = cls.scope.outer or cls.scope
    return {
        node.target.id: _Field(node, scope)
        for body in (found[-1].body if found else [],)
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


@dataclass(frozen=True, slots=True)
class _Hint:
    """A type hint: its kind (`union`, `literal`, `list`, `bool`, `enum`, `none`, `other`) and what is inside."""

    kind: str
    value: Any = None
    inner: tuple[_Hint, ...] = ()


def _read_hint(machine: Machine, node: ast.expr, scope: Scope, depth: int = 0) -> _Hint:
    if depth > MAX_HINT:
        return _Hint("other", Unknown("is nested too deeply"))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            inner = ast.parse(node.value[:500], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return _Hint("other", Unknown("is no type"))
        return _read_hint(machine, inner, scope, depth + 1)
    if isinstance(node, ast.Constant) and node.value is None:
        return _Hint("none")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = (_read_hint(machine, side, scope, depth + 1) for side in (node.left, node.right))
        return _Hint("union", None, tuple(one for side in sides for one in _members(side)))
    if isinstance(node, ast.Subscript):
        return _read_subscript(machine, node, scope, depth)
    value = machine.evaluate(node, scope)
    if isinstance(value, Class):
        members = items_of(machine, value)
        return _Hint("other", value) if members is None else _Hint("enum", members)
    if value == External("builtins.bool"):
        return _Hint("bool", value)
    return _Hint("other", value)


def _members(hint: _Hint) -> tuple[_Hint, ...]:
    return hint.inner if hint.kind == "union" else (hint,)


def _read_subscript(machine: Machine, node: ast.Subscript, scope: Scope, depth: int) -> _Hint:
    base = machine.evaluate(node.value, scope)
    name = base.name.rpartition(".")[2] if isinstance(base, External) else ""
    inside = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return _Hint("literal", [machine.evaluate(one, scope) for one in inside])
    if name in _SKIPPED:
        return _Hint("skipped")
    if name in _WRAPPERS:
        return _read_hint(machine, inside[0], scope, depth + 1)
    hints = tuple(_read_hint(machine, one, scope, depth + 1) for one in inside)
    if name == "Optional":
        return _Hint("union", None, (*_members(hints[0]), _Hint("none")))
    if name == "Union":
        return _Hint("union", None, tuple(one for hint in hints for one in _members(hint)))
    if name in ("List", "list"):
        return _Hint("list", None, hints)
    return _Hint("other", base)


def _add_field(machine: Machine, target: Any, name: str, field: _Field) -> None:
    """What the parser's constructor does with one field."""
    node, scope = field.node, field.scope
    hint = _read_hint(machine, node.annotation, scope)
    settings = _settings(machine, node, scope)
    if hint.kind == "skipped" or settings.get("init") is False:
        return
    call = Call(node, scope.script, [], {})
    hint = _narrowed(hint)
    metadata = settings.get("metadata", {})
    if not isinstance(metadata, dict):
        call.keywords_unknown = f"`metadata` {why_unknown(metadata)}"
        metadata = {}
    keywords = {key: value for key, value in metadata.items() if isinstance(key, str)}
    keywords |= {key: settings[key] for key in ("help",) if settings.get(key) is not None}
    aliases = settings.get("aliases") or keywords.pop("aliases", [])
    call.args = [f"--{name}", *([f"--{name.replace('_', '-')}"] if "_" in name else [])]
    call.args += [aliases] if isinstance(aliases, str) else list(items_of(machine, aliases) or [])
    extra = dict(keywords)
    default, factory = settings.get("default", MISSING), settings.get("default_factory", MISSING)
    optional_bool = hint.kind == "optional_bool"
    if hint.kind in ("literal", "enum"):
        choices = [one.value if isinstance(one, EnumMember) else one for one in hint.value]
        keywords |= {"choices": choices, "type": _type_of(choices)}
        keywords |= {"required": True} if default is MISSING else {"default": default}
    elif hint.kind == "bool" or optional_bool:
        keywords["type"] = _TO_BOOL
        if hint.kind == "bool" or (default is not MISSING and default is not None):
            keywords |= {"default": False if default is MISSING else default, "nargs": "?", "const": True}
    elif hint.kind == "list":
        keywords |= {"type": _inner_type(hint), "nargs": "+"}
        _give_default(machine, keywords, MISSING, factory, required=default is MISSING)
    else:
        keywords["type"] = hint.value
        _give_default(machine, keywords, default, factory, required=True)
    call.keywords = keywords
    value = node.value if node.value is not None else node.annotation
    call.nodes = {"default": value, "type": node.annotation, "choices": node.annotation}
    target.call(machine, "add_argument", call)
    if default is True and (hint.kind == "bool" or optional_bool):
        no = Call(node, scope.script, [f"--no_{name}", f"--no-{name.replace('_', '-')}"], {})
        no.keywords = {**extra, "action": "store_false", "dest": name, "default": False}
        target.call(machine, "add_argument", no)


def _narrowed(hint: _Hint) -> _Hint:
    """`Optional[X]` counts as X; only of a bool the parser keeps that it may be None."""
    if hint.kind != "union":
        return hint
    none = any(one.kind == "none" for one in hint.inner)
    rest = [one for one in hint.inner if one.kind != "none"]
    if not rest:
        return _Hint("other", None)
    if len(rest) > 1:
        # Of a union with text the other member decides.
        others = [one for one in rest if one.value != External("builtins.str")]
        rest = others[:1] or rest
    if rest[0].kind == "bool" and none:
        return _Hint("optional_bool")
    return rest[0]


def _inner_type(hint: _Hint) -> Any:
    inner = _narrowed(hint.inner[0]) if hint.inner else _Hint("other", Unknown("is not given"))
    if inner.kind == "bool":
        return External("builtins.bool")
    return _type_of(inner.value) if inner.kind in ("literal", "enum") else inner.value


def _type_of(choices: list[Any]) -> Any:
    """What the words are turned back into: the choices themselves."""
    plain = [one.value if isinstance(one, EnumMember) else one for one in choices]
    kinds = {type(one).__name__ for one in plain} if known(plain) else set()
    return External(f"builtins.{kinds.pop()}") if len(kinds) == 1 else Unknown("is one of several types")


def _give_default(
    machine: Machine, keywords: dict[str, Any], default: Any, factory: Any, required: bool
) -> None:
    if default is not MISSING:
        keywords["default"] = default
    elif factory is not MISSING:
        keywords["default"] = _made(machine, factory)
    elif required:
        keywords["required"] = True


def _made(machine: Machine, factory: Any) -> Any:
    """What a default_factory gives."""
    call = machine.call_from_nowhere()
    return machine.safely(lambda: call_value(machine, factory, call)) if call else Unknown()


def _settings(machine: Machine, node: ast.AnnAssign, scope: Scope) -> dict[str, Any]:
    """What `= …` behind the field says: a default, or the keywords of `field(…)`."""
    value = node.value
    if value is None:
        return {}
    if isinstance(value, ast.Call):
        function = machine.evaluate(value.func, scope)
        if isinstance(function, External) and function.name in _FIELD:
            found: dict[str, Any] = {}
            for keyword in value.keywords:
                given = machine.evaluate(keyword.value, scope)
                if keyword.arg is not None:
                    found[keyword.arg] = given
                elif isinstance(given, dict):
                    found |= {key: one for key, one in given.items() if isinstance(key, str)}
            return found
    return {"default": machine.evaluate(value, scope)}
