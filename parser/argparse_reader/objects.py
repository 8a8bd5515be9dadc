"""What a script holds of argparse: parsers, groups, subparsers and actions, as they stand while it is followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from parser.argparse_reader.actions import ACTION_CLASSES, SUPPRESS, base_of
from parser.argparse_reader.words import Behaviour
from parser.interpreter.flow import Call
from parser.interpreter.machine import Machine
from parser.interpreter.values import MISSING, Class, Modelled, Unknown
from parser.model import Place

MAX_NESTED = 20
"""Groups inside each other."""


@dataclass(slots=True, eq=False, repr=False)
class Argument:
    """One argument while the script is followed; values may be Unknown until the end."""

    flags: tuple[str, ...]
    dest: Any
    action: Any
    keywords: dict[str, Any]
    default: Any
    required: Any
    nargs: Any
    place: Place
    sources: Mapping[str, tuple[Call, str]] = field(default_factory=dict)
    """Field → the call that gave its value, and the keyword it has there."""
    keywords_unknown: str | None = None
    group: Any = None
    conditions: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    """What holds where it is added, as long as nothing is given on the command line."""
    supposed: bool = False
    """Whether it is added only when something is given."""
    exclusive: Group | None = None
    """The mutually exclusive group it belongs to."""
    call: Call | None = None
    """The add_argument call."""
    model: Action | None = None
    """What add_argument() gave back, with the attributes that the script set on it afterwards."""

    holder: Parser | None = None
    """The parser that it was added to last: its own, or one that has it from a parent."""

    def at(self, keyword: str) -> Place:
        """Where a keyword of the call is written, or else the call."""
        return self.call.at(keyword) if self.call else self.place

    def exclusive_groups(self) -> list[Group]:
        """The mutually exclusive groups that it is in, the innermost first."""
        found: list[Group] = []
        group = self.exclusive
        while group is not None and len(found) < MAX_NESTED:
            found.append(group)
            group = group.outer.excluding if group.outer else None
        return found


class Parser(Modelled):
    """One ArgumentParser."""

    behaviours: ClassVar[Mapping[str, Behaviour]] = {}
    """Its methods; `parsers.py` fills them in."""

    further = frozenset({"formatter_class", "fromfile_prefix_chars", "allow_abbrev", "exit_on_error"})

    def __init__(self, place: Place, keywords: dict[str, Any], subcommand: tuple[str, ...] = ()) -> None:
        self.place = place
        self.subcommand = subcommand
        self.attributes: dict[str, Any] = {}
        self.arguments: list[Argument] = []
        self.by_flag: dict[str, Argument] = {}
        self.defaults: dict[str, Any] = {}
        self.further_defaults: str | None = None
        """Why set_defaults may have set more than `defaults`, for arguments that are added later."""
        self.actions: dict[str, Any] = {}
        """Actions and types that the script registered by name."""
        self.types: dict[str, Any] = {}
        self.reads_command_line = False
        self.reads_if: tuple[str, ...] = ()
        """The conditions under which it does."""
        self.reads_at = 0
        """Which of the script's looks at the command line was its last."""
        self._members: dict[int, list[Argument]] | None = None
        self.untitled: list[Argument] = []
        """Arguments that lost the title of their group on their way from a parent."""
        self.used = False
        self.reads_own_words = False
        """Whether it parses words that the script itself wrote, instead of the command line."""
        self.subparsers: list[Subparsers] = []
        self.groups: list[Group] = []
        self.standard: Group | None = None
        """The group for all options, when the script's own class makes it."""
        self.help: Argument | None = None
        """What stands for `-h`, once the script looks at it."""
        self.family: list[Parser] = []
        """All parsers of the script."""
        self.configure(keywords)

    def configure(self, keywords: dict[str, Any]) -> None:
        """Takes over what the constructor is given."""
        prefix = keywords.get("prefix_chars", "-")
        self.prefix_chars: str = prefix if isinstance(prefix, str) and prefix else "-"
        self.resolves = keywords.get("conflict_handler") == "resolve"
        self.argument_default: Any = keywords.get("argument_default")
        self.add_help = keywords.get("add_help", True)
        self.keywords = keywords

    def setting(self, name: str) -> Any:
        """A keyword of the constructor, or what the script set on the parser afterwards."""
        return self.attributes.get(name, self.keywords.get(name))

    def methods(self) -> Mapping[str, Behaviour]:
        return self.behaviours

    def is_a(self, name: str) -> bool | None:
        if name in ("argparse.ArgumentParser", "argparse._ActionsContainer", "builtins.object"):
            return True
        return False if name.startswith(("argparse.", "builtins.")) else None

    def attribute(self, name: str) -> Any:
        if name == "_actions":
            return [*self._own_help(), *(action_of(argument) for argument in self.arguments)]
        if name == "_option_string_actions":
            return {flag: action_of(one) for flag, one in self.by_flag.items() if one is not HELP}
        if name == "_action_groups":
            return list(self.groups)
        if name in ("_optionals", "_positionals"):
            return Group(self, None)
        if name == "_defaults":
            return self.defaults
        if name in ("prefix_chars", "add_help", "argument_default"):
            return getattr(self, name)
        if name in ("description", "epilog", "usage", "prog", "conflict_handler"):
            return self.keywords.get(name, Unknown("is the name of the program") if name == "prog" else None)
        if name == "_subparsers":
            return self.subparsers[0] if self.subparsers else None
        return MISSING

    def members(self) -> Mapping[int, list[Argument]]:
        """The arguments of each mutually exclusive group, by the group's id; asked for once all are added."""
        if self._members is None:
            self._members = {}
            for argument in self.arguments:
                for group in argument.exclusive_groups():
                    self._members.setdefault(id(group), []).append(argument)
        return self._members

    @property
    def help_flags(self) -> tuple[str, str]:
        """The flags of argparse's own option for help."""
        prefix = "-" if "-" in self.prefix_chars else self.prefix_chars[0]
        return (f"{prefix}h", f"{prefix * 2}help")

    def _own_help(self) -> list[Action]:
        """The action of `-h`, which argparse adds before all others; scripts count it, or pass it over."""
        if self.add_help is not True:
            return []
        if self.help is None:
            words = {"help": "show this help message and exit"}
            self.help = Argument(self.help_flags, "help", "help", words, SUPPRESS, False, 0, self.place)
        return [action_of(self.help)]

    def others_read(self, machine: Machine) -> bool:
        """Whether another parser may have read the command line on the way that led here."""
        reading = (one for one in self.family if one.reads_command_line and one is not self)
        return any(not machine.elsewhere(one.reads_if) for one in reading)

    def all(self) -> Iterable[tuple[Parser, Argument]]:
        """Arguments of the parser and of its subcommands, in order."""
        for argument in self.arguments:
            yield self, argument
        for subparsers in self.subparsers:
            for parser in dict.fromkeys(subparsers.parsers.values()):
                yield from parser.all()


class Group(Modelled):
    """An argument group, titled or mutually exclusive."""

    behaviours: ClassVar[Mapping[str, Behaviour]] = {}

    def __init__(
        self, parser: Parser, title: Any, exclusive: bool = False, required: Any = False, outer: Any = None
    ) -> None:
        self.parser = parser
        self.title = title
        self.exclusive = exclusive
        self.required = required
        self.outer: Group | None = outer
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return self.behaviours

    def attribute(self, name: str) -> Any:
        if name == "title":
            return self.title
        if name in ("_group_actions", "_actions"):
            mine = (one for one in self.parser.arguments if name == "_actions" or one.group == self.title)
            return [action_of(one) for one in mine]
        if name in ("container", "_container"):
            return self.parser
        return self.parser.attribute(name)

    def is_a(self, name: str) -> bool | None:
        if name in ("argparse._ArgumentGroup", "argparse._ActionsContainer", "builtins.object"):
            return True
        if name == "argparse._MutuallyExclusiveGroup":
            return self.exclusive
        return False if name.startswith(("argparse.", "builtins.")) else None

    @property
    def shown_title(self) -> Any:
        """The title under which `--help` lists what is added here: none for a group inside a group."""
        if self.outer is None:
            return self.title
        return self.outer.shown_title if self.exclusive else None

    @property
    def excluding(self) -> Group | None:
        """The nearest mutually exclusive group around what is added here."""
        return self if self.exclusive else (self.outer.excluding if self.outer else None)


class Subparsers(Modelled):
    """What add_subparsers() gives."""

    behaviours: ClassVar[Mapping[str, Behaviour]] = {}

    def __init__(self, parser: Parser, place: Place, keywords: dict[str, Any]) -> None:
        self.parser = parser
        self.place = place
        self.keywords = keywords
        self.parsers: dict[str, Parser] = {}
        self.attributes: dict[str, Any] = {}

    def methods(self) -> Mapping[str, Behaviour]:
        return self.behaviours

    def attribute(self, name: str) -> Any:
        if name in ("choices", "_name_parser_map"):
            return self.parsers
        if name in ("dest", "required", "help", "metavar", "title", "description"):
            return self.keywords.get(name)
        return MISSING


_CLASS_OF: Mapping[str, str] = {word: name for name, word in ACTION_CLASSES.items()}


_ACTION_FIELDS = (
    *("option_strings", "dest", "nargs", "const", "default"),
    *("type", "choices", "required", "help", "metavar"),
)


class Action(Modelled):
    """What add_argument() gives back; what the script sets on it counts."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        self.attributes: dict[str, Any] = {}

    def is_a(self, name: str) -> bool | None:
        action = self.argument.action
        base = base_of(action) if not isinstance(action, str) else _CLASS_OF.get(action, "argparse.Action")
        if name == "argparse.Action" or name == base:
            return True
        if (
            base in ("argparse._StoreTrueAction", "argparse._StoreFalseAction")
            and name == "argparse._StoreConstAction"
        ):
            return True
        return False if name.startswith(("argparse.", "builtins.")) else None

    def is_made_by(self, cls: Class) -> bool | None:
        action = self.argument.action
        if isinstance(action, Unknown):
            return None
        return isinstance(action, Class) and cls in action.ancestry()

    def attribute(self, name: str) -> Any:
        if name == "__dict__":
            return {one: self.attributes.get(one, self.attribute(one)) for one in _ACTION_FIELDS}
        if name == "option_strings":
            return list(self.argument.flags)
        if name in ("dest", "default", "required", "nargs"):
            return getattr(self.argument, name)
        if name == "const" and self.argument.action in ("store_true", "store_false"):
            return self.argument.action == "store_true"
        if name in ("help", "choices", "type", "metavar", "const"):
            return self.argument.keywords.get(name)
        return MISSING


def action_of(argument: Argument) -> Action:
    """The one action of an argument."""
    if argument.model is None:
        argument.model = Action(argument)
    return argument.model


HELP = Argument(("-h", "--help"), "help", "help", {}, SUPPRESS, False, 0, Place(""))
"""argparse's own option, which no report shows."""
